"""DeepLab v3+: dilated convolutions for the large view, and a decoder for sharp borders."""
from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.link import Chain
from autograd_nn.models.layers.blocks import Layer, StagedChain
from autograd_nn.models.preprocessing import Preprocessing
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.models.segmentation.segmentation_network import SegmentationNetwork
from autograd_nn.variable import Variable

STRIDES = 2, 2, 2, 1


def scale_channels(channels: Sequence[int], width: float) -> list[int]:
    """Numbers of channels times a width, rounded up to multiples of 8, which processors compute with much faster.

    Args:
        channels: The numbers.
        width: What to multiply them by.

    Example:
        >>> scale_channels([48, 728], 1 / 8)
        [8, 96]
    """
    return [8 * math.ceil(number * width / 8) for number in channels]


@register('deeplab_v3_plus', (3, 513, 513), 'segmentation', Recipe(lr=0.0003, warmup=0.1, batch_size=4))
@register('deeplab_small', (3, 96, 96), 'segmentation', Recipe(lr=0.003, warmup=0.1, epochs=6, batch_size=8),
          width=3 / 32, middle_blocks=1, strides=(1, 1, 2, 2), dilations=(1, 2, 4), decay=0.9, min_input_size=(1, 1),
          decoder_width=3 / 16, dropout=0.)
class DeepLabV3plusXception65(SegmentationNetwork):
    """DeepLab v3+ on Xception: pyramids of dilated separable convolutions, and a decoder that sees finer features, too.

    41,055,413 parameters for 21 classes. The paths of the parameters are those of ChainerCV's class of this name, whose
    files load. Reference: L.-C. Chen et al., Encoder-Decoder with Atrous Separable Convolution for Semantic Image
    Segmentation, 2018, https://arxiv.org/abs/1802.02611.

    Args:
        num_classes: The number of classes, with the background.
        width: By what to multiply the numbers of channels (see `scale_channels`).
        middle_blocks: The number of blocks of the middle flow.
        strides: Those of the first convolution and of the three blocks of the entry flow. The fine features are those
            before the third of them, the coarse ones those behind the last.
        dilations: The distances between a filter's pixels in the pyramid; the paper's for a stride of 8.
        decay: How much of the running averages of batch normalization each batch leaves: 0.9997 for the published
            weights.
        min_input_size: Height and width up to which `predict` puts margins around smaller pictures.
        decoder_width: By what to multiply the numbers of channels of the pyramid and the decoder, which say where the
            borders are; None for `width`.
        dropout: The ratio of the pyramid's outputs that are set to 0 in training.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import DeepLabV3plusXception65
        >>> model = DeepLabV3plusXception65(num_classes=3, width=1 / 16, middle_blocks=1)
        >>> model(np.zeros((1, 3, 40, 50), 'f')).shape
        (1, 3, 40, 50)
    """

    preprocessing = Preprocessing(mean=(127.5,) * 3, std=(127.5,) * 3)

    def __init__(self, num_classes: int = 21, width: float = 1., middle_blocks: int = 16,
                 strides: tuple[int, int, int, int] = STRIDES, dilations: tuple[int, int, int] = (12, 24, 36),
                 decay: float = 0.9997, min_input_size: tuple[int, int] = (513, 513),
                 decoder_width: float | None = None, dropout: float = 0.5) -> None:
        super().__init__(num_classes)
        self.min_input_size = min_input_size
        last, = scale_channels([2048], width)
        channels, low = scale_channels((256, 48), width if decoder_width is None else decoder_width)
        self.add_stage('feature_extractor', Xception65(width, middle_blocks, strides, decay))
        self.add_stage('aspp', SeparableASPP(last, channels, dilations, decay, dropout))
        self.add_stage('decoder', Decoder(num_classes, low, channels, decay))

    def compute_scores(self, x: Variable) -> Variable:
        low, high = self['feature_extractor'](x)
        return F.resize_images(self['decoder'](low, self['aspp'](high)), (x.shape[2], x.shape[3]))


