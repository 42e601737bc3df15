"""Models of which each process has a part."""
from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from autograd_nn.distributed.communicators import CommunicatorBase
from autograd_nn.distributed.functions import pseudo_connect, recv, send
from autograd_nn.distributed.functions.point_to_point import Recv
from autograd_nn.distributed.links.communicating import Communicating
from autograd_nn.link import Chain, ChainList, Link
from autograd_nn.links.rnn.n_step import NStepRNNBase
from autograd_nn.variable import Variable

Ranks = int | Iterable[int] | None


class MultiNodeChainList(Communicating, ChainList):
    """The parts of a model that this process has, and from which ranks their inputs come and where their outputs go.

    The parts are called in the order in which they were added. The list returns the output of the part that sends it
    nowhere; if there is none, a delegate, from which the backward pass starts. All that was sent and received hangs on
    what is returned, so that all gradients come and go.

    Args:
        comm: The processes.
    """

    def __init__(self, comm: CommunicatorBase) -> None:
        super().__init__()
        self.comm = comm
        self._routes: list[tuple[list[int] | None, list[int] | None]] = []

    def add_link(self, link: Link, rank_in: Ranks = None, rank_out: Ranks = None) -> None:
        """Adds a part.

        Args:
            link: It is called with an argument for each rank that it receives from: a Variable, or a tuple of several
                if that is what was sent.
            rank_in: The rank that its input comes from, or several; it may be this process, if an earlier part sends
                there. None: it is called with the arguments of the list.
            rank_out: The rank that its output, a Variable or a tuple of several, is sent to, or several. None: its
                output is that of the list.

        Raises:
            TypeError: `link` is not a link.
            ValueError: A rank does not exist, or two parts have no `rank_out`.
        """
        routes = self._ranks('rank_in', rank_in), self._ranks('rank_out', rank_out)
        if rank_out is None and any(out is None for _, out in self._routes):
            raise ValueError('MultiNodeChainList.add_link: another part has no rank_out; only one can be the output')
        super().add_link(link)
        self._routes.append(routes)

    def _ranks(self, name: str, ranks: Ranks) -> list[int] | None:
        if ranks is None:
            return None
        found = list(ranks) if isinstance(ranks, Iterable) else [ranks]
        if not found or any(not 0 <= rank < self.comm.size for rank in found):
            raise ValueError(f'MultiNodeChainList.add_link: {name} must be ranks from 0 to {self.comm.size - 1}, got '
                             f'{ranks!r}')
        return found

    def forward(self, *inputs: Any) -> Any:
        """Calls the parts.

        Args:
            inputs: Arguments of the parts that receive nothing.

        Returns:
            The output of the part without `rank_out`, or a delegate.

        Raises:
            ValueError: A part receives from this process what no earlier one has sent, or the reverse.
        """
        delegates: list[Variable] = []
        own: deque[Any] = deque()
        output = None
        for i, (link, (rank_in, rank_out)) in enumerate(zip(self, self._routes)):
            arguments = inputs if rank_in is None else [self._receive(i, rank, own, delegates) for rank in rank_in]
            y = link(*arguments)
            if rank_out is None:
                output = y
            for rank in rank_out or ():
                if rank == self.comm.rank:
                    own.append(y)
                else:
                    delegates.append(send(y, self.comm, rank))
        if own:
            raise ValueError(f'MultiNodeChainList: rank {self.comm.rank} has sent itself {len(own)} outputs that no '
                             'later part receives')
        return _bound(delegates, output)

    def _receive(self, i: int, rank: int, own: deque[Any], delegates: list[Variable]) -> Any:
        if rank != self.comm.rank:
            *xs, token = Recv(self.comm, rank, 0).outputs_of(())
            delegates.append(token)
            return tuple(xs) if len(xs) != 1 else xs[0]
        if not own:
            raise ValueError(f'MultiNodeChainList: part {i} of rank {rank} receives from itself what no earlier part '
                             'has sent')
        return own.popleft()


def _bound(delegates: Sequence[Variable], output: Any) -> Any:
    """An output from which the backward pass gets to all delegates: the last of them, if it is None."""
    if output is None and delegates:
        *delegates, output = delegates
    many = output if isinstance(output, (tuple, list)) else (output,)
    for delegate in delegates:
        many = pseudo_connect(delegate, *many)
    return tuple(many) if isinstance(output, (tuple, list)) else many[0]


class _MultiNodeNStepRNN(Communicating, Chain):
    """See `create_multi_node_n_step_rnn`."""

    actual_rnn: NStepRNNBase

    def __init__(self, link: NStepRNNBase, comm: CommunicatorBase, rank_in: int | None, rank_out: int | None) -> None:
        super().__init__(actual_rnn=link)
        self.comm = comm
        self.rank_in = rank_in
        self.rank_out = rank_out

    def forward(self, *inputs: Any) -> tuple[Any, ...]:
        rnn, comm, rank_in, rank_out = self.actual_rnn, self.comm, self.rank_in, self.rank_out
        states = [None] * rnn.n_cells if rank_in is None else recv(comm, rank_in, force_tuple=True)
        outputs = rnn(*states, *inputs)
        return (*outputs, None if rank_out is None else send(outputs[:rnn.n_cells], comm, rank_out))


def create_multi_node_n_step_rnn(actual_link: NStepRNNBase, communicator: CommunicatorBase, rank_in: int | None = None,
                                 rank_out: int | None = None) -> Any:
    """A recurrent layer that has its initial states from another process, and sends its last ones to one.

    So the encoder of a sequence to sequence model can be in one process, and the decoder in another.

    Args:
        actual_link: `links.NStepLSTM`, `NStepGRU`, or any other of that family.
        communicator: The processes.
        rank_in: The rank that the initial states come from; None: they are zeros.
        rank_out: The rank that the last states are sent to; None: to none.

    Returns:
        A link, with `actual_link` as its child ``actual_rnn``, that takes the arguments of that after the states, and
        returns what that does and a delegate, from which the backward pass gets to what was sent; it is None if nothing
        was.

    Raises:
        ValueError: `actual_link` is something else.
    """
    if not isinstance(actual_link, NStepRNNBase):
        raise ValueError('create_multi_node_n_step_rnn: expected a link of the family of NStepRNN, got '
                         f'{type(actual_link).__name__}')
    return _MultiNodeNStepRNN(actual_link, communicator, rank_in, rank_out)
