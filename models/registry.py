"""The models by name, as ``scripts/train.py --model`` knows them."""
from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from autograd_nn.link import Chain
from autograd_nn.models.recipes import USUAL, Recipe
from autograd_nn.utils.hints import find_close

Model = TypeVar('Model', bound=type[Chain])


@dataclass(frozen=True)
class Entry:
    """A registered model.

    Attributes:
        name: Its name.
        model: Its class, whose constructor takes ``num_classes`` by keyword.
        input_shape: The shape of one sample that it was designed for: channels, height, width; empty for sequences.
        task: What it does: ``'images'`` for a classifier of images, ``'text'`` for a model of text.
        recipe: How it is trained.
        options: Further arguments of the constructor, which make the model out of its class.
    """

    name: str
    model: type[Chain]
    input_shape: tuple[int, ...]
    task: str
    recipe: Recipe
    options: dict[str, Any]

    def build(self, **arguments: Any) -> Chain:
        """Makes the model.

        Args:
            arguments: What its constructor takes, such as ``num_classes``.
        """
        return self.model(**{**self.options, **arguments})

    @property
    def num_classes(self) -> int | None:
        """The number of classes that the model has where nothing else is asked for; None if it knows no classes."""
        default = inspect.signature(self.model).parameters.get('num_classes')
        return self.options.get('num_classes', None if default is None else default.default)

    @property
    def description(self) -> str:
        """The first line of the docstring of the model's class."""
        return (self.model.__doc__ or '').strip().partition('\n')[0]


_entries: dict[str, Entry] = {}


def register(name: str, input_shape: tuple[int, ...] = (), task: str = 'images', recipe: Recipe = USUAL,
             **options: Any) -> Callable[[Model], Model]:
    """Decorates a model's class, so that `create` and ``scripts/train.py`` find it.

    Args:
        name: The name.
        input_shape: The shape of one sample that it was designed for.
        task: What it does (see `Entry`), on which depends what it is trained with.
        recipe: How it is trained.
        options: Arguments of the constructor, where one class is several models.
    """
    def decorate(model: Model) -> Model:
        _entries[name] = Entry(name, model, input_shape, task, recipe, options)
        return model

    return decorate


def names(task: str | None = None) -> list[str]:
    """The names of all models.

    Args:
        task: Only those that do this (see `Entry`).

    Example:
        >>> from autograd_nn import models
        >>> 'lenet' in models.names()
        True
    """
    return sorted(name for name, entry in _entries.items() if task in (None, entry.task))


def get(name: str) -> Entry:
    """The entry of a model.

    Args:
        name: Its name.

    Raises:
        ValueError: There is no model of that name; the message lists those there are.
    """
    if name not in _entries:
        close = find_close(name, names())
        meant = f' (did you mean {close[0]!r}?)' if close else ''
        raise ValueError(f'model: there is no {name!r}{meant}; expected one of {", ".join(names())}')
    return _entries[name]


def create(name: str, **arguments: Any) -> Chain:
    """Makes a model.

    Args:
        name: Its name.
        arguments: What its constructor takes, such as ``num_classes``.

    Returns:
        The model, with fresh parameters.

    Raises:
        ValueError: There is no model of that name.

    Example:
        >>> from autograd_nn import models
        >>> models.create('mlp', num_classes=3).l3.out_size
        3
    """
    return get(name).build(**arguments)
