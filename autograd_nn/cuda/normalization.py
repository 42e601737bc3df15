"""Batch, group, layer and local response normalization: a reduction or two, then one elementwise kernel.

Mean and variance are found in one pass over the data, by joining the moments of parts (Chan et al., Algorithms for
computing the sample variance, 1983), about the first of the numbers: data far from zero lose nothing.
"""
from __future__ import annotations

from math import prod
from typing import Any

from autograd_nn.cuda import device, layout
from autograd_nn.cuda.kernel import COMPUTE, elementwise, reduce
from autograd_nn.cuda.reductions import first_axes, product_sum, with_ones, without
from autograd_nn.dtypes import compute_dtype
from autograd_nn.types import Array, Ints

_MOMENTS = COMPUTE + '''
struct moments {
    C pivot, mean, square, count;
    __device__ moments() : pivot(0), mean(0), square(0), count(0) {}
    __device__ moments(C x, C pivot) : pivot(pivot), mean(x - pivot), square(0), count(1) {}
    __device__ moments(C pivot, C mean, C square, C count) : pivot(pivot), mean(mean), square(square), count(count) {}
    __device__ C variance() const { return count > 0 ? square / count : (C)0; }
};
__device__ moments joined(const moments& a, const moments& b) {
    moments result;
    result.count = a.count + b.count;
    if (result.count > 0) {
        result.pivot = a.count > 0 ? a.pivot : b.pivot;
        const C share = b.count / result.count;
        const C difference = b.mean - a.mean;
        result.mean = a.mean + difference * share;
        result.square = a.square + b.square + difference * difference * a.count * share;
    }
    return result;
}
'''
_statistics = reduce('T x, T pivot, float64 eps', 'U mean, U inv_std', 'moments((C)x, (C)pivot)', 'joined(a, b)',
                     'mean = (U)(a.pivot + a.mean), inv_std = (U)(1 / sqrt(a.variance() + (C)eps))', 'moments()',
                     'statistics', reduce_type='moments', preamble=_MOMENTS)

# The same of parts, whose means are those of the differences to the pivot.
_part_moments = reduce('T x, T pivot', 'U mean, U square', 'moments((C)x, (C)pivot)', 'joined(a, b)',
                       'mean = (U)a.mean, square = (U)a.square', 'moments()', 'part_moments', reduce_type='moments',
                       preamble=_MOMENTS)
_joined_moments = reduce('T mean, T square, float64 count', 'T joined_mean, T joined_square',
                         'moments(0, mean, square, (C)count)', 'joined(a, b)',
                         'joined_mean = a.mean, joined_square = a.square', 'moments()', 'joined_moments',
                         reduce_type='moments', preamble=_MOMENTS)
_joined_statistics = reduce('T mean, T square, U pivot, float64 count, float64 eps', 'T all_mean, T inv_std',
                            'moments((C)pivot, mean, square, (C)count)', 'joined(a, b)',
                            'all_mean = a.pivot + a.mean, inv_std = 1 / sqrt(a.variance() + (C)eps)', 'moments()',
                            'joined_statistics', reduce_type='moments', preamble=_MOMENTS)

_normalized = elementwise('T x, U mean, U inv_std, U gamma, U beta, T residual, bool relu', 'T y', '''
    const C result = ((C)x - (C)mean) * (C)inv_std * (C)gamma + (C)beta + (C)residual;
    y = (T)(relu && result < 0 ? (C)0 : result)''', 'normalized', preamble=COMPUTE)

_update_statistics = elementwise(
    'U mean, U inv_std, float64 eps, float64 decay, float64 unbiased', 'T running_mean, T running_var', '''
    const C var = 1 / ((C)inv_std * (C)inv_std) - (C)eps;
    running_mean = (T)((C)decay * (C)running_mean + (C)(1 - decay) * (C)mean);
    running_var = (T)((C)decay * (C)running_var + (C)((1 - decay) * unbiased) * (var < 0 ? (C)0 : var))''',
    'update_statistics', preamble=COMPUTE)

_fixed_normalized = elementwise('T x, U mean, U var, U gamma, U beta, float64 eps, T residual, bool relu', 'T y', '''
    const C result = ((C)x - (C)mean) / sqrt((C)var + (C)eps) * (C)gamma + (C)beta + (C)residual;
    y = (T)(relu && result < 0 ? (C)0 : result)''', 'fixed_normalized', preamble=COMPUTE)

