"""Einstein's notation for sums of products."""
from __future__ import annotations

import math
import string
from typing import Any

from autograd_nn.backend import get_array_module
from autograd_nn.dtypes import in_float32
from autograd_nn.function_node import Arrays, FunctionNode, Gradients, Indexes
from autograd_nn.functions.array.broadcast import broadcast_to, sum_to
from autograd_nn.functions.array.indexing import diagonal
from autograd_nn.functions.array.shape import moveaxis, reshape
from autograd_nn.types import Array
from autograd_nn.utils.type_check import ShapeError
from autograd_nn.variable import Variable, as_variable


class EinSum(FunctionNode):
    """A sum of products in which no operand has a letter twice and no ellipsis is left."""

    def __init__(self, operands: list[str], result: str) -> None:
        self.operands = operands
        self.result = result

    def forward(self, inputs: Arrays) -> Arrays:
        self.retain_inputs(tuple(range(len(inputs))))
        subscripts = f'{",".join(self.operands)}->{self.result}'
        # Letters that several operands share become products of matrices; a single operand needs no plan.
        return in_float32(lambda *xs: get_array_module(*xs).einsum(subscripts, *xs, optimize=len(xs) > 1))(*inputs),

    def multiply_adds(self, inputs: Arrays) -> int:
        """One for each combination of indexes, as if there were no better order than the definition's nested loops."""
        return math.prod(_lengths(self.operands, inputs).values()) * (len(inputs) - 1)

    def backward(self, target_input_indexes: Indexes, grad_outputs: tuple[Variable, ...]) -> Gradients:
        xs = self.get_retained_inputs()
        gy = grad_outputs[0]
        lengths = _lengths(self.operands, xs)
        gradients: list[Variable | None] = [None] * len(xs)
        for i in target_input_indexes:
            others = [self.result, *self.operands[:i], *self.operands[i + 1:]]
            known = set(''.join(others))
            # A letter of this operand alone was summed away: its gradient is the same everywhere along it.
            wanted = self.operands[i]
            g = EinSum(others, ''.join([c for c in wanted if c in known])).apply((gy, *xs[:i], *xs[i + 1:]))[0]
            g = reshape(g, tuple([lengths[c] if c in known else 1 for c in wanted]))
            gradients[i] = sum_to(broadcast_to(g, tuple([lengths[c] for c in wanted])), xs[i].shape)
        return tuple(gradients)


def _lengths(operands: list[str], xs: Array) -> dict[str, int]:
    """The length of the axis of each letter; axes of length one broadcast."""
    lengths: dict[str, int] = {}
    for letters, x in zip(operands, xs):
        for letter, n in zip(letters, x.shape):
            if lengths.setdefault(letter, n) == 1:
                lengths[letter] = n
            elif n not in (1, lengths[letter]):
                raise ShapeError(f'einsum: axis {letter!r} has length {lengths[letter]} in one operand and {n} in '
                                 f'another; the shapes are {", ".join([str(x.shape) for x in xs])}')
    return lengths


def _from_lists(args: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The other way to call `einsum`, with lists of numbers, in letters."""
    def text(numbers: Any) -> str:
        return ''.join(['...' if i is Ellipsis else string.ascii_letters[i] for i in numbers])

    pairs = len(args) // 2 * 2
    subscripts = ','.join([text(numbers) for numbers in args[1:pairs:2]])
    if len(args) % 2:
        subscripts += '->' + text(args[-1])
    return subscripts, list(args[:pairs:2])


def _without_ellipsis(subscripts: str, xs: list[Variable]) -> tuple[list[str], str]:
    """The letters of each operand and of the result."""
    text, arrow, result = subscripts.replace(' ', '').partition('->')
    operands = text.split(',')
    if len(operands) != len(xs):
        raise ValueError(f'einsum: subscripts {subscripts!r} are for {len(operands)} operands, got {len(xs)}')
    counts = [x.ndim - len(letters.replace('...', '')) for letters, x in zip(operands, xs)]
    for letters, x, count in zip(operands, xs, counts):
        if count < 0 or (count and '...' not in letters):
            raise ValueError(f'einsum: subscripts {letters!r} do not fit an operand of shape {x.shape}')
    unused = [c for c in string.ascii_letters if c not in text + result]
    hidden = ''.join(unused[:max([0] + [n for n, letters in zip(counts, operands) if '...' in letters])])
    operands = [letters.replace('...', hidden[len(hidden) - n:]) for n, letters in zip(counts, operands)]
    if not arrow:
        every = ''.join(operands)
        result = hidden + ''.join([c for c in sorted(set(every) - set(hidden)) if every.count(c) == 1])
    result = result.replace('...', hidden)
    strange = [c for c in ''.join(operands) + result if c not in string.ascii_letters]
    missing = [c for c in result if c not in ''.join(operands)]
    if strange or missing or len(set(result)) != len(result):
        raise ValueError(f'einsum: subscripts {subscripts!r} are not valid')
    return operands, result


def _without_repetition(letters: str, x: Variable) -> tuple[str, Variable]:
    """Takes diagonals until every letter occurs once."""
    for letter in letters:
        while letters.count(letter) > 1:
            first = letters.index(letter)
            second = letters.index(letter, first + 1)
            if x.shape[first] != x.shape[second]:
                raise ShapeError(f'einsum: axes {letter!r} of an operand of shape {x.shape} have different lengths')
            x = moveaxis(diagonal(x, 0, first, second), -1, first)
            letters = letters[:second] + letters[second + 1:]
    return letters, x


def einsum(*operands: Any) -> Variable:
    """Sums products of elements, with indices as in Einstein's notation.

    ``einsum('ij,jk->ik', a, b)`` is the product of two matrices: letters name axes, those with the same letter go
    together, and those that the result lacks are summed over. Without ``->`` the result has the letters that occur
    once, in alphabetical order. ``...`` stands for any further axes, which broadcast.

    Args:
        operands: The subscripts and the arrays (Variables or arrays); or, for each array, the array and a list of
            numbers (and ``Ellipsis``) that name its axes, and the list for the result at the end.

    Raises:
        ValueError: Subscripts and shapes do not fit.

    Example:
        >>> import numpy as np, autograd_nn.functions as F
        >>> a, b = np.array([[1., 2.], [3., 4.]]), np.array([1., 10.])
        >>> F.einsum('ij,j->i', a, b)
        variable([21., 43.])
        >>> F.einsum('ii', a)
        variable(5.)
        >>> F.einsum(a, [0, 1], b, [1], [0])
        variable([21., 43.])
    """
    subscripts, arrays = (operands[0], operands[1:]) if isinstance(operands[0], str) else _from_lists(operands)
    xs = [as_variable(x) for x in arrays]
    letters, result = _without_ellipsis(subscripts, xs)
    pairs = [_without_repetition(each, x) for each, x in zip(letters, xs)]
    letters, xs = [each for each, _ in pairs], [x for _, x in pairs]
    _lengths(letters, xs)
    return EinSum(letters, result).apply(xs)[0]
