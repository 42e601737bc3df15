"""Variables that go from one process to another, and gradients that come back."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.config import config
from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.functions.communication import Communication
from autograd_nn.function_node import Arrays
from autograd_nn.types import ArrayLike
from autograd_nn.variable import Variable, as_variable


class Send(Communication):
    """Before the arrays goes word of those whose gradients are to come back; if there are none, none is waited for."""

    always_counts = False

    def __init__(self, comm: CommunicatorBase, rank: int, tag: int, wanted: list[bool]) -> None:
        super().__init__(comm)
        self.rank_ = rank
        self.tag = tag
        self.wanted = wanted

    def communicate(self, xs: Arrays) -> Arrays:
        self.comm.send((np.array(self.wanted, bool), *xs), self.rank_, self.tag)
        return ()

    def transposed(self, gys: tuple[Variable, ...], token: Variable) -> Any:
        gxs = iter(recv(self.comm, self.rank_, token, self.tag, force_tuple=True))
        return tuple([next(gxs) if is_wanted else None for is_wanted in self.wanted])


class Recv(Communication):
    """Its input is what a delegate stands for."""

    def __init__(self, comm: CommunicatorBase, rank: int, tag: int) -> None:
        super().__init__(comm, has_inputs=False)
        self.rank_ = rank
        self.tag = tag

    def communicate(self, xs: Arrays) -> Arrays:
        self.wanted, *ys = self.comm.recv(self.rank_, self.tag)
        return tuple(ys)

    def transposed(self, gys: tuple[Variable, ...], token: Variable) -> tuple[Variable, ...]:
        gys = tuple([gy for gy, is_wanted in zip(gys, self.wanted) if is_wanted])
        return send(gys, self.comm, self.rank_, self.tag) if gys else token,


def send(x: ArrayLike | tuple[ArrayLike, ...] | list[ArrayLike], communicator: CommunicatorBase, rank: int,
         tag: int = 0) -> Variable:
    """Sends a Variable, or several, to another process, which calls `recv`; in the backward pass, gradients come back.

    Both processes must get to this communication in their backward passes, and to all communications between them in
    the reverse order of the forward pass; the latter is so by itself. The sender gets to it from the delegate that this
    function returns: the backward pass starts there, or from something that it was bound to with `pseudo_connect`, or
    that a `recv` took it for. No gradients come back, and none are waited for, if nothing that is sent needs one.

    Args:
        x: A Variable or an array, of any shape and dtype, or a tuple of several.
        communicator: The processes.
        rank: The rank of the receiver.
        tag: Tells messages between two processes apart.

    Returns:
        A delegate: a zero that stands for the communication.

    Raises:
        ValueError: `rank` is not that of another process.
    """
    variables = [as_variable(each) for each in (x if isinstance(x, (tuple, list)) else (x,))]
    wanted = [each.requires_grad and config.enable_backprop for each in variables]
    delegate = Send(communicator, rank, tag, wanted).outputs_of(variables)[-1]
    delegate.name = 'delegate_variable'
    return delegate


def recv(communicator: CommunicatorBase, rank: int, delegate_variable: Variable | None = None, tag: int = 0,
         force_tuple: bool = False) -> Any:
    """Receives what another process sends with `send`; in the backward pass, gradients go there.

    A process whose `recv` is not in its backward pass, since its loss does not depend on what arrived, leaves the
    sender waiting: `pseudo_connect` binds it to the loss.

    Args:
        communicator: The processes.
        rank: The rank of the sender.
        delegate_variable: What an earlier `send` returned, if nothing else leads the backward pass to that.
        tag: Tells messages between two processes apart.
        force_tuple: Whether to return a tuple also of a single Variable.

    Returns:
        A Variable, or a tuple of several, on the host or on this process's GPU, as in the sender. It needs a gradient.

    Raises:
        ValueError: `rank` is not that of another process.
    """
    delegates = () if delegate_variable is None else (delegate_variable,)
    *ys, _ = Recv(communicator, rank, tag).outputs_of(delegates)
    return tuple(ys) if force_tuple or len(ys) != 1 else ys[0]
