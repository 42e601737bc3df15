"""In-place updates of parameters, a block that fits the cache at a time, without temporary arrays of full size."""
from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np

from autograd_nn.cpu.window import compute_dtype

_logger = logging.getLogger(__name__)

# With four arrays and two scratch blocks of float32 this is 768 KB, which fits the second-level cache.
_BLOCK_ELEMENTS = 1 << 15


def sgd(param: np.ndarray, grad: np.ndarray, lr: float) -> None:
    """Stochastic gradient descent."""
    for p, g, s, _ in _blocks(param, grad):
        p -= np.multiply(g, lr, out=s)


def momentum_sgd(param: np.ndarray, grad: np.ndarray, v: np.ndarray, lr: float, momentum: float) -> None:
    """Gradient descent with momentum."""
    for p, g, v_, s, _ in _blocks(param, grad, v):
        v_ *= momentum
        v_ -= np.multiply(g, lr, out=s)
        p += v_


def nesterov_ag(param: np.ndarray, grad: np.ndarray, v: np.ndarray, lr: float, momentum: float) -> None:
    """Nesterov's accelerated gradient."""
    for p, g, v_, s, _ in _blocks(param, grad, v):
        v_ *= momentum
        v_ -= np.multiply(g, lr, out=s)
        s *= 1 + momentum
        p -= s
        p += np.multiply(v_, momentum * momentum, out=s)


def adagrad(param: np.ndarray, grad: np.ndarray, h: np.ndarray, lr: float, eps: float) -> None:
    """AdaGrad."""
    for p, g, h_, s, t in _blocks(param, grad, h):
        h_ += np.multiply(g, g, out=s)
        np.sqrt(h_, out=s)
        s += eps
        np.multiply(g, lr, out=t)
        p -= np.divide(t, s, out=s)


def adadelta(param: np.ndarray, grad: np.ndarray, msg: np.ndarray, msdx: np.ndarray, rho: float, eps: float) -> None:
    """AdaDelta."""
    for p, g, msg_, msdx_, s, t in _blocks(param, grad, msg, msdx):
        _decay_towards_square(msg_, g, rho, s)
        np.add(msdx_, eps, out=s)
        s /= np.add(msg_, eps, out=t)
        np.sqrt(s, out=s)
        s *= g
        p -= s
        _decay_towards_square(msdx_, s, rho, s)


def rmsprop(param: np.ndarray, grad: np.ndarray, ms: np.ndarray, lr: float, alpha: float, eps: float,
            eps_inside_sqrt: bool) -> None:
    """RMSprop."""
    for p, g, ms_, s, t in _blocks(param, grad, ms):
        _decay_towards_square(ms_, g, alpha, s)
        if eps_inside_sqrt:
            np.sqrt(np.add(ms_, eps, out=s), out=s)
        else:
            np.sqrt(ms_, out=s)
            s += eps
        np.multiply(g, lr, out=t)
        p -= np.divide(t, s, out=s)


def adam(param: np.ndarray, grad: np.ndarray, m: np.ndarray, v: np.ndarray, vhat: np.ndarray | None, alpha_t: float,
         beta1: float, beta2: float, eps: float, eta: float, weight_decay_rate: float,
         bounds: tuple[float, float] | None) -> None:
    """Adam, with decoupled weight decay (AdamW), AMSGrad and AdaBound."""
    for p, g, m_, v_, *vhat_, s, _ in _blocks(param, grad, m, v, *(() if vhat is None else (vhat,))):
        np.subtract(g, m_, out=s)
        s *= 1 - beta1
        m_ += s
        np.multiply(g, g, out=s)
        s -= v_
        s *= 1 - beta2
        v_ += s
        if vhat_:
            np.maximum(vhat_[0], v_, out=vhat_[0])
        np.sqrt(vhat_[0] if vhat_ else v_, out=s)
        s += eps
        if bounds is None:
            np.divide(m_, s, out=s)
            s *= alpha_t * eta
        else:
            np.divide(alpha_t, s, out=s)
            np.clip(s, *bounds, out=s)
            s *= m_
            s *= eta
        if weight_decay_rate:
            p *= 1 - eta * weight_decay_rate
        p -= s


def _decay_towards_square(mean: np.ndarray, x: np.ndarray, rate: float, scratch: np.ndarray) -> None:
    """In place: ``mean = rate * mean + (1 - rate) * x ** 2``."""
    mean *= rate
    np.multiply(x, x, out=scratch)
    scratch *= 1 - rate
    mean += scratch


def _blocks(param: np.ndarray, grad: np.ndarray, *states: np.ndarray) -> Iterator[list[np.ndarray]]:
    """Yields corresponding flat blocks of all arrays, and two scratch blocks; all but `grad` may be written to."""
    arrays = [param, grad, *states]
    if all(a.flags.c_contiguous for a in arrays) and param.dtype != np.float16:
        flat = [a.reshape(-1) for a in arrays]
        copied: list[tuple[np.ndarray, np.ndarray]] = []
    else:
        flat, copied = _flattened(arrays)
    scratch = list(np.empty((2, min(param.size, _BLOCK_ELEMENTS)), flat[0].dtype))
    if param.size <= _BLOCK_ELEMENTS:
        yield flat + scratch
    else:
        for start in range(0, param.size, _BLOCK_ELEMENTS):
            blocks = [f[start:start + _BLOCK_ELEMENTS] for f in flat]
            yield blocks + [s[:len(blocks[0])] for s in scratch]
    for a, f in copied:
        if a is not grad:
            a[...] = f


def _flattened(arrays: list[np.ndarray]) -> tuple[list[np.ndarray], list[tuple[np.ndarray, np.ndarray]]]:
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
