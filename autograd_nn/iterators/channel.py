"""Objects through a socket, without copies of large arrays."""
from __future__ import annotations

import pickle
import socket
import struct
import weakref
from typing import Any

import numpy as np

_LARGE = 1 << 16

# A forked process inherits all of these and closes them, so that each process sees that its own has ended when this
# one closes it or dies, and not only when its siblings have ended, too.
_mine: weakref.WeakSet[Channel] = weakref.WeakSet()


class Channel:
    """One end of a connection between two processes.

    Arrays of at least 64 KiB go from the memory of one process right into that of the other; the connections of
    `multiprocessing` take twice as long. Each direction may be used by a thread of its own.

    Args:
        end: A connected socket.

    Attributes:
        socket: That socket, to wait for with `multiprocessing.connection.wait`.
    """

    def __init__(self, end: socket.socket) -> None:
        self.socket = end

    @staticmethod
    def pair() -> tuple[Channel, Channel]:
        """The two ends of a new connection: that of this process, and that of the process which it starts."""
        mine, theirs = socket.socketpair()
        channel = Channel(mine)
        _mine.add(channel)
        return channel, Channel(theirs)

    def close(self) -> None:
        """Ends the connection; the other end notices."""
        self.socket.close()

    def send(self, parts: list[Any]) -> None:
        """Sends what `pack` made of an object.

        Raises:
            OSError: The other end has been closed.
        """
        self.socket.sendall(struct.pack(f'!I{len(parts)}Q', len(parts), *[len(part) for part in parts]))
        for part in parts:
            self.socket.sendall(part)

    def receive(self) -> Any:
        """The next object; waits for it.

        Raises:
            EOFError, OSError: The other end has been closed.
        """
        (count,) = struct.unpack('!I', self._read(4))
        sizes = struct.unpack(f'!{count}Q', self._read(8 * count))
        data, *buffers = [self._read(size) for size in sizes]
        return pickle.loads(data, buffers=buffers)

    def _read(self, size: int) -> memoryview:
        content = np.empty(size, np.uint8).data  # bytearray(size) would first write zeros everywhere.
        rest = content
        while rest:
            count = self.socket.recv_into(rest)
            if not count:
                raise EOFError
            rest = rest[count:]
        return content


def close_inherited() -> None:
    """Closes the ends of all channels that belong to the process from which this one was forked."""
    for channel in list(_mine):
        channel.close()


def pack(obj: Any) -> list[Any]:
    """Pickles an object into the parts of a message: the pickle, and the memory of large arrays as it is."""
    parts: list[Any] = []

    def stays_in_pickle(buffer: pickle.PickleBuffer) -> bool:
        memory = buffer.raw()
        if memory.nbytes >= _LARGE:
            parts.append(memory)
        return memory.nbytes < _LARGE

    data = pickle.dumps(obj, protocol=5, buffer_callback=stays_in_pickle)
    return [data, *parts]
