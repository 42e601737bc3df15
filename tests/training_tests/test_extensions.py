"""Trainer extensions."""
import io
import json
import os
import pickle
import re
import shutil
import threading
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from autograd_nn import functions as F
from autograd_nn import links as L
from autograd_nn import optimizers, training
from autograd_nn.config import config
from autograd_nn.dataset import concat_examples
from autograd_nn.iterators import MultiprocessIterator, MultithreadIterator, SerialIterator
from autograd_nn.link import Chain, Link
from autograd_nn.reporter import Reporter, report
from autograd_nn.serializers import load_npz, save_npz
from autograd_nn.training import extensions
from autograd_nn.training.extensions import snapshot_writers
from autograd_nn.variable import Parameter, Variable
from support import toy


class Reporting(toy.FakeUpdater):
    """Reports the same values again and again: those of iteration i at i - 1."""

    def __init__(self, **values):
        super().__init__()
        self.values = values
        self.optimizer = optimizers.MomentumSGD(lr=1.0).setup(Link(W=(2,)))

    def get_all_optimizers(self):
        return {'main': self.optimizer}

    def get_optimizer(self, name):
        return self.get_all_optimizers()[name]

    def update(self):
        report({name: values[self.iteration] for name, values in self.values.items()
                if values[self.iteration] is not None})
        self.iteration += 1


def run(tmp_path, *exts, stop=(6, 'iteration'), **values):
    trainer = training.Trainer(Reporting(**values), stop, tmp_path)
    for extension in exts:
        trainer.extend(*extension) if isinstance(extension, tuple) else trainer.extend(extension)
    trainer.run()
    return trainer


class TestEvaluator:
    class Model(Chain):
        def __init__(self):
            super().__init__(child=L.Linear(1, 1))
            self.modes = []

        def forward(self, x):
            self.modes.append((config.train, config.enable_backprop, x.shape))
            report({'mean': Variable(x).mean(), 'text': 'a'}, self)
            report({'square': (x ** 2).mean()}, self.child)

    @pytest.mark.parametrize('make', [SerialIterator, MultithreadIterator, MultiprocessIterator])
    def test_an_iterator_without_end(self, make):
        once, endless = make([1, 2], 2, repeat=False), make([1, 2], 2)
        with warnings.catch_warnings():
            warnings.simplefilter('error')
            extensions.Evaluator({'main': once, 'other': once}, Link())
        with pytest.warns(UserWarning, match="Evaluator: the iterator 'other' begins again.*repeat=False") as caught:
            extensions.Evaluator({'main': once, 'other': endless}, Link())
        assert len(caught) == 1 and caught[0].filename == __file__

    def test_means_over_examples(self, tmp_path):
        data = np.arange(5, dtype='d')
        model = self.Model()
        evaluator = extensions.Evaluator(SerialIterator(data, 2, repeat=False, shuffle=False), model)
        for _ in range(2):
            assert evaluator() == {'main/mean': 2, 'main/child/square': 6}
        assert model.modes == [(False, False, (2,)), (False, False, (2,)), (False, False, (1,))] * 2
        assert config.train and config.enable_backprop
        trainer = run(tmp_path, (evaluator, None, (2, 'iteration')), stop=(2, 'iteration'))
        assert trainer.observation == {'validation/main/mean': 2, 'validation/main/child/square': 6}

    def test_arguments(self):
        model, hooked, called = self.Model(), [], []
        iterators = {'main': SerialIterator([{'a': 1.0}, {'a': 3.0}], 2, repeat=False)}
        evaluator = extensions.Evaluator(
            iterators, {'main': model, 'other': Link()}, lambda batch, device: concat_examples(batch, device),
            'cpu', hooked.append, lambda a: called.append(a) or report({'a': a.mean()}, evaluator.get_target('other')))
        evaluator.name = 'test'
        assert evaluator() == {'test/other/a': 2}
        assert hooked == [evaluator] and called[0].dtype == np.float64
        assert evaluator.get_all_iterators() == iterators and evaluator.get_iterator('main') is iterators['main']
        assert set(evaluator.get_all_targets()) == {'main', 'other'}

    def test_progress_bar_is_for_terminals(self, capsys):
        evaluator = extensions.Evaluator(SerialIterator(np.arange(5.), 2, repeat=False), self.Model(),
                                         progress_bar=True)
        assert evaluator()['main/mean'] == pytest.approx(2)
        assert capsys.readouterr() == ('', '')

    def test_weights_of_reported_pairs(self):
        model = Link()
        evaluator = extensions.Evaluator(
            SerialIterator(np.array([1., 1, 5]), 2, repeat=False, shuffle=False), model,
            eval_func=lambda x: report({'x': (x.mean(), 1)}, model))
        assert evaluator() == {'main/x': 3}


class TestLogReport:
    VALUES = {'main/loss': [6, 4, 2, 1, 0, 5], 'main/accuracy': [None, 0.5, None, None, 1, None]}

    def test_log(self, tmp_path):
        trainer = run(tmp_path, extensions.LogReport(trigger=(2, 'iteration'), filename='log.json'), **self.VALUES)
        log = json.loads((tmp_path / 'log.json').read_text())
        assert log == trainer.get_extension('LogReport').log
        assert 0 < log[0]['elapsed_time'] < log[1]['elapsed_time'] < log[2]['elapsed_time'] < trainer.elapsed_time
        for entry in log:
            del entry['elapsed_time']
        assert log == [{'main/loss': 5, 'main/accuracy': 0.5, 'epoch': 0, 'iteration': 2},
                       {'main/loss': 1.5, 'epoch': 1, 'iteration': 4},
                       {'main/loss': 2.5, 'main/accuracy': 1, 'epoch': 1, 'iteration': 6}]
        assert [path.name for path in tmp_path.iterdir()] == ['log.json']

    def test_arguments(self, tmp_path):
        log = extensions.LogReport(['main/accuracy'], (3, 'iteration'), lambda entry: entry.update(added=1),
                                   'log_{iteration}')
        run(tmp_path, log, **self.VALUES)
        assert [set(entry) for entry in log.log] == [{'main/accuracy', 'epoch', 'iteration', 'elapsed_time',
                                                      'added'}] * 2
        assert sorted(path.name for path in tmp_path.iterdir()) == ['log_3', 'log_6']
        assert len(json.loads((tmp_path / 'log_6').read_text())) == 2

    def test_not_a_number(self, tmp_path):
        """The file is strict JSON; the log, what is printed of it, and a resumed one have the values themselves."""
        nan, inf = float('nan'), float('inf')
        out = io.StringIO()
        values = {'a': [nan, 1, 2], 'b': [inf, -inf, 0.5]}
        trainer = run(tmp_path, extensions.LogReport(trigger=(1, 'iteration'), filename='log.json'),
                      (extensions.PrintReport(['a', 'b'], out=out), None, (1, 'iteration')), stop=(3, 'iteration'),
                      **values)

        def refuse(word):
            raise AssertionError(f'{word} is no JSON')

        file = json.loads((tmp_path / 'log.json').read_text(), parse_constant=refuse)
        assert [(entry['a'], entry['b']) for entry in file] == [(None, None), (1, None), (2, 0.5)]
        log = trainer.get_extension('LogReport').log
        np.testing.assert_equal([(entry['a'], entry['b']) for entry in log], [(nan, inf), (1, -inf), (2, 0.5)])
        assert [line.split() for line in out.getvalue().splitlines()] == [
            ['a', 'b'], ['nan', 'inf'], ['1', '-inf'], ['2', '0.5']]
        stored, resumed = {}, extensions.LogReport(trigger=(1, 'iteration'))
        trainer.get_extension('LogReport').serialize(toy.Saver(stored))
        resumed.serialize(toy.Loader(stored))
        np.testing.assert_equal(resumed.log, log)

    def test_no_file(self, tmp_path):
        run(tmp_path, extensions.LogReport(filename=None), stop=(4, 'iteration'))
        assert list(tmp_path.iterdir()) == []

    def test_before_training(self, tmp_path):
        trainer = training.Trainer(Reporting(), (3, 'iteration'), tmp_path)
        trainer.extend(lambda trainer: report({'x': 7}), name='w', priority=500, call_before_training=True)
        trainer.extend(extensions.LogReport(trigger=(3, 'iteration')), call_before_training=True)
        trainer.run()
        assert [(e['iteration'], e['x']) for e in trainer.get_extension('LogReport').log] == [(0, 7), (3, 7)]


