"""One model, one batch, one update."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from autograd_nn.backend import DeviceLike, GpuDevice, get_device
from autograd_nn.dataset.convert import call_converter, call_with_batch, concat_examples
from autograd_nn.dataset.iterator import Iterator
from autograd_nn.optimizer import GradientMethod, Optimizer
from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.cuda_graph import GraphedSteps
from autograd_nn.training.updaters.updater import Updater


class StandardUpdater(Updater):
    """Takes a batch from an iterator, computes the loss, and has the optimizer update the model.

    For other kinds of training override `update_core`.

    Args:
        iterator: The iterator of the training data, or several by name, ``main`` among them.
        optimizer: The optimizer, whose target is the model, or several by name, ``main`` among them.
        converter: Makes arrays of a batch: a `Converter` or a function of the batch and the number of a GPU (-1 for the
            CPU; see `call_converter`). If it returns a tuple or a dict, the loss function gets its elements as
            separate arguments.
        device: The device to which models are sent; None leaves them where they are.
        loss_func: Computes the loss from the arrays; by default the model itself does.
        loss_scale: Multiplies the loss (see `Optimizer.loss_scaling`).
        auto_new_epoch: Whether to call the optimizer's `new_epoch` at the end of each epoch.
        input_device: The device to which batches are sent; `device` by default.
        cuda_graph: Whether to capture steps whose shapes repeat as CUDA graphs, and to launch these instead of running
            the loss function. The loss function's Python code then runs a few times only: numbers that it computes on
            the host stay what they were. Steps that cannot be captured run as usual, and a warning says why.

    Attributes:
        iteration: The number of updates so far.
    """

    def __init__(self, iterator: Iterator | dict[str, Iterator], optimizer: Optimizer | dict[str, Optimizer],
                 converter: Callable[..., Any] = concat_examples, device: DeviceLike | None = None,
                 loss_func: Callable[..., Any] | None = None, loss_scale: float | None = None,
                 auto_new_epoch: bool = True, *, input_device: DeviceLike | None = None,
                 cuda_graph: bool = False) -> None:
        self._iterators: dict[str, Any] = iterator if isinstance(iterator, dict) else {'main': iterator}
        self._optimizers: dict[str, Optimizer] = optimizer if isinstance(optimizer, dict) else {'main': optimizer}
        for name, each in self._optimizers.items():
            if each.target is None:
                raise ValueError(f'StandardUpdater: the optimizer {name!r} has no model; call its setup(model) first')
        self.device = None if device is None else get_device(device)
        self.input_device = self.device if input_device is None else get_device(input_device)
        if self.device is not None:
            for each in self._optimizers.values():
                each.target.to_device(self.device)
        self._steps: GraphedSteps | None = None
        if cuda_graph:
            self._steps = self._graphed_steps()
        self.converter = converter
        self.loss_func = loss_func
        self.loss_scale = loss_scale
        self.auto_new_epoch = auto_new_epoch
        self.iteration = 0
        for each in self._optimizers.values():
            if auto_new_epoch:
                each.use_auto_new_epoch = True
            if loss_scale is not None:
                each.set_loss_scale(loss_scale)

    def _graphed_steps(self) -> GraphedSteps:
        if not isinstance(self.input_device, GpuDevice):
            raise ValueError(f'StandardUpdater: cuda_graph=True needs a GPU as device, got {self.input_device}')
        optimizer = self._optimizers['main']
        if not isinstance(optimizer, GradientMethod) or type(optimizer).update is not GradientMethod.update:
            raise TypeError(f'StandardUpdater: cuda_graph=True needs an optimizer with the update of GradientMethod, '
                            f'got {type(optimizer).__name__}')
        return GraphedSteps(optimizer)

    @property
    def epoch(self) -> int:
        """The number of completed epochs of the main iterator."""
        return self._iterators['main'].epoch

    @property
    def epoch_detail(self) -> float:
        """The number of epochs of the main iterator, with the fraction of the one that it is in."""
        return self._iterators['main'].epoch_detail

    @property
    def previous_epoch_detail(self) -> float | None:
        """`epoch_detail` before the last update."""
        return self._iterators['main'].previous_epoch_detail

    @property
    def is_new_epoch(self) -> bool:
        """Whether the last update completed an epoch."""
        return self._iterators['main'].is_new_epoch

    def get_iterator(self, name: str) -> Any:
        """The iterator of that name."""
        return self._iterators[name]

    def get_optimizer(self, name: str) -> Optimizer:
        return self._optimizers[name]

    def get_all_optimizers(self) -> dict[str, Optimizer]:
        return dict(self._optimizers)

    def update(self) -> None:
        self.update_core()
        self.iteration += 1

    def update_core(self) -> None:
        """Takes a batch and updates the main optimizer's model."""
        iterator, optimizer = self._iterators['main'], self._optimizers['main']
        arrays = call_converter(self.converter, iterator.next(), self.input_device)
        loss_func = self.loss_func or optimizer.target
        update = optimizer.update if self._steps is None else self._steps.update
        call_with_batch(partial(update, loss_func), arrays)
        self._count_epoch()

    def _count_epoch(self) -> None:
        if self.auto_new_epoch and self._iterators['main'].is_new_epoch:
            self._optimizers['main'].new_epoch(auto=True)

    def finalize(self) -> None:
        for iterator in self._iterators.values():
            iterator.finalize()

    def serialize(self, serializer: AbstractSerializer) -> None:
        for name, iterator in self._iterators.items():
            iterator.serialize(serializer[f'iterator:{name}'])
        for name, optimizer in self._optimizers.items():
            optimizer.serialize(serializer[f'optimizer:{name}'])
            optimizer.target.serialize(serializer[f'model:{name}'])
        self.iteration = int(serializer('iteration', self.iteration))