class Xception65(Chain):
    """Xception as DeepLab has it: separable convolutions, dilated where others would make pictures smaller.

    Reference: F. Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, 2016,
    https://arxiv.org/abs/1610.02357, with the changes of figure 4 of https://arxiv.org/abs/1802.02611.

    Args:
        width: By what to multiply the numbers of channels (see `scale_channels`).
        middle_blocks: The number of blocks of the middle flow.
        strides: Those of the first convolution and of the three blocks of the entry flow; filters behind the last are
            dilated twice as much where it is 1.
        decay: See `DeepLabV3plusXception65`.
    """

    def __init__(self, width: float = 1., middle_blocks: int = 16, strides: Sequence[int] = STRIDES,
                 decay: float = 0.9997) -> None:
        super().__init__()
        block = partial(XceptionBlock, decay=decay)

        def scaled(*channels: int) -> list[int]:
            return scale_channels(channels, width)

        stem = scaled(32, 64, 128, 256, 728)
        rate = 1 if strides[3] > 1 else 2  # where pictures stay large, filters grow
        self.add_link('entryflow_conv1', ConvBNActivation(stem[0], 3, strides[0], 1, eps=1e-3, decay=decay))
        self.add_link('entryflow_conv2', ConvBNActivation(stem[1], 3, 1, 1, eps=1e-3, decay=decay))
        for i, (before, channels) in enumerate(pairwise(stem[1:]), start=1):
            self.add_link(f'entryflow_block{i}', block([before, *[channels] * 3], strides[i]))
        self._middle = [f'middleflow_block{i}' for i in range(1, middle_blocks + 1)]
        for name in self._middle:
            self.add_link(name, block(scaled(728, 728, 728, 728), dilate=rate, skip='sum'))
        self.add_link('exitflow_block1', block(scaled(728, 728, 1024, 1024), dilate=rate))
        self.add_link('exitflow_block2', block(scaled(1024, 1536, 1536, 2048), dilate=2 * rate, skip='none'))

    def forward(self, x: Variable) -> tuple[Variable, Variable]:
        """Computes fine features and coarse ones.

        Args:
            x: Shape (N, 3, H, W).

        Returns:
            With the published strides, features of a quarter and of an eighth of the height and width of pictures.
        """
        h = self['entryflow_conv2'](self['entryflow_conv1'](x))
        h, _ = self['entryflow_block1'](h)
        h, low = self['entryflow_block2'](h)
        for name in ['entryflow_block3', *self._middle, 'exitflow_block1', 'exitflow_block2']:
            h, _ = self[name](h)
        return low, h


class XceptionBlock(Chain):
    """Three separable convolutions, to whose result the input is added.

    Args:
        channels: The number of input channels, and of the output channels of each convolution.
        stride: That of the last one.
        dilate: The distance between a filter's pixels.
        skip: ``'sum'`` to add the input, ``'conv'`` to add what a 1 x 1 convolution makes of it, ``'none'`` for
            neither. With ``'none'``, activations follow each convolution and do not come first.
        decay: See `DeepLabV3plusXception65`.
    """

    def __init__(self, channels: Sequence[int], stride: int = 1, dilate: int = 1, skip: str = 'conv',
                 decay: float = 0.9997) -> None:
        super().__init__()
        self.skip = skip
        last = skip == 'none'
        for i, sizes in enumerate(pairwise(channels), start=1):
            # Behind the second one stand the activation's input and output, both of which are used.
            activation = F.relu if i == 1 or (i == 3 and last) else None
            self.add_link(f'separable{i}', SeparableConvBN(*sizes, stride if i == 3 else 1, dilate,
                                                           F.relu if last else None, activation, 1e-3, decay))
        if skip == 'conv':
            self.add_link('conv', ConvBNActivation(channels[-1], 1, stride, 0, None, eps=1e-3, decay=decay))

    def forward(self, x: Variable) -> tuple[Variable, Variable]:
        """Computes the block's output, and the second convolution's before its activation."""
        h = self['separable1'](x if self.skip == 'none' else F.relu(x))
        second = self['separable2'](h)
        h = self['separable3'](F.relu(second))
        if self.skip == 'none':
            return h, second
        return h + (x if self.skip == 'sum' else self['conv'](x)), second


