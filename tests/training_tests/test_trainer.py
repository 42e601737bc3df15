"""The training loop: order of calls, names, errors, interruption."""
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from autograd_nn import links as L
from autograd_nn import optimizers, training
from autograd_nn.iterators import SerialIterator
from autograd_nn.link import Chain, Link
from autograd_nn.reporter import report
from autograd_nn.serializers import load_npz
from autograd_nn.training import extensions
from autograd_nn.variable import Variable
from support import toy


def make(tmp_path, stop=(5, 'iteration'), **args):
    return training.Trainer(toy.FakeUpdater(), stop, tmp_path / 'out', **args)


def test_order(tmp_path):
    trainer = make(tmp_path, (2, 'iteration'))
    calls = []

    class Recorder(training.Extension):
        def __init__(self, name, priority):
            self.name, self.priority = name, priority

        def __call__(self, trainer):
            calls.append(self.name)

        def initialize(self, trainer):
            calls.append(f'initialize {self.name}')

        def finalize(self):
            calls.append(f'finalize {self.name}')

    for name, priority in ('a', training.PRIORITY_READER), ('b', training.PRIORITY_WRITER), ('c', 250):
        trainer.extend(Recorder(name, priority), call_before_training=name != 'c')
    trainer.extend(Recorder('d', 0), trigger=(2, 'iteration'), priority=1000)
    trainer.run()
    assert calls == ['initialize a', 'initialize c', 'initialize b', 'initialize d', 'b', 'a', 'b', 'c', 'a',
                     'd', 'b', 'c', 'a', 'finalize d', 'finalize b', 'finalize c', 'finalize a']
    assert trainer.updater.finalized


def test_names(tmp_path):
    trainer = make(tmp_path)

    @training.make_extension(default_name='made')
    def function(trainer):
        pass

    def plain(trainer):
        pass

    log = extensions.LogReport()
    for extension in log, extensions.LogReport(), function, plain, extensions.Evaluator([], Link()):
        trainer.extend(extension)
    trainer.extend(extensions.LogReport(), name='log')
    assert list(trainer._extensions) == ['LogReport', 'LogReport_1', 'made', 'plain', 'validation', 'log']
    assert trainer.get_extension('LogReport') is log and log.name == 'LogReport'
    assert trainer.get_extension('plain') is plain
    with pytest.raises(ValueError, match="no 'PlotReport', only LogReport, LogReport_1"):
        trainer.get_extension('PlotReport')
    with pytest.raises(ValueError, match='training'):
        trainer.extend(plain, name='training')
    with pytest.raises(TypeError, match='got int'):
        trainer.extend(3)


def test_make_extension(tmp_path):
    calls = []

    @training.make_extension(trigger=(2, 'iteration'), priority=7, initializer=lambda trainer: calls.append('start'),
                             finalizer=lambda: calls.append('end'))
    def extension(trainer):
        calls.append(trainer.updater.iteration)

    trainer = make(tmp_path, extensions=[extension])
    assert trainer._extensions['extension'].priority == 7
    trainer.run()
    assert calls == ['start', 2, 4, 'end']
    # The attributes that Chainer gives it.
    assert vars(training.make_extension()(lambda trainer: None)) == {
        'default_name': '<lambda>', 'finalize': None, 'initialize': None, 'on_error': None, 'priority': 100,
        'trigger': (1, 'iteration')}
    assert vars(extension).keys() == vars(training.make_extension()(lambda trainer: None)).keys()


def test_run(tmp_path):
    trainer = make(tmp_path)
    assert trainer.is_before_training
    with pytest.raises(RuntimeError, match='not been started'):
        trainer.elapsed_time  # noqa: B018
    trainer.run()
    assert trainer.updater.iteration == 5 and (tmp_path / 'out').is_dir() and not trainer.is_before_training
    elapsed = trainer.elapsed_time
    time.sleep(0.01)
    assert trainer.elapsed_time == elapsed < 5
    with pytest.raises(RuntimeError, match='run before'):
        trainer.run()


