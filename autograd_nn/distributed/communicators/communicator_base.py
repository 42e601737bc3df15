"""What a communicator can do."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.distributed.communicators.parts import Done, part_of
from autograd_nn.distributed.communicators.reductions import Reduction
from autograd_nn.link import Link
from autograd_nn.types import Array, DTypeLike


class CommunicatorBase:
    """The processes of a training, and what they send each other: arrays, Python objects, parameters and gradients.

    A method that all processes must call together says so. They tell each other first what they are about to do, so
    that a disagreement (one calls another method, or has an array of another shape) is an error in all of them. In
    debug mode (`config.debug`), processes that wait in vain, as in `recv` for a tag that nobody sends, or for a process
    that has ended, say so within seconds, each with its traceback, and end the job.

    Attributes:
        rank: Which of the processes this is, from 0.
        size: The number of processes.
        intra_rank: Which of those on this machine, from 0: the number of its GPU.
        intra_size: The number of those on this machine.
        inter_rank: Which of the machines this is, from 0.
        inter_size: The number of machines.
        allreduce_grad_dtype: The dtype in which gradients travel, None for their own.
    """

    rank: int
    size: int
    intra_rank: int
    intra_size: int
    inter_rank: int
    inter_size: int
    allreduce_grad_dtype: np.dtype | None = None

    def split(self, color: int, key: int) -> CommunicatorBase:
        """A communicator for each group of processes; all call this together.

        Args:
            color: Processes with the same number are in one group.
            key: The order within it; equal ones keep that of their ranks.
        """
        raise NotImplementedError

    def has_all_of(self, other: CommunicatorBase) -> bool:
        """Whether the processes of this communicator are those of another one."""
        return other is self

    # --- arrays

    def send(self, data: Array | tuple[Array, ...] | list[Array], dest: int, tag: int) -> None:
        """Sends an array, or several, to a process, which calls `recv`.

        Args:
            data: An array of any shape and dtype, or a tuple of them.
            dest: The rank of the receiver.
            tag: Tells messages between two processes apart.
        """
        raise NotImplementedError

    def recv(self, source: int, tag: int) -> Any:
        """Receives what a process sends with `send`: an array or a tuple of arrays, on the GPU if they were there.

        Args:
            source: The rank of the sender.
            tag: As there.
        """
        raise NotImplementedError

    def bcast(self, x: Array | None, root: int = 0) -> Array:
        """The array of one process, in all; they call this together.

        Args:
            x: The array, in the process `root`; what the others give is ignored.
            root: The rank of that process.
        """
        raise NotImplementedError

    def gather(self, x: Array, root: int = 0) -> tuple[Array, ...] | None:
        """The arrays of all processes in the order of ranks, in one of them, and None in the others.

        Args:
            x: This process's array, of any shape.
            root: The rank of that process.
        """
        raise NotImplementedError

    def allgather(self, x: Array) -> tuple[Array, ...]:
        """The arrays of all processes in the order of ranks, in all of them.

        Args:
            x: This process's array, of any shape.
        """
        raise NotImplementedError

    def alltoall(self, xs: tuple[Array, ...] | list[Array]) -> tuple[Array, ...]:
        """Sends an array to each process, and receives one from each.

        Args:
            xs: One for each rank, of any shapes.

        Returns:
            One from each rank.
        """
        raise NotImplementedError

    def scatter(self, xs: tuple[Array, ...] | list[Array] | None, root: int = 0) -> Array:
        """One of the arrays that a process has for each.

        Args:
            xs: One for each rank, in the process `root`; what the others give is ignored.
            root: The rank of that process.
        """
        raise NotImplementedError

    def allreduce(self, x: Array) -> Array:
        """The sum of the arrays of all processes, the same bits in all of them.

        Half-precision numbers are added in float32; of truth values it is whether any is true.

        Args:
            x: This process's array; shape and dtype are the same in all.

        Raises:
            ValueError: They are not.
        """
        raise NotImplementedError

    def start_sum(self, flat: Array, wire_dtype: DTypeLike | None = None) -> Reduction:
        """Starts to replace a vector by the sum of those of all processes, which is the same bits in all of them.

        All processes start such sums in the same order; they do not get mixed up with other calls. Nothing is checked.

        Args:
            flat: A contiguous vector of the same length and dtype in all; leave it alone until the sum is there.
            wire_dtype: The dtype in which the numbers travel; float16 and bfloat16 halve what is sent, and are added in
                float32.
        """
        raise NotImplementedError

    def start_part_sum(self, flat: Array, wire_dtype: DTypeLike | None = None) -> Reduction:
        """As `start_sum`, where each process needs the sum of its part only; the rest is of no use then.

        Args:
            flat: As there; the number of processes divides its length. The parts are in the order of ranks.
            wire_dtype: As there.
        """
        return self.start_sum(flat, wire_dtype)

    def start_allgather(self, flat: Array) -> Reduction:
        """Starts to give all processes the parts that each has of a vector, in place; as `start_sum`, in turn with it.

        Args:
            flat: A contiguous vector, whose part this process has set; the number of processes divides its length. The
                parts are in the order of ranks.
        """
        parts = self.allgather(part_of(flat, self.rank, self.size))
        for rank, part in enumerate(parts):
            part_of(flat, rank, self.size)[...] = part
        return Done()

    # --- Python objects

    def send_obj(self, obj: Any, dest: int, tag: int = 0) -> None:
        """Sends an object that can be pickled, of any size, to a process, which calls `recv_obj`."""
        raise NotImplementedError

    def recv_obj(self, source: int, status: Any = None, tag: int = 0) -> Any:
        """Receives what a process sends with `send_obj`.

        Args:
            source: The rank of the sender; `MPI.ANY_SOURCE` takes what comes first.
            status: A `MPI.Status` that is filled in.
            tag: As there.
        """
        raise NotImplementedError

    def bcast_obj(self, obj: Any, max_buf_len: int = 256 * 1024 * 1024, root: int = 0) -> Any:
        """The object of the process `root`, in all.

        Args:
            obj: An object that can be pickled, of any size.
            max_buf_len: How many bytes are sent at once.
            root: The rank of that process.
        """
        raise NotImplementedError

    def gather_obj(self, obj: Any, root: int = 0) -> list[Any] | None:
        """The objects of all processes in the order of ranks, in the process `root`, and None in the others."""
        raise NotImplementedError

    def allgather_obj(self, obj: Any) -> list[Any]:
        """The objects of all processes in the order of ranks."""
        raise NotImplementedError

    def scatter_obj(self, objs: Any, root: int = 0) -> Any:
        """One of the objects that the process `root` has for each."""
        raise NotImplementedError

    def allreduce_obj(self, obj: Any) -> Any:
        """The sum, by ``+`` in the order of ranks, of the objects of all processes."""
        raise NotImplementedError

    # --- models

    def bcast_data(self, model: Link) -> None:
        """Gives the model of every process the parameters of the first one; all call this together."""
        raise NotImplementedError

    def multi_node_mean_grad(self, model: Link, zero_fill: bool = False) -> None:
        """Replaces the gradients of a model's parameters by their means over all processes, which call this together.

        Args:
            model: The model.
            zero_fill: Whether a parameter without a gradient in any process gets one of zeros. Where some processes
                have none, it counts as zeros there.
        """
        raise NotImplementedError

    # --- configuration

    def set_config(self, name: str, value: Any = True) -> None:
        """Sets what `create_communicator` takes as an option.

        Args:
            name: ``'batched_copy'``; see there.
            value: The value.

        Raises:
            ValueError: There is no such name.
        """
        self._check_config('set_config', name)
        self._config[name] = value

    def get_config(self, name: str | None = None) -> Any:
        """What `set_config` sets.

        Args:
            name: As there; None for all in a dictionary.

        Raises:
            ValueError: There is no such name.
        """
        if name is None:
            return dict(self._config)
        self._check_config('get_config', name)
        return self._config[name]

    @property
    def _config(self) -> dict[str, Any]:
        return vars(self).setdefault('_configured', {'batched_copy': True})

    def _check_config(self, caller: str, name: str) -> None:
        if name not in self._config:
            raise ValueError(f'{caller}: expected one of {", ".join(self._config)}; got {name!r}')

    def finalize(self) -> None:
        """Frees what the communicator has; it cannot be used any more."""
        raise NotImplementedError
