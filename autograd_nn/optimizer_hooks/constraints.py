"""Hooks that keep parameters within limits: what an update has changed beyond them is taken back."""
from __future__ import annotations

from autograd_nn.types import Array
from autograd_nn.update_rule import UpdateRule
from autograd_nn.variable import Variable


class WeightClipping:
    """Clips each element of a parameter after its update.

    Args:
        bound: The largest absolute value.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> model = ann.Link(W=(2,))
        >>> optimizer = ann.optimizers.SGD(lr=1).setup(model)
        >>> optimizer.add_hook(ann.optimizer_hooks.WeightClipping(0.5))
        >>> model.W.array[...] = 0
        >>> model.W.grad = np.array([-0.25, 3], 'f')
        >>> optimizer.update()
        >>> model.W.array
        array([ 0.25, -0.5 ], dtype=float32)
    """

    name = 'WeightClipping'
    call_for_each_param = True
    timing = 'post'

    def __init__(self, bound: float) -> None:
        self.bound = bound

    def __call__(self, rule: UpdateRule, param: Variable) -> None:
        param.xp.clip(param.array, -self.bound, self.bound, out=param.array)


class WeightMask:
    """Keeps some elements of a parameter at zero, where its update has changed them.

    It is for one parameter: add it to the parameter's rule.

    Args:
        mask: An array of the parameter's shape, on its device: 0 (or False) for the elements that stay zero, 1 (or
            True) for others. It may be changed in place.

    Example:
        >>> import numpy as np, autograd_nn as ann
        >>> model = ann.Link(W=(2,))
        >>> optimizer = ann.optimizers.SGD(lr=1).setup(model)
        >>> model.W.update_rule.add_hook(ann.optimizer_hooks.WeightMask(np.array([False, True])))
        >>> model.W.array[...] = 0
        >>> model.W.grad = np.array([-0.25, 3], 'f')
        >>> optimizer.update()
        >>> model.W.array
        array([ 0., -3.], dtype=float32)
    """

    name = 'WeightMask'
    timing = 'post'

    def __init__(self, mask: Array) -> None:
        self.mask = mask

    def __call__(self, rule: UpdateRule, param: Variable) -> None:
        # Multiplied by 0, negative numbers would be -0, and files of both zeros do not compress.
        param.array[...] = param.xp.where(self.mask, param.array, 0)
