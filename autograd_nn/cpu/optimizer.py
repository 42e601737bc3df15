"""In-place updates of parameters, a block that fits the cache at a time, without temporary arrays of full size.

The blocks of all parameters are shared out among the threads.
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograd_nn.cpu import threads
from autograd_nn.dtypes import compute_dtype, is_half

Array = np.ndarray
Arrays = Sequence[np.ndarray]

_logger = logging.getLogger(__name__)

# In smaller blocks fewer arrays would leave the second-level cache, but threads would wait for the interpreter's lock
# after each short call: measured on two cores, Adam takes 2.2 times as long with a quarter of this, and SGD 1.9 times.
_BLOCK_ELEMENTS = 1 << 17
# What a thread takes at a time.
_JOB_ELEMENTS = 1 << 18


def sgd(params: Arrays, grads: Arrays, lr: float) -> None:
    """Stochastic gradient descent."""
    def step(p: Array, g: Array, s: Array, t: Array) -> None:
        p -= np.multiply(g, lr, out=s)
    _update(step, params, grads)


def momentum_sgd(params: Arrays, grads: Arrays, vs: Arrays, lr: float, momentum: float) -> None:
    """Gradient descent with momentum."""
    def step(p: Array, g: Array, v: Array, s: Array, t: Array) -> None:
        v *= momentum
        v -= np.multiply(g, lr, out=s)
        p += v
    _update(step, params, grads, vs)


def corrected_momentum_sgd(params: Arrays, grads: Arrays, vs: Arrays, lr: float, momentum: float) -> None:
    """Gradient descent with a momentum that does not hold the rate."""
    def step(p: Array, g: Array, v: Array, s: Array, t: Array) -> None:
        v *= momentum
        v -= g
        p += np.multiply(v, lr, out=s)
    _update(step, params, grads, vs)


def nesterov_ag(params: Arrays, grads: Arrays, vs: Arrays, lr: float, momentum: float) -> None:
    """Nesterov's accelerated gradient."""
    def step(p: Array, g: Array, v: Array, s: Array, t: Array) -> None:
        v *= momentum
        v -= np.multiply(g, lr, out=s)
        s *= 1 + momentum
        p -= s
        p += np.multiply(v, momentum * momentum, out=s)
    _update(step, params, grads, vs)


def adagrad(params: Arrays, grads: Arrays, hs: Arrays, lr: float, eps: float) -> None:
    """AdaGrad."""
    def step(p: Array, g: Array, h: Array, s: Array, t: Array) -> None:
        h += np.multiply(g, g, out=s)
        np.sqrt(h, out=s)
        s += eps
        np.multiply(g, lr, out=t)
        p -= np.divide(t, s, out=s)
    _update(step, params, grads, hs)


def adadelta(params: Arrays, grads: Arrays, msgs: Arrays, msdxs: Arrays, rho: float, eps: float) -> None:
    """AdaDelta."""
    def step(p: Array, g: Array, msg: Array, msdx: Array, s: Array, t: Array) -> None:
        _decay_towards_square(msg, g, rho, s)
        np.add(msdx, eps, out=s)
        s /= np.add(msg, eps, out=t)
        np.sqrt(s, out=s)
        s *= g
        p -= s
        _decay_towards_square(msdx, s, rho, s)
    _update(step, params, grads, msgs, msdxs)


def rmsprop(params: Arrays, grads: Arrays, mss: Arrays, lr: float, alpha: float, eps: float,
            eps_inside_sqrt: bool) -> None:
    """RMSprop."""
    def step(p: Array, g: Array, ms: Array, s: Array, t: Array) -> None:
        _decay_towards_square(ms, g, alpha, s)
        if eps_inside_sqrt:
            np.sqrt(np.add(ms, eps, out=s), out=s)
        else:
            np.sqrt(ms, out=s)
            s += eps
        np.multiply(g, lr, out=t)
        p -= np.divide(t, s, out=s)
    _update(step, params, grads, mss)