def test_stop_trigger_function(tmp_path):
    trainer = make(tmp_path, lambda trainer: trainer.updater.iteration == 3)
    trainer.run()
    assert trainer.updater.iteration == 3


def test_observation(tmp_path):
    model = Chain(child=Link())
    updater = toy.FakeUpdater()
    updater.get_all_optimizers = lambda: {'main': optimizers.SGD().setup(model)}
    updater.update = lambda: (setattr(updater, 'iteration', updater.iteration + 1),
                              report({'x': updater.iteration}, model), report({'y': 0}, model.child))
    trainer = training.Trainer(updater, (2, 'iteration'), tmp_path)
    seen = []
    trainer.extend(lambda trainer: seen.append(dict(trainer.observation)), name='read')
    trainer.extend(lambda trainer: report({'z': 5}), name='write', priority=training.PRIORITY_WRITER)
    trainer.run()
    assert seen == [{'main/x': i, 'main/child/y': 0, 'z': 5} for i in (1, 2)]


class TestUpdater:
    def run(self, converter=None, example=None, iterations=3, **args):
        """Trains a linear layer; returns it and what the loss function was given."""
        model = L.Linear(2, 1)
        optimizer = optimizers.SGD().setup(model)
        calls = []

        def loss(*arrays, **named):
            calls.append((arrays, named))
            return (model(next(iter([*arrays, *named.values()]))) ** 2).sum()

        example = (np.ones(2, 'f'), 3) if example is None else example
        iterator = SerialIterator([example] * 4, 2)
        if converter is not None:
            args['converter'] = converter
        updater = training.StandardUpdater(iterator, optimizer, loss_func=loss, **args)
        for _ in range(iterations):
            updater.update()
        return updater, optimizer, calls

    def test_tuple(self):
        updater, optimizer, calls = self.run()
        (x, t), named = calls[0]
        assert x.shape == (2, 2) and t.tolist() == [3, 3] and not named
        assert updater.iteration == optimizer.t == 3
        assert (updater.epoch, updater.epoch_detail, updater.is_new_epoch) == (1, 1.5, False)
        assert updater.previous_epoch_detail == 1 and optimizer.epoch == 1
        with pytest.raises(RuntimeError, match='updater counts'):
            optimizer.new_epoch()
        assert updater.get_optimizer('main') is optimizer and updater.get_all_optimizers() == {'main': optimizer}

    def test_dict_and_array(self):
        _, _, calls = self.run(example={'x': np.ones(2, 'f')})
        assert calls[0][0] == () and set(calls[0][1]) == {'x'}
        _, _, calls = self.run(example=np.ones(2, 'f'))
        assert calls[0][0][0].shape == (2, 2) and not calls[0][1]

    def test_converter_and_device(self):
        devices = []

        def converter(batch, device):
            devices.append(str(device))
            return np.full((len(batch), 2), 7, 'f')

        _, _, calls = self.run(converter, device=-1)
        assert devices == ['-1'] * 3 and (calls[0][0][0] == 7).all()

    def test_no_auto_new_epoch(self):
        _, optimizer, _ = self.run(auto_new_epoch=False)
        assert optimizer.epoch == 0
        optimizer.new_epoch()

    def test_loss_scale(self):
        weights = np.random.randn(1, 2).astype('f')
        results = []
        for loss_scale in None, 16.:
            model = L.Linear(2, 1, initialW=weights)
            optimizer = optimizers.SGD().setup(model)
            iterator = SerialIterator([np.ones(2, 'f')] * 4, 2)
            updater = training.StandardUpdater(iterator, optimizer, loss_func=lambda x, m=model: (m(x) ** 2).sum(),
                                               loss_scale=loss_scale)
            updater.update()
            results.append(model.W.array)
        np.testing.assert_array_equal(*results)

    def test_model_is_the_loss_function(self):
        class Model(Link):
            def __init__(self):
                super().__init__(w=(2,))
                self.w.array[...] = 1

            def forward(self, x, t):
                return ((self.w - x) ** 2).sum()

        model = Model()
        iterator = SerialIterator([(np.zeros(2, 'f'), 0)], 1)
        training.StandardUpdater(iterator, optimizers.SGD(0.25).setup(model)).update()
        np.testing.assert_array_equal(model.w.array, [0.5, 0.5])

    def test_no_model(self):
        with pytest.raises(ValueError, match='setup'):
            training.StandardUpdater(SerialIterator([1], 1), optimizers.SGD())


