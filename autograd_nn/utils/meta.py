"""Methods that are not to be overridden."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

_ACTION = '_action_of_overriding'


def final(*args: Callable[..., Any], action: type[Exception] = TypeError) -> Any:
    """Decorator: a method that subclasses must not override, in a class made of `enable_final`.

    Args:
        args: The method, or nothing where there is an `action`.
        action: What happens if they do: an exception that is raised, or a kind of warning.

    Example:
        >>> from autograd_nn.utils import enable_final, final
        >>> class Base(enable_final()):
        ...     @final
        ...     def run(self):
        ...         pass
        >>> class Derived(Base):
        ...     def run(self):
        ...         pass
        Traceback (most recent call last):
        TypeError: method 'run' is final: Derived must not override that of Base
    """
    def mark(method: Callable[..., Any]) -> Callable[..., Any]:
        setattr(method, _ACTION, action)
        return method

    return mark(*args) if args else mark


class _EnableFinal(type):

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(name, bases, namespace, **kwargs)
        for attribute in namespace:
            for base in cls.__mro__[1:]:
                action = getattr(vars(base).get(attribute), _ACTION, None)
                if action is not None:
                    message = f'method {attribute!r} is final: {name} must not override that of {base.__name__}'
                    if not issubclass(action, Warning):
                        raise action(message)
                    warnings.warn(message, action, stacklevel=2)


def enable_final(base: type | tuple[type, ...] = (), meta_base: type | tuple[type, ...] = ()) -> Any:
    """A class for others to derive from, so that they can have `final` methods.

    Args:
        base: Its base class, or several.
        meta_base: The metaclass that it has beside the one for this, or several.
    """
    bases, metaclasses = (each if isinstance(each, (tuple, list)) else (each,) for each in (base, meta_base))
    metaclass = type('EnableFinal', (_EnableFinal, *metaclasses), {})
    return metaclass('EnableFinal', tuple(bases), {})
