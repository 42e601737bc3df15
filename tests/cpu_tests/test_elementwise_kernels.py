"""Elementwise kernels, on arrays of all sizes and layouts."""
import importlib

import numpy as np
import pytest

import autograd_nn.functions  # noqa: F401 -- registers the operations
from autograd_nn import using_config
from autograd_nn.backend import elementwise
from autograd_nn.backends import contract
from autograd_nn.cpu import blocks
from autograd_nn.dtypes import as_dtype
from support.checking import IN_SOFTWARE
from support.pairs import every_pair

# Several blocks of threads on a GPU, and of each thread on the CPU.
LARGE = (2, 3, 40, 41) if IN_SOFTWARE else (2, 3, 300, 301)
SHAPES = [(), (0,), (5,), (3, 4, 5), *([(32, 32), (32, 33)] if IN_SOFTWARE else [(512, 512), (512, 513)]), LARGE]
LAYOUTS = {
    'C': lambda a: a,
    'channels-last': lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1) if a.ndim > 2 else a,
    'F': np.asfortranarray,
    'gaps': lambda a: np.repeat(a, 2, -1)[..., ::2] if a.ndim else a,
}
THREADS = [1, 2, 3]


@pytest.fixture
def num_threads(request):
    with using_config('num_threads', request.param):
        yield request.param


def draw(shape, dtype, layout='C', seed=0):
    return LAYOUTS[layout](np.random.default_rng(seed).normal(size=shape).astype(as_dtype(dtype)))


@pytest.mark.parametrize('shape, dtype, num_threads', every_pair(SHAPES, ['bfloat16', 'e', 'f', 'd'], THREADS),
                         indirect=['num_threads'])
@pytest.mark.kernels('scaled')
def test_scaled(kernel, shape, dtype, num_threads):
    x = draw(shape, dtype)
    y, other = (kernel.fetch(y) for y in kernel.kernels.scaled([kernel.send(x), kernel.send(x)], 0.3))
    assert y.dtype == dtype and y.shape == shape and y is not x and not np.shares_memory(y, other)
    np.testing.assert_array_equal(y, other)
    rtol = {'bfloat16': 4e-3, 'e': 5e-4, 'f': 2e-7, 'd': 1e-15}[dtype]
    np.testing.assert_allclose(y.astype('d'), x.astype('d') * 0.3, rtol, atol=1e-7)


@pytest.mark.parametrize('shape, dtypes, num_threads', every_pair(
    SHAPES, ['ee', 'ff', 'dd', 'fe', ('bfloat16', 'bfloat16'), ('f', 'bfloat16')], THREADS), indirect=['num_threads'])
@pytest.mark.kernels('scaled_sum')
def test_scaled_sum(kernel, shape, dtypes, num_threads):
    x, y = draw(shape, dtypes[0]), draw(shape, dtypes[1], seed=1)
    z = kernel('scaled_sum', x, y, 0.3)
    assert z.dtype == dtypes[0] and z.shape == shape
    tolerance = {'bfloat16': 2e-2, 'e': 2e-3, 'f': 1e-6, 'd': 1e-14}[dtypes[0]]
    np.testing.assert_allclose(z.astype('d'), x.astype('d') + 0.3 * y.astype('d'), tolerance, tolerance)


@pytest.mark.parametrize('dtype, layout, num_threads', every_pair(['bfloat16', 'e', 'f', 'd'], LAYOUTS, THREADS),
                         indirect=['num_threads'])
@pytest.mark.kernels('sum_of_squares')
def test_sum_of_squares(kernel, dtype, layout, num_threads):
    arrays = [draw(shape, dtype, layout) for shape in SHAPES]
    total = kernel('sum_of_squares', arrays)
    assert total.shape == () and kernel('sum_of_squares', []) == 0
    np.testing.assert_allclose(total, sum((a.astype('d') ** 2).sum() for a in arrays),
                               rtol={'bfloat16': 1e-5, 'e': 1e-5, 'f': 1e-5, 'd': 1e-13}[dtype])


@pytest.mark.parametrize('shape, left, right, num_threads', every_pair(
    [(3, 4, 5), LARGE], LAYOUTS, LAYOUTS, THREADS), indirect=['num_threads'])
@pytest.mark.kernels('scaled_sum')
def test_layouts(kernel, shape, left, right, num_threads):
    x, y = draw(shape, 'f', left), draw(shape, 'f', right, seed=1)
    before = x.copy(), y.copy()
    z = kernel('scaled_sum', x, y, 0.5)
    np.testing.assert_array_equal(z, before[0] + np.float32(0.5) * before[1])
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


@pytest.mark.parametrize('layout', ['C', 'channels-last', 'F'])
def test_the_result_has_the_layout_of_the_first_array(layout):
    x = draw((2, 3, 300, 301), 'f', layout)
    assert blocks.compute(lambda out, x: np.negative(x, out=out), x).strides == x.strides


def test_large_arrays_are_shared_out_in_blocks():
    sizes = []

    def step(out, x):
        sizes.append(x.size)
        out[...] = x

    blocks.compute(step, np.zeros(1 << 19))
    assert len(sizes) > 8 and sum(sizes) == 1 << 19


OPERATIONS = {name.rpartition('.')[2]: operation for name, operation in elementwise.registry.items()
              if operation.source.name is not None}
ODD = [0, -0., np.nan, np.inf, -np.inf, 1e30, -1e30, 1e-40, 6, -6, 100, -100]


def arguments(operation, *arrays):
    """The arguments of an operation: arrays for what is one there, numbers for its parameters."""
    arrays = iter(arrays)
    return [next(arrays) if name.split()[1] in ('x', 'x0', 'x1', 'y', 'gy', 'mask') else 0.7
            for name in operation.source.in_params.split(', ')]


