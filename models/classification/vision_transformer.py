"""The vision transformer: patches of the image as words, and attention among them."""
from __future__ import annotations

from functools import partial

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import initializers
from autograd_nn.link import Chain
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.preprocessing import Preprocessing
from autograd_nn.models.recipes import PLAIN
from autograd_nn.models.registry import register
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Parameter, Variable


@register('vit_s16', input_shape=(3, 224, 224), recipe=PLAIN)
class VisionTransformer(ImageNetwork):
    """A vision transformer (ViT-S/16): patches of the image are what words are to a transformer.

    22,050,664 parameters for 1000 classes. Images of other sizes than `insize` get more or fewer patches; the position
    embeddings are interpolated. References: A. Dosovitskiy et al., An Image is Worth 16x16 Words, 2020,
    https://arxiv.org/abs/2010.11929; size S: A. Steiner et al., How to train your ViT?, 2021,
    https://arxiv.org/abs/2106.10270, table 1.

    Args:
        num_classes: The number of outputs.
        dropout: The ratio of the dropout behind the embedding and the dense layers.

    Attributes:
        patch: The height and width of a patch.
        size: The length of the vectors.
        n_heads: The number of heads of each block.
        depth: The number of blocks.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import VisionTransformer
        >>> VisionTransformer(num_classes=5)(np.zeros((2, 3, 32, 48), 'f')).shape
        (2, 5)
    """

    minsize = 16
    preprocessing = Preprocessing(mean=(.5, .5, .5), std=(.5, .5, .5), brightest=1.)
    patch, size, n_heads, depth = 16, 384, 6, 12

    def __init__(self, num_classes: int = 1000, dropout: float = 0.1) -> None:
        super().__init__()
        self.add_stage('embedding', Embedding(self.size, self.patch, self.insize // self.patch),
                       partial(F.dropout, ratio=dropout))
        for i in range(self.depth):
            self.add_stage(f'block{i + 1}', TransformerBlock(self.size, self.n_heads, dropout))
        self.add_stage('norm', class_vector, L.LayerNormalization(self.size))
        self.add_stage('head', L.Linear(self.size, num_classes, initialW=0))


class Embedding(Chain):
    """Makes vectors of an image's patches, adds their positions, and puts a vector for the class in front.

    Args:
        size: The length of the vectors.
        patch: The height and width of a patch.
        grid: For how many rows and columns of patches there are positions.
    """

    def __init__(self, size: int, patch: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        with self.init_scope():
            self.patches = L.Convolution2D(None, size, patch, patch)
            self.token = Parameter(0, (1, 1, size))
            self.position = Parameter(initializers.Normal(0.02), (1, 1 + grid ** 2, size))

    def forward(self, x: ArrayLike) -> Variable:
        """Computes vectors of shape (N, 1 + patches, size) from images of shape (N, C, H, W)."""
        h = self.patches(x)
        n, size, *grid = h.shape
        tokens = F.swapaxes(F.reshape(h, (n, size, -1)), 1, 2)
        tokens = F.concat((F.broadcast_to(self.token, (n, 1, size)), tokens))
        return tokens + self._positions(grid)

    def _positions(self, grid: list[int]) -> Variable:
        """The position embeddings of shape (1, 1 + patches, size), interpolated if the grid is another one."""
        if grid == [self.grid, self.grid]:
            return self.position
        size = self.position.shape[2]
        image = F.reshape(F.swapaxes(self.position[:, 1:], 1, 2), (1, size, self.grid, self.grid))
        rows = F.reshape(F.resize_images(image, (grid[0], grid[1])), (1, size, -1))
        return F.concat((self.position[:, :1], F.swapaxes(rows, 1, 2)))


def class_vector(x: Variable) -> Variable:
    """The first of the vectors of each sample: from shape (N, T, size) to (N, size)."""
    return x[:, 0]


class TransformerBlock(Chain):
    """Attention among vectors, then two dense layers for each; both add to their normalized input.

    Args:
        size: The length of the vectors; there are four times as many hidden units.
        n_heads: The number of heads.
        dropout: The ratio of the dropout behind attention and dense layers.
    """

    def __init__(self, size: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        glorot, near_zero = initializers.GlorotUniform(), initializers.Normal(1e-6)
        with self.init_scope():
            self.norm1 = L.LayerNormalization(size)
            self.attention = L.MultiHeadAttention(size, n_heads, dropout, glorot)
            self.norm2 = L.LayerNormalization(size)
            self.fc1 = L.Linear(size, 4 * size, initialW=glorot, initial_bias=near_zero)
            self.fc2 = L.Linear(4 * size, size, initialW=glorot, initial_bias=near_zero)

    def forward(self, x: Variable) -> Variable:
        """Computes vectors of shape (N, T, size) from such vectors."""
        rows = -1, x.shape[2]
        h = F.reshape(self.norm1(F.reshape(x, rows)), x.shape)
        x = x + F.dropout(self.attention(h), self.dropout)
        h = F.gelu(self.fc1(self.norm2(F.reshape(x, rows))))
        h = self.fc2(F.dropout(h, self.dropout))
        return x + F.reshape(F.dropout(h, self.dropout), x.shape)
