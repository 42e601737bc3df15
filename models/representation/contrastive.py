"""Learning features by comparing views of pictures: SimCLR and MoCo."""
from __future__ import annotations

from typing import Any

import numpy as np

import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.config import config, no_backprop_mode
from autograd_nn.link import Chain, Link
from autograd_nn.models import registry
from autograd_nn.models.classification.image_network import ImageNetwork
from autograd_nn.models.recipes import Recipe
from autograd_nn.models.registry import register
from autograd_nn.sequential import Sequential
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_array

CONTRASTIVE = Recipe(lr=0.003, warmup=0.1, epochs=12, batch_size=128)


class ContrastiveNetwork(Chain):
    """A classifier of the zoo whose features are learned without labels, and the head that is only there for that.

    Features are what the classifier's last layer takes. That layer itself is left alone (see `Link.freeze`): it is for
    those who have labels.

    Args:
        num_classes: The number of outputs of the classifier.
        encoder: The classifier's name in the zoo.
        size: The number of outputs of the head.
        normalized: Whether the head has batch normalization.

    Raises:
        ValueError: There is no such classifier, or its last layer is not fully connected.

    Attributes:
        encoder: The classifier.
        head: Two layers from features to what the loss compares.
        temperature: That of the loss.
    """

    temperature: float

    def __init__(self, num_classes: int = 10, encoder: str = 'lenet_bn', size: int = 128,
                 normalized: bool = True) -> None:
        super().__init__()
        entry = registry.get(encoder)
        if not issubclass(entry.model, ImageNetwork):
            raise ValueError(f'encoder: expected a network that classifies pictures, got {encoder}')
        network: Any = entry.build(num_classes=num_classes)
        *stages, self.layer, last = network.main_stages
        if not any(isinstance(layer, L.Linear) for layer in network.functions[last]):
            raise ValueError(f'encoder: expected a network whose last layer is fully connected, got {encoder}')
        for name, layers in network.functions.items():
            for layer in layers:
                if isinstance(layer, Link) and name not in (*stages, self.layer):
                    layer.freeze()
        with self.init_scope():
            self.encoder = network
            self.head = Sequential(L.Linear(None, 2 * size), *([L.BatchNormalization(2 * size)] if normalized else []),
                                   F.relu, L.Linear(2 * size, size))

    @property
    def preprocessing(self) -> Any:
        """How pictures are prepared: as for the classifier."""
        return self.encoder.preprocessing

    @property
    def insize(self) -> int:
        """The height and width of the images that the classifier was designed for."""
        return self.encoder.insize

    @property
    def classifier(self) -> L.Linear:
        """The classifier's last layer."""
        *_, last = self.encoder.main_stages
        layer, = (layer for layer in self.encoder.functions[last] if isinstance(layer, L.Linear))
        return layer

    def features(self, x: ArrayLike) -> Variable:
        """Computes features, shape (N, features), from prepared pictures, shape (N, C, H, W)."""
        h = self.encoder.extract(x, [self.layer])[self.layer]
        return F.mean(h, axis=(2, 3)) if h.ndim == 4 else h

    def forward(self, x: ArrayLike) -> Variable:
        """Computes what the loss compares, shape (N, size), from prepared pictures, shape (N, C, H, W)."""
        return self.head(self.features(x))

    def lossfun(self, x0: ArrayLike, x1: ArrayLike) -> Variable:
        """Computes the loss to train with.

        Args:
            x0: Views of samples, prepared pictures of shape (N, C, H, W).
            x1: Other views of the same samples.

        Returns:
            A scalar.
        """
        raise NotImplementedError


@register('simclr', input_shape=(1, 28, 28), task='representation', recipe=CONTRASTIVE)
class SimCLR(ContrastiveNetwork):
    """SimCLR: each view of a picture is to find the other one of it among those of all pictures in the minibatch.

    Reference: T. Chen, S. Kornblith, M. Norouzi, G. Hinton, A Simple Framework for Contrastive Learning of Visual
    Representations, 2020, https://arxiv.org/abs/2002.05709.

    Args:
        num_classes: The number of outputs of the classifier.
        encoder: The name in the zoo of the classifier whose features are learned.
        size: The number of outputs of the head.
        temperature: That of `functions.nt_xent`.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import SimCLR
        >>> model = SimCLR(encoder='lenet')
        >>> x = np.random.rand(4, 1, 28, 28).astype('f')
        >>> model.features(x).shape, model(x).shape, model.lossfun(x, x[:, :, ::-1]).shape
        ((4, 500), (4, 128), ())
    """

    def __init__(self, num_classes: int = 10, encoder: str = 'lenet_bn', size: int = 128,
                 temperature: float = 0.2) -> None:
        super().__init__(num_classes, encoder, size)
        self.temperature = temperature

    def lossfun(self, x0: ArrayLike, x1: ArrayLike) -> Variable:
        """Computes `functions.nt_xent` of both views (see `ContrastiveNetwork.lossfun`)."""
        # In one batch, so that both views are normalized alike.
        z = self(F.concat([x0, x1], axis=0))
        return F.nt_xent(z[:len(x0)], z[len(x0):], self.temperature)


