"""The operations of ``cudnn.pygraph``, by NumPy: sums over the places of a window, and no matrices of windows."""
from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ._types import cudnnGraphNotSupportedError, data_type

# How many tensors an operation returns, where it returns a list.
OUTPUTS = {'batchnorm': 5, 'batchnorm_backward': 3, 'sdpa': 2, 'sdpa_backward': 3}
Shapes = list[Any]


def check(name: str, arguments: dict[str, Any]) -> None:
    """Declines what cuDNN declines."""
    if name.startswith('sdpa') and any(
            x.data_type is data_type.FLOAT or x.dim[-1] % 8 or x.dim[-1] > 128
            for key, x in arguments.items() if key in ('q', 'k', 'v', 'o', 'dO')):
        raise cudnnGraphNotSupportedError(f'{name}: vectors of {arguments["v"].dim[-1]}')
    assert name != 'sdpa_backward' or arguments['q'].dim[-2] > 1, 'a segmentation fault'
    if name.startswith('batchnorm'):
        x = arguments['input']
        if x.dim[1] * x.data_type.value.itemsize % 16:
            raise cudnnGraphNotSupportedError(f'{name}: {x.dim[1]} channels of {x.data_type.name}')
        if any(arguments[key].data_type is not data_type.FLOAT for key in arguments
               if key not in ('input', 'grad', 'epsilon', 'momentum')):
            raise cudnnGraphNotSupportedError(f'{name}: statistics that are not FLOAT')


def check_sequence(names: list[str]) -> None:
    """Declines sequences of operations for which cuDNN has no kernel."""
    if names == ['batchnorm', 'add'] or (names[0] == 'conv_fprop' and names[1:3] == ['bias', 'add']):
        raise cudnnGraphNotSupportedError(f'{" and ".join(names)}')


def _places(kernel_size: tuple[int, ...], out: tuple[int, ...], stride: list[int],
            dilation: list[int]) -> Iterator[tuple[Any, Any]]:
    """Each place of a window, and where it lies in the padded image for all windows."""
    for place in itertools.product(*map(range, kernel_size)):
        yield place, tuple(slice(p * d, p * d + (n - 1) * s + 1, s)
                           for p, d, n, s in zip(place, dilation, out, stride, strict=True))


def _padded(x: np.ndarray, pad: list[int]) -> np.ndarray:
    return np.pad(x.astype('d'), [(0, 0), (0, 0), *[(p, p) for p in pad]])


def _grouped(x: np.ndarray, groups: int, axis: int) -> np.ndarray:
    return x.reshape(*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1:])


