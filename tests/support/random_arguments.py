"""Random arguments for the kernels that oneDNN serves: such as fit, and such as somebody got wrong."""
from __future__ import annotations

import sys
from typing import Any

import numpy as np

from autograd_nn import cpu
from autograd_nn.cpu import onednn
from autograd_nn.functions import fused_rectifiers
from autograd_nn.functions.activation import rectifier
from autograd_nn.geometry import conv_output_size

Rng = np.random.Generator


def laid_out(x: np.ndarray, rng: Rng) -> np.ndarray:
    """The same numbers somehow else in memory, or (where that cannot be) others that overlap.

    With gaps, backwards, one row for all, not aligned, as a field of records, as windows that slide, or with the axes
    in another order.
    """
    kind = rng.integers(8)
    if not x.ndim or kind == 0:
        return x
    if kind == 1:
        return np.repeat(x, 2, axis=-1)[..., ::2]
    if kind == 2:
        return np.ascontiguousarray(x[..., ::-1])[..., ::-1]
    if kind == 3 and len(x):
        return np.broadcast_to(x[:1], x.shape)
    if kind == 4:
        memory = np.empty(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
        memory[...] = x
        return memory
    if kind == 5:
        records = np.zeros(x.shape, [('other', np.uint8), ('x', x.dtype)])
        records['x'] = x
        return records['x']
    if kind == 6 and x.size:
        return np.lib.stride_tricks.as_strided(x, x.shape, (x.itemsize,) * x.ndim)
    order = rng.permutation(x.ndim)
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


def array(rng: Rng, *shape: int) -> np.ndarray:
    return laid_out(rng.standard_normal(shape).astype('f'), rng)


def _windows(rng: Rng) -> tuple[Any, ...]:
    """The shape of images, and windows that fit them."""
    n = rng.integers(1, 4)
    k, s = rng.integers(1, 5, n), rng.integers(1, 4, n)
    p = rng.integers(0, k)
    size = rng.integers(np.maximum(1, k - 2 * p), 9)
    channels = rng.choice([1, 2, 3, 8, 17])
    x_shape, k, s, p = (tuple(map(int, a)) for a in ((rng.integers(1, 3), channels, *size), k, s, p))
    return x_shape, (k, s, p)


def _pooled(x_shape: tuple[int, ...], window: Any, cover_all: bool) -> tuple[int, ...]:
    return *x_shape[:2], *(conv_output_size(*axis, cover_all) for axis in zip(x_shape[2:], *window))


def max_pooling(rng: Rng) -> list[Any]:
    x_shape, window = _windows(rng)
    return [array(rng, *x_shape), *window, bool(rng.integers(2)), bool(rng.integers(2))]


def max_pooling_grad(rng: Rng) -> list[Any]:
    x_shape, window = _windows(rng)
    cover_all = bool(rng.integers(2))
    _, indexes = cpu.max_pooling(array(rng, *x_shape), *window, cover_all)
    return [array(rng, *indexes.shape), laid_out(indexes, rng), x_shape[2:], *window]


def average_pooling(rng: Rng) -> list[Any]:
    x_shape, window = _windows(rng)
    return [array(rng, *x_shape), *window, bool(rng.integers(2)), rng.choice([0, None])]


def average_pooling_grad(rng: Rng) -> list[Any]:
    x_shape, window = _windows(rng)
    return [array(rng, *_pooled(x_shape, window, bool(rng.integers(2)))), x_shape[2:], *window, rng.choice([0, None])]


def _images(rng: Rng) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape = tuple(map(int, (rng.integers(2, 5), rng.choice([1, 3, 8, 17]), *rng.integers(1, 6, rng.integers(4)))))
    return shape, (0, *range(2, len(shape)))


def batch_normalization(rng: Rng) -> list[Any]:
    shape, axis = _images(rng)
    return [array(rng, *shape), array(rng, shape[1]), array(rng, shape[1]), 0.1, axis, bool(rng.integers(2))]


def batch_normalization_grad(rng: Rng) -> list[Any]:
    x, gamma, beta, eps, axis, relu = batch_normalization(rng)
    _, mean, inv_std, mask = onednn.batch_normalization(x, gamma, beta, eps, axis, relu)
    return [x, gamma, array(rng, *x.shape), mean, inv_std, axis, mask]


def fixed_batch_normalization(rng: Rng) -> list[Any]:
    x, gamma, beta, eps, axis, relu = batch_normalization(rng)
    return [x, gamma, beta, array(rng, len(gamma)), abs(array(rng, len(gamma))), eps, axis, relu]


def layer_normalization(rng: Rng) -> list[Any]:
    n, d = map(int, rng.integers(1, 20, 2))
    return [array(rng, n, d), array(rng, d), array(rng, d), 0.1]


def layer_normalization_grad(rng: Rng) -> list[Any]:
    x, gamma, beta, eps = layer_normalization(rng)
    _, mean, inv_std = cpu.layer_normalization(x, gamma, beta, eps)
    return [x, gamma, array(rng, *x.shape), mean, inv_std]


def local_response_normalization(rng: Rng) -> list[Any]:
    return [array(rng, int(rng.integers(1, 3)), int(rng.choice([3, 16, 32])), *map(int, rng.integers(1, 6, 2))),
            int(rng.choice([1, 3, 5])), 2., 0.1, float(rng.choice([0.5, 0.75]))]


def softmax(rng: Rng) -> list[Any]:
    shape = tuple(map(int, (rng.integers(30, 90), rng.integers(50, 90), *rng.integers(1, 4, rng.integers(3)))))
    return [array(rng, *shape), int(rng.integers(len(shape)))]


def softmax_cross_entropy(rng: Rng) -> list[Any]:
    n, classes, *d = map(int, (rng.integers(30, 90), rng.integers(50, 90), *rng.integers(1, 4, rng.integers(2))))
    return [array(rng, n, classes, *d), laid_out(rng.integers(classes, size=(n, *d)), rng)]


def elementwise(rng: Rng) -> list[Any]:
    shape = tuple(map(int, (rng.integers(2, 4), rng.integers(2, 9), rng.integers(90, 100), rng.integers(60, 90))))
    operation = fused_rectifiers._relu_grad if rng.integers(2) else rectifier._leaky_relu
    args = [array(rng, *shape), array(rng, *shape) if operation is fused_rectifiers._relu_grad else 0.3]
    return [operation.body, args, operation.source.name]


def matmul(rng: Rng) -> list[Any]:
    m, k, n = map(int, rng.integers(30, 70, 3))
    batch = tuple(map(int, rng.integers(1, 4, rng.integers(3))))
    return [array(rng, *batch, m, k), array(rng, *batch, k, n)]


def linear(rng: Rng) -> list[Any]:
    n, d, m = map(int, rng.integers(30, 70, 3))
    return [array(rng, n, d), array(rng, m, d), array(rng, m) if rng.integers(2) else None]


def _sequence(rng: Rng, n_states: int, n_gates: int) -> tuple[list[Any], list[Any], list[Any], tuple[int, ...], bool]:
    """Input and initial states, weights, biases, batch sizes and direction of a layer of recurrent units."""
    batch, inputs, units = map(int, (rng.integers(1, 9), rng.integers(1, 40), rng.integers(100, 140)))
    batch_sizes = tuple(map(int, sorted(rng.integers(0, batch + 1, rng.integers(1, 5)), reverse=True)))
    xs = [array(rng, sum(batch_sizes), inputs), *[array(rng, batch, units) for _ in range(n_states)]]
    ws = [array(rng, units, columns) / 9 for columns in (inputs, units) for _ in range(n_gates)]
    return xs, ws, [array(rng, units) for _ in ws], batch_sizes, bool(rng.integers(2))


def lstm_sequence(rng: Rng) -> list[Any]:
    xs, ws, bs, batch_sizes, reverse = _sequence(rng, 2, 4)
    return [*xs, ws, bs, batch_sizes, reverse, True]


def gru_sequence(rng: Rng) -> list[Any]:
    xs, ws, bs, batch_sizes, reverse = _sequence(rng, 1, 3)
    return [*xs, ws, bs, batch_sizes, reverse, True]


def rnn_sequence(rng: Rng) -> list[Any]:
    xs, ws, bs, batch_sizes, reverse = _sequence(rng, 1, 1)
    return [*xs, ws, bs, str(rng.choice(['tanh', 'relu'])), batch_sizes, reverse, True]


def _gradient(name: str, args: list[Any], rng: Rng) -> list[Any]:
    """The arguments of the gradient of a recurrent kernel, from those of the kernel: no biases, but all results."""
    n_states = 2 if name == 'lstm_sequence' else 1
    *ys, workspace = getattr(cpu, name)(*args)
    return [*args[:n_states + 2], laid_out(ys[0], rng), workspace, *[array(rng, *y.shape) for y in ys],
            *args[n_states + 3:-1]]


def lstm_sequence_grad(rng: Rng) -> list[Any]:
    return _gradient('lstm_sequence', lstm_sequence(rng), rng)


def gru_sequence_grad(rng: Rng) -> list[Any]:
    return _gradient('gru_sequence', gru_sequence(rng), rng)


def rnn_sequence_grad(rng: Rng) -> list[Any]:
    return _gradient('rnn_sequence', rnn_sequence(rng), rng)


KERNELS = {f.__name__: f for f in (
    max_pooling, max_pooling_grad, average_pooling, average_pooling_grad, batch_normalization,
    batch_normalization_grad, fixed_batch_normalization, layer_normalization, layer_normalization_grad,
    local_response_normalization, softmax, softmax_cross_entropy, elementwise, matmul, linear, lstm_sequence,
    lstm_sequence_grad, gru_sequence, gru_sequence_grad, rnn_sequence, rnn_sequence_grad)}
KERNELS['log_softmax'] = softmax


def spoiled(args: list[Any], rng: Rng) -> list[Any]:
    """The arguments with something else in the place of one of them."""
    args = [list(a) if isinstance(a, list) else a for a in args]
    lists = [a for a in args if isinstance(a, list) and a]
    these = lists[rng.integers(len(lists))] if lists and (len(args) <= 3 or rng.integers(2)) else args
    i = int(rng.choice([i for i, a in enumerate(these) if isinstance(a, np.ndarray | tuple | int | float)
                        and not isinstance(a, bool)]))
    these[i] = _other(these[i], rng)
    return args


def _other(value: Any, rng: Rng) -> Any:
    if isinstance(value, tuple):
        if rng.integers(3) == 0:
            return value[1:] if rng.integers(2) else (*value, 1)
        values = list(value)
        values[rng.integers(len(values))] = int(rng.choice([-3, -1, 0, 1, 2, 5, 1000]))
        return tuple(values)
    if isinstance(value, (int, float)):
        return type(value)(rng.choice([-3, -1, 0, 7, 1000]))
    kind = rng.integers(4)
    if kind == 0:
        return value.astype(rng.choice(['e', 'd', 'i', 'B', '?', 'D']))
    if kind == 1:
        return value[None] if rng.integers(2) else value.sum(axis=0)
    i = int(rng.integers(value.ndim)) if value.ndim else 0
    if kind == 2:
        return np.take(value, range(int(rng.integers(max(value.shape[i], 1)))), axis=i)
    return np.concatenate((value, value), axis=i)


def check(name: str, seed: int) -> None:
    """Calls a kernel with arguments that fit, and with others."""
    rng = np.random.default_rng(seed)
    args = KERNELS[name](rng)
    _compare(getattr(onednn, name)(*args), name, args)
    args = spoiled(args, rng)
    arrays = _arrays(args)
    served = all(a.size and a.dtype == np.float32 for a in arrays if a.dtype not in ('B', 'i'))
    try:
        result = getattr(onednn, name)(*args)
    except (ValueError, TypeError) as error:
        # What the reference refuses has NumPy's words.
        assert not served or str(error).startswith((name, 'oneDNN')) or _reference_refuses(name, args), error
    except Exception:
        assert _reference_refuses(name, args)
    else:
        _compare(result, name, args)


def _arrays(value: Any) -> list[np.ndarray]:
    """All arrays in something, in order; what is None or a number is left out."""
    if isinstance(value, (tuple, list)):
        return [array for part in value for array in _arrays(part)]
    return [value] if isinstance(value, np.ndarray) else []


def _reference_refuses(name: str, args: list[Any]) -> bool:
    try:
        getattr(cpu, name)(*args)
    except Exception:
        return True
    return False


def _compare(result: Any, name: str, args: list[Any]) -> None:
    if name == 'batch_normalization_grad' and args[-1] is not None:
        return  # Only the kernel that made this mask can read it; the tests of normalization compare gradients with it.
    for actual, wanted in zip(_arrays(result), _arrays(getattr(cpu, name)(*args))):
        if wanted.dtype == bool:
            continue  # A mask again.
        assert actual.shape == wanted.shape
        assert actual.dtype == wanted.dtype or wanted.dtype.kind in 'iu'
        np.testing.assert_allclose(actual, wanted, rtol=2e-4, atol=2e-4)


if __name__ == '__main__':
    for kernel in KERNELS:
        for seed in range(int(sys.argv[1])):
            check(kernel, seed)
    print('done')
