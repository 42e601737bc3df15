"""`FunctionSet`, which was a model's class before there were chains."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autograd_nn import backend
from autograd_nn.link import Chain, Link

__all__ = ['FunctionSet']


class FunctionSet(Chain):
    """A `Chain` as it was written for Chainer 1: any link that becomes an attribute is a child.

    Args:
        links: The children, by name.

    Example:
        >>> import autograd_nn.chainer, autograd_nn.links as L
        >>> from autograd_nn.chainer.function_set import FunctionSet
        >>> model = FunctionSet(l1=L.Linear(3, 2), l2=L.Linear(2, 1))
        >>> [p.shape for p in model.parameters]
        [(2, 3), (2,), (1, 2), (1,)]
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Link):
            with self.init_scope():
                super().__setattr__(name, value)
        else:
            super().__setattr__(name, value)

    @property
    def parameters(self) -> tuple[Any, ...]:
        """The arrays of all parameters."""
        return tuple(param.array for param in self.params())

    @property
    def gradients(self) -> tuple[Any, ...]:
        """The gradients of all parameters; zeros where there is none yet."""
        for param in self.params():
            if param.grad is None:
                param.zerograd()
        return tuple(param.grad for param in self.params())

    def collect_parameters(self) -> FunctionSet:
        """What `Optimizer.setup` took: the model itself serves."""
        return self

    def copy_parameters_from(self, params: Iterable[Any]) -> None:
        """Copies arrays into the parameters.

        Args:
            params: Arrays of NumPy or CuPy, in the order of `parameters`.
        """
        for mine, other in zip(self.parameters, params):
            backend.copyto(mine, other)