_SUMS = COMPUTE + '''
struct sums {
    C gradient, product;
    __device__ sums() : gradient(0), product(0) {}
    __device__ sums(C gradient, C x_hat) : gradient(gradient), product(gradient * x_hat) {}
};
__device__ sums joined(const sums& a, const sums& b) {
    sums result;
    result.gradient = a.gradient + b.gradient;
    result.product = a.product + b.product;
    return result;
}
'''
_gradient_sums = reduce('T x, T gy, T mask, U weight, U mean, U inv_std', 'U gradient, U product',
                        'sums((C)gy * (C)(mask <= (T)0 ? 0 : 1) * (C)weight, ((C)x - (C)mean) * (C)inv_std)',
                        'joined(a, b)',
                        'gradient = (U)a.gradient, product = (U)a.product', 'sums()', 'gradient_sums',
                        reduce_type='sums', preamble=_SUMS)

_input_gradient = elementwise(
    'T x, T gy, T mask, U gamma, U weight, U mean, U inv_std, U gradient, U product, float64 count', 'T gx', '''
    const C x_hat = ((C)x - (C)mean) * (C)inv_std;
    const C part = (C)gy * (C)(mask <= (T)0 ? 0 : 1) * (C)gamma;
    gx = (T)((C)inv_std * (part - (C)weight * ((C)gradient + x_hat * (C)product) / (C)count))''', 'input_gradient',
    preamble=COMPUTE)

_RESPONSE = '''
    C sum = 0;
    const ptrdiff_t channel = _ind.get()[1];
    for (ptrdiff_t c = channel - reach; c <= channel + reach; ++c) {
        if (c < 0 || c >= channels) continue;
        const ptrdiff_t place[] = {_ind.get()[0], c, _ind.get()[2]};
'''
_response = elementwise('raw T x, T centre, int32 channels, int32 reach, float64 k, float64 alpha, float64 beta', 'T y',
                        _RESPONSE + '''
        sum += (C)x[place] * (C)x[place];
    }
    y = (T)((C)centre * pow((C)k + (C)alpha * sum, -(C)beta))''', 'response', reduce_dims=False, preamble=COMPUTE)

_response_scale = elementwise('raw T x, int32 channels, int32 reach, float64 k, float64 alpha', 'U scale',
                              _RESPONSE + '''
        sum += (C)x[place] * (C)x[place];
    }
    scale = (U)((C)k + (C)alpha * sum)''', 'response_scale', reduce_dims=False, preamble=COMPUTE)

_response_grad = elementwise('raw T x, raw T gy, raw U scale, int32 channels, int32 reach, float64 alpha, float64 beta',
                             'T gx', _RESPONSE + '''
        sum += (C)x[place] * (C)gy[place] * pow((C)scale[place], -(C)beta - 1);
    }
    const ptrdiff_t place[] = {_ind.get()[0], channel, _ind.get()[2]};
    gx = (T)((C)gy[place] * pow((C)scale[place], -(C)beta) - 2 * (C)alpha * (C)beta * (C)x[place] * sum)''',
                             'response_grad', reduce_dims=False, preamble=COMPUTE)


def batch_normalization(x: Array, gamma: Array, beta: Array, eps: float, axis: Ints, relu: bool = False,
                        residual: Array = None) -> tuple[Any, Any, Any, Any]:
    """Two kernels, or a few; the output itself says which results were positive."""
    dtype = compute_dtype(gamma.dtype)
    (x_,), axis_ = _in_memory(axis, x)
    mean, inv_std = _find_statistics(x_, gamma.shape, dtype, eps, axis_)
    y = device.cupy.empty_like(x)
    _normalized(x, *_along(x, axis, dtype, mean, inv_std, gamma, beta), 0 if residual is None else residual, relu, y)
    return y, mean, inv_std, y if relu and residual is None else None


