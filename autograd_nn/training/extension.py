"""The interface of trainer extensions."""
from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from autograd_nn.serializer import AbstractSerializer
from autograd_nn.training.trainer import PRIORITY_EDITOR, PRIORITY_READER, PRIORITY_WRITER, Trainer
from autograd_nn.training.triggers.interval import TriggerLike

__all__ = ['PRIORITY_EDITOR', 'PRIORITY_READER', 'PRIORITY_WRITER', 'Extension', 'make_extension']

_Function = TypeVar('_Function', bound=Callable[[Trainer], Any])


class Extension:
    """Base class of trainer extensions: what a `Trainer` calls between updates. Any callable can serve as one, too.

    Attributes:
        trigger: When it is called: a pair such as ``(1, 'epoch')``, or a function of the trainer.
        priority: Extensions of higher priority are called first: those that write to the observation
            (`PRIORITY_WRITER`), then those that edit it (`PRIORITY_EDITOR`), then those that read it
            (`PRIORITY_READER`).
        name: Under which it is registered; None for `default_name`.
    """

    trigger: Any = (1, 'iteration')
    priority: int = PRIORITY_READER
    name: str | None = None

    @property
    def default_name(self) -> str:
        """The name under which it is registered unless another one is given: that of the class."""
        return type(self).__name__

    def __call__(self, trainer: Trainer) -> Any:
        """Does what the extension is for; called whenever the trigger fires.

        Args:
            trainer: The trainer.
        """
        raise NotImplementedError(f'{type(self).__name__} does not override __call__')

    def initialize(self, trainer: Trainer) -> Any:
        """Called before the first iteration, of a resumed run too; extensions of lower priority come first.

        Args:
            trainer: The trainer.
        """

    def finalize(self) -> Any:
        """Called at the end, also if an exception ends the training."""

    def on_error(self, trainer: Trainer, exc: BaseException, tb: TracebackType | None) -> Any:
        """Called when an exception, Ctrl-C included, ends the training.

        Args:
            trainer: The trainer.
            exc: The exception.
            tb: Its traceback.

        Returns:
            The path of a snapshot, if this extension has saved one.
        """

    def serialize(self, serializer: AbstractSerializer) -> Any:
        """Stores the state in a serializer, or restores it from one.

        Args:
            serializer: The serializer.
        """


def make_extension(trigger: TriggerLike = None, default_name: str | None = None, priority: int | None = None,
                   finalizer: Callable[[], Any] | None = None,
                   initializer: Callable[[Trainer], Any] | None = None,
                   on_error: Callable[[Trainer, BaseException, TracebackType | None], Any] | None = None
                   ) -> Callable[[_Function], _Function]:
    """Decorator that gives a function the attributes of an `Extension`.

    Args:
        trigger: When it is called; every iteration by default.
        default_name: Its name; that of the function by default.
        priority: Its priority; `PRIORITY_READER` by default.
        finalizer: See `Extension.finalize`.
        initializer: See `Extension.initialize`.
        on_error: See `Extension.on_error`.

    Example:
        >>> from autograd_nn import training
        >>> @training.make_extension(trigger=(1, 'epoch'))
        ... def announce(trainer):
        ...     print('epoch', trainer.updater.epoch)
        >>> announce.trigger, announce.default_name
        ((1, 'epoch'), 'announce')
    """
    def decorate(function: _Function) -> _Function:
        attributes = {
            'trigger': Extension.trigger if trigger is None else trigger,
            'default_name': default_name or function.__name__,
            'priority': Extension.priority if priority is None else priority,
            'finalize': finalizer, 'initialize': initializer, 'on_error': on_error,
        }
        for name, value in attributes.items():
            setattr(function, name, value)
        return function

    return decorate
