"""The kernel contract: what every back end computes for the functions and optimizers above it.

A kernel takes arrays and returns arrays; it knows no graph. The caller has checked the arguments and normalised them:
`kernel_size`, `stride`, `pad`, `dilate` and sizes are tuples with one integer for each spatial axis, axes are tuples of
non-negative integers in ascending order. Unless a kernel says otherwise, results have the data type of the first array,
one of float16, float32 and float64; float16 is computed in float32 inside. Results may have any strides.

In shapes, N is the batch, C the channels, and ``*in``, ``*out`` and ``*k`` are the spatial axes of the input, of the
output and of the window.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from autograd_nn.types import Array, DTypeLike, Ints

Arrays = Sequence[Array]

OPERATIONS = {
    'add_relu': ('x0 x1', 'max(x0 + x1, 0)'),
    'clipped_relu': ('x z', 'min(max(x, 0), z)'),
    'clipped_relu_grad': ('y z gy', 'gy where 0 < y < z'),
    'elu': ('x alpha', 'x, below 0 alpha (exp(x) - 1)'),
    'gelu': ('x', "x times a normal distribution's share below x"),
    'gelu_grad': ('x gy', "gy times gelu's slope at x"),
    'leaky_relu': ('x slope', 'x, below 0 slope x'),
    'multiply': ('mask x', 'mask x'),
    'relu': ('x', 'max(x, 0)'),
    'relu_grad': ('y gy', 'gy where y > 0'),
    'sigmoid': ('x', '1 / (1 + exp(-x))'),
    'sigmoid_grad': ('y gy', 'gy y (1 - y)'),
    'swish': ('x beta', 'x / (1 + exp(-beta x))'),
    'swish_grad': ('x beta gy', "gy times swish's slope at x"),
    'tanh_grad': ('y gy', 'gy (1 - y y)'),
}
"""What a back end may know by name (see `Kernels.elementwise`): the arguments of each operation, and what it computes.

