"""What layers that remember a state from call to call have in common."""
from __future__ import annotations

from typing import ClassVar

from autograd_nn.device_resident import DeviceResidentsVisitor
from autograd_nn.link import Chain
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable


class StatefulChain(Chain):
    """Base class of layers that remember what they computed in the step before.

    The state is neither trained nor saved. It moves with the link from device to device.
    """

    state_names: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        super().__init__()
        self.reset_state()

    def reset_state(self) -> None:
        """Forgets the state: the next call begins new sequences."""
        for name in self.state_names:
            setattr(self, name, None)

    def unchain_state(self) -> None:
        """Cuts the graph behind the state: gradients of later steps do not go back beyond it.

        Between two stretches of a long sequence it makes of backpropagation through time the truncated one, whose
        memory does not grow.
        """
        for name in self.state_names:
            state = getattr(self, name)
            if state is not None:
                state.unchain_backward()

    def _set_states(self, *states: ArrayLike) -> None:
        for name, value in zip(self.state_names, states):
            state = as_variable(value)
            state.to_device(self.device)
            setattr(self, name, state)

    def device_resident_accept(self, visitor: DeviceResidentsVisitor) -> None:
        super().device_resident_accept(visitor)
        for name in self.state_names:
            state = getattr(self, name)
            if state is not None:
                visitor.visit_variable(state)


class HiddenStateChain(StatefulChain):
    """Base class of layers whose state is their output.

    Attributes:
        h: The output of the step before, or None before the first.
    """

    state_names = ('h',)
    h: Variable | None

    def set_state(self, h: ArrayLike) -> None:
        """Goes on from another state.

        Args:
            h: The state, of shape (N, out_size).
        """
        self._set_states(h)


class CellStateChain(StatefulChain):
    """Base class of layers whose state is their cells and their output.

    Attributes:
        c: The cells, or None before the first step.
        h: The outputs of the step before, or None before the first.
    """

    state_names = ('c', 'h')
    c: Variable | None
    h: Variable | None

    def set_state(self, c: ArrayLike, h: ArrayLike) -> None:
        """Goes on from another state.

        Args:
            c: The cells, of shape (N, out_size).
            h: The outputs of the step before, of the same shape.
        """
        self._set_states(c, h)


def zero_state(like: Variable, units: int) -> Variable:
    """A state of zeros for the samples of a batch.

    Args:
        like: The batch, or anything computed of it, of shape (N, ...).
        units: The number of units.
    """
    return Variable(like.xp.zeros((len(like), units), like.dtype), requires_grad=False)