class TestPrintReport:
    ENTRIES = ['epoch', 'main/accuracy', 'main/loss', 'missing']

    def test_table(self, tmp_path):
        out = io.StringIO()
        run(tmp_path, extensions.LogReport(trigger=(2, 'iteration')), extensions.PrintReport(self.ENTRIES, out=out),
            **TestLogReport.VALUES)
        assert out.getvalue() == ('epoch       main/accuracy  main/loss   missing\n'
                                  '0           0.5            5\n'
                                  '1                          1.5\n'
                                  '1           1              2.5\n')

    def test_a_file_that_can_only_be_written_to(self, tmp_path):
        text = []
        run(tmp_path, extensions.LogReport(), extensions.PrintReport(['epoch'], out=SimpleNamespace(write=text.append)))
        assert ''.join(text).split() == ['epoch', '1']

    ENTRIES_OF_A_CLASSIFIER = ['epoch', 'main/loss', 'validation/main/loss', 'main/accuracy',
                               'validation/main/accuracy', 'images/s', 'elapsed_time']

    @pytest.mark.parametrize('entries', [
        ENTRIES_OF_A_CLASSIFIER, [*ENTRIES_OF_A_CLASSIFIER, 'lr'],
        ['epoch', 'main/loss', 'validation/main/loss', 'main/perplexity', 'validation/main/perplexity', 'words/s',
         'elapsed_time']])
    def test_fits_the_terminal(self, tmp_path, monkeypatch, entries):
        values = {name: [0.0123456789, 123456.789, 1.23456e-11] for name in entries if '/' in name or name == 'lr'}
        for columns in 80, 200:
            monkeypatch.setenv('COLUMNS', str(columns))
            out = io.StringIO()
            run(tmp_path, extensions.LogReport(trigger=(1, 'iteration')), extensions.PrintReport(entries, out=out),
                stop=(3, 'iteration'), **values)
            *head, first, second, third = out.getvalue().splitlines()
            assert all(len(line) <= columns for line in out.getvalue().splitlines())
            assert (len(head) == 1) == (columns == 200)
            # The parts of a name stand above each other, where its column begins.
            starts = [i for i in range(len(head[0])) if head[0][i] != ' ' and (not i or head[0][i - 2:i] == '  ')]
            ends = [*starts[1:], None]
            assert [''.join(line[i:j].strip() for line in head) for i, j in zip(starts, ends)] == entries
            column = slice(starts[1], starts[2])
            assert [float(row[column]) for row in (first, second, third)] == pytest.approx(values['main/loss'], rel=0.3)

    def test_own_log(self, tmp_path, capsys):
        log = extensions.LogReport(trigger=(3, 'iteration'), filename=None)
        run(tmp_path, extensions.PrintReport(['main/loss'], log), **TestLogReport.VALUES)
        assert capsys.readouterr().out.split() == ['main/loss', '4', '2']

    def test_resumed_training_prints_all_rows(self, tmp_path):
        def make(stop):
            out = io.StringIO()
            trainer = training.Trainer(Reporting(**TestLogReport.VALUES), stop, tmp_path)
            trainer.extend(extensions.LogReport(trigger=(2, 'iteration')))
            trainer.extend(extensions.PrintReport(['iteration'], out=out))
            return trainer, out

        trainer, _ = make((3, 'iteration'))
        trainer.run()
        save_npz(tmp_path / 'snapshot', trainer)
        trainer, out = make((6, 'iteration'))
        load_npz(tmp_path / 'snapshot', trainer)
        trainer.run()
        assert out.getvalue().split() == ['iteration', '2', '4', '6']


class Terminal(io.StringIO):
    def isatty(self):
        return True


