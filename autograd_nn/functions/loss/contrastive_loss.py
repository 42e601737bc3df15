"""Losses that compare each sample's features with those of many others: what learning without labels makes small."""
from __future__ import annotations

from autograd_nn.functions.array.joining import concat
from autograd_nn.functions.array.shape import reshape
from autograd_nn.functions.checks import check_same_shape
from autograd_nn.functions.loss.cross_entropy import softmax_cross_entropy
from autograd_nn.functions.math.matrix_product import matmul
from autograd_nn.functions.normalization.layer_normalization import normalize
from autograd_nn.functions.single_precision import in_single_precision
from autograd_nn.types import ArrayLike
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


@in_single_precision
def nt_xent(z0: ArrayLike, z1: ArrayLike, temperature: float = 0.5) -> Variable:
    """The normalized, temperature-scaled cross entropy of SimCLR: which of the 2N - 1 others is the same sample?

    Rows ``z0[i]`` and ``z1[i]`` come from two views of one sample; both try to find each other among all other rows, by
    the cosine of the angle between them, divided by the temperature.

    Reference: T. Chen, S. Kornblith, M. Norouzi, G. Hinton, A Simple Framework for Contrastive Learning of Visual
    Representations, 2020, https://arxiv.org/abs/2002.05709, equation 1.

    Args:
        z0: Variable or array of features, shape (N, D), floating-point.
        z1: Those of the other views, of the same shape.
        temperature: The lower, the more the nearest of the others count.

    Returns:
        A Variable of shape ``()``: the mean over the 2N rows.

    Raises:
        ValueError: Shapes do not fit, there is no sample, or the temperature is not positive.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> z = np.array([[1., 0.], [0., 1.]])
        >>> F.nt_xent(z, z)
        variable(0.23955329)
        >>> F.nt_xent(z, z[::-1])
        variable(2.23951329)
    """
    z0, z1 = as_variable(z0), as_variable(z1)
    _check('nt_xent', 'z0', z0, temperature)
    check_same_shape('nt_xent', z0=z0, z1=z1)
    n = len(z0)
    z = normalize(concat([z0, z1], axis=0))
    similarities = matmul(z, z, transb=True) / temperature
    # Without the first number, in rows of one more, the diagonal is the last column: no row is its own answer.
    others = reshape(reshape(similarities, (-1,))[1:], (2 * n - 1, 2 * n + 1))[:, :-1]
    rows = z.xp.arange(2 * n)
    return softmax_cross_entropy(reshape(others, (2 * n, 2 * n - 1)), z.xp.where(rows < n, rows + n - 1, rows - n))


@in_single_precision
def info_nce(query: ArrayLike, key: ArrayLike, others: ArrayLike, temperature: float = 0.07) -> Variable:
    """The loss of MoCo: which of a row's own key and many others, which all rows share, belongs to it?

    Reference: K. He, H. Fan, Y. Wu, S. Xie, R. Girshick, Momentum Contrast for Unsupervised Visual Representation
    Learning, 2019, https://arxiv.org/abs/1911.05722, equation 1.

    Args:
        query: Variable or array of features, shape (N, D), floating-point.
        key: Those of the other view of each sample, of the same shape.
        others: Those of other samples, shape (K, D).
        temperature: The lower, the more the nearest of the others count.

    Returns:
        A Variable of shape ``()``: the mean over the N rows.

    Raises:
        ValueError: Shapes do not fit, there is no sample, or the temperature is not positive.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> F.info_nce(np.array([[1., 0.]]), np.array([[2., 0.]]), np.array([[0., 1.]]), temperature=1.)
        variable(0.31326572)
    """
    query, key, others = (normalize(_check('info_nce', name, as_variable(x), temperature))
                          for name, x in (('query', query), ('key', key), ('others', others)))
    check_same_shape('info_nce', query=query, key=key)
    if others.shape[1] != query.shape[1]:
        raise ShapeError(f'info_nce: others must have {query.shape[1]} columns as query has, got {others.shape}')
    logits = concat([(query * key).sum(axis=1, keepdims=True), matmul(query, others, transb=True)], axis=1)
    return softmax_cross_entropy(logits / temperature, query.xp.zeros(len(query), 'i'))


def _check(function: str, name: str, x: Variable, temperature: float) -> Variable:
    if x.ndim != 2 or not len(x):
        raise ShapeError(f'{function}: expected {name} of shape (N, D) with at least one row, got {x.shape}')
    if not temperature > 0:
        raise ValueError(f'{function}: expected a temperature above 0, got {temperature}')
    return x
