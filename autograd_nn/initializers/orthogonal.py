"""The initializer with orthogonal vectors."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd_nn.initializers.initializer import Initializer
from autograd_nn.types import DTypeLike, RandomNumbers


class Orthogonal(Initializer):
    """Fills with a matrix of orthogonal rows or columns, each of the length `scale`, evenly distributed.

    An array of more than two axes is taken as a matrix of shape (first axis, product of the others).

    Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural networks (2014),
    https://arxiv.org/abs/1312.6120.

    Args:
        scale: The length of the vectors.
        dtype: The dtype of parameters created with it; ``config.dtype`` by default.
        mode: ``'embedding'``: the columns are orthogonal, so there must not be more of them than rows.
            ``'projection'``: the rows are, so there must not be more of them than columns. ``'basis'``: both, so the
            matrix must be square. ``'auto'``: whichever is possible.
        rng: See `Initializer`.

    Raises:
        ValueError: Unknown `mode`; when called: the shape does not allow it.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> W = np.empty((2, 5))
        >>> ann.initializers.Orthogonal(scale=1)(W)
        >>> np.allclose(W @ W.T, np.eye(2))
        True
    """

    def __init__(self, scale: float = 1.1, dtype: DTypeLike | None = None, mode: str = 'auto',
                 rng: RandomNumbers | None = None) -> None:
        if mode not in ('auto', 'embedding', 'projection', 'basis'):
            raise ValueError("Orthogonal: expected mode 'auto', 'embedding', 'projection' or 'basis', "
                             f'got {mode!r}')
        self.scale = scale
        self.mode = mode
        super().__init__(dtype, rng)

    def values(self, shape: tuple[int, ...]) -> Any:
        n_rows, n_columns = shape[0] if shape else 1, math.prod(shape[1:])
        if self.mode in (['basis', 'projection'] if n_rows > n_columns else
                         ['basis', 'embedding'] if n_rows < n_columns else []):
            raise ValueError(f'Orthogonal: mode {self.mode!r} does not allow a matrix of shape '
                             f'{(n_rows, n_columns)}, from an array of shape {shape}')
        q, r = np.linalg.qr(self.random.normal(size=(max(n_rows, n_columns), min(n_rows, n_columns))))
        # With a positive diagonal of r the decomposition is unique, which makes q evenly distributed.
        q *= self.scale * np.where(np.diag(r) < 0, -1, 1)
        return (q if n_rows >= n_columns else q.T).reshape(shape)