class TestProgressBar:
    def test_nothing_of_a_short_training_without_terminal(self, tmp_path, capsys):
        run(tmp_path, extensions.ProgressBar(), stop=(4, 'iteration'))
        assert capsys.readouterr() == ('', '')

    @pytest.mark.parametrize('stop, first', [
        ((4, 'iteration'), r'epoch 0\.30  25%  main/loss=0\.5, \S+ iterations/s, 00:00 left'),
        ((3, 'epoch'), r'epoch 0\.30/3  10%  main/loss=0\.5, \S+ iterations/s, 00:00 left'),
        (lambda trainer: trainer.updater.iteration == 4,
         r'epoch 0\.30  iteration 1  main/loss=0\.5, \S+ iterations/s')])
    def test_occasional_lines_without_terminal(self, tmp_path, monkeypatch, capsys, stop, first):
        monkeypatch.setattr('autograd_nn.training.extensions.progress_bar._LINE_SECONDS', 0)
        run(tmp_path, extensions.ProgressBar(), stop=stop, **{'main/loss': [0.5] * 10})
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) in (4, 10) and re.fullmatch(first, lines[0])
        monkeypatch.setattr('autograd_nn.training.extensions.progress_bar._LINE_SECONDS', 0.3)
        trainer = training.Trainer(Reporting(), (6, 'iteration'), tmp_path)
        trainer.extend(lambda trainer: time.sleep(0.1), name='wait', priority=500)
        trainer.extend(extensions.ProgressBar())
        trainer.run()
        assert 1 <= len(capsys.readouterr().out.splitlines()) <= 2

    @pytest.mark.parametrize('length, stop, shown', [
        (None, (6, 'iteration'), ' 5/6 '), (None, (3, 'epoch'), ' 5/10 '), ((2, 'epoch'), (6, 'iteration'), ' 5/7 '),
        (None, lambda trainer: trainer.updater.iteration == 6, 'epoch 1.50  iteration 5 [')])
    def test_terminal(self, tmp_path, monkeypatch, length, stop, shown):
        monkeypatch.setattr('autograd_nn.training.extensions.progress_bar._REFRESH_SECONDS', 0)
        out = Terminal()
        run(tmp_path, extensions.ProgressBar(length, out=out, bar_length=10, entries=['main/loss', 'none']),
            stop=stop, **{'main/loss': [np.float32(0.125 * i) for i in range(1, 11)]})
        text = out.getvalue()
        assert shown in text and '/?' not in text
        assert 'main/loss=0.625' in text and 'epoch 1.50' in text
        assert 'iterations/s' in text and 'none' not in text
        assert text.endswith('\r')

    def test_examples_per_second(self, tmp_path):
        out = Terminal()
        trainer = toy.make_trainer(tmp_path, stop=(2, 'iteration'), extensions=False)
        trainer.extend(lambda trainer: time.sleep(0.25), name='wait', priority=500)
        trainer.extend(extensions.ProgressBar(out=out))
        trainer.run()
        # Batches of 4 examples in a little more than a quarter of a second.
        speeds = [int(part.split()[-1]) for part in out.getvalue().split(' examples/s')[:-1]]
        assert speeds and all(5 < speed <= 16 for speed in speeds)

    def test_update_interval(self, tmp_path, monkeypatch):
        monkeypatch.setattr('autograd_nn.training.extensions.progress_bar._REFRESH_SECONDS', 0)
        out = Terminal()
        run(tmp_path, extensions.ProgressBar(update_interval=3, out=out))
        assert ' 3/6 ' in out.getvalue() and ' 2/6 ' not in out.getvalue()

    def test_table_and_bar(self, tmp_path):
        """Rows of the table do not mix with the bar."""
        out = Terminal()
        run(tmp_path, extensions.LogReport(trigger=(2, 'iteration')), extensions.ProgressBar(out=out),
            extensions.PrintReport(['iteration'], out=out))
        lines = [line.split('\r')[-1].strip() for line in out.getvalue().split('\n')]
        assert lines[:4] == ['iteration', '2', '4', '6']


class TestPlotReport:
    VALUES = {'a': [6, 4, 2, 1, 0, 5], 'b': [1, 2, None, None, 3, 3]}

    @pytest.mark.parametrize('keys', [['訓練/loss'], ['訓練/loss', '検証/loss']])
    def test_names_in_any_script(self, tmp_path, monkeypatch, keys):
        import matplotlib
        path = Path(matplotlib.get_data_path(), 'fonts/ttf/DejaVuSerif.ttf')
        seen = []

        def look(figure, axes, data):
            texts = axes.get_legend().get_texts() if axes.get_legend() else [axes.yaxis.get_label()]
            seen.append([(text.get_text(), text.get_fontproperties().get_file()) for text in texts])

        values = {key: [1, 2, 3] for key in keys}
        plot = extensions.PlotReport(keys, trigger=(1, 'iteration'), filename='a.png', postprocess=look)
        monkeypatch.setattr('autograd_nn.utils.fonts.find_font', lambda text: path)
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', 'Glyph')  # this font stands for one that has them
            run(tmp_path, plot, stop=(2, 'iteration'), **values)
        assert seen[-1] == [(key, str(path)) for key in keys]
        monkeypatch.setattr('autograd_nn.utils.fonts.find_font', lambda text: None)
        with pytest.warns(UserWarning, match='no font of this system.*loss.*a.png') as warned:
            plot = extensions.PlotReport(keys, trigger=(1, 'iteration'), filename='a.png', postprocess=look)
            run(tmp_path, plot, stop=(3, 'iteration'), **values)
        assert len(warned) == 1
        escaped = [r'\u8a13\u7df4/loss', r'\u691c\u8a3c/loss'][:len(keys)]
        assert seen[-1] == [(text, None) for text in escaped]

    @pytest.fixture(autouse=True)
    def needs_matplotlib(self):
        pytest.importorskip('matplotlib')

    def test_image_and_data(self, tmp_path):
        seen = []
        run(tmp_path, extensions.PlotReport(['a', 'b'], trigger=(2, 'iteration'),
                                            postprocess=lambda figure, axes, data: seen.append((axes, dict(data)))),
            **self.VALUES)
        axes, data = seen[-1]
        assert data == {'a': [[2, 5], [4, 1.5], [6, 2.5]], 'b': [[2, 1.5], [6, 3]]}
        assert [line.get_xydata().tolist() for line in axes.lines] == list(data.values())
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ['a', 'b']
        assert [path.name for path in tmp_path.iterdir()] == ['plot.png']
        with Image.open(tmp_path / 'plot.png') as image:
            assert image.format == 'PNG' and image.size == (960, 630)
            # Lines of two colours, not an empty page.
            pixels = np.asarray(image.convert('RGB')).reshape(-1, 3).astype('i')
        colourful = pixels[np.ptp(pixels, axis=1) > 60]
        assert (colourful[:, 2] > colourful[:, 0]).sum() > 300 and (colourful[:, 2] < colourful[:, 0]).sum() > 300

    @pytest.mark.parametrize('x_key, xs', [('epoch', [0.9, 1.8]), ('a', [4, 2]), ('elapsed_time', None)])
    def test_x(self, tmp_path, x_key, xs):
        seen = []
        run(tmp_path, extensions.PlotReport('b', x_key, (3, 'iteration'), lambda f, a, data: seen.append(data['b']),
                                            'curve.svg', None, False), **self.VALUES)
        if xs is not None:
            assert [x for x, _ in seen[-1]] == pytest.approx(xs)
        assert '<svg' in (tmp_path / 'curve.svg').read_text()

    def test_drawing_takes_a_fiftieth_of_the_time_and_misses_nothing(self, tmp_path, monkeypatch):
        """Intervals of 20 seconds, drawings of 1 second, on a clock of the test's own."""
        clock, lengths = SimpleNamespace(now=0), []

        def pass_time(trainer):
            clock.now += 20

        def draw(figure, axes, data):
            clock.now += 1
            lengths.append(len(data['a']))

        monkeypatch.setattr(extensions.figure, 'time', SimpleNamespace(perf_counter=lambda: clock.now))
        plot = extensions.PlotReport('a', trigger=(1, 'iteration'), postprocess=draw)
        run(tmp_path, (pass_time, None, None, 1000), plot, **self.VALUES)
        assert lengths == [1, 4, 6]

    def test_nothing_reported(self, tmp_path):
        run(tmp_path, extensions.PlotReport('c', trigger=(1, 'iteration')))
        assert list(tmp_path.iterdir()) == []

    def test_without_matplotlib(self, tmp_path, monkeypatch):
        monkeypatch.setattr(extensions.PlotReport, 'available', staticmethod(lambda: False))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            run(tmp_path, extensions.PlotReport('a', trigger=(1, 'iteration')), **self.VALUES)
        message, = [str(w.message) for w in caught]
        assert message == 'PlotReport: no curves are drawn, since matplotlib is not installed (pip install matplotlib)'
        assert list(tmp_path.iterdir()) == []