class Failure(Exception):
    pass


def fail(trainer):
    raise Failure('so it is')


class TestErrors:
    def test_calls_and_message(self, tmp_path, capsys):
        trainer = make(tmp_path)
        calls = []

        class Witness(training.Extension):
            def __call__(self, trainer):
                pass

            def on_error(self, trainer, exc, tb):
                calls.append((exc, tb))

            def finalize(self):
                calls.append('finalize')

        trainer.extend(Witness())
        trainer.extend(fail, trigger=(3, 'iteration'))
        with pytest.raises(Failure) as info:
            trainer.run()
        assert calls[0][0] is info.value and calls[0][1] is not None
        assert calls[1:] == ['finalize'] and trainer.updater.finalized
        path = tmp_path / 'out' / 'snapshot_interrupted'
        assert capsys.readouterr().err.splitlines() == [
            'The training ended at iteration 3: Failure: so it is', f'Snapshot: {path}']
        resumed = make(tmp_path)
        load_npz(path, resumed, strict=False)
        assert resumed.updater.iteration == 3

    def test_silent(self, tmp_path, capsys):
        trainer = make(tmp_path, extensions=[fail])
        with pytest.raises(Failure):
            trainer.run(show_loop_exception_msg=False)
        assert capsys.readouterr().err == '' and (tmp_path / 'out' / 'snapshot_interrupted').exists()

    def test_nothing_to_save_before_the_first_update(self, tmp_path, capsys):
        trainer = make(tmp_path)
        trainer.updater.update = lambda: fail(None)
        with pytest.raises(Failure):
            trainer.run()
        assert list((tmp_path / 'out').iterdir()) == [] and 'Snapshot' not in capsys.readouterr().err

    def test_snapshot_on_error(self, tmp_path, capsys):
        trainer = make(tmp_path, extensions=[extensions.snapshot(snapshot_on_error=True)])
        trainer.extend(fail, trigger=(4, 'iteration'))
        with pytest.raises(Failure):
            trainer.run()
        assert [path.name for path in (tmp_path / 'out').iterdir()] == ['snapshot_iter_4']
        assert f'Snapshot: {tmp_path}/out/snapshot_iter_4\n' in capsys.readouterr().err

    def test_snapshot_on_error_replaces_nothing(self, tmp_path, capsys):
        """A model that has become NaN does not replace the last good snapshot."""
        trainer = make(tmp_path)
        trainer.extend(extensions.snapshot(filename='state', snapshot_on_error=True), trigger=(2, 'iteration'))
        trainer.extend(fail, trigger=(3, 'iteration'))
        with pytest.raises(Failure):
            trainer.run()
        for name, iteration in ('state', 2), ('on_error_state', 3):
            resumed = make(tmp_path)
            load_npz(tmp_path / 'out' / name, resumed, strict=False)
            assert resumed.updater.iteration == iteration
        assert 'out/on_error_state\n' in capsys.readouterr().err

    @pytest.mark.parametrize('with_snapshot', [False, True])
    def test_a_model_that_diverged_leaves_earlier_snapshots_alone(self, tmp_path, capsys, with_snapshot):
        model = Link(W=())
        model.W.array[...] = 1
        optimizer = optimizers.SGD(1e20).setup(model)
        updater = training.StandardUpdater(SerialIterator(np.ones(4, 'f'), 2), optimizer,
                                           loss_func=lambda x: model.W ** 2 * x.sum())
        trainer = training.Trainer(updater, (9, 'iteration'), tmp_path, [extensions.FailOnNonNumber()])
        if with_snapshot:
            trainer.extend(extensions.snapshot(filename='snapshot_interrupted', snapshot_on_error=True),
                           trigger=(1, 'iteration'))
        (tmp_path / 'snapshot_interrupted').write_text('good')
        with np.errstate(all='ignore'), pytest.raises(RuntimeError, match=r'parameter /W of.*NaN or infinite'):
            if with_snapshot:
                with pytest.warns(UserWarning, match='nothing is saved at iteration 2'):
                    trainer.run()
            else:
                trainer.run()
        assert 'No snapshot of this state is saved: the parameter /W has become' in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == ['snapshot_interrupted']
        if with_snapshot:
            with np.load(tmp_path / 'snapshot_interrupted') as npz:
                assert np.isfinite(npz['updater/model:main/W']).all() and npz['updater/iteration'] == 1
        else:
            assert (tmp_path / 'snapshot_interrupted').read_text() == 'good'

    def test_saving_fails(self, tmp_path, capsys):
        """The original exception comes through, and the message tells why there is no snapshot."""
        def savefun(path, target):
            raise OSError('disk full')

        trainer = make(tmp_path, extensions=[extensions.snapshot(savefun, snapshot_on_error=True)])
        trainer.updater.serialize = lambda serializer: serializer('x', object())
        trainer.extend(fail)
        with pytest.raises(Failure):
            trainer.run()
        error = capsys.readouterr().err
        assert '_Snapshot could not deal with that: OSError: disk full' in error
        assert 'No snapshot could be saved: TypeError' in error

    def test_keyboard_interrupt(self, tmp_path, capsys):
        """A snapshot is left without being asked for, though not one of an object alone."""
        trainer = make(tmp_path, extensions=[extensions.snapshot(), extensions.snapshot_object(Link(), 'model')])

        def interrupt(trainer):
            raise KeyboardInterrupt

        trainer.extend(interrupt, trigger=(2, 'iteration'))
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
        assert [path.name for path in (tmp_path / 'out').iterdir()] == ['snapshot_iter_2']
        assert capsys.readouterr().err.startswith('The training ended at iteration 2: KeyboardInterrupt\nSnapshot: ')

    def test_handler_of_the_program_stays(self, tmp_path):
        def handler(signum, frame):
            pass

        old = signal.signal(signal.SIGINT, handler)
        try:
            make(tmp_path, extensions=[lambda trainer: os.kill(os.getpid(), signal.SIGINT)]).run()
            assert signal.getsignal(signal.SIGINT) is handler
        finally:
            signal.signal(signal.SIGINT, old)

    def test_other_threads(self, tmp_path):
        trainer = make(tmp_path)
        thread = threading.Thread(target=trainer.run)
        thread.start()
        thread.join()
        assert trainer.updater.iteration == 5


