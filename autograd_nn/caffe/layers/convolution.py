"""Convolutions and fully connected layers."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.backend import get_array_module
from autograd_nn.caffe.layers.fillers import initializer
from autograd_nn.caffe.layers.registry import Layer, Specification, builder, describe
from autograd_nn.caffe.wire import Message
from autograd_nn.functions.array.columns import Im2Col
from autograd_nn.geometry import conv_output_size
from autograd_nn.link import Link
from autograd_nn.sequential import fusible
from autograd_nn.types import Activation, Array, ArrayLike, InitializerLike
from autograd_nn.variable import Parameter, Variable, as_variable

# Larger layers than any network has; a damaged file may ask for them.
_MAX_OUTPUTS = 1 << 24
_MAX_ELEMENTS = 1 << 30


def _spatial(param: Message, name: str, n: int, default: int) -> tuple[int, ...]:
    """A setting with a number for each of `n` axes: repeated, one for all, or in fields ``_h`` and ``_w``."""
    short = 'kernel' if name == 'kernel_size' else name
    fields = param.DESCRIPTOR.fields_by_name
    if f'{short}_h' in fields and (param.HasField(f'{short}_h') or param.HasField(f'{short}_w')):
        return getattr(param, f'{short}_h'), getattr(param, f'{short}_w')
    values = tuple(getattr(param, name)) or (default,)
    return values * n if len(values) == 1 else values


_DEPTHWISE = ('DepthwiseConvolution', 'ConvolutionDepthwise')


def is_for_each(message: Message) -> bool:
    """Whether a layer makes a top of each of several bottoms, all with the same weights.

    Raises:
        ValueError: It does, but the numbers of bottoms and tops differ.
    """
    several = message.type in ('Convolution', 'Deconvolution', *_DEPTHWISE) and len(message.bottom) > 1
    if several and len(message.top) != len(message.bottom):
        raise ValueError(f'{describe(message)}: expected a top for each of {len(message.bottom)} bottoms, '
                         f'got {len(message.top)}')
    return several


class _FromAxis(Link):
    """What convolutions whose channels do not lie along axis 1 have in common; all axes before them are the batch.

    How many spatial axes there are, is seen in the first input if there are no filters yet.
    """

    W: Parameter
    axis: int

    def forward(self, x: ArrayLike) -> Variable:
        """Applies the layer to an input of shape (..., C, *spatial)."""
        x = as_variable(x)
        start = self.axis % x.ndim
        if not self.W.is_initialized:
            self._spread(x.ndim - start - 1)
        y = super().forward(F.reshape(x, (-1, *x.shape[start:])))
        return F.reshape(y, (*x.shape[:start], *y.shape[1:]))

    def _spread(self, ndim: int) -> None:
        """Makes settings that are one number for all axes those of so many."""
        for name in 'ksize', 'stride', 'pad', 'dilate':
            sizes = getattr(self, name)
            if len(set(sizes)) == 1:
                setattr(self, name, sizes[:1] * ndim)
        self.ndim = ndim


class ConvolutionFromAxis(_FromAxis, L.ConvolutionND):  # type: ignore[misc]
    """A convolution whose channels lie along `axis`."""


class DeconvolutionFromAxis(_FromAxis, L.DeconvolutionND):
    """A transposed convolution whose channels lie along `axis`."""


@builder('Convolution', *_DEPTHWISE)
def convolution(spec: Specification) -> Layer:
    """A convolution; its filters lie in blob 0 of shape (num_output, C / group, *kernel)."""
    param, n, kernel, group = _geometry(spec)
    link = _link(spec, (L.Convolution2D, L.ConvolutionND, ConvolutionFromAxis), n, kernel, group)
    spec.fill(link.W, 0, 'filters', (param.num_output, None, *kernel))
    if link.b is not None:
        spec.fill(link.b, 1, 'a bias', (param.num_output,))
    return link


@builder('Deconvolution')
def deconvolution(spec: Specification) -> Layer:
    """A transposed convolution; its filters lie in blob 0 of shape (C, num_output / group, *kernel)."""
    param, n, kernel, group = _geometry(spec)
    link = _link(spec, (L.Deconvolution2D, L.DeconvolutionND, DeconvolutionFromAxis), n, kernel, group)
    spec.fill(link.W, 0, 'filters', (None, param.num_output // group, *kernel))
    if link.b is not None:
        spec.fill(link.b, 1, 'a bias', (param.num_output,))
    return link


def _geometry(spec: Specification) -> tuple[Any, int, tuple[int, ...], int]:
    param = spec.convolution_param
    n = len(param.kernel_size)
    if n == 1 or param.HasField('kernel_h') or param.HasField('kernel_w'):
        # One number serves all axes; how many there are is seen in the filters.
        n = max(spec.blobs[0].ndim - 2, 1) if spec.blobs else 2
    kernel = _spatial(param, 'kernel_size', n, 0)
    group = param.group
    if spec.type in _DEPTHWISE and not param.HasField('group'):
        group = param.num_output
    _check_outputs(spec, param.num_output)
    if group < 1 or param.num_output % group:
        raise spec.error(f'expected num_output to be a multiple of group, got {param.num_output} and {group}')
    return param, n, kernel, group


def _check_outputs(spec: Specification, count: int) -> None:
    if not 1 <= count <= _MAX_OUTPUTS:
        raise spec.error(f'expected num_output from 1 to {_MAX_OUTPUTS:,}, got {count:,}')


def _link(spec: Specification, classes: tuple[Any, Any, Any], n: int, kernel: tuple[int, ...], group: int) -> Any:
    """The link of a convolution.

    Args:
        spec: The layer.
        classes: What it is of over two axes, of over others, and of with channels elsewhere than along axis 1.
        n: The number of spatial axes.
        kernel: The filters' size.
        group: The number of parts of channels.
    """
    param = spec.convolution_param
    link_class = classes[2] if param.axis != 1 else classes[0] if n == 2 else classes[1]
    try:
        link = link_class(*(() if link_class is classes[0] else (n,)), None, param.num_output, kernel,
                          _spatial(param, 'stride', n, 1), _spatial(param, 'pad', n, 0), not param.bias_term,
                          initialW=initializer(param.weight_filler), initial_bias=initializer(param.bias_filler),
                          dilate=_spatial(param, 'dilation', n, 1), groups=group)
    except ValueError as error:
        raise spec.error(str(error)) from error
    if param.axis != 1:
        link.axis = param.axis
    return link


@builder('Im2col')
def im2col(spec: Specification) -> Layer:
    """The windows of images as channels."""
    param = spec.convolution_param

    def forward(x: ArrayLike) -> Variable:
        x = as_variable(x)
        axis = param.axis % x.ndim
        n = x.ndim - axis - 1
        kernel, stride, dilation, pad = (_spatial(param, name, n, default) for name, default in (
            ('kernel_size', 0), ('stride', 1), ('dilation', 1), ('pad', 0)))
        if min(map(conv_output_size, x.shape[axis + 1:], kernel, stride, pad, [False] * n, dilation)) < 1:
            raise ValueError(f'no window of {kernel} fits an input of shape {x.shape} with pad {pad}')
        y, = Im2Col(kernel, stride, pad, False, dilation).apply((F.reshape(x, (-1, *x.shape[axis:])),))
        return F.reshape(y, (*x.shape[:axis], *y.shape[1:]))

    return forward


class InnerProduct(L.Linear):
    """A fully connected layer over the axes from `axis` on.

    Args:
        out_size: The number of outputs.
        axis: The first axis of the features; those before it are the batch.
        options: Further arguments of `links.Linear`.
    """

    def __init__(self, out_size: int, axis: int = 1, **options: Any) -> None:
        super().__init__(None, out_size, **options)
        self.axis = axis

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [*super().printable_specs, ('axis', self.axis)]

    @fusible(L.Linear._absorb)
    def forward(self, x: ArrayLike, n_batch_axes: int | None = None, *,
                activation: Activation | None = None) -> Variable:
        """Applies the layer; output of shape (*x.shape[:axis], out_size)."""
        n = self.axis % as_variable(x).ndim if n_batch_axes is None else n_batch_axes
        if n == 0:
            return super().forward(F.reshape(x, (1, -1)), activation=activation).reshape(-1)
        return super().forward(x, n, activation=activation)


@builder('InnerProduct')
def inner_product(spec: Specification) -> Layer:
    """A fully connected layer; its weights lie in blob 0 of shape (num_output, features), or the transpose of it."""
    param = spec.inner_product_param
    _check_outputs(spec, param.num_output)
    fill = initializer(param.weight_filler)
    link = InnerProduct(param.num_output, param.axis, nobias=not param.bias_term,
                        initialW=partial(_fill_transposed, fill) if param.transpose else fill,
                        initial_bias=initializer(param.bias_filler))
    if spec.blobs is not None:
        shape = (None, param.num_output) if param.transpose else (param.num_output, None)
        W = spec.blob(0, 'weights', shape)
        link.W.array = W.T.copy() if param.transpose else W
    if link.b is not None:
        spec.fill(link.b, 1, 'a bias', (param.num_output,))
    return link


def _fill_transposed(fill: Callable[[Any], None], array: Array) -> None:
    fill(array.T)


class Embed(Link):
    """Looks up vectors, and adds a bias.

    Args:
        in_size: The number of vectors.
        out_size: Their length.
        nobias: Leave the bias out.
        initialW: What fills the vectors.
        initial_bias: What fills the bias.
    """

    def __init__(self, in_size: int, out_size: int, nobias: bool, initialW: InitializerLike,
                 initial_bias: InitializerLike) -> None:
        super().__init__()
        with self.init_scope():
            self.W = Parameter(initialW, (in_size, out_size))
            self.b = None if nobias else Parameter(initial_bias, (out_size,))

    def forward(self, x: ArrayLike) -> Variable:
        """Output of shape (*x.shape, out_size); Caffe's numbers come as floating-point ones."""
        ids = as_variable(x).array
        y = F.embed_id(ids.astype(get_array_module(ids).int32), self.W)
        return y if self.b is None else F.bias(y, self.b, y.ndim - 1)


@builder('Embed')
def embed(spec: Specification) -> Layer:
    """Vectors in blob 0 of shape (input_dim, num_output)."""
    param = spec.embed_param
    _check_outputs(spec, param.num_output)
    if not 1 <= param.input_dim * param.num_output <= _MAX_ELEMENTS:
        raise spec.error(f'expected up to {_MAX_ELEMENTS:,} numbers, got an input_dim of {param.input_dim:,}')
    link = Embed(param.input_dim, param.num_output, not param.bias_term, initializer(param.weight_filler),
                 initializer(param.bias_filler))
    spec.fill(link.W, 0, 'vectors', (param.input_dim, param.num_output))
    if link.b is not None:
        spec.fill(link.b, 1, 'a bias', (param.num_output,))
    return link
