"""Losses that compare pictures by what a network sees in them."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.models.preprocessing import Preprocessing
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable

Features = Callable[[Any, Sequence[str]], Mapping[str, Variable]]


def gram_matrix(x: ArrayLike) -> Variable:
    """Computes how strongly channels are active together, whatever the places: what a network sees of a style.

    The product of two channels, summed over all positions, is equation 3 of L. A. Gatys, A. S. Ecker, M. Bethge,
    A Neural Algorithm of Artistic Style, 2015, https://arxiv.org/abs/1508.06576. It is divided by the number of
    elements of a picture, so that pictures of all sizes can be compared: this is the definition in section 3.2 of
    J. Johnson, A. Alahi, L. Fei-Fei, Perceptual Losses for Real-Time Style Transfer and Super-Resolution, 2016,
    https://arxiv.org/abs/1603.08155.

    Args:
        x: Features of shape (N, C, H, W), floating point.

    Returns:
        Symmetric matrices of shape (N, C, C): for each picture the products, divided by C * H * W.

    Raises:
        ValueError: `x` has another number of axes.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import gram_matrix
        >>> gram_matrix(np.array([[[[1., 2.]], [[0., 3.]]]])) * 4
        variable([[[5., 6.],
                   [6., 9.]]])
    """
    x = as_variable(x)
    if x.ndim != 4:
        raise ValueError(f'gram_matrix: expected x of shape (N, C, H, W), got {x.shape}')
    N, C, H, W = x.shape
    # Channels last, as the kernels of convolutions leave them: then it is no copy.
    rows = F.reshape(F.transpose(x, (0, 2, 3, 1)), (N, H * W, C))
    return F.matmul(rows, rows, transa=True) / (C * H * W)


def content_loss(x: ArrayLike, target: ArrayLike) -> Variable:
    """Computes half the sum of the squared differences of features.

    Equation 1 of Gatys et al. (see `gram_matrix`), as the mean over the pictures.

    Args:
        x: Features of shape (N, C, H, W), floating point.
        target: Those to compare with, of the same shape; or (1, C, H, W) for all pictures.

    Returns:
        The loss, a scalar.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import content_loss
        >>> content_loss(np.ones((1, 2, 3, 3)), np.zeros((1, 2, 3, 3)))
        variable(9.)
    """
    return _mean_square(x, target, 0.5)


def style_loss(x: ArrayLike, target: ArrayLike) -> Variable:
    """Computes how much the Gram matrices of features differ from given ones: a quarter of the squared differences.

    Equation 4 of Gatys et al., since the division by 4 * C ** 2 * (H * W) ** 2 there is that of `gram_matrix` here,
    squared, and the quarter; as the mean over the pictures.

    Args:
        x: Features of shape (N, C, H, W), floating point.
        target: Matrices of shape (N, C, C), or (1, C, C) for all pictures: those that `gram_matrix` computes from
            features of the style.

    Returns:
        The loss, a scalar.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import gram_matrix, style_loss
        >>> x = np.arange(8.).reshape(1, 2, 2, 2)
        >>> style_loss(x, gram_matrix(x))
        variable(0.)
        >>> style_loss(x, gram_matrix(x[:, :, ::-1, ::-1]))  # places do not matter
        variable(0.)
    """
    return _mean_square(gram_matrix(x), target, 0.25)


def _mean_square(x: ArrayLike, target: ArrayLike, factor: float) -> Variable:
    difference = as_variable(x) - target
    return F.sum(difference * difference) * (factor / len(difference))


def total_variation(x: ArrayLike) -> Variable:
    """Computes the sum of the squared differences of pixels that are neighbours, which is large where there is noise.

    A. Mahendran, A. Vedaldi, Understanding Deep Image Representations by Inverting Them, 2014,
    https://arxiv.org/abs/1412.0035, section 3 (with beta = 2); as the mean over the pictures.

    Args:
        x: Pictures of shape (N, C, H, W), floating point.

    Returns:
        The loss, a scalar.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import total_variation
        >>> total_variation(np.array([[[[1., 2.], [1., 5.]]]]))  # 1 and 16 side by side, 0 and 9 one below the other
        variable(26.)
    """
    x = as_variable(x)
    down, right = x[:, :, 1:] - x[:, :, :-1], x[:, :, :, 1:] - x[:, :, :, :-1]
    return (F.sum(down * down) + F.sum(right * right)) / len(x)


class FeatureExtractor:
    """What layers of a trained network see in pictures, as a function with gradients.

    The network is frozen and works in test mode, so gradients go to the pictures alone.

    Args:
        network: The network: of the zoo, or another link that has ``extract(x, layers)`` (see `ImageNetwork`).
        preprocessing: What it expects of pictures; that of the network by default.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import VGG, FeatureExtractor
        >>> features = FeatureExtractor(VGG(n_layers=11))
        >>> features(np.zeros((1, 3, 32, 32), 'f'), ['conv2_1'])['conv2_1'].shape
        (1, 128, 16, 16)
    """

    def __init__(self, network: Any, preprocessing: Preprocessing | None = None) -> None:
        self.network = network.freeze()
        preprocessing = network.preprocessing if preprocessing is None else preprocessing
        mean, std = (np.broadcast_to(value, 3).astype(np.float32) for value in (preprocessing.mean, preprocessing.std))
        # What is linear in each pixel is a convolution with 1 x 1 filters: channels in order, scaled and shifted.
        order = ['RGB'.index(channel) for channel in preprocessing.order]
        W = np.eye(3, dtype=np.float32)[order] * (preprocessing.brightest / 255 / std)[:, None]
        self._W, self._b = W[:, :, None, None], -mean / std

    def __call__(self, x: ArrayLike, layers: Sequence[str]) -> dict[str, Variable]:
        """Computes features.

        Args:
            x: Pictures, red, green and blue from 0 to 255, of shape (N, 3, H, W), float32.
            layers: The names of the layers.

        Returns:
            For each name what the layer computes, of shape (N, C, height, width).

        Raises:
            ValueError: There is no layer of that name; the message lists those there are.
        """
        W, b = (self.network.device.send(array) for array in (self._W, self._b))
        with using_config('train', False):
            return self.network.extract(F.convolution_2d(x, W, b), layers)


class PerceptualLoss:
    """How far pictures are from the content of some and from the style of others.

    The losses of a layer are relative, so that they mean the same with all networks, and all layers count the same;
    this chooses the weights in equation 5 of Gatys et al. A content loss of 1 is that of a picture without content,
    where each channel has its mean everywhere; a style loss of 1 is that of features of zero.

    Args:
        features: Computes features of pictures: a `FeatureExtractor`, or another function of that kind.
        content_layers: The names of the layers for the content.
        style_layers: The names of the layers for the style.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import VGG, FeatureExtractor, PerceptualLoss
        >>> photo, painting = (np.random.uniform(0, 255, (1, 3, 32, 32)).astype('f') for _ in range(2))
        >>> loss = PerceptualLoss(FeatureExtractor(VGG(n_layers=11)), ['conv2_1'], ['conv1_1', 'conv2_1'])
        >>> content, style = loss(photo, loss.content_of(photo), loss.style_of(painting))
        >>> content.array
        array(0., dtype=float32)
        >>> bool(style.array > 0)
        True
    """

    def __init__(self, features: Features, content_layers: Sequence[str], style_layers: Sequence[str]) -> None:
        self.features = features
        self.content_layers = list(content_layers)
        self.style_layers = list(style_layers)

    def content_of(self, x: ArrayLike) -> dict[str, Any]:
        """The content of pictures: their features at the layers for the content, as arrays.

        Args:
            x: Pictures of shape (N, 3, H, W), float32.
        """
        with no_backprop_mode():
            return {name: y.array for name, y in self.features(x, self.content_layers).items()}

    def style_of(self, x: ArrayLike) -> dict[str, Any]:
        """The style of pictures: Gram matrices of shape (N, C, C) of the layers for the style, as arrays.

        Args:
            x: Pictures of shape (N, 3, H, W), float32.
        """
        with no_backprop_mode():
            return {name: gram_matrix(y).array for name, y in self.features(x, self.style_layers).items()}

    def __call__(self, x: ArrayLike, content: Mapping[str, Any], style: Mapping[str, Any]) -> tuple[Variable, Variable]:
        """Compares pictures.

        Args:
            x: Pictures of shape (N, 3, H, W), float32.
            content: Of `content_of`.
            style: Of `style_of`.

        Returns:
            The content loss and the style loss, two scalars: each the mean over its layers, 0 where it has none.
        """
        zero = F.sum(as_variable(x)[:0])
        y = self.features(x, list(dict.fromkeys([*self.content_layers, *self.style_layers])))
        return (_mean([content_loss(y[name], P) / _content_size(P) for name, P in content.items()] or [zero]),
                _mean([style_loss(y[name], A) / _style_size(A) for name, A in style.items()] or [zero]))


def _content_size(features: Any) -> float:
    """The content loss of a picture without content; not too small for one that has hardly any itself."""
    deviation = features - features.mean(axis=(2, 3), keepdims=True)
    return 0.5 / len(features) * max(float((deviation ** 2).sum()), 0.1 * float((features ** 2).sum()), 1e-30)


def _style_size(grams: Any) -> float:
    """The style loss of features of zero."""
    return 0.25 / len(grams) * max(float((grams ** 2).sum()), 1e-30)


def _mean(losses: Sequence[Variable]) -> Variable:
    return sum(losses[1:], losses[0]) / len(losses)
