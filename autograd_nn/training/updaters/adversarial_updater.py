"""Updates of networks that learn against each other."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from autograd_nn.backend import DeviceLike
from autograd_nn.dataset.convert import call_converter, call_with_batch, concat_examples
from autograd_nn.dataset.iterator import Iterator
from autograd_nn.optimizer import Optimizer
from autograd_nn.training.updaters.standard_updater import StandardUpdater


class AdversarialUpdater(StandardUpdater):
    """Takes a batch, and has one optimizer after the other update its model by a loss of its own.

    So a generative adversarial network learns: ``main`` has the network that makes something, which is updated last,
    and others have those that judge it. Each iteration takes one batch.

    Args:
        iterator: The iterator of the training data.
        optimizers: The optimizers by name, ``main`` among them.
        losses: By the same names, what computes the loss of each from the arrays of a batch; by default the models do.
        steps: The updates of the others for each one of ``main``.
        converter: Makes arrays of a batch (see `StandardUpdater`).
        device: The device to which models and batches are sent; None leaves them where they are.

    Raises:
        ValueError: There is no optimizer ``main``, or no other one, a loss has no optimizer, or `steps` is less than 1.

    Example:
        >>> import numpy as np
        >>> from autograd_nn import iterators, optimizers
        >>> from autograd_nn.models import GAN
        >>> network = GAN(hidden=8, units=4)
        >>> updater = AdversarialUpdater(
        ...     iterators.SerialIterator(np.zeros((10, 1, 28, 28), 'f'), 5),
        ...     {'main': optimizers.Adam().setup(network.generator),
        ...      'discriminator': optimizers.Adam().setup(network.discriminator)},
        ...     {'main': lambda x: network.losses(x)['loss'],
        ...      'discriminator': lambda x: network.adversary_losses(x)['loss']})
        >>> updater.update()
        >>> [optimizer.t for optimizer in updater.get_all_optimizers().values()]
        [1, 1]
    """

    def __init__(self, iterator: Iterator | dict[str, Iterator], optimizers: Mapping[str, Optimizer],
                 losses: Mapping[str, Callable[..., Any] | None] | None = None, steps: int = 1,
                 converter: Callable[..., Any] = concat_examples, device: DeviceLike | None = None) -> None:
        losses = losses or {}
        if 'main' not in optimizers or len(optimizers) < 2 or losses.keys() - optimizers.keys():
            raise ValueError("AdversarialUpdater: expected optimizers 'main' and others, and losses of these; got "
                             f'optimizers {", ".join(optimizers) or "none"} and losses {", ".join(losses) or "none"}')
        if steps < 1:
            raise ValueError(f'AdversarialUpdater: expected at least 1 as steps, got {steps}')
        super().__init__(iterator, dict(optimizers), converter, device)
        self.losses = dict(losses)
        self.steps = steps

    def update_core(self) -> None:
        """Takes a batch, and updates all models but the main one; that one, too, after each so many times."""
        arrays = call_converter(self.converter, self.get_iterator('main').next(), self.input_device)
        for name, optimizer in self._optimizers.items():
            if name != 'main':
                self._update(name, optimizer, arrays)
        if (self.iteration + 1) % self.steps == 0:
            self._update('main', self._optimizers['main'], arrays)
        if self.auto_new_epoch and self.is_new_epoch:
            for optimizer in self._optimizers.values():
                optimizer.new_epoch(auto=True)

    def _update(self, name: str, optimizer: Any, arrays: Any) -> None:
        call_with_batch(partial(optimizer.update, self.losses.get(name) or optimizer.target), arrays)
