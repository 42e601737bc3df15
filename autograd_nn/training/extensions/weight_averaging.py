"""Stochastic weight averaging."""
from __future__ import annotations

from typing import Any

from autograd_nn.backend import Device
from autograd_nn.dtypes import is_half
from autograd_nn.link import Link
from autograd_nn.serializer import AbstractSerializer, serialize_if_there
from autograd_nn.training.extension import PRIORITY_WRITER, Extension
from autograd_nn.training.trainer import Trainer
from autograd_nn.variable import Parameter


class WeightAveraging(Extension):
    """Averages the weights of the last part of a training (stochastic weight averaging).

    With a learning rate that stays large enough, the updates go around a region in which the loss is low, and the mean
    lies in its middle, where networks generalize better. The network itself trains on as it would; `apply` gives it the
    averages, at the end. Averages of batch normalization are then those of other weights:
    `training.statistics.recompute_statistics` computes them anew. Reference: P. Izmailov et al., Averaging Weights
    Leads to Wider Optima and Better Generalization, 2018, https://arxiv.org/abs/1803.05407, algorithm 1.

    Args:
        network: Whose weights are averaged.
        start: The number of updates before the first that counts. If a training is resumed where it counts later, the
            averages begin anew.

    Attributes:
        count: How many weights the averages are of.

    Example:
        >>> import tempfile, numpy as np, autograd_nn as ann
        >>> from autograd_nn import training
        >>> model = ann.Link(W=(1,))
        >>> model.W.array[...] = 0
        >>> optimizer = ann.optimizers.SGD(lr=1).setup(model)
        >>> iterator = ann.iterators.SerialIterator(np.ones((4, 1), 'f'), batch_size=1)
        >>> updater = training.StandardUpdater(iterator, optimizer, loss_func=lambda x: -(x * model.W).sum())
        >>> trainer = training.Trainer(updater, (1, 'epoch'), out=tempfile.mkdtemp())
        >>> averaging = training.extensions.WeightAveraging(model, start=2)
        >>> trainer.extend(averaging, trigger=(1, 'iteration'))
        >>> trainer.run()
        >>> model.W.array, averaging.count          # 1, 2, 3, 4: the last two count
        (array([4.], dtype=float32), 2)
        >>> averaging.apply()
        >>> model.W.array
        array([3.5], dtype=float32)
    """

    trigger = (1, 'epoch')
    # Before what looks at the weights and what takes the snapshot.
    priority = PRIORITY_WRITER

    def __init__(self, network: Link, start: int = 0) -> None:
        self.network = network
        self.start = start
        self.count = 0
        self._averages: dict[str, Any] = {}

    def __call__(self, trainer: Trainer) -> None:
        if trainer.updater.iteration <= self.start:
            self.count = 0
            return
        self.count += 1
        for path, param in self._params().items():
            array = param.array.astype('f') if is_half(param.dtype) else param.array
            if self.count == 1:
                self._averages[path] = array.copy()
            else:
                self._averages[path] += (array - self._averages[path]) / self.count

    def _params(self) -> dict[str, Parameter]:
        return dict(self.network.namedparams(include_uninit=False))

    def apply(self) -> None:
        """Gives the network the averages, if there are any."""
        if self.count:
            for path, param in self._params().items():
                param.array[...] = self._averages[path]

    def serialize(self, serializer: AbstractSerializer) -> None:
        self.count = int(serialize_if_there(serializer, 'count', self.count))
        if self.count:
            for path, param in self._params().items():
                device: Device = param.device
                self._averages[path] = device.send(serializer(path.strip('/'), self._averages.get(path)))
