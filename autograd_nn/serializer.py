"""The protocol between objects that are saved and what saves them.

An object implements ``serialize(serializer)``, in which it calls ``serializer(name, value)`` for each of its values and
``part.serialize(serializer[name])`` for each of its parts. The same method serves saving, where the call stores the
value, and loading, where the call returns the stored one.
"""
from __future__ import annotations

from typing import Any, Protocol


class Serializable(Protocol):
    """What can be saved: a link, an optimizer, an iterator, a trainer, and whatever has this method."""

    def serialize(self, serializer: Any, /) -> Any: ...


class AbstractSerializer:
    """What `Serializer` and `Deserializer` share."""

    def __getitem__(self, key: str) -> AbstractSerializer:
        """The serializer for the part named `key`."""
        raise NotImplementedError

    def __call__(self, key: str, value: Any) -> Any:
        """Stores or loads one value.

        Args:
            key: Its name.
            value: An array, a number, a string or None. In loading, an array is filled in place, and any other value
                tells the type of the result; None takes whatever is stored.

        Returns:
            The value that was stored, or that has been loaded.
        """
        raise NotImplementedError


def serialize_if_there(serializer: AbstractSerializer, key: str, value: Any) -> Any:
    """Stores or loads one value that files of Chainer, and older ones, do not have.

    Args:
        serializer: The serializer.
        key: The value's name.
        value: The value.

    Returns:
        The value that was stored or loaded; `value`, where the file does not have it.
    """
    try:
        return serializer(key, value)
    except KeyError:
        return value


def serialize_real(serializer: AbstractSerializer, key: str, value: Any) -> float:
    """Stores or loads a number that Chainer may have as an integer, into which it would load no float.

    Args:
        serializer: The serializer. What saves is given an integer if the number is one.
        key: The number's name.
        value: The number, or an array of no axes.

    Returns:
        The number that was stored or loaded.
    """
    number = float(value)
    is_saving = isinstance(serializer, Serializer)
    return float(serializer(key, int(number) if is_saving and number.is_integer() else number))


class Serializer(AbstractSerializer):
    """Base class of serializers that save: they are given values, and return them as they are."""

    def save(self, obj: Serializable) -> None:
        """Saves an object: ``obj.serialize(self)``."""
        obj.serialize(self)


class Deserializer(AbstractSerializer):
    """Base class of serializers that load: they return what was saved in place of the values that they are given."""

    def load(self, obj: Serializable) -> None:
        """Loads an object: ``obj.serialize(self)``."""
        obj.serialize(self)
