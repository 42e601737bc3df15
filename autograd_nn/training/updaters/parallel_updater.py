"""Updates by a batch of which several devices take a part each, in one process."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd_nn.backend import Device, DeviceLike, get_device, using_device
from autograd_nn.dataset.convert import call_converter, call_with_batch, concat_examples
from autograd_nn.dataset.iterator import Iterator
from autograd_nn.link import Link
from autograd_nn.optimizer import GradientMethod, Optimizer
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.updaters.standard_updater import StandardUpdater


class ParallelUpdater(StandardUpdater):
    """Splits each batch among several devices, and updates the main device's model by the sum of their gradients.

    Example *i* of a batch goes to model ``i % n``, in their order. The gradients are added up, not averaged: where a
    loss is the mean over a part of the batch, they are n times those of the mean over all of it, and the learning rate
    should be n times smaller. After each update the other models take over the main one's parameters and persistent
    values.

    Args:
        iterator: The iterator of the training data, or several by name, ``main`` among them.
        optimizer: The optimizer, whose target is the main model, or several by name, ``main`` among them.
        converter: Makes arrays of a part of a batch (see `StandardUpdater`).
        models: Models of the same structure by name, the optimizer's target among them. None makes copies of that,
            which is that of the device ``main``.
        devices: The device of each model by the same names; by default those that the models are on.
        loss_func: Computes the loss from the arrays; by default each model itself does.
        loss_scale: Multiplies the loss (see `Optimizer.loss_scaling`).
        auto_new_epoch: Whether to call the optimizer's `new_epoch` at the end of each epoch.

    Raises:
        ValueError: Neither `models` nor `devices` is given, or their names differ.
        KeyError: `devices` has no ``main``.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> from autograd_nn import training
        >>> model = ann.Link(W=(2,))
        >>> model.W.array[...] = 0
        >>> optimizer = ann.optimizers.SGD(lr=0.1).setup(model)
        >>> iterator = ann.iterators.SerialIterator(np.ones((20, 2), 'f'), batch_size=4)
        >>> updater = training.updaters.ParallelUpdater(
        ...     iterator, optimizer, devices={'main': 'cpu', 'second': 'cpu'},
        ...     loss_func=lambda x: ((x - model.W) ** 2).sum())
        >>> updater.update()
    """

    def __init__(self, iterator: Iterator | dict[str, Iterator], optimizer: Optimizer | dict[str, Optimizer],
                 converter: Callable[..., Any] = concat_examples, models: dict[str, Link] | None = None,
                 devices: dict[str, DeviceLike] | None = None, loss_func: Callable[..., Any] | None = None,
                 loss_scale: float | None = None, auto_new_epoch: bool = True) -> None:
        super().__init__(iterator, optimizer, converter, None, loss_func, loss_scale, auto_new_epoch)
        target = self._optimizers['main'].target
        if models is None:
            models = self._make_models(target, devices)
        elif devices is None:
            devices = {name: model.device for name, model in models.items()}
        elif devices.keys() != models.keys():
            raise ValueError(f'ParallelUpdater: expected a device for each of the models {", ".join(models)}; got '
                             f'devices {", ".join(devices)}')
        elif target not in models.values():
            raise ValueError('ParallelUpdater: the optimizer\'s target must be one of the models')
        self._models = models
        self._devices: dict[str, Device] = {name: get_device(device) for name, device in (devices or {}).items()}
        self._others = [name for name, model in models.items() if model is not target]
        self._are_equal = False

    @staticmethod
    def _make_models(target: Link, devices: dict[str, DeviceLike] | None) -> dict[str, Link]:
        if devices is None:
            raise ValueError('ParallelUpdater: give models or devices')
        if 'main' not in devices:
            raise KeyError(f"ParallelUpdater: devices must have an entry 'main', got {', '.join(devices)}")
        models = {'main': target, **{name: target.copy('copy') for name in devices if name != 'main'}}
        for name, model in models.items():
            model.to_device(devices[name])
        return models

    def connect_trainer(self, trainer: Any) -> None:
        """Lets the other models report, under their names."""
        for name in self._others:
            trainer.reporter.add_observer(name, self._models[name])
            trainer.reporter.add_observers(name, self._models[name].namedlinks(skipself=True))

    def update_core(self) -> None:
        """Takes a batch and updates the main optimizer's model by the gradients of all devices."""
        optimizer: Any = self._optimizers['main']
        batch, n = self._iterators['main'].next(), len(self._models)
        parts = {name: batch[i::n] for i, name in enumerate(self._models) if i < len(batch)}
        for model in self._models.values():
            model.cleargrads()
        # All losses come before the first gradient: devices other than the CPU compute meanwhile.
        losses = {}
        for name in sorted(parts, key=self._others.__contains__):
            if name in self._others:
                self._share_parameters()
            with using_device(self._devices[name]):
                arrays = call_converter(self.converter, parts[name], self._devices[name])
                losses[name] = call_with_batch(self.loss_func or self._models[name], arrays)
        for name, loss in losses.items():
            with using_device(self._devices[name]):
                loss.backward(loss_scale=optimizer.loss_scale)
        del losses, loss
        for name in self._others:
            optimizer.target.addgrads(self._models[name])
        if isinstance(optimizer, GradientMethod):
            optimizer.apply_gradients(optimizer.loss_scale)
        else:
            optimizer.update()
        self._are_equal = False
        self._share_parameters()
        self._count_epoch()

    def _share_parameters(self) -> None:
        """Has the other models take over what the main one has, unless they have it already.

        Also before the first update, and after a snapshot was loaded; by then the main model has been called, so that
        its parameters are there.
        """
        if not self._are_equal:
            for name in self._others:
                self._models[name].copyparams(self._optimizers['main'].target)
        self._are_equal = True

    def serialize(self, serializer: AbstractSerializer) -> None:
        super().serialize(serializer)
        self._are_equal = False
