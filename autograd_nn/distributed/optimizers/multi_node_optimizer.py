"""Optimizers whose gradients are the averages over all processes."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.communicators.traffic import listening
from autograd_nn.distributed.optimizers.agreement import agree
from autograd_nn.distributed.optimizers.averaging import Averages, GradientAverager
from autograd_nn.distributed.optimizers.first_call import FirstCall
from autograd_nn.link import Link
from autograd_nn.optimizer import GradientMethod
from autograd_nn.variable import Variable


class MultiNodeOptimizer:
    """An optimizer that updates by the averages of all processes' gradients; in all else it is the one that it has.

    Attributes that this class does not have are those of `actual_optimizer`, to read and to set.

    Args:
        actual_optimizer: The optimizer.
        communicator: The processes.
        averager: Averages the gradients.

    Attributes:
        actual_optimizer: As given.
        communicator: As given.
        needs_broadcast: Whether the next update begins by giving all processes the parameters of the first one.
    """

    actual_optimizer: GradientMethod
    communicator: CommunicatorBase
    _averager: GradientAverager
    needs_broadcast = True
    _own = {'actual_optimizer', 'communicator', '_averager', 'needs_broadcast'}

    def __init__(self, actual_optimizer: GradientMethod, communicator: CommunicatorBase,
                 averager: GradientAverager) -> None:
        self.actual_optimizer = actual_optimizer
        self.communicator = communicator
        self._averager = averager

    def __getattr__(self, name: str) -> Any:
        if name in self._own:  # copying and unpickling ask before there are any
            raise AttributeError(name)
        return getattr(self.actual_optimizer, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._own:
            super().__setattr__(name, value)
        else:
            setattr(self.actual_optimizer, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.actual_optimizer, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.actual_optimizer)})

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.actual_optimizer!r}, {self.communicator!r})'

    def setup(self, link: Link) -> MultiNodeOptimizer:
        """Takes on a link, see `Optimizer.setup`; the processes agree on its parameters in the next update."""
        self.actual_optimizer.setup(link)
        self._averager.forget()
        self.needs_broadcast = True
        return self

    def update(self, lossfun: Callable[..., Variable] | None = None, *args: Any, **kwds: Any) -> None:
        """Updates the parameters once by the averages of all processes' gradients; they call this together.

        The first update gives all processes the parameters of the first one. Where these were initialized in the call
        of the model, it is called again. If the gradients are there already, and were computed with other parameters,
        nothing else happens in it; nor where the model communicates with processes that do not share this optimizer.

        Args:
            lossfun: Computes this process's loss, whose gradients are then computed here, and averaged meanwhile. None
                averages the gradients that the parameters have.
            args: Its arguments.
            kwds: Its keyword arguments.
        """
        if self.target is None:
            raise RuntimeError('update: call setup(model) first')
        if lossfun is None:
            self.actual_optimizer._warn_of_no_gradient(stacklevel=3)
            self._update(self._averager.complete(self.target, None, None), None)
        else:
            scale = self.actual_optimizer.loss_scale
            self._update(self._compute(lossfun, *args, **kwds), scale)

    def _compute(self, lossfun: Callable[..., Variable], *args: Any, **kwds: Any) -> Averages | None:
        """Computes this process's gradients; returns the averages, on their way."""
        actual, averager, target = self.actual_optimizer, self._averager, self.target
        if self.needs_broadcast:
            agree(self.communicator, target)
            self.needs_broadcast = False
        may_repeat = not averager.is_current(target) or not all(param.is_initialized for param in target.params())
        first_call = FirstCall(target) if may_repeat else None
        with listening() as used:
            loss = actual.compute_loss(lossfun, *args, **kwds)
            averages = averager.watch(target, partial(actual.backpropagate, loss))
        actual._warn_of_no_gradient()  # before gradients of zeros are filled in
        del loss  # and with it what is left of the graph
        compute = partial(actual.compute_gradients, lossfun, *args, **kwds)
        recompute = partial(first_call.repeat, compute) if first_call else compute
        # Processes that do not share this optimizer would not repeat what they have sent those that do.
        is_among_us = all(self.communicator.has_all_of(each) for each in used)
        return averager.complete(target, averages, recompute if is_among_us else None)

    def _update(self, averages: Averages | None, scale: float | None) -> None:
        """Updates the parameters by the averages."""
        if averages is not None:
            averages.deliver(scale)
            self.actual_optimizer.update()

    def apply_gradients(self, scale: float | None = None) -> None:
        """Updates the parameters by the averages of the gradients that they have; all processes call this together.

        Args:
            scale: What the gradients were multiplied by, None for nothing.
        """
        self._update(self._averager.complete(self.target, None, None), scale)
