"""One class of tests, run with different parameters."""
from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from autograd_nn.testing.bundle import Bundle, Case, make_decorator

_LONGEST = 100


def parameterize(*params: Mapping[str, Any]) -> Callable[[Any], Bundle]:
    """Decorator of a class of tests: they are run once with each of several sets of parameters.

    Args:
        params: Attributes of the class, by name.

    Example:
        >>> import unittest
        >>> from autograd_nn import testing
        >>> @testing.parameterize({'x': 1, 'square': 1}, {'x': 3, 'square': 9})
        ... class TestSquare(unittest.TestCase):
        ...     def test_square(self):
        ...         self.assertEqual(self.x ** 2, self.square)
        >>> [cls.__name__ for cls in TestSquare.classes]
        ['TestSquare_param_0_{square=1, x=1}', 'TestSquare_param_1_{square=9, x=3}']
    """
    def make_cases(base: type) -> list[Case]:
        return [Case(f'{base.__name__}_param_{i}_{{{_describe(param)}}}', _attributes(base, param),
                     lambda method: method) for i, param in enumerate(params)]

    return make_decorator(make_cases)


def _describe(param: Mapping[str, Any]) -> str:
    texts = []
    for name, value in sorted(param.items()):
        text = ' '.join((getattr(value, '__name__', None) or repr(value)).split())
        texts.append(f'{name}={text if len(text) <= _LONGEST else text[:_LONGEST - 3] + "..."}')
    return ', '.join(texts)


def _attributes(base: Any, param: Mapping[str, Any]) -> dict[str, Any]:
    # A function that is a parameter is no method.
    functions = {name: staticmethod(value) for name, value in param.items()
                 if callable(value) and not isinstance(value, type)}
    text = _describe(param)
    return {**param, **functions, '__str__': lambda self: f'{base.__str__(self)}  parameters: {text}'}


def from_pytest_parameterize(names: str, values: Iterable[Any]) -> list[dict[str, Any]]:
    """Sets of parameters, written as for pytest.

    Args:
        names: A name, or several with commas between.
        values: For each set the value, or a tuple with one for each name.

    Example:
        >>> from autograd_nn.testing import from_pytest_parameterize
        >>> from_pytest_parameterize('x,y', [(1, 2), (3, 4)])
        [{'x': 1, 'y': 2}, {'x': 3, 'y': 4}]
    """
    each = names.split(',')
    rows = [row if len(each) > 1 else (row,) for row in values]
    return [dict(zip(each, row, strict=True)) for row in rows]


def parameterize_pytest(names: str, values: Iterable[Any]) -> Callable[[Any], Bundle]:
    """As `parameterize`, with parameters that are written as for pytest (see `from_pytest_parameterize`)."""
    return parameterize(*from_pytest_parameterize(names, values))


def product(parameter: Mapping[str, Sequence[Any]] | Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """All combinations of parameters.

    Args:
        parameter: The values of each, by name (several names with commas between, whose values are tuples); or lists of
            sets of parameters, of which to take one each.

    Raises:
        TypeError: It is something else.

    Example:
        >>> from autograd_nn.testing import product
        >>> product({'axis': [0, 1], 'keepdims': [True]})
        [{'axis': 0, 'keepdims': True}, {'axis': 1, 'keepdims': True}]
    """
    if isinstance(parameter, Mapping):
        return product_dict(*[from_pytest_parameterize(names, values) for names, values in sorted(parameter.items())])
    if not isinstance(parameter, list) or not all(isinstance(row, (list, tuple)) for row in parameter):
        raise TypeError(f'product: expected a dict of lists or a list of lists of dicts, got {parameter!r:.80}')
    return product_dict(*parameter)


def product_dict(*parameters: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All ways to take a set of parameters from each of several lists.

    Args:
        parameters: The lists.
    """
    return [{name: value for param in params for name, value in param.items()}
            for params in itertools.product(*parameters)]