class TestSnapshot:
    def names(self, path):
        return sorted(file.name for file in path.iterdir())

    def test_every_epoch(self, tmp_path):
        run(tmp_path, extensions.snapshot(), stop=(2, 'epoch'))
        assert self.names(tmp_path) == ['snapshot_iter_4', 'snapshot_iter_7']

    def test_object(self, tmp_path):
        model = Link(W=(2,))
        model.W.array[...] = [3, 4]
        run(tmp_path, extensions.snapshot_object(model, 'models/{.updater.epoch}.npz'), stop=(1, 'epoch'))
        with np.load(tmp_path / 'models' / '1.npz') as npz:
            assert list(npz) == ['W'] and npz['W'].tolist() == [3, 4]

    def test_filename_function_and_condition(self, tmp_path):
        allowed = iter([True, False, True])
        run(tmp_path, (extensions.snapshot(filename=lambda trainer: f'at{trainer.updater.iteration}',
                                           condition=lambda: next(allowed)), None, (2, 'iteration')))
        assert self.names(tmp_path) == ['at2', 'at6']

    def test_savefun(self, tmp_path):
        """It is given the object; it may add a suffix to the name."""
        def savefun(path, target):
            Path(path + '.txt').write_text(f'{type(target).__name__} {target.updater.iteration}')

        run(tmp_path, extensions.snapshot(savefun, 'state'), stop=(1, 'epoch'))
        assert self.names(tmp_path) == ['state.txt'] and (tmp_path / 'state.txt').read_text() == 'Trainer 4'

    def test_n_retains(self, tmp_path):
        (tmp_path / 'snapshot_iterations').write_text('not ours')
        run(tmp_path, (extensions.snapshot(n_retains=2), None, (1, 'iteration')), stop=(12, 'iteration'))
        assert self.names(tmp_path) == ['snapshot_iter_11', 'snapshot_iter_12', 'snapshot_iterations']

    OTHERS = ['snapshot_iter_best', 'snapshot_iter_3.bak', 'snapshot_iter_007', 'snapshot_iter_1_0', 'snapshot_iter_-x',
              'on_error_snapshot_iter_5', 'snapshot_iter_', 'my_snapshot_iter_4', 'snapshot_iter_2e3',
              'snapshot_iter_4.0', 'snapshot_iter_\u0663']

    def test_files_of_others_are_neither_deleted_nor_loaded(self, tmp_path):
        for name in self.OTHERS:
            (tmp_path / name).write_text('not ours')
            os.utime(tmp_path / name, (2 ** 31, 2 ** 31))
        (tmp_path / 'snapshot_iter_99').mkdir()
        run(tmp_path, (extensions.snapshot(n_retains=1, autoload=True), None, (1, 'iteration')), stop=(12, 'iteration'))
        assert self.names(tmp_path) == sorted([*self.OTHERS, 'snapshot_iter_99', 'snapshot_iter_12'])

    @pytest.mark.parametrize('filename, kept', [
        ('s{.updater.iteration:04d}', ['s0005', 's0006']), ('s{0.updater.iteration:+,d}.npz', ['s+5.npz', 's+6.npz']),
        ('s{0.updater.epoch_detail}_{0.updater.iteration}', ['s1.5_5', 's1.8_6']),
        ('s{.updater.epoch_detail:.2f}', ['s1.50', 's1.80']), ('s{.updater.iteration!r}', ['s6'])])
    def test_n_retains_of_other_formats(self, tmp_path, filename, kept):
        (tmp_path / 's_x').touch()
        run(tmp_path, (extensions.snapshot(filename=filename, n_retains=2), None, (1, 'iteration')),
            stop=(6, 'iteration'))
        assert set(kept) <= set(self.names(tmp_path)) and 's_x' in self.names(tmp_path)
        assert '!r' in filename or len(self.names(tmp_path)) == 3

    def test_n_retains_with_a_suffix_of_the_function(self, tmp_path):
        (tmp_path / 'snapshot_iter_1.bak').touch()
        for suffix in '.npz', '.txt':
            def savefun(path, target, suffix=suffix):
                Path(path + suffix).touch()

            run(tmp_path, (extensions.snapshot(savefun, n_retains=1), None, (1, 'iteration')), stop=(3, 'iteration'))
        assert self.names(tmp_path) == ['snapshot_iter_1.bak', 'snapshot_iter_3.txt']

    @pytest.mark.parametrize('whole', [True, False])
    def test_what_diverged_replaces_nothing(self, tmp_path, whole):
        """Neither under the same name, nor by pushing out the others, nor when an exception or Ctrl-C ends it."""
        model = Link(W=(2,), unset=(2,), fixed=(2,))
        model.W.array[...] = model.fixed.array[...] = 1
        model.fixed.requires_grad = False

        def make(extra, stop=(6, 'iteration')):
            updater = toy.FakeUpdater()
            updater.get_all_optimizers = lambda: {'main': optimizers.SGD().setup(model)}
            updater.serialize = lambda serializer: model.serialize(serializer)
            target = {} if whole else {'target': model}
            return training.Trainer(updater, stop, tmp_path, [
                extensions.snapshot(filename='same', snapshot_on_error=True, **target),
                extensions.snapshot(filename='n{.updater.iteration}', n_retains=1, **target), extra])

        def diverge(trainer):
            if trainer.updater.iteration == 3:
                model.W.array[1] = model.fixed.array[1] = np.nan

        trainer = make(diverge)
        for name in '_Snapshot', '_Snapshot_1':
            trainer._extensions[name].trigger = training.get_trigger((1, 'iteration'))
        with pytest.warns(UserWarning, match='saved at iteration 3, since the parameter /W has become') as caught:
            trainer.run()
        assert len(caught) == 2
        for error in RuntimeError('too bad'), KeyboardInterrupt():
            def fail(trainer, error=error):
                raise error

            model.W.array[...] = 1
            trainer = make(fail)
            trainer.extend(lambda t: model.W.array.fill(np.inf), 'diverge', priority=400)
            with pytest.raises(type(error)), pytest.warns(UserWarning, match='nothing is saved'):
                trainer.run()
        assert self.names(tmp_path) == ['n2', 'same']
        for name in 'n2', 'same':
            with np.load(tmp_path / name) as npz:
                assert npz['updater/W' if whole else 'W'].tolist() == [1, 1]

    def test_autoload_of_an_object(self, tmp_path):
        for value in 1, 2:
            model = Link(W=(2,))
            model.W.array[...] = value
            save_npz(tmp_path / f'model_{value}', model)
            os.utime(tmp_path / f'model_{value}', (value, value))
        model = Link(W=(2,))
        run(tmp_path, extensions.snapshot_object(model, 'model_{.updater.epoch}', autoload=True), stop=(1, 'iteration'))
        assert model.W.array.tolist() == [2, 2]

    def test_arguments_that_do_not_go_together(self):
        with pytest.raises(ValueError, match='either savefun or writer'):
            extensions.snapshot(save_npz, writer=snapshot_writers.SimpleWriter())
        with pytest.raises(ValueError, match='format string'):
            extensions.snapshot(filename=str, autoload=True)
        with pytest.raises(ValueError, match='n_retains'):
            extensions.snapshot_object(Link(), 'a', n_retains=0)
        with pytest.raises(ValueError, match='in one directory'):
            extensions.snapshot(filename='{.updater.epoch}/snapshot', n_retains=2)

    @pytest.mark.parametrize('writer', [snapshot_writers.SimpleWriter, snapshot_writers.ThreadWriter])
    def test_writers(self, tmp_path, writer):
        model = Link(W=(2,))
        model.W.array[...] = 0
        started, go_on = threading.Event(), threading.Event()

        def savefun(path, target, compression):
            started.set()
            go_on.wait()
            save_npz(path, target, compression)

        if writer is snapshot_writers.SimpleWriter:
            go_on.set()

        def change(trainer):
            if trainer.updater.iteration == 1:
                started.wait()
                model.W.array[...] = 9
                go_on.set()

        run(tmp_path, (extensions.snapshot_object(model, 'm{.updater.iteration}',
                                                  writer=writer(savefun, compression=False)), None, (1, 'iteration')),
            (change, 'change', None, -1000), stop=(2, 'iteration'))
        for i, value in (1, 0), (2, 9):
            with np.load(tmp_path / f'm{i}') as npz:
                assert npz['W'].tolist() == [value, value]

    def test_error_in_a_thread(self, tmp_path):
        def savefun(path, target):
            raise OSError('disk full')

        with pytest.raises(OSError, match='disk full'):
            run(tmp_path, extensions.snapshot(writer=snapshot_writers.ThreadWriter(savefun)))


