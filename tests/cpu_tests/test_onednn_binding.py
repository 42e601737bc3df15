"""The binding of oneDNN: finding the library, errors, threads, forks, and arguments that fit and that do not."""
import gc
import os
import signal
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_nn.links as L
from autograd_nn import config, cpu, no_backprop_mode, using_config
from autograd_nn.cpu import onednn
from autograd_nn.cpu.onednn import library, primitive
from support.convolutions import check_convolutions

pytestmark = pytest.mark.skipif(onednn.load()[0] is None, reason=onednn.load()[1])
ONE = (1, 1)
TESTS = Path(__file__).parents[1]


def arrays(*shapes):
    return [np.random.standard_normal(shape).astype('f') for shape in shapes]


def assert_same(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


# --- finding it

def run(code, **variables):
    return subprocess.run([sys.executable, '-c', code], env={**os.environ, **variables}, capture_output=True, text=True)


@pytest.mark.parametrize('value, reason', [('0', 'turned off: AUTOGRAD_NN_ONEDNN=0'),
                                           ('/nowhere/lib.so', '/nowhere/lib.so'), (sys.executable, 'libdnnl.so.3')])
def test_without_the_library_numpy_computes(value, reason):
    code = ('import numpy as np, autograd_nn as ann, autograd_nn.functions as F; ann.show_config();'
            'print(F.convolution_2d(np.ones((1, 1, 3, 3), "f"), np.ones((1, 1, 3, 3), "f")).array.item())')
    done = run(code, AUTOGRAD_NN_ONEDNN=value)
    assert done.returncode == 0, done.stderr
    assert 'kernels on the CPU: NumPy' in done.stdout and reason in done.stdout
    assert done.stdout.endswith('9.0\n')


def test_a_user_can_insist():
    code = ('import numpy as np, autograd_nn as ann, autograd_nn.functions as F; ann.config.use_onednn = "always";'
            'F.convolution_2d(np.ones((1, 1, 3, 3), "f"), np.ones((1, 1, 3, 3), "f"))')
    done = run(code, AUTOGRAD_NN_ONEDNN='0')
    assert done.returncode == 1
    assert "OneDNNError: config.use_onednn is 'always': turned off" in done.stderr


def test_a_user_can_do_without(monkeypatch):
    x, W = arrays((2, 3, 5, 5), (4, 3, 3, 3))
    monkeypatch.setattr(primitive.Primitive, '__call__', None)
    with using_config('use_onednn', 'never'):
        from autograd_nn import backend
        backend.kernels(x).convolution(x, W, None, ONE, ONE, ONE, 1)


# --- errors and handles

def test_errors_have_the_words_of_the_library():
    with pytest.raises(onednn.OneDNNError, match='oneDNN: matmul_primitive_desc_create: invalid_arguments'):
        primitive.Primitive('matmul', primitive.Memory((2, 3)), primitive.Memory((4, 5)), None,
                            primitive.Memory((2, 5)), arrays=())
    with pytest.raises(ValueError, match=r'no empty one, got shape \(0, 2\)'):
        primitive.Memory((0, 2))
    with pytest.raises(ValueError, match=r'positive strides, got \(-1, 1\)'):
        primitive.Memory((2, 3), (-1, 1))


def test_an_array_that_is_too_small_is_refused():
    copy = primitive.cached('test copy', lambda: primitive.Reorder(primitive.Memory((2, 3)), primitive.Memory((2, 3))))
    with pytest.raises(ValueError, match=r'at least 24 bytes, got 20 \(shape \(5,\), float32\)'):
        copy(np.zeros((2, 3), 'f'), np.zeros(5, 'f'))


def test_primitives_that_are_not_needed_go(monkeypatch):
    monkeypatch.setattr(primitive, 'CAPACITY', 4)
    alive = []

    def make(width):
        made = primitive.Reorder(primitive.Memory((2, width)), primitive.Memory((2, width), (1, 2)))
        alive.append(weakref.ref(made))
        return made

    def work():
        for width in range(1, 30):
            primitive.cached(('test of capacity', width), make, width)
        gc.collect()
        counts.append(sum(made() is not None for made in alive))

    counts: list[int] = []
    # A thread of its own has no other primitives.
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert counts == [4]


# --- threads and processes

def test_threads_compute_at_the_same_time():
    failures = []

    def work(seed):
        try:
            with using_config('num_threads', 1 + seed % 2):
                check_convolutions(seed)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system has no fork')
@pytest.mark.filterwarnings('ignore:.*fork.*:DeprecationWarning')
def test_a_forked_process_computes():
    code = '''
import os, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from support.convolutions import check_convolutions
import autograd_nn
autograd_nn.config.num_threads = 2
check_convolutions(0)
child = os.fork()
check_convolutions(1)
if not child:
    check_convolutions(2)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
'''
    done = subprocess.run([sys.executable, '-c', code, str(TESTS)], capture_output=True, text=True,
                          timeout=300)
    assert done.stdout == '7\n', done.stderr


def test_a_number_of_threads_is_taken_over(monkeypatch):
    numbers = []
    monkeypatch.setattr(library.Library, 'set_num_threads', lambda self, number: numbers.append(number))
    for number in 4, 1, 3, 3, 2:
        with using_config('num_threads', number):
            check_convolutions(0, 1)
    assert numbers[-3:] == [1, 3, 2]


@pytest.mark.parametrize('variables', [{'OMP_DYNAMIC': 'true'}, {'OMP_THREAD_LIMIT': '1'},
                                       {'OMP_MAX_ACTIVE_LEVELS': '0'}])
def test_fewer_threads_than_asked_for_are_no_obstacle(variables):
    """Kernels wait at barriers for threads that OpenMP then does not start."""
    code = '''
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from support.convolutions import check_convolutions
import autograd_nn
from autograd_nn.cpu import onednn
autograd_nn.config.num_threads = 2
check_convolutions(0)
x = np.random.standard_normal((4, 64, 28, 28)).astype('f')
y, *_ = onednn.batch_normalization(x, np.ones(64, 'f'), np.zeros(64, 'f'), 0, (0, 2, 3), True)
print(abs(y - ((x - x.mean((0, 2, 3), keepdims=True)) / x.std((0, 2, 3), keepdims=True)).clip(0)).max() < 1e-4)
'''
    done = subprocess.run([sys.executable, '-c', code, str(TESTS)], env={**os.environ, **variables},
                          capture_output=True, text=True, timeout=300)
    assert done.stdout == 'True\n', done.stderr


def test_the_first_call_comes_from_several_threads():
    code = '''
import sys, threading
import numpy as np
import autograd_nn.functions as F
sys.setswitchinterval(1e-6)
start, results = threading.Barrier(8), []
def work():
    start.wait()
    results.append(F.convolution_2d(np.ones((1, 1, 3, 3), "f"), np.ones((1, 1, 3, 3), "f")).array.item())
workers = [threading.Thread(target=work) for _ in range(8)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(results == [9] * 8)
'''
    done = run(code)
    assert done.stdout == 'True\n', done.stderr


def test_the_first_call_is_interrupted():
    """Wherever that happens, the next one finds all that it needs."""
    code = '''
import sys
from autograd_nn.cpu.onednn import library

class Interrupt:
    def __init__(self, line):
        self.line = line
    def __call__(self, frame, event, argument):
        if not frame.f_code.co_filename.endswith(("library.py", "sysconfig.py", "site.py", "pathlib.py")):
            return None
        self.line -= event == "line"
        if self.line < 0:
            sys.settrace(None)
            raise KeyboardInterrupt
        return self

line, interrupted = 0, 0
while True:
    library._loaded = None
    sys.settrace(Interrupt(line))
    try:
        library.load()
        sys.settrace(None)
        break
    except KeyboardInterrupt:
        interrupted += 1
    assert library.load()[0] is not None, (line, library.load())
    line += 7
print(interrupted > 3)
'''
    done = run(code)
    assert done.stdout == 'True\n', done.stderr


# --- calls in the middle of others

@pytest.fixture
def interruption(monkeypatch):
    """Has a function called, once, in the middle of a call of a primitive: when so many addresses have been read."""
    def prepare(function, count):
        original = primitive.address
        stored = []

        def address(array):
            stored.append(original(array))
            if len(stored) == count:
                monkeypatch.setattr(primitive, 'address', original)
                function()
            return stored[-1]

        monkeypatch.setattr(primitive, 'address', address)

    return prepare


def test_a_call_may_come_in_the_middle_of_another(interruption):
    """Of the same primitive, from the handler of a signal or an object that is collected."""
    x, other, W = arrays((2, 8, 6, 6), (2, 8, 6, 6), (8, 8, 3, 3))
    inner = []

    def call(x):
        return onednn.convolution(x, W, None, ONE, ONE, ONE, 1)

    expected, expected_inside = call(x), call(other)
    # The filters and the images are copied into another format, and then multiplied.
    for count in range(1, 8):
        interruption(lambda: inner.append(call(other)), count)
        np.testing.assert_array_equal(call(x), expected)
        np.testing.assert_array_equal(inner.pop(), expected_inside)
    # A call that fails leaves nothing behind.
    copy = primitive.cached('test copy', lambda: primitive.Reorder(primitive.Memory((2, 3)), primitive.Memory((2, 3))))
    with pytest.raises(ValueError, match='at least 24 bytes'):
        copy(np.zeros((2, 3), 'f'), np.zeros(5, 'f'))
    result = np.zeros((2, 3), 'f')
    copy(np.ones((2, 3), 'f'), result)
    assert result.all()


def test_settings_may_change_in_the_middle_of_a_change(monkeypatch):
    """What is made for one number of threads is not taken for another."""
    def interrupted(self, number):
        monkeypatch.setattr(library.Library, 'set_num_threads', original)
        with using_config('num_threads', 6):
            primitive.cached('test of settings', str)
        original(self, number)

    original = library.Library.set_num_threads
    monkeypatch.setattr(library.Library, 'set_num_threads', interrupted)
    with using_config('num_threads', 5):
        assert primitive.cached(('test of settings', 1), lambda: 'for 5') == 'for 5'
    with using_config('num_threads', 6):
        assert primitive.cached(('test of settings', 1), lambda: 'for 6') == 'for 6'
    with using_config('num_threads', 5):
        assert primitive.cached(('test of settings', 1), str) == 'for 5'


@pytest.mark.skipif(not hasattr(signal, 'setitimer'), reason='this system has no timers')
def test_handlers_and_finalizers_compute():
    code = '''
import gc, signal
import numpy as np
from autograd_nn import global_config
from autograd_nn.cpu import onednn
global_config.num_threads = 1
rng = np.random.default_rng(0)
W = rng.standard_normal((16, 16, 3, 3)).astype("f")
images = [rng.standard_normal((4, 16, 20, 20)).astype("f") for _ in range(3)]
call = lambda x: onednn.convolution(x, W, None, (1, 1), (1, 1), (1, 1), 1)
expected = [call(x) for x in images]
wrong, calls = [], [0, 0, 0]

def check(k):
    calls[k] += 1
    if not np.array_equal(call(images[k]), expected[k]):
        wrong.append(k)

class Finalizer:
    def __init__(self):
        self.itself = self
    def __del__(self):
        check(1)

def alarm(*_):
    check(2)
    # On a busy machine, alarms at regular intervals would come faster than they are answered, each inside the other.
    signal.setitimer(signal.ITIMER_REAL, .0005)

signal.signal(signal.SIGALRM, alarm)
signal.setitimer(signal.ITIMER_REAL, .0005)
gc.set_threshold(7)
while calls[2] < 300 or calls[1] < 300:
    Finalizer()
    check(0)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
print(wrong)
'''
    done = run(code)
    assert done.stdout == '[]\n', done.stderr


# --- what is kept of filters

WIDE = (1, 64, 56, 56), (256, 64, 1, 1)  # with AVX2, one thread and two like different formats of the filters


def test_filters_of_all_settings():
    """What was made of filters once serves under other settings only where it is what they want."""
    x, W = arrays(*WIDE)
    conv = L.Convolution2D(64, 256, 1, initialW=W)
    expected = cpu.convolution(x, W, None, ONE, (0, 0), ONE, 1)
    scale = abs(expected).max()
    results = []

    def check(atol=1e-5):
        with no_backprop_mode():
            results.append(abs(conv(x).array - expected).max() < atol * scale)

    def check_alone():
        with using_config('num_threads', 1):
            check()

    for number in 2, 1, 3, 2:
        with using_config('num_threads', number):
            check()
            with using_config('use_bfloat16', True):
                check(2e-2)
            check()
    thread = threading.Thread(target=check_alone)
    thread.start()
    thread.join()
    assert results == [True] * 13


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system has no fork')
@pytest.mark.filterwarnings('ignore:.*fork.*:DeprecationWarning')
@pytest.mark.parametrize('instructions', ['ALL', 'AVX2'])
def test_filters_of_a_forked_process(instructions):
    code = '''
import os, sys, threading
import numpy as np
import autograd_nn as ann, autograd_nn.links as L
from autograd_nn import cpu
ann.config.num_threads = 2
x, W = (np.random.standard_normal(shape).astype("f") for shape in ((1, 64, 56, 56), (256, 64, 1, 1)))
conv = L.Convolution2D(64, 256, 1, initialW=W)
expected = cpu.convolution(x, W, None, (1, 1), (0, 0), (1, 1), 1)
def check():
    with ann.no_backprop_mode():
        results.append(bool(abs(conv(x).array - expected).max() < 1e-5 * abs(expected).max()))
results = []
check()
with ann.using_config('num_threads', 1):
    check()
child = os.fork()
check()
if not child:
    thread = threading.Thread(target=check)
    thread.start()
    thread.join()
    os._exit(7 if results == [True] * 4 else 1)
print(results, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
'''
    done = run(code, ONEDNN_MAX_CPU_ISA=instructions)
    assert done.stdout == '[True, True, True] 7\n', done.stderr


def test_equal_formats_have_one_number():
    def number(shape, strides=None):
        preferred = primitive.Memory(shape, strides)
        return primitive.Converter(primitive.Memory(shape), preferred.handle).format

    rows, columns = number((3, 4)), number((3, 4), (1, 3))
    assert rows != columns and number((3, 4)) == rows == number((3, 4), (4, 1)) and number((3, 5)) != rows
    assert number((3, 4), (1, 3)) == columns


def test_bfloat16_is_close():
    x, W = arrays((2, 16, 9, 9), (16, 16, 3, 3))
    exact = onednn.convolution(x, W, None, ONE, ONE, ONE, 1)
    with using_config('use_bfloat16', True):
        rounded = onednn.convolution(x, W, None, ONE, ONE, ONE, 1)
    np.testing.assert_allclose(rounded, exact, atol=0.02 * abs(exact).max())
    assert config.use_bfloat16 is False


# --- any arguments

@st.composite
def layouts(draw, shape):
    """An array of a shape with some layout in memory: row by row, channels last, with gaps, reversed, of equal rows."""
    x = np.random.standard_normal(shape).astype('f')
    kind = draw(st.sampled_from(['rows', 'columns', 'gaps', 'reversed', 'equal', 'last', 'readonly', 'windows']))
    if kind == 'columns':
        return np.asfortranarray(x)
    if kind == 'gaps':
        return np.repeat(x, 2, axis=-1)[..., ::2]
    if kind == 'reversed':
        return x[::-1]
    if kind == 'equal' and shape[0]:
        return np.broadcast_to(x[:1], shape)
    if kind == 'last':
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    if kind == 'windows' and x.size:
        steps = [x.itemsize * (i + 1) for i in range(x.ndim)]
        return np.lib.stride_tricks.as_strided(np.random.standard_normal(1000).astype('f'), shape, steps)
    if kind == 'readonly':
        x.flags.writeable = False
    return x


numbers = st.integers(-1, 4)


@settings(max_examples=200)
@given(st.data())
def test_convolution_of_anything(data):
    """Arguments that fit give what NumPy gives; others are refused by name."""
    n = data.draw(st.integers(1, 3))
    sizes = st.integers(0, 5)
    groups = data.draw(st.sampled_from([1, 1, 2, 3, 0, -1]))
    channels, filters = data.draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    more = data.draw(st.sampled_from([0, 0, 0, 1]))
    x = data.draw(layouts((data.draw(st.integers(0, 3)), channels * max(groups, 1) + more,
                           *data.draw(st.tuples(*[sizes] * n)))))
    W = data.draw(layouts((filters * max(groups, 1), channels, *data.draw(st.tuples(*[st.integers(1, 3)] * n)))))
    stride, pad, dilate = (data.draw(st.tuples(*[st.sampled_from(values)] * n))
                           for values in ([1, 1, 2, 0, -1], [0, 0, 1, 2, -1], [1, 1, 2, 0]))
    b = data.draw(st.sampled_from([None, np.ones(len(W), 'f'), np.ones(len(W) + 1, 'f')]))
    if not x.size or not W.size:
        return  # NumPy's business
    y = refused = None
    try:
        y = onednn.convolution(x, W, b, stride, pad, dilate, groups)
    except ValueError as error:
        refused = str(error)
    fits = (groups > 0 and x.shape[1] == W.shape[1] * groups and min(*stride, *dilate) > 0 and min(pad) >= 0
            and len(W) % groups == 0 and (b is None or len(b) == len(W))
            and all(size + 2 * p >= d * (k - 1) + 1 for size, p, d, k in zip(x.shape[2:], pad, dilate, W.shape[2:])))
    assert (refused is None) == fits, refused
    if not fits:
        assert refused.startswith('convolution: ')
        return
    assert_same(y, cpu.convolution(x, W, b, stride, pad, dilate, groups))
    gy = data.draw(layouts(y.shape))
    geometry = stride, pad, dilate, groups
    assert_same(onednn.convolution_filter_grad(x, gy, W.shape[2:], *geometry),
                cpu.convolution_filter_grad(x, gy, W.shape[2:], *geometry))
    assert_same(onednn.deconvolution(gy, W, None, stride, pad, x.shape[2:], dilate, groups),
                cpu.deconvolution(gy, W, None, stride, pad, x.shape[2:], dilate, groups))
    assert_same(onednn.convolution_bias_grad(gy), cpu.convolution_bias_grad(gy))
    for wrong in (gy.shape[0] + 1, *gy.shape[1:]), (*gy.shape[:-1], gy.shape[-1] + 1):
        with pytest.raises(ValueError, match='convolution_filter_grad: '):
            onednn.convolution_filter_grad(x, np.zeros(wrong, 'f'), W.shape[2:], *geometry)


@settings(max_examples=100)
@given(st.data())
def test_products_of_anything(data):
    sizes = st.sampled_from([1, 7, 50, 90])
    m, k, n = data.draw(st.tuples(sizes, sizes, sizes))
    batch = data.draw(st.sampled_from([(), (3,), (2, 3)]))
    a, b = data.draw(layouts((*batch, m, k))), data.draw(layouts((*batch, k, n)))
    if data.draw(st.booleans()):
        b = np.swapaxes(np.ascontiguousarray(np.swapaxes(b, -1, -2)), -1, -2)
    np.testing.assert_allclose(onednn.matmul(a, b), a.astype('d') @ b, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError):
        onednn.matmul(a, np.zeros((*batch, k + 1, n), 'f'))
    x, W = data.draw(layouts((m, k))), data.draw(layouts((n, k)))
    bias, ceiling = data.draw(st.sampled_from([None, np.ones(n, 'f')])), data.draw(st.sampled_from([None, 6., np.inf]))
    y = x.astype('d') @ W.T + (0 if bias is None else bias)
    np.testing.assert_allclose(onednn.linear(x, W, bias, ceiling), y if ceiling is None else y.clip(0, ceiling),
                               rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError):
        onednn.linear(x, np.zeros((n, k + 1), 'f'), bias)