def rmsprop_graves(params: Arrays, grads: Arrays, ns: Arrays, gs: Arrays, deltas: Arrays, lr: float, alpha: float,
                   momentum: float, eps: float) -> None:
    """RMSprop by the variance of the gradient."""
    def step(p: Array, grad: Array, n: Array, g: Array, delta: Array, s: Array, t: Array) -> None:
        _approach(n, np.multiply(grad, grad, out=s), 1 - alpha, s)
        _approach(g, grad, 1 - alpha, s)
        np.subtract(n, np.multiply(g, g, out=s), out=s)
        np.maximum(s, 0, out=s)  # rounded, the variance of gradients that are all alike may be negative
        s += eps
        np.divide(grad, np.sqrt(s, out=s), out=s)
        s *= lr
        delta *= momentum
        delta -= s
        p += delta
    _update(step, params, grads, ns, gs, deltas)


def smorms3(params: Arrays, grads: Arrays, mems: Arrays, gs: Arrays, g2s: Arrays, lr: float, eps: float) -> None:
    """SMORMS3."""
    def step(p: Array, grad: Array, mem: Array, g: Array, g2: Array, s: Array, t: Array) -> None:
        r = np.divide(1, np.add(mem, 1, out=s), out=s)
        _approach(g, grad, r, t)
        _approach(g2, np.multiply(grad, grad, out=t), r, t)
        x = np.multiply(g, g, out=s)
        x /= np.add(g2, eps, out=t)
        mem *= np.subtract(1, x, out=t)
        mem += 1
        np.minimum(x, lr, out=x)
        x *= grad
        np.sqrt(g2, out=t)
        t += eps
        p -= np.divide(x, t, out=x)
    _update(step, params, grads, mems, gs, g2s)


def msvag(params: Arrays, grads: Arrays, ms: Arrays, vs: Arrays, rate: float, beta: float, correction: float,
          ratio: float, eta: float, weight_decay_rate: float) -> None:
    """M-SVAG, with decoupled weight decay."""
    def step(p: Array, g: Array, m: Array, v: Array, s: Array, t: Array) -> None:
        _approach(m, g, 1 - beta, s)
        _approach(v, np.multiply(g, g, out=s), 1 - beta, s)
        square = np.multiply(m, m, out=s)
        np.multiply(v, correction, out=t)
        t -= square
        np.maximum(t, 0, out=t)  # rounded, the variance of gradients that are all alike may be negative
        t *= ratio
        t += square
        np.divide(square, t, out=s, where=t != 0)  # elsewhere both are 0
        s *= m
        s *= rate * eta
        if weight_decay_rate:
            p *= 1 - eta * weight_decay_rate
        p -= s
    _update(step, params, grads, ms, vs)


def adam(params: Arrays, grads: Arrays, ms: Arrays, vs: Arrays, *numbers: Any) -> None:
    """Adam, with decoupled weight decay (AdamW) and bounds (AdaBound)."""
    _update(partial(_adam_step, *numbers), params, grads, ms, vs)


def amsgrad(params: Arrays, grads: Arrays, ms: Arrays, vs: Arrays, vhats: Arrays, *numbers: Any) -> None:
    """Adam by the largest mean square so far."""
    _update(partial(_adam_step, *numbers), params, grads, ms, vs, vhats)


def _adam_step(alpha_t: float, beta1: float, beta2: float, eps: float, eta: float, weight_decay_rate: float,
               bounds: tuple[float, float] | None, p: Array, g: Array, m: Array, v: Array, *others: Array) -> None:
    *vhat, s, _ = others
    _approach(m, g, 1 - beta1, s)
    _approach(v, np.multiply(g, g, out=s), 1 - beta2, s)
    if vhat:
        v = np.maximum(vhat[0], v, out=vhat[0])
    np.sqrt(v, out=s)
    s += eps
    if bounds is None:
        np.divide(m, s, out=s)
        s *= alpha_t * eta
    else:
        np.divide(alpha_t, s, out=s)
        np.clip(s, *bounds, out=s)
        s *= m
        s *= eta
    if weight_decay_rate:
        p *= 1 - eta * weight_decay_rate
    p -= s


