"""Names the rank of a process that has been killed or has crashed.

Such a process can say nothing. The launcher ends all others at once, before they could say anything either, and itself
names a process number at best (that of MPICH often the wrong one). So the process of rank 0 starts a witness: a process
of its own, which no launcher ends and to which every rank is connected. Where a connection ends without a goodbye, it
says so on standard error, and ends. It ends as well when all have said goodbye. It never ends any other process.

This file is what the witness runs, so that it imports nothing but Python's library at its top.
"""
from __future__ import annotations

import atexit
import logging
import os
import secrets
import selectors
import socket
import subprocess
import sys
from typing import Any

_logger = logging.getLogger(__name__)
_GOODBYE, _FAREWELL = b'g', b'f'
_GREETING_SIZE = 300
_SECONDS = 60.

# This process's connection to the witness.
_connection: socket.socket | None = None


def start(mpi_comm: Any) -> None:
    """Starts the witness, if there is none yet; all processes of the job call this together.

    Args:
        mpi_comm: Their communicator of mpi4py.
    """
    global _connection
    if mpi_comm.size == 1 or mpi_comm.allreduce(_connection is not None):
        return
    names = mpi_comm.allgather(socket.gethostname())
    address = None
    if mpi_comm.rank == 0:
        address = _start_process(is_local=len(set(names)) == 1)
    address = mpi_comm.bcast(address)
    if address is not None:
        *place, token = address
        _connection = _connect(tuple(place), f'{token} {mpi_comm.rank} {os.getpid()} {names[mpi_comm.rank]}')
    atexit.register(leave)
    os.register_at_fork(after_in_child=_close_inherited)
    mpi_comm.Barrier()  # From here on the witness knows all.


def leave(is_all: bool = False) -> None:
    """Says goodbye to the witness, as every process does at its end.

    Args:
        is_all: Whether the whole job ends now, of which the witness then says nothing.
    """
    global _connection
    if _connection is not None:
        try:
            _connection.sendall(_FAREWELL if is_all else _GOODBYE)
            if is_all:  # The others are ended next, which the witness is not to see any more.
                _connection.settimeout(_SECONDS)
                _connection.recv(1)
        except OSError as error:
            _logger.debug('the witness is gone: %s', error)
        _disconnect()


def _disconnect() -> None:
    global _connection
    if _connection is not None:
        _connection.close()
        _connection = None


def _close_inherited() -> None:
    """Has a forked process, such as one that reads data, not hold what tells of the end of this one.

    That is the connection to the witness, and the one by which MPICH's launcher learns that it is to end the others.
    """
    _disconnect()
    descriptor = os.environ.pop('PMI_FD', None)
    if descriptor is not None:
        os.close(int(descriptor))


def _start_process(is_local: bool) -> tuple[str, int, str] | None:
    """Starts the witness; where it listens, and what it wants to hear first."""
    host = '127.0.0.1' if is_local else socket.gethostname()
    token = secrets.token_hex(16)
    try:
        with socket.create_server((host if is_local else '', 0), backlog=1000) as listener:
            process = subprocess.Popen(
                [sys.executable, '-I', '-S', __file__, str(listener.fileno()), token], pass_fds=[listener.fileno()],
                start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            process.returncode = 0  # It ends after this process, which does not wait for it.
            return host, listener.getsockname()[1], token
    except OSError as error:
        _logger.debug('there is no witness: %s', error)
        return None


def _connect(place: tuple[str, int], greeting: str) -> socket.socket | None:
    try:
        connection = socket.create_connection(place, 5.)
    except OSError as error:
        _logger.debug('no connection to the witness: %s', error)
        return None
    connection.settimeout(_SECONDS)
    try:
        connection.sendall(greeting.encode().ljust(_GREETING_SIZE))
        connection.recv(1)  # It has been taken down.
    except OSError as error:
        _logger.debug('no answer from the witness: %s', error)
    connection.settimeout(None)
    return connection


# --- in the process of the witness


def watch(listener: socket.socket, token: str) -> str | None:
    """Waits until all ranks have said goodbye, or one has ended without.

    Args:
        listener: Where they connect.
        token: With what they greet, before rank, process number and machine.

    Returns:
        The message about that one; None if there is nothing to say.
    """
    # It gives first what was there first, so that the one is found whose end made the launcher end the others.
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    ranks: dict[Any, str] = {}
    while events := selector.select(None if ranks else _SECONDS):
        for key, _ in events:
            connection: Any = key.fileobj
            if connection is listener:
                _admit(listener, selector, token, ranks)
                continue
            word = _receive(connection, 1)
            if not word:
                return f'{ranks[connection]} has ended without a word: it was killed, or it crashed'
            selector.unregister(connection)
            connection.close()
            del ranks[connection]
            if word == _FAREWELL or not ranks:
                return None
    return None


def _admit(listener: socket.socket, selector: selectors.BaseSelector, token: str, ranks: dict[Any, str]) -> None:
    """Takes a connection, if it is one of a rank."""
    connection, _ = listener.accept()
    connection.settimeout(_SECONDS)
    given, *facts = _receive(connection, _GREETING_SIZE).decode(errors='replace').split() or ['']
    if given != token or len(facts) != 3:
        connection.close()
        return
    ranks[connection] = 'rank {} (process {} on {})'.format(*facts)
    selector.register(connection, selectors.EVENT_READ)
    connection.sendall(_GOODBYE)


def _receive(connection: socket.socket, count: int) -> bytes:
    try:
        return connection.recv(count)
    except OSError:
        return b''


def main() -> None:
    """The witness: listens, watches, and says what there is to say."""
    descriptor, token = sys.argv[1:]
    message = watch(socket.socket(fileno=int(descriptor)), token)
    if message is not None:
        print(f'\nautograd_nn: {message}\n', file=sys.stderr, flush=True)


if __name__ == '__main__':
    main()
