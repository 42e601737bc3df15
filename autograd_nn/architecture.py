"""What a network is made of, as JSON: layers of this package and their arguments, without their weights."""
from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from autograd_nn import functions, links
from autograd_nn.backend import is_array
from autograd_nn.functional import Attribute, Functional, InputSpec, Result, Size, Step
from autograd_nn.link import Link
from autograd_nn.sequential import Sequential
from autograd_nn.symbolic import COMPARISONS

_ARGUMENTS = '_constructed_with'  # a name that hardly any subclass has


def note_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Keeps with a link what its constructor was called with: see `hints.explain_constructors`.

    Args:
        args: The link and the positional arguments.
        kwargs: The keyword arguments.
    """
    # Initial values are of no use: weights are loaded. The first constructor to run is that of the class itself; those
    # of its bases follow.
    args[0].__dict__.setdefault(_ARGUMENTS, (args[1:], {name: value for name, value in kwargs.items()
                                                        if 'init' not in name}))


def describe_architecture(model: Link) -> dict[str, Any]:
    """What a network is made of, as numbers, strings, lists and dicts: what JSON can hold.

    Args:
        model: A `Model` of symbols, a `Sequential`, or a link of `autograd_nn.links`.

    Raises:
        ValueError: Something in it is of a class or a function that is not of this package.

    Example:
        >>> import autograd_nn as ann, autograd_nn.links as L
        >>> describe_architecture(ann.Sequential(L.Linear(3), ann.functions.relu))
        {'class': 'Sequential', 'layers': [{'link': {'class': 'Linear', 'arguments': {'in_size': 3}}},
                                           {'function': 'relu'}]}
    """
    kind = type(model)
    if model._local_link_hooks:
        hook = next(iter(model._local_link_hooks))
        raise ValueError(f'save: {kind.__name__} has the hook {hook!r}, which no file can hold; {_weights_alone(kind)}')
    if kind is Sequential:
        return {'class': 'Sequential', 'layers': [_encode(layer) for layer in model]}  # type: ignore[attr-defined]
    if isinstance(model, Functional) and kind.forward is Functional.forward:
        parts = model.parts()
        return {'class': 'Model', **{name: _encode(part) for name, part in parts.items()}}
    if getattr(links, kind.__name__, None) is not kind:
        raise ValueError(f'save: {kind.__name__} is a class of yours, whose forward no file can hold; '
                         f'{_weights_alone(kind)}')
    args, kwargs = model.__dict__[_ARGUMENTS]
    given = inspect.signature(kind).bind(*args, **kwargs).arguments
    return {'class': kind.__name__, 'arguments': {name: _encode(value) for name, value in given.items()
                                                  if 'init' not in name}}


def build(description: Mapping[str, Any], model_class: type[Any]) -> Any:
    """The network that `describe_architecture` has described, with weights of its own.

    Only links and functions of this package are made and called, whatever the description says.

    Args:
        description: The description.
        model_class: The class of networks of symbols.

    Raises:
        ValueError: There is no link or function of a name.
    """
    kind = description['class']
    if kind == 'Sequential':
        return Sequential(*[_decode(layer, model_class) for layer in description['layers']])
    if kind == 'Model':
        model: Any = object.__new__(model_class)
        Functional.assemble(model, **{name: _decode(part, model_class) for name, part in description.items()
                                      if name != 'class'})
        return model
    found = getattr(links, kind) if kind in links.__all__ else None
    if not (isinstance(found, type) and issubclass(found, Link)):
        raise ValueError(f'load_model: there is no link {kind!r} in autograd_nn.links')
    return found(**{name: _decode(value, model_class) for name, value in description['arguments'].items()})


def _weights_alone(kind: type) -> str:
    return (f'serializers.save_npz(path, model) saves the weights, which load_npz loads into a new {kind.__name__}')


def _encode(value: Any) -> Any:
    """A value as JSON: itself, or a dict with one key that says what it is."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list):
        return [_encode(each) for each in value]
    if isinstance(value, tuple):
        return {'tuple': [_encode(each) for each in value]}
    if isinstance(value, dict):
        return {'dict': [[_encode(key), _encode(each)] for key, each in value.items()]}
    if isinstance(value, Link):
        return {'link': describe_architecture(value)}
    if isinstance(value, partial):
        return {'partial': [_encode(part) for part in (value.func, value.args, value.keywords)]}
    if isinstance(value, slice):
        return {'slice': [_encode(part) for part in (value.start, value.stop, value.step)]}
    if value is Ellipsis:
        return {'ellipsis': None}
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return {'dtype': np.dtype(value).name}
    if is_array(value):
        return {'array': [value.tolist(), value.dtype.name]}
    for name, kind in _RECORDS.items():
        if type(value) is kind:
            return {name: [_encode(getattr(value, field)) for field in kind.__dataclass_fields__ if field != 'done']}
    name = getattr(value, '__name__', type(value).__name__)
    if name in functions.__all__ and getattr(functions, name) is value:
        return {'function': name}
    if COMPARISONS.get(name) is value:
        return {'operator': name}
    raise ValueError(f'save: the function {name} is not of autograd_nn.functions, and no file can hold it; '
                     'functools.partial(functions.dropout, ratio=0.2), for instance, can be saved, and '
                     'serializers.save_npz(path, model) saves the weights alone')


def _decode(value: Any, model_class: Any) -> Any:
    if isinstance(value, list):
        return [_decode(each, model_class) for each in value]
    if not isinstance(value, dict):
        return value
    (kind, content), = value.items()
    if kind == 'link':
        return build(content, model_class)
    if kind == 'function':
        if content not in functions.__all__:
            raise ValueError(f'load_model: there is no function {content!r} in autograd_nn.functions')
        return getattr(functions, content)
    if kind == 'operator':
        return COMPARISONS[content]
    if kind == 'dtype':
        return np.dtype(content)
    if kind == 'array':
        return np.array(content[0], content[1])
    if kind == 'ellipsis':
        return Ellipsis
    parts = [_decode(each, model_class) for each in content]
    if kind == 'tuple':
        return tuple(parts)
    if kind == 'dict':
        return dict(parts)
    if kind == 'slice':
        return slice(*parts)
    if kind == 'partial':
        return partial(parts[0], *parts[1], **parts[2])
    if kind in _RECORDS:
        return _RECORDS[kind](*parts)
    raise ValueError(f'load_model: the file has a value of an unknown kind, {kind!r}')


_RECORDS: dict[str, Any] = {'step': Step, 'result': Result, 'size': Size, 'attribute': Attribute, 'input': InputSpec}
