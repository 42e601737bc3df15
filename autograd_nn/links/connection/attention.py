"""Attention with weights for queries, keys, values and output, in several heads."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd_nn.functions.array.shape import reshape, transpose
from autograd_nn.functions.connection.attention import scaled_dot_product_attention
from autograd_nn.link import Chain
from autograd_nn.links.connection.fully_connected import Linear
from autograd_nn.types import ArrayLike, InitializerLike
from autograd_nn.variable import Variable, as_variable


class MultiHeadAttention(Chain):
    """Attention by several heads side by side, each in a subspace of its own.

    Vaswani et al., Attention Is All You Need (2017), https://arxiv.org/abs/1706.03762, section 3.2.2.

    Args:
        size: The number of features; a multiple of `n_heads`.
        n_heads: The number of heads.
        dropout: The probability with which an attention weight is set to zero in training.
        initialW: Initial weights of the four layers (see `initializers.get_initializer`); `LeCunNormal` by default.

    Attributes:
        query: The `Linear` layer that makes the queries of all heads.
        key: The one that makes their keys.
        value: The one that makes their values.
        out: The one that joins their results.

    Raises:
        ValueError: `size` is not a multiple of `n_heads`.

    Example:
        >>> import numpy as np, autograd_nn.links as L
        >>> layer = L.MultiHeadAttention(12, n_heads=3)
        >>> layer(np.zeros((2, 5, 12), 'f')).shape
        (2, 5, 12)
    """

    def __init__(self, size: int, n_heads: int, dropout: float = 0.0, initialW: InitializerLike = None) -> None:
        super().__init__()
        if n_heads < 1 or size % n_heads:
            raise ValueError(f'MultiHeadAttention: expected size to be a multiple of n_heads, got {size} and {n_heads}')
        self.n_heads = n_heads
        self.dropout = dropout
        with self.init_scope():
            self.query = Linear(size, size, initialW=initialW)
            self.key = Linear(size, size, initialW=initialW)
            self.value = Linear(size, size, initialW=initialW)
            self.out = Linear(size, size, initialW=initialW)

    @property
    def printable_specs(self) -> Iterable[tuple[str, Any]]:
        return [('n_heads', self.n_heads), ('dropout', self.dropout)]

    def forward(self, x: ArrayLike, memory: ArrayLike | None = None, mask: ArrayLike | None = None) -> Variable:
        """Applies the layer.

        Args:
            x: Where the queries come from, of shape (N, Q, size), floating point.
            memory: Where keys and values come from, of shape (N, K, size); `x` by default (self-attention).
            mask: Which keys a query sees: booleans that broadcast to (N, n_heads, Q, K); all by default.

        Returns:
            Output of the shape of `x`.
        """
        return self.attend(x, *self.keys_and_values(x if memory is None else memory), mask)

    def keys_and_values(self, memory: ArrayLike) -> tuple[Variable, Variable]:
        """The keys and values of all heads, which are the same for whatever is asked.

        Args:
            memory: Where they come from, of shape (N, K, size), floating point.

        Returns:
            Two Variables of shape (N, n_heads, K, size / n_heads).
        """
        memory = as_variable(memory)
        return self._split(self.key(memory, n_batch_axes=2)), self._split(self.value(memory, n_batch_axes=2))

    def attend(self, x: ArrayLike, key: ArrayLike, value: ArrayLike, mask: ArrayLike | None = None) -> Variable:
        """Applies the layer with keys and values that are known.

        Args:
            x: Where the queries come from, of shape (N, Q, size), floating point.
            key: The keys of all heads, of shape (N, n_heads, K, size / n_heads).
            value: Their values, of the same shape.
            mask: Which keys a query sees: booleans that broadcast to (N, n_heads, Q, K); all by default.

        Returns:
            Output of the shape of `x`.
        """
        x = as_variable(x)
        query = self._split(self.query(x, n_batch_axes=2))
        y = scaled_dot_product_attention(query, key, value, mask, self.dropout)
        return self.out(reshape(transpose(y, (0, 2, 1, 3)), x.shape), n_batch_axes=2)

    def weights(self, x: ArrayLike, key: ArrayLike, mask: ArrayLike | None = None) -> Variable:
        """How much each query looks at each key.

        Args:
            x: Where the queries come from, of shape (N, Q, size), floating point.
            key: The keys of all heads, of shape (N, n_heads, K, size / n_heads).
            mask: Which keys a query sees: booleans that broadcast to (N, n_heads, Q, K); all by default.

        Returns:
            Weights that sum to 1 for each query, of shape (N, n_heads, Q, K).
        """
        query, key = self._split(self.query(as_variable(x), n_batch_axes=2)), as_variable(key)
        # The mean of unit vectors is made of their weights.
        units = key.xp.broadcast_to(key.xp.eye(key.shape[2], dtype=key.dtype), (*key.shape[:3], key.shape[2]))
        return scaled_dot_product_attention(query, key, units, mask)

    def _split(self, x: Variable) -> Variable:
        """(N, T, size) to (N, n_heads, T, size / n_heads)."""
        n, length, size = x.shape
        return transpose(reshape(x, (n, length, self.n_heads, size // self.n_heads)), (0, 2, 1, 3))