class TestControlC:
    def test_waits_for_the_end_of_the_iteration(self, tmp_path, capsys):
        """The snapshot is exact: a resumed training equals one that was not interrupted."""
        trainer = toy.make_trainer(tmp_path, extensions=False)
        calls = []

        def press(trainer):
            if trainer.updater.iteration == 4:
                os.kill(os.getpid(), signal.SIGINT)
                calls.append('pressed')

        trainer.extend(press)
        trainer.extend(lambda trainer: calls.append(trainer.updater.iteration), name='after')
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
        assert calls == [1, 2, 3, 'pressed', 4]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert 'stops after this iteration' in capsys.readouterr().err
        resumed = toy.make_trainer(tmp_path, extensions=False, seed=1)
        whole = toy.make_trainer(tmp_path, extensions=False)
        whole.run()
        np.random.rand(3)
        load_npz(tmp_path / 'snapshot_interrupted', resumed, strict=False)
        resumed.run()
        for a, b in zip(*(t.updater.get_optimizer('main').target.params() for t in (whole, resumed))):
            np.testing.assert_array_equal(a.array, b.array)

    def test_a_half_made_update_replaces_no_snapshot(self, tmp_path):
        """After the second Ctrl-C at once."""
        trainer = toy.make_trainer(tmp_path, extensions=False)
        trainer.extend(extensions.snapshot(filename='state'), trigger=(2, 'iteration'))
        update = trainer.updater.update_core

        def press():
            update()
            if trainer.updater.iteration == 2:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(600)

        trainer.updater.update_core = press
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
        resumed = toy.make_trainer(tmp_path, extensions=False)
        load_npz(tmp_path / 'state', resumed, strict=False)
        assert resumed.updater.get_optimizer('main').t == resumed.updater.iteration == 2
        assert (tmp_path / 'on_error_state').exists()

    def test_an_iterator_that_ends_first(self, tmp_path):
        """Its processes got the signal, too: that is no other error, and the snapshot is that after the last update."""
        trainer = toy.make_trainer(tmp_path, extensions=False)
        trainer.extend(extensions.snapshot(filename='state'), trigger=(2, 'iteration'))
        following = trainer.updater.get_iterator('main').next

        def press():
            if trainer.updater.iteration == 3:
                os.kill(os.getpid(), signal.SIGINT)
                raise RuntimeError('process 7 died')
            return following()

        trainer.updater.get_iterator('main').next = press
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
        resumed = toy.make_trainer(tmp_path, extensions=False)
        load_npz(tmp_path / 'state', resumed, strict=False)
        assert resumed.updater.get_optimizer('main').t == resumed.updater.iteration == 3

    def test_twice_interrupts_at_once(self, tmp_path):
        trainer = toy.make_trainer(tmp_path, extensions=False)

        def press(trainer):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(600)

        trainer.extend(press)
        start = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
        assert time.perf_counter() - start < 300 and trainer.updater.iteration == 1

    def test_during_saving(self, tmp_path):
        """Ctrl-C while a snapshot is being saved leaves the one that was there."""
        trainer = toy.make_trainer(tmp_path, extensions=False)

        def savefun(path, target):
            Path(path).write_bytes(b'half')
            if trainer.updater.iteration > 2:
                raise KeyboardInterrupt
            training.extensions.snapshot_writers.save_npz(path, target)

        trainer.extend(extensions.snapshot(savefun, 'snapshot'), trigger=(2, 'iteration'))
        with pytest.raises(KeyboardInterrupt):
            trainer.run()
        resumed = toy.make_trainer(tmp_path, extensions=False)
        resumed.extend(extensions.snapshot(savefun, 'snapshot'), trigger=(2, 'iteration'))
        load_npz(tmp_path / 'snapshot', resumed)
        assert resumed.updater.iteration == 2
        assert [path.name for path in tmp_path.iterdir()] == ['snapshot']


