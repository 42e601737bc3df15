"""Numerical checks of gradients.

`check_backward` compares one directional derivative, taken numerically, with the same projection of the computed
gradients: two evaluations of the function for each step width, however many elements there are. Only when the two
disagree does it walk through all elements, to show the worst one.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd_nn.backend import get_array_module, to_cpu
from autograd_nn.backprop import grad
from autograd_nn.config import using_config
from autograd_nn.dtypes import as_dtype, is_floating
from autograd_nn.types import Array, ArrayLike, DTypeLike
from autograd_nn.variable import Variable, as_array

# Offsets and weights of the five-point formula for the first derivative; its error is of fourth order in the step.
_STENCIL = (-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12)


def numerical_grad(f: Callable[[], Any], inputs: Sequence[Array], grad_outputs: Sequence[Any], eps: float = 1e-3,
                   detect_nondifferentiable: bool = False, diff_atol: float = 0, diff_rtol: float = 1e-2,
                   center_outputs: Sequence[Any] | None = None) -> tuple[Any, ...]:
    """Computes gradients by finite differences, element by element.

    Args:
        f: Computes a tuple of arrays (or Variables) from `inputs`, which are changed in place between its calls.
        inputs: Floating-point arrays.
        grad_outputs: A gradient for each output, an array or a number; None leaves that output out.
        eps: The step.
        detect_nondifferentiable: Compare one-sided differences, too.
        diff_atol: By how much these may differ.
        diff_rtol: The same, relative to the larger one.
        center_outputs: What `f` computes from the inputs as they are; by default it is called for these differences.

    Returns:
        A gradient for each input, of its shape and dtype.

    Raises:
        NondifferentiableError: The one-sided differences disagree.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.gradient_check import numerical_grad
        >>> x = np.array([1., 2.])
        >>> gx, = numerical_grad(lambda: (x ** 3,), [x], [np.ones(2)])
        >>> np.round(gx, 6)
        array([ 3., 12.])
    """
    results = tuple(get_array_module(x).zeros_like(x) for x in inputs)
    center = None if center_outputs is None else _project(tuple(center_outputs), grad_outputs)
    for x, gx in zip(inputs, results):
        for index in np.ndindex(x.shape):
            origin = x[index].copy()

            def at(t: float, x: Array = x, index: Any = index, origin: Any = origin) -> float:
                if not t and center is not None:
                    return center
                x[index] = origin + t
                result = _project(f(), grad_outputs)
                x[index] = origin
                return result

            if detect_nondifferentiable:
                _check_differentiable(at, eps, f'element {index}', diff_atol, diff_rtol)
            gx[index] = _derivative(at, eps)
    return results


class NondifferentiableError(Exception):
    """A function has no derivative at the point where it was to be checked."""


def _derivative(at: Callable[[float], float], eps: float) -> float:
    return sum(weight * at(step * eps) for step, weight in _STENCIL) / eps


def _check_differentiable(at: Callable[[float], float], eps: float, where: str, atol: float = 0,
                          rtol: float = 1e-2) -> None:
    center, before, after = at(0.), at(-eps), at(eps)
    left, right = (center - before) / eps, (after - center) / eps
    # A function that has no values all around, like a logarithm of negative numbers, is another matter.
    partly = 0 < sum(map(np.isfinite, (before, center, after))) < 3
    if partly or abs(right - left) > atol + rtol * max(abs(left), abs(right), 1) + 100 * eps:
        raise NondifferentiableError(f'the function is not differentiable at {where}: '
                                     f'left derivative {left:.6g}, right derivative {right:.6g}')


def _project(ys: Any, gys: Sequence[Any]) -> float:
    """The sum over all outputs of output times gradient, in double precision."""
    ys = ys if isinstance(ys, tuple) else (ys,)
    if len(ys) != len(gys):
        raise ValueError(f'expected a gradient for each of {len(ys)} outputs, got {len(gys)}')
    total = 0.
    for y, gy in zip(map(as_array, ys), gys):
        if y is not None and gy is not None:
            y, gy = (np.asarray(to_cpu(a), dtype=np.float64) for a in (y, gy))
            if gy.ndim and y.shape != gy.shape:
                raise ValueError(f'expected an output gradient of shape {y.shape}, got {gy.shape}')
            total += float((y * gy).sum())
    return total


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def assert_allclose(x: ArrayLike, y: ArrayLike, atol: float = 1e-5, rtol: float = 1e-4, verbose: bool = True) -> None:
    """Makes sure that two arrays agree: ``abs(x - y) <= atol + rtol * abs(y)`` in each element.

    Args:
        x: Variable or array, on any device, or a number.
        y: The same: what is expected.
        atol: Absolute tolerance.
        rtol: Relative tolerance.
        verbose: Show both arrays in the message, too.

    Raises:
        AssertionError: They do not; the message shows the element with the largest deviation.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.gradient_check import assert_allclose
        >>> assert_allclose(np.array([1., 2.]), np.array([1., 2.5]), verbose=False)
        Traceback (most recent call last):
        AssertionError: assert_allclose: 1 of 2 elements differ ...; the worst is (1,): expected 2.5, got 2.0
    """
    actual, expected = (np.asarray(to_cpu(as_array(each))) for each in (x, y))
    try:
        _assert_close(actual, expected, atol, rtol, 'assert_allclose', 'expected', 'got')
    except AssertionError as error:
        if not verbose:
            raise
        raise AssertionError(f'{error}\nx: {actual}\ny: {expected}') from None


def check_forward(func: Callable[..., Any], x_data: Array | Sequence[Array], reference: Callable[..., Any], *,
                  atol: float = 1e-6, rtol: float = 1e-5) -> None:
    """Compares the outputs of a function with those of a reference on arrays.

    Args:
        func: Computes a Variable, or a tuple of them, from Variables.
        x_data: An array, or a tuple of arrays.
        reference: Computes an array, or a tuple of them, from arrays.
        atol: Absolute tolerance.
        rtol: Relative tolerance.

    Raises:
        AssertionError: Some output has another shape or values; the message shows the worst element.
    """
    xs = _as_tuple(x_data)
    ys = _as_tuple(func(*[Variable(x) for x in xs]))
    expected = _as_tuple(reference(*xs))
    if len(ys) != len(expected):
        raise AssertionError(f'check_forward: expected {len(expected)} outputs, got {len(ys)}')
    for i, (y, e) in enumerate(zip(ys, expected)):
        _assert_close(np.asarray(y), np.asarray(e), atol, rtol, f'check_forward: output {i}', 'expected', 'got')


def _assert_close(actual: np.ndarray, expected: np.ndarray, atol: float, rtol: float, what: str, expected_name: str,
                  actual_name: str) -> None:
    """Raises an AssertionError that shows the element with the largest deviation."""
    if actual.shape != expected.shape:
        raise AssertionError(f'{what}: expected shape {expected.shape}, got {actual.shape}')
    if np.allclose(actual, expected, atol=atol, rtol=rtol, equal_nan=True):
        return
    with np.errstate(invalid='ignore'):
        excess = np.abs(actual - expected) - (atol + rtol * np.abs(expected))
    excess = np.where(np.isnan(excess) & ~(np.isnan(actual) & np.isnan(expected)), np.inf, excess)
    index = tuple(int(i) for i in np.unravel_index(np.nanargmax(excess), actual.shape))
    raise AssertionError(
        f'{what}: {int((excess > 0).sum())} of {actual.size} elements differ by more than atol={atol}, rtol={rtol}; '
        f'the worst is {index}: {expected_name} {expected[index]!s}, {actual_name} {actual[index]!s}')


class _Problem:
    """A function, the point where it is checked, and which of its inputs are."""

    def __init__(self, func: Callable[..., Any], x_data: Array | Sequence[Array], y_grad: Array | Sequence[Array],
                 params: Any, no_grads: Any) -> None:
        self.func = func
        self.xs = [None if x is None else as_array(x) for x in _as_tuple(x_data)]
        self.params = _as_tuple(params)
        self.gys = None if y_grad is None else list(_as_tuple(y_grad))
        given = no_grads or [x is None or not is_floating(x.dtype) for x in self.xs]
        if len(given) != len(self.xs):
            raise ValueError(f'no_grads has {len(given)} entries, expected one for each of {len(self.xs)} inputs')
        self.no_grads = [x is None or bool(skip) for x, skip in zip(self.xs, given)]
        self.names = [f'input {i}' for i, skip in enumerate(self.no_grads) if not skip]
        self.names += [f'parameter {p.name or i}' for i, p in enumerate(self.params)]

    def run(self) -> tuple[list[Any], tuple[Any, ...]]:
        """Calls the function once; returns the checked inputs and the outputs as Variables."""
        xs = [None if x is None else Variable(x, requires_grad=not skip) for x, skip in zip(self.xs, self.no_grads)]
        for p in self.params:
            p.cleargrad()
        ys = _as_tuple(self.func(*xs))
        return [x for x, skip in zip(xs, self.no_grads) if not skip] + list(self.params), ys

    def place(self, dtype: DTypeLike | None) -> list[Any]:
        """Copies inputs and parameters, in a dtype where one is given; what is checked of them, to be changed."""
        def cast(x: Any) -> Any:
            return None if x is None else x.astype(dtype if dtype and is_floating(x.dtype) else x.dtype)

        self.xs = [cast(x) for x in self.xs]
        for p in self.params:
            p.array = cast(p.array)
        return [x for x, skip in zip(self.xs, self.no_grads) if not skip] + [p.array for p in self.params]

    def outputs(self) -> tuple[Any, ...]:
        """What the function computes from copies of the inputs: it may return one of them."""
        placed, self.xs = self.xs, [None if x is None else x.copy() for x in self.xs]
        try:
            return tuple(map(as_array, self.run()[1]))
        finally:
            self.xs = placed

    def gradients(self, ys: tuple[Variable, ...], checked: Sequence[Variable]) -> Iterator[np.ndarray]:
        """The computed gradients in double precision, checked for shape and dtype; zeros where there is none."""
        if self.gys is None:
            if len(ys) != 1 or ys[0].size != 1:
                raise ValueError('y_grad is needed: the function has several outputs, or one of several elements')
            self.gys = [ys[0].xp.ones_like(ys[0].array)]
        if len(self.gys) != len(ys):
            raise ValueError(f'y_grad has {len(self.gys)} entries for {len(ys)} outputs')
        seeds = [(y, as_array(gy).astype(y.dtype)) for y, gy in zip(ys, self.gys)
                 if gy is not None and y is not None and y.array is not None]
        gxs = grad([y for y, _ in seeds], checked, [gy for _, gy in seeds])
        for x, gx, name in zip(checked, gxs, self.names):
            if gx is None:
                yield np.zeros(x.shape)
            elif gx.shape != x.shape or gx.dtype != x.dtype:
                raise AssertionError(f'gradient of {name}: expected shape {x.shape} and dtype {x.dtype}, '
                                     f'got {gx.shape} and {gx.dtype}')
            else:
                yield to_cpu(gx.array).astype(np.float64)


def check_backward(func: Callable[..., Any], x_data: Array | Sequence[Array], y_grad: Array | Sequence[Array],
                   params: Any = (), eps: float = 1e-3, atol: float = 1e-5, rtol: float = 1e-4,
                   no_grads: Sequence[bool] | None = None, dtype: DTypeLike | None = None,
                   detect_nondifferentiable: bool = False) -> None:
    """Compares the gradients that a function computes with numerical ones, along a random direction.

    Args:
        func: Computes a Variable, or a tuple of them, from Variables.
        x_data: An array, or a tuple of arrays: the point where to check. None entries are handed on.
        y_grad: A gradient for each output (None entries leave an output out); None where there is one output with one
            element.
        params: Parameters that the function uses, to be checked as well. Their arrays are restored.
        eps: The step of the numerical derivative, taken along a direction whose elements have magnitude about 1.
        atol: Absolute tolerance.
        rtol: Relative tolerance.
        no_grads: For each input, whether to leave it out; by default those that are not floating point.
        dtype: What to compute the numerical derivative in: inputs and parameters are converted for it. With
            ``numpy.float64`` gradients in lower precision can be checked, too.
        detect_nondifferentiable: Compare one-sided differences, too.

    Raises:
        AssertionError: The gradients disagree; the message shows the element of which input is worst.
        NondifferentiableError: The function has no derivative here.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> from autograd_nn.gradient_check import check_backward
        >>> check_backward(F.exp, np.array([0.5, 1.0]), np.array([1.0, -1.0]))
    """
    if dtype is not None and not is_floating(as_dtype(dtype)):
        raise ValueError(f'check_backward: expected a floating-point dtype, got {dtype}')
    problem = _Problem(func, x_data, y_grad, params, no_grads)
    # Parameters may come into being in the first call.
    checked, ys = problem.run()
    originals = [p.array for p in problem.params]
    try:
        _check(problem, list(problem.gradients(ys, checked)), problem.place(dtype), eps, atol, rtol,
               detect_nondifferentiable)
    finally:
        for p, array in zip(problem.params, originals):
            p.array = array
            p.cleargrad()


def _check(problem: _Problem, gradients: Sequence[np.ndarray], checked: Sequence[Array], eps: float, atol: float,
           rtol: float, detect_nondifferentiable: bool) -> None:
    assert problem.gys is not None
    gys = problem.gys
    origins = [x.copy() for x in checked]
    directions = [np.random.choice([-1., 1.], x.shape) * np.random.uniform(0.5, 1.5, x.shape) for x in origins]
    # A long array moves less in each element, so that the sum over all of them stays in the linear range.
    size = sum(x.size for x in origins)
    scale = 1 / np.sqrt(max(size, 1))

    def at(t: float) -> float:
        for x, origin, direction in zip(checked, origins, directions):
            x[...] = origin + get_array_module(x).asarray(t * scale * direction)
        return _project(problem.outputs(), gys)

    try:
        if detect_nondifferentiable:
            _check_differentiable(at, eps, 'this point')
        numerical = _derivative(at, eps)
    finally:
        for x, origin in zip(checked, origins):
            x[...] = origin
    computed = sum((g * d).sum() for g, d in zip(gradients, directions)) * scale
    if abs(computed - numerical) <= atol + rtol * abs(numerical):
        return
    # The projections disagree: look at every element to say where.
    each = numerical_grad(problem.outputs, checked, gys, eps)
    for name, g, n in zip(problem.names, gradients, each):
        what = f'check_backward: gradient of {name}'
        _assert_close(g, to_cpu(n).astype(np.float64), atol, rtol, what, 'numerical', 'backward')
    raise AssertionError(f'check_backward: along a random direction the numerical derivative is {numerical:.10g}, but '
                         f'backward gives {computed:.10g} (no single element differs by more than the tolerance)')


def check_double_backward(func: Callable[..., Any], x_data: Array | Sequence[Array], y_grad: Array | Sequence[Array],
                          x_grad_grad: Array | Sequence[Array], params: Any = (), params_grad_grad: Any = (),
                          eps: float = 1e-3, atol: float = 1e-4, rtol: float = 1e-3,
                          no_grads: Sequence[bool] | None = None, dtype: DTypeLike | None = None,
                          detect_nondifferentiable: bool = False) -> None:
    """Checks second-order gradients: applies `check_backward` to the function that computes the first-order ones.

    Args:
        func: As for `check_backward`.
        x_data: As for `check_backward`.
        y_grad: A gradient for each output.
        x_grad_grad: For each input that is checked, the gradient with respect to its gradient.
        params: Parameters that the function uses.
        params_grad_grad: For each parameter, the gradient with respect to its gradient.
        eps: As for `check_backward`, and so are the rest.

    Raises:
        AssertionError: The gradients disagree. Inputs are counted on: first those of `func`, then `y_grad`.
    """
    xs, gys, params = _as_tuple(x_data), _as_tuple(y_grad), _as_tuple(params)
    skipped = list(no_grads or [x is None or not is_floating(x.dtype) for x in xs])
    ggs = [*_as_tuple(x_grad_grad), *_as_tuple(params_grad_grad)]
    if len(ggs) == len(xs) + len(params):
        ggs = [g for g, skip in zip(ggs, skipped + [False] * len(params)) if not skip]

    def first_order(*inputs: Variable) -> tuple[Variable, ...]:
        variables, gradients = inputs[:len(xs)], inputs[len(xs):]
        with using_config('enable_backprop', True):
            ys = _as_tuple(func(*variables))
        wanted = [x for x, skip in zip(variables, skipped) if not skip] + list(params)
        seeds = [(y, gy) for y, gy in zip(ys, gradients) if gy is not None]
        gxs = grad([y for y, _ in seeds], wanted, [gy for _, gy in seeds], enable_double_backprop=True)
        # A gradient that is zero everywhere is not computed; it still takes part in the check.
        return tuple(x * 0 if gx is None else gx for x, gx in zip(wanted, gxs))

    check_backward(first_order, (*xs, *gys), tuple(ggs), params, eps, atol, rtol, [*skipped, *[False] * len(gys)],
                   dtype, detect_nondifferentiable)
