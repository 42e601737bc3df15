"""How near made pictures are to real ones: the Fréchet distance of their features."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Gaussian(NamedTuple):
    """A normal distribution, fitted to features.

    Attributes:
        mean: Shape (D,), float64.
        covariance: Shape (D, D), float64.
    """

    mean: np.ndarray
    covariance: np.ndarray


def fit_gaussian(features: np.ndarray) -> Gaussian:
    """The normal distribution with the mean and the covariance of some features.

    Args:
        features: Shape (N, D), floating-point, of at least two samples.

    Raises:
        ValueError: The shape is another one.

    Example:
        >>> fit_gaussian(np.array([[0., 1.], [2., 1.]])).covariance
        array([[2., 0.],
               [0., 0.]])
    """
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f'fit_gaussian: expected features of shape (N, D) with N of at least 2, got {features.shape}')
    features = features.astype(np.float64)
    centered = features - features.mean(axis=0)
    return Gaussian(features.mean(axis=0), centered.T @ centered / (len(features) - 1))


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """The squared Fréchet distance of two normal distributions.

    ``|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^(1/2))``. The eigenvalues of ``C1 C2`` are those of the symmetric
    ``C1^(1/2) C2 C1^(1/2)``, so that the trace of the root is the sum of their roots. Reference: D. C. Dowson,
    B. V. Landau, The Fréchet Distance between Multivariate Normal Distributions, 1982.

    Args:
        one: A distribution.
        other: Another one, of as many features.

    Returns:
        A number of at least 0.

    Raises:
        ValueError: The numbers of features differ.

    Example:
        >>> frechet_distance(Gaussian(np.zeros(1), np.ones((1, 1))), Gaussian(np.ones(1), np.full((1, 1), 9.)))
        5.0
    """
    if one.mean.shape != other.mean.shape:
        raise ValueError('frechet_distance: expected distributions of as many features, got '
                         f'{len(one.mean)} and {len(other.mean)}')
    values, vectors = np.linalg.eigh(one.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    mixed = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other.covariance @ root), 0)).sum()
    difference = one.mean - other.mean
    total = difference @ difference + np.trace(one.covariance) + np.trace(other.covariance) - 2 * mixed
    return max(0., float(total))


def fid(features: np.ndarray, real_features: np.ndarray) -> float:
    """The Fréchet distance of made and of real samples, as normal distributions that are fitted to their features.

    With the features of an Inception network for ImageNet it is known as the Fréchet Inception distance. Figures can be
    compared where the network and the number of samples are the same. Reference: M. Heusel et al., GANs Trained by a
    Two Time-Scale Update Rule Converge to a Local Nash Equilibrium, 2017, https://arxiv.org/abs/1706.08500.

    Args:
        features: Of made samples, shape (N, D), floating-point.
        real_features: Of real ones, shape (M, D).

    Returns:
        A number of at least 0: the smaller, the nearer.

    Raises:
        ValueError: Shapes are others.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, y = (rng.standard_normal((2000, 3)) for _ in range(2))
        >>> fid(x, y) < 0.01, round(fid(x, y + 2))
        (True, 12)
    """
    return frechet_distance(fit_gaussian(features), fit_gaussian(real_features))
