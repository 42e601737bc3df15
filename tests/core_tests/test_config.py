"""Configuration: what each thread sees, and contexts that change it for a while."""
import io
import subprocess
import sys
import threading

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import Variable, config, global_config, using_config


def in_thread(f):
    """The result of a function that another thread calls."""
    results = []
    thread = threading.Thread(target=lambda: results.append(f()))
    thread.start()
    thread.join()
    return results[0]


@pytest.fixture
def entry():
    """A global entry of the tests' own."""
    global_config.test_entry = 'global'
    yield 'test_entry'
    del global_config.test_entry
    assert not hasattr(config, 'test_entry')


def test_defaults():
    assert config.train is True and config.enable_backprop is True
    assert config.debug is False and config.type_check is True
    assert config.dtype == np.float32 and config.keep_graph_on_report is False


def test_unknown_entry():
    with pytest.raises(AttributeError, match='no_such_entry'):
        assert config.no_such_entry
    with pytest.raises(AttributeError, match='no_such_entry'):
        assert global_config.no_such_entry
    with pytest.raises(AttributeError, match='no_such_entry'):
        del config.no_such_entry


def test_a_thread_has_its_own_values(entry):
    config.test_entry = 'mine'
    assert config.test_entry == 'mine' and global_config.test_entry == 'global'
    assert in_thread(lambda: config.test_entry) == 'global'
    del config.test_entry
    assert config.test_entry == 'global'


def test_global_values_reach_running_threads(entry):
    changed, seen, ready = threading.Event(), [], threading.Event()

    def worker(own):
        if own:
            config.test_entry = 'own'
        seen.append(config.test_entry)
        if len(seen) == 2:
            ready.set()
        changed.wait(5)
        seen.append((own, config.test_entry))

    threads = [threading.Thread(target=worker, args=(own,)) for own in (False, True)]
    for thread in threads:
        thread.start()
    ready.wait(5)
    global_config.test_entry = 'changed'
    changed.set()
    for thread in threads:
        thread.join()
    assert sorted(seen[:2]) == ['global', 'own'] and sorted(seen[2:]) == [(False, 'changed'), (True, 'own')]
    assert config.test_entry == 'changed' and in_thread(lambda: config.test_entry) == 'changed'


def test_global_values_change_while_threads_come_and_go(entry):
    errors = []

    def spawn():
        try:
            for _ in range(100):
                in_thread(lambda: config.test_entry)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=spawn) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(2000):
        global_config.test_entry = i
    for thread in threads:
        thread.join()
    assert errors == [] and config.test_entry == 1999


def test_an_own_value_hides_later_global_ones(entry):
    with using_config(entry, 'mine'):
        global_config.test_entry = 'later'
        assert config.test_entry == 'mine'
    assert config.test_entry == 'later'


def test_using_config_restores(entry):
    with using_config(entry, 1):
        with using_config(entry, 2):
            assert config.test_entry == 2
        assert config.test_entry == 1
    assert config.test_entry == 'global'
    with pytest.raises(ZeroDivisionError), using_config(entry, 1):
        raise ZeroDivisionError
    assert config.test_entry == 'global'
    config.test_entry = 'own'
    with using_config(entry, 1):
        pass
    assert config.test_entry == 'own'
    del config.test_entry


def test_using_config_with_a_new_entry():
    with using_config('brand_new', 1):
        assert config.brand_new == 1
    assert not hasattr(config, 'brand_new')


def test_using_config_on_the_global_configuration(entry):
    with using_config(entry, 'inside', global_config):
        assert config.test_entry == 'inside' and in_thread(lambda: config.test_entry) == 'inside'
    assert config.test_entry == 'global' and in_thread(lambda: config.test_entry) == 'global'
    with using_config('brand_new', 1, global_config):
        assert config.brand_new == 1
    assert not hasattr(config, 'brand_new') and not hasattr(global_config, 'brand_new')


def test_show(entry):
    for target in config, global_config:
        file = io.StringIO()
        target.show(file)
        lines = dict(line.split(None, 1) for line in file.getvalue().splitlines())
        assert lines['train'] == 'True' and lines['test_entry'] == "'global'" and not any(n[0] == '_' for n in lines)


def test_backprop_modes_nest():
    x = Variable(np.ones(2))

    def recorded():
        return (x * 2).creator is not None

    assert recorded()
    with ann.no_backprop_mode():
        assert not recorded()
        with ann.force_backprop_mode():
            assert recorded()
            with ann.no_backprop_mode():
                assert not recorded()
            assert recorded()
            # Another thread is not concerned.
        assert not recorded() and in_thread(recorded)
    assert recorded()
    with ann.force_backprop_mode():
        assert recorded()
    with pytest.raises(ZeroDivisionError), ann.no_backprop_mode():
        raise ZeroDivisionError
    assert recorded()


def test_backprop_modes_as_decorators():
    @ann.no_backprop_mode()
    def predict(x):
        return x * 2

    for _ in range(2):
        assert predict(Variable(np.ones(2))).creator is None
    assert (Variable(np.ones(2)) * 2).creator is not None


def test_enable_backprop_set_directly():
    config.enable_backprop = False
    assert (Variable(np.ones(2)) * 2).creator is None
    del config.enable_backprop
    assert (Variable(np.ones(2)) * 2).creator is not None


def test_debug_mode():
    assert not ann.is_debug()
    ann.set_debug(True)
    assert ann.is_debug() and config.debug and not in_thread(ann.is_debug)
    with ann.DebugMode(False):
        assert not ann.is_debug()
    assert ann.is_debug()
    ann.set_debug(False)
    assert not ann.is_debug()
    with pytest.raises(ZeroDivisionError), ann.DebugMode(True):
        assert ann.is_debug()
        raise ZeroDivisionError
    assert not ann.is_debug()
    del config.debug


def test_get_dtype():
    assert ann.get_dtype() == np.float32 and isinstance(ann.get_dtype(), np.dtype)
    assert ann.get_dtype('float16') == np.float16
    with using_config('dtype', np.float64):
        assert ann.get_dtype() == np.dtype('float64') and ann.get_dtype(np.float16) == np.float16


def test_environment_variables(monkeypatch):
    program = 'import autograd_nn as a; c = a.config; print(c.dtype, c.debug, c.type_check)'
    for environment, expected in (({}, 'float32 False True'),
                                  ({'DTYPE': 'float64', 'DEBUG': '1', 'TYPE_CHECK': '0'}, 'float64 True False')):
        for name, value in environment.items():
            monkeypatch.setenv(f'AUTOGRAD_NN_{name}', value)
        result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=True)
        assert result.stdout.strip() == expected