SHIFTS = [
    (extensions.ExponentialShift('lr', 0.5), lambda t: 0.5 ** t),
    (extensions.ExponentialShift('lr', 0.5, init=8, target=3), lambda t: max(8 * 0.5 ** t, 3)),
    (extensions.ExponentialShift('lr', 2, init=-1, target=-5), lambda t: max(-1 * 2. ** t, -5)),
    (extensions.ExponentialShift('lr', 2, init=1, target=5), lambda t: min(2. ** t, 5)),
    (extensions.StepShift('lr', 0.1, 3), lambda t: 0.1 ** (t // 3)),
    (extensions.StepShift('lr', 0.1, 2, init=2, target=0.01), lambda t: max(2 * 0.1 ** (t // 2), 0.01)),
    (extensions.MultistepShift('lr', 0.1, [5, 2]), lambda t: 1 if t < 2 else 0.1 if t < 5 else 0.01),
    (extensions.LinearShift('lr', (3, 1), (2, 6)), lambda t: np.interp(t, [2, 6], [3, 1])),
    (extensions.PolynomialShift('lr', 2, 5), lambda t: max(1 - t / 5, 0) ** 2),
    (extensions.PolynomialShift('lr', 1, 5, init=2, target=0.5), lambda t: max(2 * (1 - t / 5), 0.5)),
    (extensions.InverseShift('lr', 0.3, 1.5), lambda t: (1 + 0.3 * t) ** -1.5),
    (extensions.InverseShift('lr', 0.3, 1, init=2, target=1), lambda t: max(2 / (1 + 0.3 * t), 1)),
    (extensions.WarmupShift('lr', 0.1, 4, 0.5), lambda t: min(0.1 + 0.1 * t, 0.5)),
    (extensions.CosineShift('lr', 6, target=0.2), lambda t: 0.2 + 0.4 * (1 + np.cos(np.pi * min(t / 6, 1)))),
    (extensions.CosineShift('lr', 2, init=2, restart=True, multiplier=2),
     lambda t: 1 + np.cos(np.pi * (t / 2 if t < 2 else (t - 2) / 4 if t < 6 else (t - 6) / 8))),
]


@pytest.mark.parametrize('shift, formula', SHIFTS)
def test_shift(tmp_path, shift, formula):
    trainer = training.Trainer(Reporting(), (9, 'iteration'), tmp_path)
    optimizer = trainer.updater.optimizer
    seen = []
    trainer.extend(shift)
    trainer.extend(lambda trainer: seen.append(optimizer.lr), name='see', call_before_training=True)
    trainer.run()
    np.testing.assert_allclose(seen, [formula(t) for t in range(10)], 1e-12)


def test_shift_of_another_optimizer(tmp_path):
    other = optimizers.MomentumSGD(momentum=0.5)
    run(tmp_path, (extensions.ExponentialShift('momentum', 0.5, optimizer=other), None, (3, 'iteration')))
    assert other.momentum == 0.125


def test_shift_of_a_missing_attribute(tmp_path):
    with pytest.raises(AttributeError, match="MomentumSGD has no 'alpha'"):
        run(tmp_path, extensions.ExponentialShift('alpha', 0.5))


def test_warmup_then_another_schedule(tmp_path):
    trainer = training.Trainer(Reporting(), (6, 'iteration'), tmp_path)
    trainer.extend(extensions.WarmupShift('lr', 0, 2, 1))
    trainer.extend(lambda trainer: setattr(trainer.updater.optimizer, 'lr', 0.25), name='set',
                   trigger=training.triggers.ManualScheduleTrigger(4, 'iteration'))
    trainer.run()
    assert trainer.updater.optimizer.lr == 0.25


def shifted(tmp_path, shift, stop, lr=1.0, load=None, then=None, at=None):
    """Runs a training with a schedule, up to `stop` iterations; returns the rates after each.

    Args:
        load: A snapshot to load before.
        then: The rate to set after that.
        at: Where in the schedule to continue.
    """
    trainer, seen = training.Trainer(Reporting(), (stop, 'iteration'), tmp_path), []
    optimizer = trainer.updater.optimizer
    optimizer.lr = lr
    # Like StandardUpdater, and unlike its base.
    trainer.updater.serialize = lambda serializer: (toy.FakeUpdater.serialize(trainer.updater, serializer),
                                                    optimizer.serialize(serializer['optimizer']))
    trainer.extend(shift)
    trainer.extend(extensions.snapshot(filename='snapshot'), trigger=(1, 'iteration'))
    # After the snapshot: a resumed training begins with it.
    trainer.extend(lambda trainer: seen.append(optimizer.lr), name='see', priority=-1000)
    if load:
        load_npz(load, trainer)
    if then is not None:
        optimizer.lr = then
    if at is not None:
        shift.continue_at(at)
    trainer.run()
    return seen


SCHEDULES = [
    lambda: extensions.ExponentialShift('lr', 0.5), lambda: extensions.StepShift('lr', 0.1, 3),
    lambda: extensions.MultistepShift('lr', 0.1, [5, 2]), lambda: extensions.LinearShift('lr', (3, 1), (2, 6)),
    lambda: extensions.PolynomialShift('lr', 2, 9), lambda: extensions.InverseShift('lr', 0.3, 1.5),
    lambda: extensions.WarmupShift('lr', 0.1, 6, 0.5), lambda: extensions.CosineShift('lr', 9),
]


@pytest.mark.parametrize('make', SCHEDULES)
def test_a_resumed_schedule_goes_on(tmp_path, make):
    """As if it had not been interrupted; from another rate in the same proportions; into another resumption."""
    whole = shifted(tmp_path / 'whole', make(), 8)
    first = shifted(tmp_path, make(), 4)
    assert first == whole[:4]
    assert shifted(tmp_path / 'second', make(), 8, lr=7., load=tmp_path / 'snapshot') == whole[3:]
    third = shifted(tmp_path / 'third', make(), 6, lr=7., load=tmp_path / 'snapshot', then=10 * whole[3])
    fourth = shifted(tmp_path / 'fourth', make(), 8, lr=7., load=tmp_path / 'third' / 'snapshot')
    np.testing.assert_allclose([*third, *fourth[1:]], 10 * np.array(whole[3:]), 1e-12)


def test_a_finished_warmup_leaves_the_rate_at_resumption(tmp_path):
    """Not that which the optimizer was made with; one that is set then stays, too."""
    shifted(tmp_path, extensions.WarmupShift('lr', 0, 2, 0.5), 4, lr=7.)
    for then, expected in (None, 0.5), (0.25, 0.25):
        rates = shifted(tmp_path / 'on', extensions.WarmupShift('lr', 0, 2, 0.5), 6, 7., tmp_path / 'snapshot', then)
        assert set(rates) == {expected}


def test_a_schedule_that_came_to_zero_begins_again_from_a_rate(tmp_path):
    shifted(tmp_path, extensions.CosineShift('lr', 4), 5)
    assert set(shifted(tmp_path / 'zero', extensions.CosineShift('lr', 4), 6, load=tmp_path / 'snapshot')) == {0}
    rates = shifted(tmp_path / 'on', extensions.CosineShift('lr', 4), 7, load=tmp_path / 'snapshot', then=0.5)
    np.testing.assert_allclose(rates, [0.5, 0.25 + 0.25 / np.sqrt(2), 0.25])


def test_a_longer_schedule_takes_effect_at_resumption(tmp_path):
    shifted(tmp_path, extensions.CosineShift('lr', 4), 4)
    rates = shifted(tmp_path / 'on', extensions.CosineShift('lr', 8), 5, load=tmp_path / 'snapshot')
    np.testing.assert_allclose(rates, [0.5, 0.5 + 0.5 * np.cos(np.pi * 5 / 8)])


def test_a_schedule_in_steps_of_another_size(tmp_path):
    """Half of an epoch of 8 iterations; then 4 are left of 8, or 2 of 4."""
    shifted(tmp_path, extensions.CosineShift('lr', 8), 4)
    for then, factor in (None, 1), (5, 10):
        rates = shifted(tmp_path / 'on', extensions.CosineShift('lr', 4), 6, 1., tmp_path / 'snapshot', then, at=2)
        np.testing.assert_allclose(rates, factor * np.array([0.5, 0.5 - 0.5 / np.sqrt(2), 0]), atol=1e-12)


def test_a_schedule_of_what_no_snapshot_restores(tmp_path):
    """An optimizer that the trainer does not know."""
    def make(stop):
        trainer, other = training.Trainer(Reporting(), (stop, 'iteration'), tmp_path), optimizers.SGD(lr=1.)
        trainer.extend(extensions.ExponentialShift('lr', 0.5, optimizer=other), trigger=(2, 'iteration'))
        trainer.extend(extensions.snapshot(filename='snapshot'), trigger=(1, 'iteration'))
        return trainer, other

    make(5)[0].run()
    trainer, other = make(9)
    load_npz(tmp_path / 'snapshot', trainer)
    trainer.run()
    assert other.lr == 0.5 ** 4


@pytest.mark.parametrize('arguments', [{'period': 0}, {'period': 1, 'multiplier': 0.5}])
def test_bad_cosine(arguments):
    with pytest.raises(ValueError, match='CosineShift'):
        extensions.CosineShift('lr', **arguments)


def test_observe(tmp_path):
    log = extensions.LogReport(trigger=(2, 'iteration'), filename=None)
    run(tmp_path, (extensions.observe_lr(), None, (1, 'iteration')), log, extensions.ExponentialShift('lr', 0.5),
        (extensions.observe_value('x', lambda trainer: trainer.updater.iteration), None, (1, 'iteration')))
    assert [(entry['lr'], entry['x']) for entry in log.log] == [(0.75, 1.5), (0.1875, 3.5), (0.046875, 5.5)]


def test_observe_lr_of_adam(tmp_path):
    trainer = toy.make_trainer(tmp_path, stop=(3, 'iteration'), extensions=False)
    trainer.extend(extensions.observe_lr(), trigger=(1, 'iteration'))
    trainer.run()
    assert trainer.observation['lr'] == pytest.approx(1e-3 * np.sqrt(1 - 0.999 ** 3) / (1 - 0.9 ** 3))


def test_micro_average(tmp_path):
    log = extensions.LogReport(trigger=(3, 'iteration'), filename=None)
    run(tmp_path, extensions.MicroAverage('right', 'all', 'ratio', (3, 'iteration')), log,
        right=[1, 2, 3, 0, None, 5], all=[2, 8, 6, 4, 9, 6])
    assert [entry['ratio'] for entry in log.log] == [6 / 16, 0.5]


def test_micro_average_of_an_evaluation(tmp_path):
    x = np.array([1., 2, 3, 4, 50])  # the last batch is smaller, and differs
    model = Link()
    evaluator = extensions.Evaluator(
        SerialIterator(x, 2, repeat=False, shuffle=False), model,
        eval_func=lambda x: report({'sum': x.sum(), 'count': len(x)}, model))
    names = 'validation/main/sum', 'validation/main/count'
    trainer = run(tmp_path, (evaluator, None, (2, 'iteration')),
                  extensions.MicroAverage(*names, 'mean', (4, 'iteration')), stop=(4, 'iteration'))
    assert trainer.observation['mean'] == x.mean()
    assert trainer.observation[names[0]] == (2 * 3 + 2 * 7 + 50) / 5
    copied = pickle.loads(pickle.dumps(trainer.observation[names[0]]))
    assert copied == trainer.observation[names[0]] and copied.over_batches == x.sum() / 3


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_fail_on_non_number(tmp_path, bad):
    trainer = training.Trainer(Reporting(), (6, 'iteration'), tmp_path)
    trainer.updater.optimizer.target.W.array[...] = 0
    trainer.extend(extensions.FailOnNonNumber())

    def spoil(trainer):
        if trainer.updater.iteration == 3:
            trainer.updater.optimizer.target.W.array[1] = bad

    trainer.extend(spoil)
    with pytest.raises(RuntimeError, match=r"parameter /W of the optimizer 'main' has NaN or infinite .* iteration 4"):
        trainer.run()


class TestDumpGraph:
    def test_dot(self, tmp_path):
        trainer = toy.make_trainer(tmp_path, stop=(2, 'iteration'), extensions=False)
        trainer.extend(extensions.DumpGraph('main/loss', function_style={'fillcolor': 'tomato'}))
        kept = []
        trainer.extend(lambda trainer: kept.append(trainer.observation['main/loss'].creator is not None), name='see')
        trainer.run()
        text = (tmp_path / 'cg.dot').read_text()
        assert text.startswith('digraph') and 'tomato' in text
        for label in 'Dropout', 'SoftmaxCrossEntropy':
            assert label in text
        assert kept == [True, False] and not config.keep_graph_on_report
        assert (tmp_path / 'cg.svg').exists() == (shutil.which('dot') is not None)

    def test_not_reported(self, tmp_path):
        trainer = toy.make_trainer(tmp_path, extensions=False)
        trainer.extend(extensions.DumpGraph('main/lozz', 'graph.dot'))
        with pytest.raises(ValueError, match="'main/lozz' in the observation, which has main/loss, main/acc"):
            trainer.run()
        assert not config.keep_graph_on_report

    def test_resumed(self, tmp_path):
        trainer = toy.make_trainer(tmp_path, stop=(1, 'iteration'), extensions=False)
        trainer.run()
        save_npz(tmp_path / 'snapshot', trainer)
        trainer = toy.make_trainer(tmp_path, stop=(2, 'iteration'), extensions=False)
        load_npz(tmp_path / 'snapshot', trainer)
        trainer.extend(extensions.DumpGraph('main/loss'))
        trainer.run()
        assert not (tmp_path / 'cg.dot').exists()


def test_unchain_variables(tmp_path):
    config.keep_graph_on_report = True
    try:
        trainer = toy.make_trainer(tmp_path, stop=(2, 'iteration'), extensions=False)
        kept = []
        trainer.extend(lambda trainer: kept.append(trainer.observation['main/loss'].creator is not None), name='see')
        trainer.extend(extensions.unchain_variables())
        trainer.run()
    finally:
        del config.keep_graph_on_report
    assert kept == [True, True] and trainer.observation['main/loss'].creator is None


class TestVariableStatisticsPlot:
    @pytest.fixture(autouse=True)
    def needs_matplotlib(self):
        pytest.importorskip('matplotlib')

    def make(self, seen, targets=None, **options):
        """A plot that also keeps its figure."""
        class Plot(extensions.VariableStatisticsPlot):
            def make_figure(self):
                seen.append(super().make_figure())
                return seen[-1]

        return Plot(self.link if targets is None else targets, trigger=(1, 'iteration'), **options)

    def run(self, tmp_path, plot, stop=4):
        def change(trainer):
            self.link.W.array[...] = trainer.updater.iteration * np.array([1, 2, 6])
            self.link.W.grad = -self.link.W.array

        run(tmp_path, (change, 'change', None, 1000), plot, stop=(stop, 'iteration'))

    def setup_method(self):
        self.link = Link(W=(3,), lazy=None)

    def test_curves(self, tmp_path):
        seen = []
        self.run(tmp_path, self.make(seen, percentile_sigmas=(0, 50, 100)))
        with Image.open(tmp_path / 'statistics.png') as image:
            assert image.size == (1920, 1080)
        (mean, mean_of_grads), (percentiles, percentiles_of_grads) = np.array(seen[-1].axes).reshape(2, 2)
        iterations = np.arange(1, 5)
        assert mean.get_title() == 'data' and mean_of_grads.get_title() == 'grad'
        assert percentiles.get_xlabel() == 'iteration'
        for axes, values in ((mean, 3 * iterations), (mean_of_grads, -3 * iterations), (percentiles, 2 * iterations),
                             (percentiles_of_grads, -2 * iterations)):
            np.testing.assert_allclose(axes.lines[0].get_xydata(), np.stack([iterations, values], 1))
        for axes, low, high in (mean, 3 - np.std([1, 2, 6]), 3 + np.std([1, 2, 6])), (percentiles, 1, 6):
            outline = axes.collections[0].get_paths()[0].vertices
            last = outline[outline[:, 0] == 4][:, 1]
            np.testing.assert_allclose([last.min(), last.max()], [4 * low, 4 * high])
        texts = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in (mean, percentiles)]
        assert texts == [['mean, std'], ['percentile']]

    @pytest.mark.parametrize('options, labels', [
        ({'plot_std': False, 'percentile_sigmas': ()}, ['mean']),
        ({'plot_mean': False, 'percentile_sigmas': ()}, ['std']),
        ({'plot_std': False, 'plot_mean': False, 'percentile_sigmas': 50}, ['percentile']),
        ({'plot_std': False, 'plot_mean': False, 'percentile_sigmas': (10, 90)}, ['percentile']),
    ])
    def test_parts(self, tmp_path, options, labels):
        seen = []
        self.run(tmp_path, self.make(seen, report_grad=False, file_name='a.svg', figsize=(3, 2), grid=False, marker='x',
                                     **options))
        assert '<svg' in (tmp_path / 'a.svg').read_text()
        assert [text.get_text() for axes in seen[-1].axes for text in axes.get_legend().get_texts()] == labels
        assert tuple(seen[-1].get_size_inches()) == (3, 2)

    @pytest.mark.parametrize('calls, expected', [(4, [1, 2, 3, 4]), (5, [1, 3, 5]), (12, [1, 5, 9])])
    def test_samples_stay_evenly_spaced(self, tmp_path, calls, expected):
        seen = []
        self.run(tmp_path, self.make(seen, max_sample_size=4), calls)
        assert seen[-1].axes[0].lines[0].get_xdata().tolist() == expected

    def test_resumption(self, tmp_path):
        seen = []
        plot = self.make(seen, max_sample_size=4)
        self.run(tmp_path, plot, 5)
        save_npz(tmp_path / 'state', plot)
        resumed = self.make(seen, max_sample_size=4)
        load_npz(tmp_path / 'state', resumed)
        for iteration in 6, 7:
            resumed(SimpleNamespace(updater=SimpleNamespace(iteration=iteration, epoch_detail=0.), out=tmp_path))
        resumed.finalize()
        assert seen[-1].axes[0].lines[0].get_xdata().tolist() == [1, 3, 5, 7]

    def test_targets(self, tmp_path):
        seen = []
        x = Variable(np.array([3., 5.]))
        self.link.cleargrads()
        run(tmp_path, self.make(seen, [x, (self.link, [Variable(np.zeros((2, 0)))])]), stop=(1, 'iteration'))
        self.link.W.array[...] = 0
        assert np.isnan(seen[-1].axes[1].lines[0].get_ydata()).all()  # There are no gradients.

    def test_nothing_to_draw(self):
        for targets, options in (([], {}), (Link(), {}), ({}, {}),
                                 (self.link, {'report_data': False, 'report_grad': False}),
                                 (self.link, {'plot_mean': False, 'plot_std': False, 'percentile_sigmas': ()}),
                                 (self.link, {'max_sample_size': 1})):
            with pytest.raises(ValueError, match='VariableStatisticsPlot: '):
                extensions.VariableStatisticsPlot(targets, **options)

    def test_without_matplotlib(self, tmp_path, monkeypatch):
        monkeypatch.setattr(extensions.VariableStatisticsPlot, 'available', staticmethod(lambda: False))
        with pytest.warns(UserWarning, match='VariableStatisticsPlot: no curves are drawn'):
            run(tmp_path, extensions.VariableStatisticsPlot(self.link, trigger=(1, 'iteration')))
        assert not [*tmp_path.iterdir()]


class TestParameterStatistics:
    def make(self):
        link = Chain(l=Link())
        with link.l.init_scope():
            link.l.W = Parameter(np.array([[0., 1], [2, 5]]))
            link.l.lazy = Parameter(0)
        return link

    def observe(self, *args, **kwargs):
        extension = extensions.ParameterStatistics(*args, trigger=lambda trainer: True, **kwargs)
        with Reporter() as reporter:
            extension(None)
        return reporter.observation

    def test_default(self):
        """Keys and numbers of Chainer 7.8.1."""
        link = self.make()
        link.l.W.grad = np.full((2, 2), 3.)
        values = self.observe(link)
        assert {key: value for key, value in values.items() if '/data/' in key} == pytest.approx({
            'None/l/W/data/mean': 2.0, 'None/l/W/data/std': 1.8708286933869707, 'None/l/W/data/min': 0.0,
            'None/l/W/data/max': 5.0, 'None/l/W/data/zeros': 1.0, 'None/l/W/data/percentile/0': 0.0039,
            'None/l/W/data/percentile/1': 0.0684, 'None/l/W/data/percentile/2': 0.4761,
            'None/l/W/data/percentile/3': 1.5, 'None/l/W/data/percentile/4': 3.5717,
            'None/l/W/data/percentile/5': 4.7948, 'None/l/W/data/percentile/6': 4.9883})
        assert {key: value for key, value in values.items() if '/grad/' in key} == pytest.approx({
            'None/l/W/grad/mean': 3, 'None/l/W/grad/std': 0, 'None/l/W/grad/min': 3, 'None/l/W/grad/max': 3,
            'None/l/W/grad/zeros': 0, **{f'None/l/W/grad/percentile/{i}': 3 for i in range(7)}})

    def test_arguments(self):
        link = self.make()
        assert self.observe([link.l], {'sum': np.sum}, report_grads=False, prefix='p') == {'p/l/W/data/sum': 8}
        assert self.observe(link, {'sum': np.sum}, report_params=False) == {}
        assert self.observe(link.l, {'one': lambda x: x[:1], 'two': lambda x: x[1:3]}) == {
            'l/W/data/one': 0, 'l/W/data/two/0': 1, 'l/W/data/two/1': 2}

    def test_means_over_an_interval(self, tmp_path):
        link, reported = self.make(), []
        extension = extensions.ParameterStatistics(link.l, None, trigger=(3, 'iteration'))
        extension.register_statistics('max', np.max)

        def grow(trainer):
            link.l.W.array[1, 1] = trainer.updater.iteration ** 2

        def look(trainer):
            reported.append(trainer.observation.get('l/W/data/max'))
            if trainer.updater.iteration == 2:
                save_npz(tmp_path / 'snapshot', trainer)

        run(tmp_path, (grow, 'grow', None, 1000), extension, (look, 'look', None, -1000), stop=(6, 'iteration'))
        assert reported == [None, None, 5, None, None, 77 / 3]
        assert training.Trainer(toy.FakeUpdater()).extend(extension) is None and extension.name == (
            'parameter_statistics')
        # The sums go on after a resumption.
        resumed = extensions.ParameterStatistics(link.l, {'max': np.max}, trigger=(3, 'iteration'))
        load_npz(tmp_path / 'snapshot', resumed, path='extensions/parameter_statistics')
        link.l.W.array[1, 1] = 9
        with Reporter() as reporter:
            resumed(SimpleNamespace(updater=SimpleNamespace(iteration=3, epoch_detail=0.9)))
        assert reporter.observation == {'l/W/data/max': 5}

    def test_nan(self):
        link = self.make()
        link.l.W.array[0, 0] = np.nan
        assert np.isnan(self.observe(link)['None/l/W/data/max'])
        skipped = self.observe(link, skip_nan_params=True)
        assert list(skipped) == [f'None/l/W/data/{name}' for name in (
            'mean', 'std', 'min', 'max', 'zeros', 'percentile')]
        assert all(map(np.isnan, skipped.values()))


def test_everything_together(tmp_path, capsys):
    """A small classifier learns, with all extensions at work."""
    state = np.random.RandomState(0)
    x = state.randn(120, 2).astype('f')
    data = list(zip(x, (x[:, 0] * x[:, 1] > 0).astype('i')))

    class MLP(Chain):
        def __init__(self):
            super().__init__(l1=L.Linear(2, 16), l2=L.Linear(16, 2))

        def forward(self, x, t):
            y = self.l2(F.relu(self.l1(x)))
            loss = F.softmax_cross_entropy(y, t)
            report({'loss': loss, 'accuracy': F.accuracy(y, t)}, self)
            return loss

    model = MLP()
    updater = training.StandardUpdater(SerialIterator(data[:96], 16), optimizers.Adam(0.02).setup(model))
    trainer = training.Trainer(updater, (25, 'epoch'), tmp_path)
    trainer.extend(extensions.Evaluator(SerialIterator(data[96:], 16, repeat=False, shuffle=False), model))
    trainer.extend(extensions.LogReport(filename='log.json'))
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/accuracy']))
    trainer.extend(extensions.ProgressBar())
    trainer.extend(extensions.snapshot(n_retains=1))
    trainer.run()
    log = json.loads((tmp_path / 'log.json').read_text())
    assert len(log) == 25 and log[-1]['main/loss'] < 0.3 * log[0]['main/loss']
    assert log[-1]['validation/main/accuracy'] > 0.8
    assert len(capsys.readouterr().out.splitlines()) == 26
    assert sorted(path.name for path in tmp_path.iterdir()) == ['log.json', 'snapshot_iter_150']
