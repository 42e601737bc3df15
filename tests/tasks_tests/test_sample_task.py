"""A task of one's own: what programs do with a class of a few lines, and a row in the table."""
import argparse
import json
import sys
import types

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import datasets, models, tasks
from autograd_nn.models import registry
from autograd_nn.training.run_folder import load_weights
from support.programs import expect_one_line, run_here


class Ink(ann.Chain):
    """Says how much ink is on a picture."""

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.fc = L.Linear(784, 1)

    def forward(self, x):
        return self.fc(x)[:, 0]

    def lossfun(self, y, t):
        return F.mean_squared_error(y, t)


def load():
    return (*[datasets.TransformDataset(data[:300], lambda sample: (sample[0], sample[0].mean(dtype='f')))
              for data in datasets.get_digits()], [])


class Weighing(tasks.SampleTask):
    embedded = {'digits': load}
    measures = {'error': 'largest error'}
    n_drawn = 3

    def network_arguments(self):
        return {}

    def answer(self, samples):
        x, _ = self.converter(samples, self.device)
        return self.network(x).array.tolist()

    def measure(self, data, answers):
        return {'error': max(abs(y - t) for (_, t), y in zip(data, answers, strict=True))}

    def draw(self, samples, answers):
        assert len(samples) == len(answers) == 3
        return Image.new('L', (30, 10), round(255 * min(1, abs(answers[0]))))

    @classmethod
    def add_predict_arguments(cls, parser):
        parser.add_argument('--unit', help='the unit')

    @classmethod
    def make_predictor(cls, entry, config, weights, options, device):
        network = entry.build()
        load_weights(weights, network)

        def weigh(path):
            x = datasets.read_image(path, color=False, dtype=np.float32).reshape(1, -1) / 255
            y = float(network(x).array[0])
            return tasks.Answer(f'{y:.2f} {options.unit or "g"}', {'ink': Image.new('L', (4, 4), 7)})

        return weigh


@pytest.fixture
def known(monkeypatch):
    """The task and its network, as if they belonged to the package."""
    module = types.ModuleType('autograd_nn.tasks.weighing')
    module.Weighing = Weighing
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(tasks._TASKS, 'weights', 'weighing.Weighing')
    entries = dict(registry._entries)
    models.register('ink', task='weights', recipe=models.Recipe(epochs=2, batch_size=30))(Ink)
    yield
    registry._entries.clear()
    registry._entries.update(entries)


def test_programs_train_resume_and_predict(known, tmp_path):
    shown = run_here('train', '--model', 'ink', '--epochs', 2, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert 'ink on digits: 300 training and 300 test samples; 785 parameters' in shown.stdout
    folder = tmp_path / 'result'
    log = json.loads((folder / 'log.json').read_text())
    assert f'test largest error: {log[-1]["validation/main/error"]:.4f}' in shown.stdout
    assert Image.open(folder / 'results.png').size == (30, 10)
    expected = {'loss.png', 'metric.png'} if ann.training.extensions.PlotReport.available() else set()
    assert expected == {path.name for path in folder.glob('*.png')} - {'results.png'}
    again = run_here('train', '--resume', 'result', '--epochs', 3, cwd=tmp_path)
    assert again.returncode == 0 and len(json.loads((folder / 'log.json').read_text())) == 3

    error = json.loads((folder / 'log.json').read_text())[-1]['validation/main/error']
    evaluated = run_here('predict', '--evaluate', 'result/model.npz', cwd=tmp_path)
    assert evaluated.stdout.splitlines() == ['300 test samples of digits', f'result/model.npz: error {error:.4f}']
    expect_one_line(run_here('predict', '--evaluate', 'result/model.npz', 'result/best.npz', cwd=tmp_path),
                    '--evaluate: networks such as ink do not answer together')

    Image.new('L', (28, 28), 255).save(tmp_path / 'white.png')
    (tmp_path / 'other').mkdir()
    Image.new('L', (28, 28), 0).save(tmp_path / 'other' / 'white.png')
    said = run_here('predict', '--unit', 'kg', 'result/model.npz', 'white.png', 'other/white.png', cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert [line.split()[-1] for line in said.stdout.splitlines()] == [
        'kg', 'predictions/white-ink.png', 'kg', 'predictions/white-ink-2.png']
    assert Image.open(tmp_path / 'predictions' / 'white-ink-2.png').getpixel((0, 0)) == 7


def test_samples_kept_to_evaluate(known, tmp_path):
    shown = run_here('train', '--model', 'ink', '--epochs', 1, '--val-split', 0.1, '--batch-size', 500, cwd=tmp_path)
    assert '30 further samples are kept' in shown.stdout
    assert 'minibatches have 270 samples instead of 500 (--batch-size): there are no more' in shown.stdout


def test_mistakes(known, tmp_path):
    expect_one_line(run_here('train', '--model', 'ink', '--dataset', 'x', cwd=tmp_path),
                    '--dataset: expected one of digits, got x')
    expect_one_line(run_here('train', '--model', 'ink', '--val-split', 1, cwd=tmp_path), '--val-split: expected a part')
    assert run_here('train', '--model', 'ink', '--epochs', 1, cwd=tmp_path).returncode == 0
    expect_one_line(run_here('predict', '--top', 2, 'result/model.npz', 'x.png', cwd=tmp_path),
                    '--top: not for the network that these weights are of')
    expect_one_line(run_here('predict', 'result/model.npz', 'x.png', cwd=tmp_path), 'x.png')
    (tmp_path / 'result' / 'config.json').write_text('{"arguments": {}}')
    expect_one_line(run_here('predict', 'result/model.npz', 'x.png', cwd=tmp_path), "config.json is damaged: 'model'")


def test_the_table():
    for name in tasks.names():
        task = tasks.get(name)
        assert issubclass(task, tasks.Task) and task.__doc__
        parser = argparse.ArgumentParser()
        task.add_arguments(parser)
        assert models.names(name)
        assert {'sgd', 'momentum', 'adam', 'adamw'} <= task.learning_rates.keys()
    assert {entry.task for entry in map(models.get, models.names())} <= {*tasks.names(), 'style'}
    with pytest.raises(ValueError, match=r"^task: there is no 'x'; expected one of .*captions, .*images, .*text"):
        tasks.get('x')