class SeparableASPP(Chain):
    """Atrous spatial pyramid pooling: filters of several widths, and the mean of the whole picture.

    Args:
        in_channels: The number of input channels.
        channels: The number of output channels, and of those of each branch.
        dilations: The distances between a filter's pixels.
        decay: See `DeepLabV3plusXception65`.
        dropout: See there.
    """

    def __init__(self, in_channels: int, channels: int, dilations: Sequence[int], decay: float = 0.9997,
                 dropout: float = 0.5) -> None:
        super().__init__()
        self.dropout = dropout
        options: dict[str, Any] = {'eps': 1e-5, 'decay': decay}
        self.add_link('image_pooling_conv', ConvBNActivation(channels, 1, 1, 0, **options))
        self.add_link('conv1x1', ConvBNActivation(channels, 1, 1, 0, **options))
        self._atrous = [f'atrous{i}' for i in range(1, len(dilations) + 1)]
        for name, dilate in zip(self._atrous, dilations):
            self.add_link(name, SeparableConvBN(in_channels, channels, 1, dilate, F.relu, F.relu, **options))
        self.add_link('proj', ConvBNActivation(channels, 1, 1, 0, **options))

    def forward(self, x: Variable) -> Variable:
        """Computes features of shape (N, channels, H, W) from features of shape (N, C, H, W)."""
        whole = self['image_pooling_conv'](F.mean(x, axis=(2, 3), keepdims=True))
        whole = F.broadcast_to(whole, (*whole.shape[:2], *x.shape[2:]))
        parts = [whole, *(self[name](x) for name in ['conv1x1', *self._atrous])]
        return F.dropout(self['proj'](F.concat(parts)), self.dropout)


class Decoder(Chain):
    """Joins coarse features, enlarged, with a few channels of fine ones.

    Args:
        num_classes: The number of classes.
        low_channels: The number of channels that the fine features are reduced to.
        channels: The number of channels of the two convolutions behind.
        decay: See `DeepLabV3plusXception65`.
    """

    def __init__(self, num_classes: int, low_channels: int, channels: int, decay: float = 0.9997) -> None:
        super().__init__()
        self.add_link('feature_proj', ConvBNActivation(low_channels, 1, 1, 0))
        for name, before in ('conv1', channels + low_channels), ('conv2', channels):
            self.add_link(name, SeparableConvBN(before, channels, 1, 1, F.relu, F.relu, 1e-5, decay))
        self.add_link('conv_logits', L.Convolution2D(channels, num_classes, 1))

    def forward(self, low: Variable, high: Variable) -> Variable:
        """Computes logits of the size of the fine features.

        Args:
            low: Fine features, shape (N, C, h, w).
            high: Coarse features, shape (N, channels, h', w').
        """
        low = self['feature_proj'](low)
        h = F.concat((F.resize_images(high, (low.shape[2], low.shape[3])), low))
        return self['conv_logits'](self['conv2'](self['conv1'](h)))


class ConvBNActivation(StagedChain):
    """A convolution without bias, batch normalization, and an activation.

    Args:
        out_channels: The number of output channels.
        ksize: The filters' height and width.
        stride: The distance between neighbouring positions of the filters.
        pad: The number of zeros on either side.
        activation: The activation; None for none.
        eps: Added to the variance.
        decay: How much of the running averages each batch leaves.
    """

    def __init__(self, out_channels: int, ksize: int, stride: int, pad: int, activation: Layer | None = F.relu,
                 eps: float = 2e-5, decay: float = 0.9) -> None:
        super().__init__()
        more: dict[str, Any] = {} if activation is None else {'activation': activation}
        self.add_stage('conv', L.Convolution2D(None, out_channels, ksize, stride, pad, nobias=True),
                       bn=L.BatchNormalization(out_channels, decay, eps), **more)


class SeparableConvBN(StagedChain):
    """A 3 x 3 convolution of each channel and one of 1 x 1 over all channels, each with batch normalization.

    Args:
        in_channels: The number of input channels.
        out_channels: The number of output channels.
        stride: The distance between neighbouring positions of the filters.
        dilate: The distance between a filter's pixels.
        depthwise_activation: The activation behind the first; None for none.
        activation: The activation behind the second; None for none.
        eps: Added to the variance.
        decay: How much of the running averages each batch leaves.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, dilate: int,
                 depthwise_activation: Layer | None, activation: Layer | None, eps: float, decay: float) -> None:
        super().__init__()
        layers: dict[str, Any] = {
            'depthwise': L.Convolution2D(in_channels, in_channels, 3, stride, dilate, nobias=True, dilate=dilate,
                                         groups=in_channels),
            'dw_bn': L.BatchNormalization(in_channels, decay, eps), 'dw_activation': depthwise_activation,
            'pointwise': L.Convolution2D(in_channels, out_channels, 1, nobias=True),
            'pw_bn': L.BatchNormalization(out_channels, decay, eps), 'pw_activation': activation}
        self.add_stage('separable', **{name: layer for name, layer in layers.items() if layer is not None})