Of a gradient, y is the output of the operation and gy its gradient."""


class Kernels(Protocol):
    """The kernels of one back end; the modules `autograd_nn.cpu` and its twin on the GPU satisfy it."""

    def matmul(self, a: Array, b: Array) -> Array:
        """The products of the matrices `a` (..., M, K) and `b` (..., K, N), as the operator ``@`` has it."""

    def linear(self, x: Array, W: Array, b: Array | None, ceiling: float | None) -> Array:
        """Multiplies `x` (N, D) by the transposed `W` (M, D) and adds `b` (M,); `ceiling` as in `convolution`."""

    def convolution(self, x: Array, W: Array, b: Array | None, stride: Ints, pad: Ints, dilate: Ints,
                    groups: int, scale: Array | None, residual: Array | None, ceiling: float | None,
                    kept: dict[str, Any] | None) -> Array:
        """Cross-correlates `x` (N, C, *in) with the filters `W` (K, C / groups, *k) and adds `b` (K,).

        Output channels come in `groups` equal parts, each of which sees its own part of the input channels. The output
        (N, K, *out) has the sizes that `geometry.conv_output_size` gives. Filters are multiplied by their elements of
        `scale` (K,), and `residual` (N, K, *out) is added. With `ceiling`, which may be infinite, results below 0
        become 0, and those above it become `ceiling`. `kept` is a place for what was made of `W` and may serve the
        next call if it is compared with what `W` and all else that it was made of are then.
        """

    def deconvolution(self, x: Array, W: Array, b: Array | None, stride: Ints, pad: Ints, out_size: Ints,
                      dilate: Ints, groups: int) -> Array:
        """Spreads `x` (N, C, *in) over an output (N, K, *out_size) by the filters `W` (C, K / groups, *k).

        It is the transposed convolution: the gradient of `convolution` with respect to its input, where `x` is the
        gradient of the output. Elements of the output that no window reaches are zero before `b` (K,) is added.
        """

    def convolution_filter_grad(self, x: Array, gy: Array, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints,
                                groups: int) -> Array:
        """The gradient (K, C / groups, *k) of `convolution` with respect to its filters.

        Args:
            x: The input (N, C, *in).
            gy: The gradient (N, K, *out) of the output.
        """

    def convolution_bias_grad(self, gy: Array) -> Array:
        """The sums (K,) of `gy` (N, K, *out) over all axes but the second."""

    def im2col(self, x: Array, kernel_size: Ints, stride: Ints, pad: Ints, dilate: Ints, cover_all: bool) -> Array:
        """Copies every window of `x` (N, C, *in), zeros where it reaches beyond, to an array (N, C, *k, *out)."""

    def col2im(self, col: Array, size: Ints, stride: Ints, pad: Ints, dilate: Ints) -> Array:
        """Adds the windows `col` (N, C, *k, *out) up where they overlap: the transpose of `im2col`, (N, C, *size)."""

    def max_pooling(self, x: Array, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool,
                    training: bool) -> tuple[Array, Array]:
        """The maximum of each window of `x` (N, C, *in).

        Returns:
            The maxima (N, C, *out), and the place of the first of them within its window, counted row by row: integers
            of any type and of the same shape, or, without `training`, anything. Padding is minus infinity, and so is
            the maximum of a window of padding alone. The maximum of a window with NaN is NaN.
        """

    def max_pooling_grad(self, gy: Array, indexes: Array, size: Ints, kernel_size: Ints, stride: Ints,
                         pad: Ints) -> Array:
        """Adds each element of `gy` (N, C, *out) to the place that `indexes` names: (N, C, *size)."""

    def max_pooling_gather(self, x: Array, indexes: Array, kernel_size: Ints, stride: Ints, pad: Ints) -> Array:
        """Takes from each window of `x` (N, C, *in) the element that `indexes` (N, C, *out) names."""

    def average_pooling(self, x: Array, kernel_size: Ints, stride: Ints, pad: Ints, cover_all: bool,
                        pad_value: int | None) -> Array:
        """The mean of each window of `x` (N, C, *in).

        `pad_value` 0 counts elements beyond the image as zeros, None leaves them out of sum and count.
        """

    def average_pooling_grad(self, gy: Array, size: Ints, kernel_size: Ints, stride: Ints, pad: Ints,
                             pad_value: int | None) -> Array:
        """The gradient (N, C, *size) of `average_pooling` with respect to its input, from `gy` (N, C, *out)."""

    def roi_average(self, x: Array, indices: Array, rows: Array, columns: Array) -> Array:
        """The mean of samples in each bin of regions of images.

        Samples are interpolated bilinearly between four pixels. Up to a pixel's width outside the image, their values
        are those of its edge, further out they are 0.

        Args:
            x: The images (N, C, H, W).
            indices: Which image each region is of: integers (R,).
            rows: For each row of bins of a region, at which row of the image its first samples are, how far apart its
                samples are, and in how many rows there are some: of shape (R, oh, 3), in float64. A region's bins
                begin and end in ascending order.
            columns: The same of columns (R, ow, 3).

        Returns:
            The means (R, C, oh, ow), 0 for bins without samples.
        """

    def roi_average_grad(self, gy: Array, indices: Array, rows: Array, columns: Array, shape: Ints) -> Array:
        """The gradient of `roi_average` with respect to images of that shape, from `gy` (R, C, oh, ow)."""

    def roi_max(self, x: Array, indices: Array, rows: Array, columns: Array, empty: float,
                training: bool) -> tuple[Array, Any]:
        """The maximum of samples inside the image, and up to a pixel's width outside, in each bin of regions.

        The first arguments are those of `roi_average`.

        Returns:
            The maxima (R, C, oh, ow), `empty` for bins without such samples, and the places of the first of them, the
            row and the column of samples within the bin: integers (2, R, C, oh, ow), or, without `training`, anything.
            The maximum of a bin with NaN is NaN.
        """

    def roi_max_grad(self, gy: Array, places: Array, indices: Array, rows: Array, columns: Array,
                     shape: Ints) -> Array:
        """The gradient of `roi_max` with respect to images of that shape, from `gy` (R, C, oh, ow) and the places."""

    def roi_max_gather(self, x: Array, places: Array, indices: Array, rows: Array, columns: Array) -> Array:
        """Takes the sample of each bin that `places`, as `roi_max` returned them, name: of shape (R, C, oh, ow)."""

    def non_maximum_suppression(self, boxes: Array, threshold: float, limit: int | None) -> Array:
        """Which boxes overlap none before them that is kept.

        Args:
            boxes: Two opposite corners of each, (y_min, x_min, y_max, x_max): floating-point (R, 4).
            threshold: Two boxes overlap if the area of their intersection over that of their union is at least this.
                Where that is 0 / 0 they do not.
            limit: The number of boxes after which to stop; None to go through all.

        Returns:
            Their numbers in ascending order, int32 (K,).
        """

    def interpolate(self, x: Array, places: Array, weights: Array) -> Array:
        """Weighted sums of a few pixels each.

        Args:
            x: The pixels of images (N, C, L).
            places: The numbers of K pixels for each of P sums: integers (K, N, P) from -1 to L - 1. -1 is a pixel
                outside, which is 0.
            weights: Their weights (K, N, P). What has the weight 0 does not count, whatever it is.

        Returns:
            The sums (N, C, P).
        """

    def interpolate_grad(self, gy: Array, places: Array, weights: Array, size: int) -> Array:
        """The gradient (N, C, size) of `interpolate` with respect to the pixels, from `gy` (N, C, P)."""

    def interpolate_weight_grad(self, x: Array, gy: Array, places: Array) -> Array:
        """The gradient (K, N, P) of `interpolate` with respect to the weights, from `gy` (N, C, P)."""

    def batch_normalization(self, x: Array, gamma: Array, beta: Array, eps: float, axis: Ints, relu: bool,
                            residual: Array | None) -> tuple[Array, Array, Array, Any]:
        """Normalises `x` to mean 0 and variance 1 over `axis`, then scales by `gamma` and shifts by `beta`.

        `gamma` and `beta` have the shape of `x` without `axis`. The variance is the biased one. `residual`, of the
        shape of `x`, is added; then, with `relu`, negative results become zero.

        Returns:
            The output, the mean, one over the root of variance plus `eps`, and with `relu`, but without `residual`,
            whatever `batch_normalization_grad` of this back end needs to know which results were positive. The second
            and third have the shape of `gamma` and its data type, at least float32.
        """

    def batch_normalization_grad(self, x: Array, gamma: Array, gy: Array, mean: Array, inv_std: Array, axis: Ints,
                                 mask: Array) -> tuple[Array, Array, Array]:
        """The gradients of `batch_normalization` with respect to `x`, `gamma` and `beta`.

        `mean`, `inv_std` and `mask` are what it returned; without `mask`, `gy` is the gradient before any rectifier.
        """

    def update_statistics(self, running_mean: Array, running_var: Array, mean: Array, inv_std: Array, eps: float,
                          decay: float, count: int) -> None:
        """In place: ``running = decay * running + (1 - decay) * new``, for the mean and the variance.

        `mean` and `inv_std` are what `batch_normalization` with `eps` returned for `count` numbers each; the new
        variance is the unbiased one. All arrays have one shape.
        """

    def fixed_batch_normalization(self, x: Array, gamma: Array, beta: Array, mean: Array, var: Array, eps: float,
                                  axis: Ints, relu: bool, residual: Array | None) -> Array:
        """Normalises `x` by the given mean and variance instead of its own, then scales and shifts.

        `residual` and `relu` are as in `batch_normalization`.
        """

    def group_normalization(self, x: Array, groups: int, gamma: Array, beta: Array,
                            eps: float) -> tuple[Array, Array, Array]:
        """Normalises each of `groups` equal parts of the channels of each sample of `x` (N, C, *in).

        Then it scales by `gamma` (C,) and shifts by `beta` (C,).

        Returns:
            The output, the mean (N, groups), and one over the root of variance plus `eps` (N, groups), the latter two
            in at least float32.
        """

    def group_normalization_grad(self, x: Array, groups: int, gamma: Array, gy: Array, mean: Array,
                                 inv_std: Array) -> tuple[Array, Array, Array]:
        """The gradients of `group_normalization` with respect to `x`, `gamma` and `beta`."""

    def layer_normalization(self, x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Array, Array, Array]:
        """Normalises each row of `x` (N, D), then scales by `gamma` (D,) and shifts by `beta` (D,).

        Returns:
            The output, the mean (N,), and one over the root of variance plus `eps` (N,), the latter two in at least
            float32.
        """

    def layer_normalization_grad(self, x: Array, gamma: Array, gy: Array, mean: Array,
                                 inv_std: Array) -> tuple[Array, Array, Array]:
        """The gradients of `layer_normalization` with respect to `x`, `gamma` and `beta`."""

    def local_response_normalization(self, x: Array, n: int, k: float, alpha: float, beta: float) -> Array:
        """Divides each element of `x` (N, C, *in) by ``scale ** beta``.

        The scale is `k` plus `alpha` times the sum of squares over the channel and ``n // 2`` neighbours on either
        side.
        """

    def local_response_normalization_grad(self, x: Array, gy: Array, n: int, k: float, alpha: float,
                                          beta: float) -> Array:
        """The gradient of `local_response_normalization` with respect to `x`."""

    def embedding_grad(self, gy: Array, ids: Array, W_shape: Ints) -> Array:
        """Adds each row of `gy` (*ids.shape, D) to the row of a zero matrix (V, D) that `ids` names."""

    def softmax(self, x: Array, axis: int) -> Array:
        """Exponentials of `x` divided by their sum along `axis`; large values do not overflow."""

    def softmax_grad(self, y: Array, gy: Array, axis: int) -> Array:
        """The gradient of `softmax` from its output `y`."""

    def log_softmax(self, x: Array, axis: int) -> Array:
        """The logarithm of `softmax`, accurate where that is close to zero."""

    def log_softmax_grad(self, y: Array, gy: Array, axis: int) -> Array:
        """The gradient of `log_softmax` from its output `y`."""

    def attention(self, query: Array, key: Array, value: Array, training: bool) -> tuple[Array, Any]:
        """For each query, the mean of the values, weighted by ``softmax(query key^T / sqrt(D))``.

        Args:
            query: Vectors (..., Q, D).
            key: The same of shape (..., K, D).
            value: The same of shape (..., K, V).
            training: Whether the gradient may be wanted: if not, the workspace may be anything.

        Returns:
            The means (..., Q, V), and a workspace: whatever `attention_grad` of this back end needs besides.
        """

    def attention_grad(self, query: Array, key: Array, value: Array, y: Array, workspace: Any,
                       gy: Array) -> tuple[Array, Array, Array]:
        """The gradients of `attention` with respect to `query`, `key` and `value`, from what it returned."""

    def softmax_cross_entropy(self, x: Array, labels: Array) -> tuple[Array, Array]:
        """The softmax of `x` (N, C, *d) along axis 1, and the negative logarithms (N, *d) of those elements of it that
        `labels` (N, *d), integers from 0 to C - 1, pick. Of other labels, nothing is computed that could be mistaken
        for a loss."""

    def softmax_cross_entropy_grad(self, y: Array, labels: Array, scale: Array) -> Array:
        """The softmax `y`, less 1 at the `labels`, times `scale` (N, *d)."""

    def lstm(self, c_prev: Array, x: Array) -> tuple[Array, Array]:
        """One step of long short-term memory units: from their old cells and their summed inputs.

        Args:
            c_prev: The cells (N, S, ...).
            x: Four numbers for each unit, one after the other (N, 4 S, ...): the input a, and the gates i, f and o.

        Returns:
            The cells ``c = tanh(a) * sigmoid(i) + c_prev * sigmoid(f)`` and the outputs ``h = tanh(c) * sigmoid(o)``.
        """

    def lstm_grad(self, c_prev: Array, x: Array, c: Array, gc: Array, gh: Array) -> tuple[Array, Array]:
        """The gradients of `lstm` with respect to `c_prev` and `x`, from those of `c` and `h`."""

    def gru(self, h_prev: Array, x: Array, u: Array) -> Array:
        """One step of gated recurrent units: from their old state, and what comes from the input and from that state.

        Args:
            h_prev: The state (N, S).
            x: What comes from the input (N, 3 S): the parts r, z and a, each for all units.
            u: What comes from the state, of the same shape.

        Returns:
            ``(1 - z) * a + z * h_prev``, where r and z are ``sigmoid(x + u)`` and a is ``tanh(x + r * u)``.
        """

    def gru_grad(self, h_prev: Array, x: Array, u: Array, gh: Array) -> tuple[Array, Array, Array]:
        """The gradients of `gru` with respect to `h_prev`, `x` and `u`."""

    def lstm_sequence(self, x: Array, h: Array, c: Array, ws: list[Array], bs: list[Array], batch_sizes: Ints,
                      reverse: bool, training: bool) -> tuple[Array, Array, Array, Any]:
        """A layer of long short-term memory units over a batch of B sequences, in one direction.

        Sequences may have different lengths; the longest comes first. The steps of all sequences lie one after the
        other: the rows of step t are those of the first ``batch_sizes[t]`` sequences, which are the ones that have not
        ended; M is the sum of the batch sizes. A sequence keeps its last state when it has ended. In the reverse
        direction the last step comes first, and a sequence keeps its initial state until it has begun.

        The gates come in the order i, f, a, o. The sum of gate k is
        ``x @ ws[k].T + bs[k] + h @ ws[k + 4].T + bs[k + 4]``; for the rest see `lstm`.

        Args:
            x: The input of all steps (M, I).
            h: The initial output (B, N).
            c: The initial cells (B, N).
            ws: Eight weights: four of the input (N, I), four of the output of the step before (N, N).
            bs: Eight biases (N,).
            batch_sizes: The numbers of sequences that take part in each step: not rising, at most B.
            reverse: Whether to start at the end.
            training: Whether the gradient may be wanted: if not, the workspace may be anything.

        Returns:
            The outputs of all steps (M, N), the last output (B, N) and cells (B, N), and a workspace: whatever
            `lstm_sequence_grad` of this back end needs besides.
        """

    def lstm_sequence_grad(self, x: Array, h: Array, c: Array, ws: list[Array], y: Array, workspace: Any, gy: Array,
                           ghy: Array, gcy: Array, batch_sizes: Ints,
                           reverse: bool) -> tuple[Array, Array, Array, list[Array], list[Array]]:
        """The gradients of `lstm_sequence` with respect to `x`, `h`, `c`, `ws` and `bs`.

        Args:
            x: As given to `lstm_sequence`, as the other arguments not listed here.
            y: The outputs of all steps.
            workspace: What `lstm_sequence` returned; it stays as it is.
            gy: The gradient of the outputs (M, N).
            ghy: The gradient of the last output (B, N).
            gcy: The gradient of the last cells (B, N).

        Returns:
            The gradients, none of which shares memory with another.
        """

    def gru_sequence(self, x: Array, h: Array, ws: list[Array], bs: list[Array], batch_sizes: Ints, reverse: bool,
                     training: bool) -> tuple[Array, Array, Any]:
        """A layer of gated recurrent units over a batch of sequences, in one direction.

        Sequences, their order and the last arguments are those of `lstm_sequence`. The units are those of `gru`: part k
        of its ``x``, in the order r, z, a, is ``x @ ws[k].T + bs[k]`` here, part k of its ``u`` is
        ``h @ ws[k + 3].T + bs[k + 3]``.

        Args:
            x: The input of all steps (M, I).
            h: The initial state (B, N).
            ws: Six weights: three of the input (N, I), three of the state (N, N).
            bs: Six biases (N,).

        Returns:
            The states of all steps (M, N), the last state (B, N) and a workspace.
        """

    def gru_sequence_grad(self, x: Array, h: Array, ws: list[Array], y: Array, workspace: Any, gy: Array, ghy: Array,
                          batch_sizes: Ints, reverse: bool) -> tuple[Array, Array, list[Array], list[Array]]:
        """The gradients of `gru_sequence` with respect to `x`, `h`, `ws` and `bs` (see `lstm_sequence_grad`)."""

    def rnn_sequence(self, x: Array, h: Array, ws: list[Array], bs: list[Array], activation: str, batch_sizes: Ints,
                     reverse: bool, training: bool) -> tuple[Array, Array, Any]:
        """A layer of plain recurrent units over a batch of sequences, in one direction.

        They compute ``f(x @ ws[0].T + bs[0] + h @ ws[1].T + bs[1])``. Sequences, their order and the last arguments are
        those of `lstm_sequence`.

        Args:
            x: The input of all steps (M, I).
            h: The initial state (B, N).
            ws: The weights of the input (N, I), and of the state (N, N).
            bs: Two biases (N,).
            activation: The function f: ``'tanh'`` or ``'relu'``.

        Returns:
            The states of all steps (M, N), the last state (B, N) and a workspace.
        """

    def rnn_sequence_grad(self, x: Array, h: Array, ws: list[Array], y: Array, workspace: Any, gy: Array, ghy: Array,
                          activation: str, batch_sizes: Ints,
                          reverse: bool) -> tuple[Array, Array, list[Array], list[Array]]:
        """The gradients of `rnn_sequence` with respect to `x`, `h`, `ws` and `bs` (see `lstm_sequence_grad`)."""

    def elementwise(self, body: Callable[..., Array], args: Sequence[Any], operation: str | None) -> Array:
        """What `body` computes, element by element, from arrays and numbers: an array of the type of these arrays.

        Args:
            body: Computes it on arrays of any one shape.
            args: Its arguments.
            operation: Its name in `OPERATIONS`, by which a back end may have something faster than `body`, or None.
        """

    def dropout_mask(self, x: Array, ratio: float) -> Array:
        """An array like `x` that is zero with probability `ratio` and ``1 / (1 - ratio)`` elsewhere.

        What is random comes from the generator that `autograd_nn.random.seed` seeds, at least in the beginning.
        """

    def scaled(self, arrays: Arrays, a: float) -> list[Array]:
        """``a * x`` for each of some arrays."""

    def scaled_copies(self, sources: Arrays, targets: Arrays, a: float) -> None:
        """Writes ``a * x`` for each of some arrays into a target of the same shape.

        The pairs are of the same type, or of one in half precision and float32. What is too large for a target's type
        becomes infinite.
        """

    def scaled_sum(self, x: Array, y: Array, a: float) -> Array:
        """``x + a * y`` for two arrays of one shape."""

    def sum_along(self, x: Array, axis: Ints, keepdims: bool, dtype: DTypeLike) -> Array:
        """The sums of `x` along some axes, of the type `dtype`; with `keepdims` the axes stay, with the length 1."""

    def sum_of_squares(self, arrays: Arrays) -> Array:
        """The sum of the squares of all elements of some arrays, of shape ``()``, in at least float32."""

    def all_finite(self, arrays: Arrays) -> bool:
        """Whether no element of some arrays is infinite or not a number."""

    # Updates take corresponding arrays of many parameters, which do not share memory, and write into all of them but
    # the gradients. The formulas are those for one parameter.

    def sgd(self, params: Arrays, grads: Arrays, lr: float) -> None:
        """In place: ``param -= lr * grad``."""

    def momentum_sgd(self, params: Arrays, grads: Arrays, vs: Arrays, lr: float, momentum: float) -> None:
        """In place: ``v = momentum * v - lr * grad``, then ``param += v``."""

    def corrected_momentum_sgd(self, params: Arrays, grads: Arrays, vs: Arrays, lr: float, momentum: float) -> None:
        """In place: ``v = momentum * v - grad``, then ``param += lr * v``."""

    def nesterov_ag(self, params: Arrays, grads: Arrays, vs: Arrays, lr: float, momentum: float) -> None:
        """In place: ``v = momentum * v - lr * grad``, ``param += momentum ** 2 * v - (1 + momentum) * lr * grad``."""

    def adagrad(self, params: Arrays, grads: Arrays, hs: Arrays, lr: float, eps: float) -> None:
        """In place: ``h += grad ** 2``, then ``param -= lr * grad / (sqrt(h) + eps)``."""

    def adadelta(self, params: Arrays, grads: Arrays, msgs: Arrays, msdxs: Arrays, rho: float, eps: float) -> None:
        """In place, with running mean squares of the gradient, `msgs`, and of the step, `msdxs`.

        ``msg = rho * msg + (1 - rho) * grad ** 2``, ``dx = sqrt((msdx + eps) / (msg + eps)) * grad``,
        ``msdx = rho * msdx + (1 - rho) * dx ** 2``, then ``param -= dx``.
        """

    def rmsprop(self, params: Arrays, grads: Arrays, mss: Arrays, lr: float, alpha: float, eps: float,
                eps_inside_sqrt: bool) -> None:
        """In place: ``ms = alpha * ms + (1 - alpha) * grad ** 2``, then ``param -= lr * grad / root``.

        The root is ``sqrt(ms) + eps``, or ``sqrt(ms + eps)`` if `eps_inside_sqrt`.
        """

    def rmsprop_graves(self, params: Arrays, grads: Arrays, ns: Arrays, gs: Arrays, deltas: Arrays, lr: float,
                       alpha: float, momentum: float, eps: float) -> None:
        """In place: ``n += (1 - alpha) * (grad ** 2 - n)``, ``g += (1 - alpha) * (grad - g)``, and the step.

        ``delta = momentum * delta - lr * grad / sqrt(n - g ** 2 + eps)``, then ``param += delta``.
        """

    def smorms3(self, params: Arrays, grads: Arrays, mems: Arrays, gs: Arrays, g2s: Arrays, lr: float,
                eps: float) -> None:
        """In place, with ``r = 1 / (mem + 1)``: ``g += r * (grad - g)``, ``g2 += r * (grad ** 2 - g2)``, and the step.

        With ``x = g ** 2 / (g2 + eps)``, ``param -= grad * minimum(x, lr) / (sqrt(g2) + eps)`` and
        ``mem = mem * (1 - x) + 1``.
        """

    def msvag(self, params: Arrays, grads: Arrays, ms: Arrays, vs: Arrays, rate: float, beta: float, correction: float,
              ratio: float, eta: float, weight_decay_rate: float) -> None:
        """In place: ``m += (1 - beta) * (grad - m)``, ``v += (1 - beta) * (grad ** 2 - v)``, and the step.

        With ``variance = maximum(correction * v - m ** 2, 0)`` and ``factor = m ** 2 / (m ** 2 + ratio * variance)``,
        which is 0 where both are, ``param -= eta * (rate * factor * m + weight_decay_rate * param)``. The caller
        computes `rate`, which holds the correction of the bias, `correction` and `ratio`.
        """

    def adam(self, params: Arrays, grads: Arrays, ms: Arrays, vs: Arrays, alpha_t: float, beta1: float, beta2: float,
             eps: float, eta: float, weight_decay_rate: float, bounds: tuple[float, float] | None) -> None:
        """In place: ``m += (1 - beta1) * (grad - m)``, ``v += (1 - beta2) * (grad ** 2 - v)``, and the step.

        The rate is ``alpha_t / (sqrt(v) + eps)``, clipped to `bounds` where these are given (AdaBound), and the step
        ``param -= eta * (rate * m + weight_decay_rate * param)``. The caller computes `alpha_t`, which holds the
        correction of the bias.
        """

    def amsgrad(self, params: Arrays, grads: Arrays, ms: Arrays, vs: Arrays, vhats: Arrays, alpha_t: float,
                beta1: float, beta2: float, eps: float, eta: float, weight_decay_rate: float,
                bounds: tuple[float, float] | None) -> None:
        """As `adam`, but after ``vhat = maximum(vhat, v)`` that stands for `v` in the step."""
