"""Every operation with a CUDA text beside its NumPy meaning: both on the same numbers, of every type and layout."""
import inspect
import zlib

import numpy as np
import pytest

import autograd_nn.distributions  # noqa: F401 -- registers the operations, those of functions among them
from autograd_nn import cuda
from autograd_nn.backend import elementwise
from autograd_nn.dtypes import as_dtype

pytestmark = pytest.mark.gpu

# Where the parameters of that name have a meaning; by operation where theirs is narrower.
INTERVALS = {'p': (0.01, 0.99), 'alpha': (0.2, 1.5), 'beta': (0.5, 2), 'delta': (0.2, 1), 'slope': (0.1, 0.5),
             'z': (0.5, 1.5), 't': (0, 1)}
NARROWER = {'reciprocal_sqrt': (0.1, 4), 'erfinv_kernel': (-0.99, 0.99), 'zeta_kernel': (1.1, 4), 'gamma_slope': (1, 4)}
TOLERANCES = {'bfloat16': 4e-2, 'e': 5e-3, 'f': 5e-6, 'd': 1e-11}


def check_operation(operation):
    """Compares an operation's text with its NumPy meaning in double precision.

    The first argument has the shape of the result, as the operations' own checks require; the others broadcast to it.
    Each operation has all types, and all layouts in one type, in turn: CuPy builds a kernel for each combination.
    """
    names = [parameter.split()[1] for parameter in operation.source.in_params.split(',')]
    assert all(parameter.split()[0] == 'T' for parameter in operation.source.in_params.split(','))
    assert names == list(inspect.signature(operation.body).parameters)

    def draw(name, shape, dtype):
        low, high = NARROWER.get(operation.name, INTERVALS.get(name, (-3, 3)))
        return np.random.uniform(low, high, shape).astype(as_dtype(dtype))

    def check(dtype, shapes, layout):
        args = [float(draw(name, (), dtype)) if shape is None else layout(draw(name, shape, dtype))
                for name, shape in zip(names, shapes)]
        result = operation(*[send(a) for a in args])
        exact = operation.body(*[np.array(a, 'd', order='C') if isinstance(a, np.ndarray) else a for a in args])
        assert isinstance(result, cuda.ndarray) and result.dtype == dtype and result.shape == shapes[0]
        np.testing.assert_allclose(cuda.to_cpu(result).astype('d'), exact, TOLERANCES[dtype], TOLERANCES[dtype])

    rest = len(names) - 1
    turn = list(TOLERANCES)[zlib.crc32(operation.name.encode()) % len(TOLERANCES)]
    for dtype in TOLERANCES:
        check(dtype, [(3, 4, 6)] * (rest + 1), np.array)
        if dtype == turn:
            for layout in LAYOUTS:
                check(dtype, [(3, 4, 6)] * (rest + 1), layout)
            for others in (6,), (4, 1), (3, 1, 1), ():
                check(dtype, [(3, 4, 6)] + [others] * rest, np.array)
        check(dtype, [(3, 4, 6)] + [None if name in INTERVALS else (3, 4, 6) for name in names[1:]], np.array)
        for shape in (), (0, 3), (1,), (300,):
            check(dtype, [shape] * (rest + 1), np.array)


def send(a):
    """An argument on the GPU, in the layout that it has."""
    if not isinstance(a, np.ndarray):
        return a
    if a.flags.c_contiguous:
        return cuda.to_gpu(a)
    if a.flags.f_contiguous:
        return cuda.to_gpu(np.ascontiguousarray(a.T)).T
    return cuda.to_gpu(np.repeat(a, 2, -1))[..., ::2]


LAYOUTS = [np.asfortranarray, lambda a: np.repeat(a, 2, -1)[..., ::2]]


@pytest.mark.parametrize('name', [name for name in elementwise.registry if '<locals>' not in name])
def test_text_and_meaning_agree(name):
    check_operation(elementwise.registry[name])


@pytest.mark.parametrize('text', ['y = x < (T)0 ? x : (T)0', 'y = x < (T)0 ? (T)1 : x', 'y = x', 'y = x < (T)0 ? (T)0'])
def test_a_planted_error_is_caught(text):
    def rectify(x):
        return np.maximum(x, 0)

    before = dict(elementwise.registry)
    try:
        right = elementwise('T x', 'T y', 'y = x < (T)0 ? (T)0 : x')(rectify)
        wrong = elementwise('T x', 'T y', text)(rectify)
    finally:
        elementwise.registry = before
    check_operation(right)
    with pytest.raises((AssertionError, RuntimeError)):
        check_operation(wrong)