def _approach(mean: Array, x: Array, rate: Any, scratch: Array) -> None:
    """In place: ``mean += rate * (x - mean)``; `x` may be the scratch block."""
    np.subtract(x, mean, out=scratch)
    scratch *= rate
    mean += scratch


def _decay_towards_square(mean: Array, x: Array, rate: float, scratch: Array) -> None:
    """In place: ``mean = rate * mean + (1 - rate) * x ** 2``; `x` may be the scratch block."""
    mean *= rate
    np.multiply(x, x, out=scratch)
    scratch *= 1 - rate
    mean += scratch


def _update(step: Callable[..., None], *columns: Arrays) -> None:
    """Calls `step` with corresponding flat blocks of the parameters, gradients and states, and two scratch blocks.

    All but the gradients may be written to.
    """
    rows = list(zip(*columns, strict=True))
    elements = sum(row[0].size for row in rows)
    size = min(max(elements // (2 * threads.number()), _BLOCK_ELEMENTS), _JOB_ELEMENTS)
    threads.run(partial(_run, step), _jobs(rows, size))


def _jobs(rows: list[tuple[Array, ...]], size: int) -> Iterator[list[tuple[Array, ...]]]:
    """Shares the rows out in jobs of about `size` elements: parts of a large one, several small ones."""
    job: list[tuple[Array, ...]] = []
    elements = 0
    for row in rows:
        if row[0].size > size and _are_flat(row):
            flat = [a.reshape(-1) for a in row]
            for start in range(0, row[0].size, size):
                yield [tuple(a[start:start + size] for a in flat)]
        else:
            job.append(row)
            elements += row[0].size
            if elements >= size:
                yield job
                job, elements = [], 0
    yield job


def _run(step: Callable[..., None], job: list[tuple[Array, ...]]) -> None:
    s = t = np.empty(0)
    for row in job:
        copied: list[tuple[Array, Array]] = []
        if _are_flat(row):
            flat = [a.reshape(-1) for a in row]
        else:
            flat, copied = _flattened(row)
        p = flat[0]
        if p.dtype != s.dtype or not s.size:
            s, t = np.empty((2, _BLOCK_ELEMENTS), p.dtype)
        if p.size <= _BLOCK_ELEMENTS:
            step(*flat, s[:p.size], t[:p.size])
        else:
            for start in range(0, p.size, _BLOCK_ELEMENTS):
                blocks = [a[start:start + _BLOCK_ELEMENTS] for a in flat]
                step(*blocks, s[:blocks[0].size], t[:blocks[0].size])
        for original, copy in copied:
            if original is not row[1]:
                original[...] = copy


def _are_flat(arrays: Arrays) -> bool:
    for a in arrays:
        if not a.flags.c_contiguous:
            return False
    return not is_half(arrays[0].dtype)


def _flattened(arrays: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[tuple[Array, np.ndarray]]]:
    """The arrays without axes, in at least float32, and pairs of those that were copied with their copies.

    The axes are taken in the order in which the first array has them in memory, so that only an array in another order,
    or of another type, is copied.
    """
    param = arrays[0]
    dtype = compute_dtype(param.dtype)
    axes = sorted(range(param.ndim), key=lambda i: -abs(param.strides[i]))
    flat, copied = [], []
    for original in arrays:
        a = original.transpose(axes)
        if a.flags.c_contiguous and a.dtype == dtype:
            flat.append(a.reshape(-1))
        else:
            flat.append(a.astype(dtype, 'C').reshape(-1))
            copied.append((original, flat[-1].reshape(a.shape).transpose(np.argsort(axes))))
    _logger.debug('%d of %d arrays of an update (parameter of shape %s, %s, strides %s) are copied: their layout or '
                  'type is not that of the computation', len(copied), len(arrays), param.shape, param.dtype,
                  param.strides)
    return flat, copied