@register('moco', input_shape=(1, 28, 28), task='representation', recipe=CONTRASTIVE)
class MoCo(ContrastiveNetwork):
    """MoCo v2: a view is to find the other one among those of earlier minibatches, as a slower network sees them.

    The slower network, `key`, is the moving average of this one. It sees a minibatch in shuffled parts, as on several
    GPUs: by the statistics of its batch normalization nobody can tell which views belong together. References: K. He,
    H. Fan, Y. Wu, S. Xie, R. Girshick, Momentum Contrast for Unsupervised Visual Representation Learning, 2019,
    https://arxiv.org/abs/1911.05722 (section 3.3); X. Chen, H. Fan, R. Girshick, K. He, Improved Baselines with
    Momentum Contrastive Learning, 2020, https://arxiv.org/abs/2003.04297.

    Args:
        num_classes: The number of outputs of the classifier.
        encoder: The name in the zoo of the classifier whose features are learned.
        size: The number of outputs of the head.
        temperature: That of `functions.info_nce`.
        momentum: How much of the slower network each step leaves.
        queue_size: How many views of earlier minibatches there are to compare with.
        parts: In how many parts the slower network sees a minibatch.

    Attributes:
        key: The slower network.
        queue: What it has made of the earlier views, shape (queue_size, size); at first at random.
        place: Where in the queue the next ones go.

    Example:
        >>> import numpy as np
        >>> from autograd_nn.models import MoCo
        >>> model = MoCo(encoder='lenet', queue_size=6)
        >>> x = np.random.rand(4, 1, 28, 28).astype('f')
        >>> loss = model.lossfun(x, x[:, :, ::-1])
        >>> model.queue.shape, int(model.place)
        ((6, 128), 4)
    """

    queue: Any
    place: Any

    def __init__(self, num_classes: int = 10, encoder: str = 'lenet_bn', size: int = 128, temperature: float = 0.2,
                 momentum: float = 0.99, queue_size: int = 2048, parts: int = 4) -> None:
        super().__init__(num_classes, encoder, size, normalized=False)
        self.temperature = temperature
        self.momentum = momentum
        self.parts = parts
        with self.init_scope():
            self.key = ContrastiveNetwork(num_classes, encoder, size, normalized=False).freeze()
        # Its parameters have no gradients, but it normalizes by the statistics of minibatches.
        for link in self.key.links():
            link.frozen = False
        self.add_persistent('queue', np.random.standard_normal((queue_size, size)).astype(np.float32))
        self.add_persistent('place', np.array(0))

    def lossfun(self, x0: ArrayLike, x1: ArrayLike) -> Variable:
        """Computes `functions.info_nce`; in training the slower network and the queue move on.

        Args:
            x0: Views of samples, prepared pictures of shape (N, C, H, W), which this network sees.
            x1: Other views of the same samples, which the slower one sees.

        Returns:
            A scalar.
        """
        query = self(x0)
        with no_backprop_mode():
            self._follow(self.momentum if config.train else 1.)
            keys = self._compute_keys(x1)
        # A copy, as the queue changes before the gradient is computed.
        loss = F.info_nce(query, keys, self.queue.copy(), self.temperature)
        if config.train:
            places = (int(self.place) + self.xp.arange(len(keys))) % len(self.queue)
            self.queue[places[-len(self.queue):]] = keys[-len(self.queue):]
            self.place[...] = (int(self.place) + len(keys)) % len(self.queue)
        return loss

    def _compute_keys(self, x: ArrayLike) -> Any:
        """What the slower network makes of views: an array of rows of length 1, shape (N, size)."""
        x = as_array(x)
        if not config.train or len(x) < 2 * self.parts:
            return F.normalize(self.key(x)).array
        order = np.random.permutation(len(x))
        keys = self.xp.empty((len(x), self.queue.shape[1]), x.dtype)
        for part in np.array_split(order, self.parts):
            keys[part] = F.normalize(self.key(x[part])).array
        return keys

    def _follow(self, momentum: float) -> None:
        """Moves the slower network towards this one, whose values it takes over in the first step."""
        fresh = not self.key.head[0].W.is_initialized
        for own, slow in (self.encoder, self.key.encoder), (self.head, self.key.head):
            if fresh:
                slow.copyparams(own)
                continue
            for target, source in zip(slow.params(include_uninit=False), own.params(include_uninit=False), strict=True):
                target.array *= momentum
                target.array += (1 - momentum) * source.array