@pytest.mark.parametrize('name, shape, layout, num_threads', every_pair(
    OPERATIONS, [(70, 100), (2, 16, 4, 41), (3, 1001)] if IN_SOFTWARE else [(70, 1000), (2, 16, 40, 41), (3, 100001)],
    LAYOUTS, THREADS), indirect=['num_threads'])
def test_operations_on_large_arrays(kernel, name, shape, layout, num_threads):
    operation = OPERATIONS[name]
    args = arguments(operation, draw(shape, 'f', layout), draw(shape, 'f', layout, 1))
    y = kernel('elementwise', operation.body, args, operation.source.name)
    exact = operation.body(*[a.astype('d') if isinstance(a, np.ndarray) else a for a in args])
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, exact, rtol=2e-6, atol=2e-6)
    if layout != 'gaps' and not kernel.on_gpu:
        assert y.strides == args[0].strides


@pytest.mark.parametrize('name', OPERATIONS)
@pytest.mark.filterwarnings('ignore:invalid value', 'ignore:overflow', 'ignore:divide')
def test_operations_on_odd_numbers(kernel, name):
    """What is zero, infinite or not a number comes out as NumPy has it."""
    operation = OPERATIONS[name]
    # Outputs of activations lie in a certain interval; where one is not a number, the gradient may be anything.
    first = [0, -0., 1e-40, 0.5, 1] if operation.source.in_params.startswith('T y') else ODD
    x, gy = (a.ravel().astype('f') for a in np.meshgrid(first, [0, -0., 1, -2, np.nan]))
    args = arguments(operation, np.resize(x, 1 << 16), np.resize(gy, 1 << 16))
    y = kernel('elementwise', operation.body, args, operation.source.name)
    expected = operation.body(*args)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    np.testing.assert_allclose(y, expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize('dtype', ['e', 'd', 'i'])
def test_operations_on_other_types(kernel, dtype):
    x = (3 * draw((300, 1000), 'f')).astype(dtype)
    y = kernel('elementwise', np.add, (x, x), None)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, x + x)
    y = kernel('elementwise', np.divide, (x, abs(x) + x.dtype.type(1)), None)
    np.testing.assert_array_equal(y, x / (abs(x) + x.dtype.type(1)))


def test_operations_on_different_shapes_and_types(kernel):
    x, row = draw((300, 1000), 'f'), draw((1000,), 'f')
    np.testing.assert_array_equal(kernel('elementwise', np.multiply, (x, row), 'multiply'), x * row)
    wide = kernel('elementwise', np.multiply, (x, x.astype('d')), 'multiply')
    assert wide.dtype == 'd'
    np.testing.assert_array_equal(wide, x * x.astype('d'))


@pytest.mark.parametrize('name', OPERATIONS)
def test_functions_send_large_arrays_to_the_kernels(name):
    operation = OPERATIONS[name]
    args = arguments(operation, draw((40, 1000), 'f'), draw((40, 1000), 'f', seed=1))
    for use in 'auto', 'never':
        with using_config('use_onednn', use):
            np.testing.assert_allclose(operation(*args), operation.body(*args), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize('size, ratio, num_threads', every_pair(
    [100, 1 << (14 if IN_SOFTWARE else 20)], [0, 0.1, 0.5, 0.999999], THREADS), indirect=['num_threads'])
@pytest.mark.kernels('dropout_mask')
def test_dropout_mask(kernel, size, ratio, num_threads):
    x = draw((4, size // 4), 'f')
    mask = kernel('dropout_mask', x, ratio)
    assert mask.shape == x.shape and mask.dtype == x.dtype
    assert set(np.unique(mask)) <= {0, np.float32(1 / (1 - ratio))}
    # Five standard deviations.
    assert abs((mask == 0).mean() - ratio) <= 5 * np.sqrt(ratio * (1 - ratio) / size)


@pytest.mark.parametrize('layout', ['C', 'channels-last'])
@pytest.mark.parametrize('dtype', ['bfloat16', 'e', 'f', 'd'])
@pytest.mark.kernels('dropout_mask')
def test_masks_of_one_seed(kernel, layout, dtype):
    """They repeat, whatever the number of threads, and each draw is another one."""
    x = draw((2, 3, 70, 71) if IN_SOFTWARE else (2, 3, 300, 301), dtype, layout)
    masks = []
    for threads in 1, 3:
        np.random.seed(7)
        with using_config('num_threads', threads):
            masks += kernel('dropout_mask', x, 0.5), kernel('dropout_mask', x, 0.5)
    np.testing.assert_array_equal(masks[:2], masks[2:])
    assert (kernel.on_gpu or masks[0].strides == x.strides) and masks[0].dtype == dtype
    both = (masks[0] == 0) & (masks[1] == 0)
    assert abs(both.mean() - 0.25) < 0.01
    rows = (masks[0][0, :, :-1] == 0) & (masks[0][0, :, 1:] == 0)
    assert abs(rows.mean() - 0.25) < 0.02


def test_names_of_operations():
    """The functions, the table of the contract and the back ends mean the same by a name."""
    onednn_elementwise = importlib.import_module('autograd_nn.cpu.onednn.elementwise')
    used = {operation.source.name for operation in elementwise.registry.values()} - {None}
    assert used == set(contract.OPERATIONS)
    assert set(blocks._WRITERS) | set(onednn_elementwise._OPERATIONS) <= used


@pytest.mark.parametrize('name, params', [('reul', 'T x'), ('relu', 'T x, T y'), ('relu_grad', 'T gy, T y')])
def test_a_name_of_nothing_is_refused(name, params):
    with pytest.raises(ValueError, match=f'elementwise: .* no operation {name!r}'):
        elementwise(params, 'T z', 'z = x', name=name)
