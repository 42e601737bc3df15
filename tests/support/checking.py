"""What tests of differentiable functions share: a check of values, dtypes and gradients, and ways to draw inputs."""
from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis.extra.numpy import array_shapes

from autograd_nn import Variable, cuda, grad
from autograd_nn.dtypes import as_dtype, is_floating
from autograd_nn.gradient_check import check_backward, check_double_backward

TOLERANCES = {np.dtype('float64'): 1e-9, np.dtype('float32'): 2e-4, np.dtype('float16'): 2e-2,
              as_dtype('bfloat16'): 4e-2}
DTYPES = 'float64', 'float32', 'bfloat16'
# CUDA is in software (`cuda_software`): each text of a kernel takes long to compile, and each number long to compute.
IN_SOFTWARE = 'CUDA_SOFTWARE' in os.environ


def check_function(f: Callable[..., Any], reference: Callable[..., Any] | None, *arrays: Any,
                   dtypes: Sequence[str] = DTYPES, differentiable: bool = True, double: bool = True,
                   eps: float = 1e-3, atol: float = 1e-5, rtol: float = 1e-4,
                   tolerance: dict[str, float] | None = None, on_gpu: bool = True) -> None:
    """Checks a function's values, the dtype of its results, and its gradients of first and second order.

    In float64 the gradients are compared with numerical ones. In lower precision they are compared with those of
    float64, which is a sharper test than numerical differences there would be; in bfloat16 those of first order only,
    since the errors of the others add up. Where there is a GPU, values and gradients on it are compared with those on
    the CPU.

    Args:
        f: Takes Variables (floating-point arrays) and plain arrays (others) and returns a Variable or several.
        reference: The same on NumPy arrays, written with NumPy or SciPy alone; None skips the comparison of values.
        arrays: The inputs. Floating-point ones are given in float64 and checked in each of `dtypes`.
        dtypes: The precisions to check.
        differentiable: False for a function whose gradient is zero or None everywhere (`floor`): that is checked then.
        double: Whether to check gradients of second order.
        eps: The step of numerical differences.
        atol: Absolute tolerance of numerical gradients.
        rtol: Relative tolerance of numerical gradients.
        tolerance: Replaces `TOLERANCES` for some dtypes, relative and absolute, by name.
        on_gpu: False for what is given arrays of the CPU besides `arrays`.
    """
    arrays = tuple(read_only(np.array(x)) for x in arrays)
    where = [i for i, x in enumerate(arrays) if x.dtype.kind == 'f']
    bound = {**TOLERANCES, **{np.dtype(name): value for name, value in (tolerance or {}).items()}}
    if IN_SOFTWARE:
        # The session that started this one checks what NumPy computes; and kernels are tested in all types, so that
        # single precision may stand for double precision here.
        if where and on_gpu:
            fewer = [name for name in dtypes if name != 'float64'] or dtypes
            _check_on_gpu(f, arrays, where, fewer, bound, differentiable and double)
        return

    def call(*xs: Any) -> tuple[Variable, ...]:
        args = list(arrays)
        for i, x in zip(where, xs):
            args[i] = x
        return _as_tuple(f(*args))

    inputs = [arrays[i] for i in where]
    for name in dtypes:
        dtype = np.dtype(name)
        xs = [read_only(x.astype(dtype)) for x in inputs]
        ys = call(*[Variable(x) for x in xs])
        for y in ys:
            assert y.dtype == dtype or not is_floating(y.dtype), f'{dtype} came back as {y.dtype}'
        if reference is not None:
            rounded = list(arrays)
            for i, x in zip(where, xs):
                rounded[i] = x.astype('float64')
            wanted = _as_tuple(reference(*rounded))
            assert len(ys) == len(wanted)
            for y, expected in zip(ys, wanted):
                assert y.shape == np.shape(expected)
                np.testing.assert_allclose(_comparable(y.array), expected, rtol=bound[dtype], atol=bound[dtype])
    if not inputs:
        return
    if cuda.available and on_gpu:
        _check_on_gpu(f, arrays, where, dtypes, bound, differentiable and double)
    gys = [np.random.uniform(0.5, 1.5, y.shape) for y in call(*[Variable(x) for x in inputs])]
    ggxs = [np.random.uniform(0.5, 1.5, x.shape) for x in inputs]
    if not differentiable:
        for gx in gradients(call, inputs, gys, None):
            assert gx is None or not gx.any()
        return
    check_backward(call, tuple(inputs), tuple(gys), eps=eps, atol=atol, rtol=rtol)
    if double:
        check_double_backward(call, tuple(inputs), tuple(gys), tuple(ggxs), eps=eps, atol=atol, rtol=rtol)
    for name in dtypes:
        dtype = np.dtype(name)
        if dtype != np.float64:
            rounded = [[x.astype(dtype) for x in group] for group in (inputs, gys, ggxs)]
            exact = [[x.astype('float64') for x in group] for group in rounded]
            second = double and dtype.kind != 'V'
            for actual, expected in zip(gradients(call, *rounded[:2], rounded[2] if second else None),
                                        gradients(call, *exact[:2], exact[2] if second else None)):
                if actual is None or expected is None:
                    assert actual is expected
                    continue
                assert actual.dtype == dtype
                np.testing.assert_allclose(_comparable(actual), expected, rtol=bound[dtype], atol=10 * bound[dtype])