KILLED = '''
import sys
sys.path.insert(0, sys.argv[2])
from support import toy
from autograd_nn import training
trainer = toy.make_trainer(sys.argv[1], stop=None, extensions=False)
trainer.extend(training.extensions.snapshot(filename='snapshot'), trigger=(1, 'iteration'))
trainer.extend(lambda trainer: print(trainer.updater.iteration, flush=True), name='tell', priority=-200)
trainer.run()
'''


@pytest.mark.skipif(not hasattr(signal, 'SIGKILL'), reason='there is no such signal here')
def test_killed_while_saving(tmp_path):
    """Snapshots that overwrite each other all the time are whole whenever the process is killed."""
    for delay in 0, 0.013, 0.027:
        process = subprocess.Popen([sys.executable, '-c', KILLED, str(tmp_path), str(Path(__file__).parents[1])],
                                   stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        assert process.stdout.readline()
        time.sleep(delay)
        process.kill()
        process.communicate()
        trainer = toy.make_trainer(tmp_path, stop=None, extensions=False)
        trainer.extend(extensions.snapshot(filename='snapshot'), trigger=(1, 'iteration'))
        load_npz(tmp_path / 'snapshot', trainer, strict=False)
        assert trainer.updater.iteration >= 1


def test_memory_of_variables_goes(tmp_path):
    """What an iteration reports keeps neither its graph nor, after the next iteration, its arrays."""
    trainer = toy.make_trainer(tmp_path, extensions=False)
    seen = []
    trainer.extend(lambda trainer: seen.append(trainer.observation['main/loss']), name='see')
    trainer.run()
    assert all(isinstance(loss, Variable) and loss.creator is None for loss in seen)
