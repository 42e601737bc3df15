"""A training loop with all that a run needs."""
import json
import math

import numpy as np
import pytest

import autograd_nn.links as L
from autograd_nn import iterators, training
from autograd_nn.training import extensions
from autograd_nn.training.optimization import Optimization
from autograd_nn.training.run_folder import Progress, RunFolder
from autograd_nn.training.standard_trainer import Speed, count_updates, standard_trainer


def make(out, epochs, lr=0.1, patience=0):
    """A trainer of a classifier of points by their signs, in eight updates an epoch."""
    rng = np.random.default_rng(0)
    data = [(x, np.int32(x[0] > 0)) for x in rng.standard_normal((40, 2)).astype('f')]
    model = L.Classifier(L.Linear(2, 2, initialW=np.zeros((2, 2), 'f')))
    optimization = Optimization('momentum', lr, 'linear')
    updater = training.StandardUpdater(iterators.SerialIterator(data, 5), optimization.make_optimizer(model))
    evaluator = extensions.Evaluator(iterators.SerialIterator(data, 5, repeat=False, shuffle=False), model)
    return standard_trainer(updater, evaluator, model.predictor, optimization, epochs, Speed('points/s', 5),
                            patience=patience, out=out)


def test_a_run_is_complete(tmp_path, capsys):
    trainer = make(tmp_path, 3)
    trainer.run()
    log = json.loads((tmp_path / 'log.json').read_text())
    assert [entry['epoch'] for entry in log] == [1, 2, 3] and log[-1]['iteration'] == 24
    assert log[-1]['validation/main/loss'] < 0.5 * math.log(2) and all(entry['points/s'] > 0 for entry in log)
    # Before the last update of an epoch, the rate has gone along the line so far.
    np.testing.assert_allclose([entry['lr'] for entry in log], [0.1 * (1 - done / 24) for done in (7, 15, 23)])
    assert RunFolder(tmp_path).progress() == Progress(24, 3, 0)
    assert (tmp_path / 'best.npz').exists() and (tmp_path / 'loss.png').exists() == extensions.PlotReport.available()
    assert capsys.readouterr().out.split()[:2] == ['epoch', 'main/loss']


def test_patience_ends_a_run(tmp_path):
    trainer = make(tmp_path, 20, lr=1e-20, patience=2)
    trainer.run()
    assert trainer.updater.epoch == 3


@pytest.mark.parametrize('lr, rate', [(0.1, 0.1), (0.5, 0.5)])
def test_a_resumed_run_takes_another_rate_only_if_it_was_changed(lr, rate, tmp_path):
    make(tmp_path, 1).run()
    trainer = make(tmp_path, 2, lr)
    folder = RunFolder(tmp_path)
    folder.load_snapshot(trainer)
    optimizer = trainer.updater.get_optimizer('main')
    before = optimizer.lr
    trainer.get_extension('ChosenRates').apply_changes()
    assert optimizer.lr == (before if lr == 0.1 else rate)


@pytest.mark.parametrize('size, batch, epochs, updates', [(10, 5, 1, 2), (10, 4, 1, 3), (10, 4, 2, 5), (3, 10, 10, 3)])
def test_counting_updates(size, batch, epochs, updates):
    assert count_updates(iterators.SerialIterator(range(size), batch), epochs) == updates
