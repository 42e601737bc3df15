"""The losses of embeddings of pixels that are to gather by object, for networks that tell objects of a kind apart.

De Brabandere et al., Semantic Instance Segmentation with a Discriminative Loss Function,
https://arxiv.org/abs/1708.02551.
"""
from __future__ import annotations

import numpy as np

from autograd_nn.backend import beside
from autograd_nn.functions.activation.rectifier import relu
from autograd_nn.functions.array.shape import reshape
from autograd_nn.functions.checks import check_choice, check_float
from autograd_nn.functions.math.arithmetic import absolute
from autograd_nn.functions.math.exponential import sqrt, square
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import ArrayLike, Ints
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_array, as_variable


def _norm(x: Variable, norm: int, axis: int | Ints) -> Variable:
    """The sum of absolute values, or the Euclidean norm."""
    if norm == 1:
        return absolute(x).sum(axis=axis)
    squared = square(x).sum(axis=axis)
    # The root has no slope at 0; there the norm is taken as constant.
    zero = (squared.array == 0).astype(x.dtype)
    return sqrt(squared + zero) * (1 - zero)


@in_single_precision
def discriminative_margin_based_clustering_loss(
        embeddings: ArrayLike, labels: ArrayLike, delta_v: float, delta_d: float, max_embedding_dim: int, norm: int = 1,
        alpha: float = 1.0, beta: float = 1.0, gamma: float = 0.001) -> tuple[Variable, Variable, Variable]:
    """The losses that pull the embeddings of an object's pixels to their mean, and push the means of objects apart.

    Objects have the numbers from 1 to `max_embedding_dim`; other pixels have no loss. The mean of an object that is not
    in a picture is the origin.

    De Brabandere et al., Semantic Instance Segmentation with a Discriminative Loss Function,
    https://arxiv.org/abs/1708.02551.

    Args:
        embeddings: Variable or array of shape (N, `max_embedding_dim`, H, W), floating-point.
        labels: Variable or array of the number of each pixel's object, shape (N, H, W).
        delta_v: The distance from the mean up to which there is no loss.
        delta_d: Half the distance of two means from which on there is no loss.
        max_embedding_dim: The length of an embedding, and how many objects there may be.
        norm: How distances are measured: 1 for the sum of absolute differences, 2 for the Euclidean distance.
        alpha: The weight of the first loss.
        beta: The weight of the second loss.
        gamma: The weight of the third loss.

    Returns:
        Three Variables of shape ``()``: the loss of distances between pixels and means, averaged over pixels and then
        over objects; that of distances between means, averaged over pairs; and the norm of the means, averaged.

    Raises:
        TypeError: `embeddings` are not floating-point.
        ValueError: Shapes do not fit, `max_embedding_dim` is not positive, or `norm` is neither 1 nor 2.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> x, labels = np.array([[[[0., 4., 9.]], [[0., 0., 9.]]]]), np.array([[[1, 2, 0]]])
        >>> F.discriminative_margin_based_clustering_loss(x, labels, 0.5, 3, max_embedding_dim=2)
        (variable(0.), variable(4.), variable(0.002))
    """
    name = 'discriminative_margin_based_clustering_loss'
    check_choice(name, 'norm', norm, (1, 2))
    if max_embedding_dim < 1:
        raise ValueError(f'{name}: max_embedding_dim must be at least 1, not {max_embedding_dim}')
    x, numbers = as_variable(embeddings), as_array(labels)
    check_float(name, 'embeddings', x)
    if x.ndim != 4 or x.shape[1] != max_embedding_dim or numbers.shape != (len(x), *x.shape[2:]):
        raise ShapeError(f'{name}: expected embeddings of shape (N, {max_embedding_dim}, H, W) and labels (N, H, W), '
                         f'got {x.shape} and {numbers.shape}')
    n, objects, height, width = x.shape
    x = reshape(x, (n, objects, height * width))
    numbers = beside(x.array, numbers).reshape(n, 1, height * width)
    belongs = (numbers == x.xp.arange(1, objects + 1)[:, None]).astype(x.dtype)           # (N, objects, pixels)
    pixels = belongs.sum(2)
    means = matmul(belongs / x.xp.maximum(pixels, 1)[:, :, None], x, transb=True)         # (N, objects, D)
    # Each pixel's mean is that of its object, or the origin.
    away = _norm(matmul(means, belongs, transa=True) - x, norm, 1)
    weight = (belongs / x.xp.maximum(pixels.sum(0), 1)[:, None]).sum(1)
    pull = (square(relu(away - delta_v)) * weight).sum() / objects
    first, second = np.triu_indices(objects, 1)
    apart = _norm(means[:, first] - means[:, second], norm, 2)
    push = square(relu(2 * delta_d - apart)).sum() / max(n * len(first), 1)
    length = _norm(means, norm, (0, 2)).sum() / max(n * objects, 1)
    return pull * alpha, push * beta, length * gamma
