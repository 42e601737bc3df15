"""What the losses share: the reduction."""
from __future__ import annotations

from autograd_nn.functions.checks import check_choice
from autograd_nn.variable import Variable


def reduced(function: str, loss: Variable, reduce: str) -> Variable:
    """The sum or the mean of a loss, or the loss of each element.

    Args:
        function: The function whose loss it is.
        loss: The loss of each element.
        reduce: ``'sum'``, ``'mean'`` or ``'no'``.

    Raises:
        ValueError: `reduce` is something else.
    """
    check_choice(function, 'reduce', reduce, ('sum', 'mean', 'no'))
    if reduce == 'no':
        return loss
    return loss.sum() if reduce == 'sum' else loss.mean()