def conv_fprop(shapes: Shapes, image: Any, weight: Any, pre_padding: Any, post_padding: Any, stride: Any,
               dilation: Any) -> np.ndarray:
    assert pre_padding == post_padding
    groups = image.shape[1] // weight.shape[1]
    x = _padded(image, pre_padding)
    out = tuple((n - d * (k - 1) - 1) // s + 1
                for n, k, s, d in zip(x.shape[2:], weight.shape[2:], stride, dilation, strict=True))
    y = np.zeros((len(x), groups, len(weight) // groups, *out))
    for place, where in _places(weight.shape[2:], out, stride, dilation):
        y += np.einsum('ngc...,gkc->ngk...', _grouped(x[(..., *where)], groups, 1),
                       _grouped(weight[(..., *place)], groups, 0))
    return y.reshape(len(x), len(weight), *out).astype('f')


def conv_dgrad(shapes: Shapes, loss: Any, filter: Any, pre_padding: Any, post_padding: Any, stride: Any,
               dilation: Any) -> np.ndarray:
    n, channels, *size = shapes[0]
    groups = channels // filter.shape[1]
    gx = _padded(np.zeros((n, channels, *size)), pre_padding)
    for place, where in _places(filter.shape[2:], loss.shape[2:], stride, dilation):
        part = np.einsum('ngk...,gkc->ngc...', _grouped(loss.astype('d'), groups, 1),
                         _grouped(filter[(..., *place)], groups, 0))
        gx[(..., *where)] += part.reshape(n, channels, *loss.shape[2:])
    return gx[(..., *(slice(p, p + m) for p, m in zip(pre_padding, size, strict=True)))].astype('f')


def conv_wgrad(shapes: Shapes, image: Any, loss: Any, pre_padding: Any, post_padding: Any, stride: Any,
               dilation: Any) -> np.ndarray:
    outputs, inputs, *kernel_size = shapes[0]
    groups = image.shape[1] // inputs
    x = _padded(image, pre_padding)
    gW = np.empty(shapes[0])
    for place, where in _places(tuple(kernel_size), loss.shape[2:], stride, dilation):
        gW[(..., *place)] = np.einsum('ngkm,ngcm->gkc', _flat(_grouped(loss.astype('d'), groups, 1)),
                                      _flat(_grouped(x[(..., *where)], groups, 1))).reshape(outputs, inputs)
    return gW.astype('f')


def _flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(*x.shape[:3], -1)


def bias(shapes: Shapes, input: Any, bias: Any) -> np.ndarray:
    return input + bias


def add(shapes: Shapes, a: Any, b: Any) -> np.ndarray:
    return a + b


def relu(shapes: Shapes, input: Any, lower_clip: float = 0., upper_clip: float = np.inf) -> np.ndarray:
    return np.clip(input, lower_clip, upper_clip)


def batchnorm(shapes: Shapes, input: Any, scale: Any, bias: Any, in_running_mean: Any, in_running_var: Any,
              epsilon: Any, momentum: Any) -> list[np.ndarray]:
    axis = (0, *range(2, input.ndim))
    mean, var = input.mean(axis, 'd', keepdims=True), input.var(axis, 'd', keepdims=True)
    inv_std = 1 / np.sqrt(var + epsilon.item())
    share = momentum.item()
    parts = [(input - mean) * inv_std * scale + bias, mean, inv_std,
             (1 - share) * in_running_mean + share * mean, (1 - share) * in_running_var + share * var]
    return [part.astype('f') for part in parts]


def batchnorm_backward(shapes: Shapes, grad: Any, input: Any, scale: Any, mean: Any,
                       inv_variance: Any) -> list[np.ndarray]:
    axis = (0, *range(2, input.ndim))
    x_hat = (input - mean) * inv_variance
    ggamma, gbeta = (grad * x_hat).sum(axis, 'd', keepdims=True), grad.sum(axis, 'd', keepdims=True)
    gx = scale * inv_variance * (grad - (gbeta + x_hat * ggamma) / (input.size // input.shape[1]))
    return [part.astype('f') for part in (gx, ggamma, gbeta)]


def sdpa(shapes: Shapes, q: Any, k: Any, v: Any, attn_scale: float, generate_stats: bool) -> list[Any]:
    scores = attn_scale * np.einsum('nhqd,nhkd->nhqk', q.astype('d'), k)
    largest = scores.max(-1, keepdims=True)
    logarithms = largest + np.log(np.exp(scores - largest).sum(-1, keepdims=True))
    y = np.einsum('nhqk,nhkd->nhqd', np.exp(scores - logarithms), v)
    return [y.astype('f'), logarithms.astype('f') if generate_stats else None]


def sdpa_backward(shapes: Shapes, q: Any, k: Any, v: Any, o: Any, dO: Any, stats: Any, attn_scale: float,
                  use_deterministic_algorithm: bool) -> list[np.ndarray]:
    weights = np.exp(attn_scale * np.einsum('nhqd,nhkd->nhqk', q.astype('d'), k) - stats)
    gweights = np.einsum('nhqd,nhkd->nhqk', dO.astype('d'), v)
    gscores = attn_scale * weights * (gweights - (dO.astype('d') * o).sum(-1, keepdims=True))
    return [np.einsum('nhqk,nhkd->nhqd', gscores, k).astype('f'), np.einsum('nhqk,nhqd->nhkd', gscores, q).astype('f'),
            np.einsum('nhqk,nhqd->nhkd', weights, dO).astype('f')]