def gradients(f: Callable[..., tuple[Variable, ...]], arrays: Sequence[Any], grad_outputs: Sequence[Any],
              grad_grads: Sequence[Any] | None) -> list[Any]:
    """The gradients of ``f(*arrays)`` and, with `grad_grads`, those of these gradients, as arrays or None.

    Args:
        f: Takes Variables and returns several.
        arrays: The inputs.
        grad_outputs: Where the first backward pass starts, an array for each output.
        grad_grads: Where the second one starts, an array for each input.
    """
    given = [*arrays, *grad_outputs, *(grad_grads or ())]
    before = [cuda.to_cpu(x).copy() for x in given]
    xs = [Variable(read_only(x)) for x in arrays]
    gys = [Variable(read_only(gy)) for gy in grad_outputs]
    found = [(y, gy) for y, gy in zip(f(*xs), gys) if y.requires_grad]
    if not found:
        return [None] * len(xs)
    ys, starts = zip(*found)
    gxs = grad(ys, xs, starts, enable_double_backprop=True)
    results = list(gxs)
    if grad_grads is not None:
        pairs = [(gx, Variable(read_only(ggx))) for gx, ggx in zip(gxs, grad_grads) if gx is not None]
        if pairs:
            results += grad([gx for gx, _ in pairs], [*xs, *gys], [ggx for _, ggx in pairs])
    # A kernel may write past what NumPy guards.
    for x, expected in zip(given, before):
        np.testing.assert_array_equal(_comparable(x), _comparable(expected))
    return [None if gx is None else gx.array for gx in results]


def read_only(x: Any) -> Any:
    """The same numbers in memory of which NumPy lets nobody write: a function must leave what it is given alone."""
    if isinstance(x, np.ndarray):
        x = x.view()
        x.flags.writeable = False
    return x


def _check_on_gpu(f: Callable[..., Any], arrays: Sequence[Any], where: Sequence[int], dtypes: Sequence[str],
                  bound: dict[np.dtype, float], double: bool) -> None:
    """Compares values and gradients on a GPU with those on the CPU, from the same random numbers."""
    for name in dtypes:
        dtype = np.dtype(name)
        results = []
        for send in (cuda.to_cpu, cuda.to_gpu):
            np.random.seed(0)
            others = [send(x) for x in arrays]

            def call(*xs: Any) -> tuple[Variable, ...]:
                args = list(others)
                for i, x in zip(where, xs):
                    args[i] = x
                return _as_tuple(f(*args))

            inputs = [arrays[i].astype(dtype) for i in where]
            ys = call(*[Variable(send(x)) for x in inputs])
            gys, ggxs = ([send(np.random.default_rng(1).uniform(0.5, 1.5, x.shape).astype(dtype)) for x in group]
                         for group in (ys, inputs))
            found = gradients(call, [send(x) for x in inputs], gys, ggxs if double and dtype.kind != 'V' else None)
            results.append([*[y.array for y in ys], *found])
        for expected, actual in zip(*results):
            if expected is None or actual is None:
                assert expected is actual
                continue
            assert actual.dtype == expected.dtype
            np.testing.assert_allclose(*map(_comparable, (actual, expected)), rtol=bound[dtype], atol=10 * bound[dtype])


def epsilon(dtype: str) -> float:
    """How far the next number of a type is from 1."""
    return 2. ** -7 if dtype == 'bfloat16' else float(np.finfo(dtype).eps)


def _comparable(x: Any) -> np.ndarray:
    """An array on the CPU; one of bfloat16, which NumPy's comparisons do not know, in float32."""
    x = cuda.to_cpu(x)
    return x.astype('float32') if x.dtype.kind == 'V' else x


def _as_tuple(ys: Any) -> tuple[Any, ...]:
    return tuple(ys) if isinstance(ys, (tuple, list)) else (ys,)


def uniform(*shape: int, low: float = -1, high: float = 1) -> np.ndarray:
    """An array of the given shape drawn evenly from an interval."""
    return np.random.uniform(low, high, shape)


def spread(*shape: int, low: float = -1, high: float = 1) -> np.ndarray:
    """An array of distinct values in random order, none near the middle of the interval.

    For functions with a kink at ties (`max`) or at zero (`relu`), where numerical gradients mean nothing.
    """
    n = int(np.prod(shape))
    return (low + (high - low) * (np.random.permutation(n) + 0.25) / max(n, 1)).reshape(shape)


def shapes(min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4) -> Any:
    """A hypothesis strategy for small shapes, those with no axes and no elements included."""
    return array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)