def batch_normalization_grad(x: Array, gamma: Array, gy: Array, mean: Array, inv_std: Array, axis: Ints,
                             mask: Array = None) -> tuple[Any, Any, Any]:
    """Two kernels, or a few: the sums, then the gradient of the input."""
    dtype = compute_dtype(gamma.dtype)
    mask = 1 if mask is None else mask
    (x_, gy_, mask_), axis_ = _in_memory(axis, x, gy, mask)
    mean_, inv_std_ = _along(x_, axis_, dtype, mean, inv_std)
    gbeta, ggamma = _sum_gradients(x_, gy_, mask_, 1, mean_, inv_std_, dtype, axis_)
    mean_, inv_std_, gamma_ = _along(x, axis, dtype, mean, inv_std, gamma)
    gx = device.cupy.empty_like(x)
    count = max(1, x.size // max(gamma.size, 1))
    _input_gradient(x, gy, mask, gamma_, gamma_, mean_, inv_std_, *_along(x, axis, dtype, gbeta, ggamma), count, gx)
    return gx, ggamma.astype(gamma.dtype, copy=False), gbeta.astype(gamma.dtype, copy=False)


def update_statistics(running_mean: Array, running_var: Array, mean: Array, inv_std: Array, eps: float, decay: float,
                      count: int) -> None:
    """In one kernel for both running averages."""
    _update_statistics(mean, inv_std, eps, decay, count / max(count - 1, 1), running_mean, running_var)


def fixed_batch_normalization(x: Array, gamma: Array, beta: Array, mean: Array, var: Array, eps: float, axis: Ints,
                              relu: bool = False, residual: Array = None) -> Any:
    """In one kernel: normalized, scaled and shifted, `residual` added, and rectified."""
    y = device.cupy.empty_like(x)
    return _fixed_normalized(x, *_along(x, axis, compute_dtype(gamma.dtype), mean, var, gamma, beta), float(eps),
                             0 if residual is None else residual, relu, y)


def group_normalization(x: Array, groups: int, gamma: Array, beta: Array, eps: float) -> tuple[Any, Any, Any]:
    """Two kernels, on the groups as an axis of their own."""
    parts = _in_groups(x, groups)
    dtype = compute_dtype(x.dtype)
    mean, inv_std = _find_statistics(parts, (len(x), groups), dtype, eps, (2, 3))
    y = device.cupy.empty(parts.shape, x.dtype)
    _normalized(parts, *_of_groups(dtype, mean, inv_std), *_of_channels(parts, dtype, gamma, beta), 0, False, y)
    return y.reshape(x.shape), mean, inv_std


def group_normalization_grad(x: Array, groups: int, gamma: Array, gy: Array, mean: Array,
                             inv_std: Array) -> tuple[Any, Any, Any]:
    """Three kernels: the sums over each channel, those over each group, and the gradient of the input."""
    x_, gy_ = _in_groups(x, groups), _in_groups(gy, groups)
    dtype = compute_dtype(x.dtype)
    mean_, inv_std_ = _of_groups(dtype, mean, inv_std)
    gamma_, = _of_channels(x_, dtype, gamma)
    gbeta, ggamma = _sum_gradients(x_, gy_, 1, 1, mean_, inv_std_, dtype, (0, 3))
    sums = _sum_gradients(x_, gy_, 1, gamma_, mean_, inv_std_, dtype, (2, 3))
    gx = device.cupy.empty(x_.shape, x.dtype)
    count = max(1, x_.shape[2] * x_.shape[3])
    _input_gradient(x_, gy_, 1, gamma_, 1, mean_, inv_std_, *_of_groups(dtype, *sums), count, gx)
    ggamma, gbeta = (g.reshape(gamma.shape).astype(gamma.dtype, copy=False) for g in (ggamma, gbeta))
    return gx.reshape(x.shape), ggamma, gbeta


def layer_normalization(x: Array, gamma: Array, beta: Array, eps: float) -> tuple[Any, Any, Any]:
    """Group normalization of one group."""
    y, mean, inv_std = group_normalization(x, 1, gamma, beta, eps)
    return y, mean.reshape(len(x)), inv_std.reshape(len(x))


def layer_normalization_grad(x: Array, gamma: Array, gy: Array, mean: Array, inv_std: Array) -> tuple[Any, Any, Any]:
    """Group normalization of one group."""
    return group_normalization_grad(x, 1, gamma, gy, mean.reshape(-1, 1), inv_std.reshape(-1, 1))


def local_response_normalization(x: Array, n: int, k: float, alpha: float, beta: float) -> Any:
    """In one kernel, which adds up the squares of the neighbouring channels for each element."""
    x_ = _as_channels(x)
    y = device.cupy.empty(x_.shape, x.dtype)
    _response(x_, x_, x.shape[1], n // 2, float(k), float(alpha), float(beta), y)
    return y.reshape(x.shape)


def local_response_normalization_grad(x: Array, gy: Array, n: int, k: float, alpha: float, beta: float) -> Any:
    """Two kernels: the scales once more, then ``g - 2 alpha beta x S(x g / scale)``, as on the CPU."""
    x_, gy_ = _as_channels(x), _as_channels(gy)
    scale = device.cupy.empty(x_.shape, compute_dtype(x.dtype))
    _response_scale(x_, x.shape[1], n // 2, float(k), float(alpha), scale)
    gx = device.cupy.empty(x_.shape, x.dtype)
    _response_grad(x_, gy_, scale, x.shape[1], n // 2, float(alpha), float(beta), gx)
    return gx.reshape(x.shape)


def _find_statistics(x: Array, shape: Ints, dtype: Any, eps: float, axis: Ints) -> tuple[Any, Any]:
    results = mean, inv_std = device.cupy.empty((2, *shape), dtype)
    pivot = x[tuple([slice(1) if i in axis else slice(None) for i in range(x.ndim)])]
    first = first_axes(x, axis)
    if first == axis:
        _statistics(x, pivot, float(eps), mean, inv_std, axis=axis)
        return mean, inv_std
    parts, count = _parts(x, first, dtype), prod([x.shape[i] for i in first])
    _part_moments(x, pivot, *parts, axis=first)
    while True:
        parts = parts.reshape(2, *with_ones(x.shape, first))
        following = first_axes(parts[0], axis)
        if following == axis:
            break
        joined = _parts(parts[0], following, dtype)
        _joined_moments(*parts, float(count), *joined, axis=following)
        count *= prod([parts.shape[1 + i] for i in following])
        parts, first = joined, following
    _joined_statistics(*parts, pivot, float(count), float(eps), *results, axis=axis)
    return mean, inv_std


def _sum_gradients(x: Array, gy: Array, mask: Array, weight: Array, mean: Array, inv_std: Array, dtype: Any,
                   axis: Ints) -> Any:
    """The sums, along some axes, of the gradients, and of their products with the normalized input."""
    first = first_axes(x, axis)
    sums = _parts(x, first, dtype)
    _gradient_sums(x, gy, mask, weight, mean, inv_std, *sums, axis=first)
    if first == axis:
        return sums
    return product_sum(sums.reshape(2, *with_ones(x.shape, first)), 1, tuple([1 + i for i in axis]), dtype)


def _parts(x: Array, axis: Ints, dtype: Any) -> Any:
    """Room for two results of a reduction along some axes."""
    return device.cupy.empty((2, *without(x.shape, axis)), dtype)


def _in_memory(axis: Ints, *arrays: Array) -> tuple[list[Any], Ints]:
    """Images, or numbers, and the axes that do not belong to channels: channels-last ones in the order of memory."""
    if axis != (0, *range(2, arrays[0].ndim)) or not layout.is_channels_last(arrays[0]):
        return list(arrays), axis
    return ([layout.in_memory(x) if isinstance(x, device.ndarray) else x for x in arrays],
            tuple(range(arrays[0].ndim - 1)))


def _along(x: Array, axis: Ints, dtype: Any, *arrays: Array) -> list[Any]:
    """The arrays, which have the shape of `x` without `axis`, with axes of length 1 in their place."""
    return [array.reshape(with_ones(x.shape, axis)).astype(dtype, copy=False) for array in arrays]


def _in_groups(x: Array, groups: int) -> Any:
    """`x` (N, C, *in) as an array (N, groups, C / groups, positions)."""
    width = x.shape[1] // groups
    positions = 1
    for n in x.shape[2:]:
        positions *= n
    return x.reshape(len(x), groups, width, positions)


def _of_groups(dtype: Any, *arrays: Array) -> list[Any]:
    """Arrays (N, groups) beside those of `_in_groups`."""
    return [array.reshape(*array.shape, 1, 1).astype(dtype, copy=False) for array in arrays]


def _of_channels(parts: Any, dtype: Any, *arrays: Array) -> list[Any]:
    """Arrays (C,) beside those of `_in_groups`."""
    return [array.reshape(1, *parts.shape[1:3], 1).astype(dtype, copy=False) for array in arrays]


def _as_channels(x: Array) -> Any:
    """`x` (N, C, *in) as an array (N, C, positions)."""
    return _in_groups(x, 1)[:, 0]
