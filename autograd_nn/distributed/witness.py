"""Names the rank of a process that has been killed or has crashed.

Such a process can say nothing. The launcher ends all others at once, before they could say anything either, and itself
names a process number at best (that of MPICH often the wrong one). So the process of rank 0 starts a witness: a process
of its own, which no launcher ends and to which every rank is connected. Where a connection ends without a goodbye, it
says so on standard error, and ends. It ends as well when all have said goodbye. It never ends any other process.

Processes may tell it where they wait; it answers those that wait in vain (see the module `waiting`).

This file is what the witness runs, so that it imports nothing but Python's library at its top.
"""
from __future__ import annotations

import atexit
import json
import logging
import os
import secrets
import select
import selectors
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

_logger = logging.getLogger(__name__)
_GOODBYE, _FAREWELL, _WAITING, _GOING_ON = b'g', b'f', b'w', b'c'
_GREETING_SIZE = 300
_LENGTH_SIZE = 4
_SECONDS = 60.
# For how many seconds a process that has told where it waits is taken for one that may still go on by itself, and how
# often the witness looks.
_GRACE, _PAUSE = 2., 0.2

# This process's connection to the witness, and how often it has told it where it waits.
_connection: socket.socket | None = None
_told = 0


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


def is_there() -> bool:
    """Whether this process has a witness."""
    return _connection is not None


def tell_waiting(call: str, ranks: list[int], is_collective: bool) -> None:
    """Tells the witness that this process waits.

    Args:
        call: In what.
        ranks: For whom.
        is_collective: Whether these are to call the same.
    """
    global _told
    _told += 1
    _send(_WAITING + _packed({'call': call, 'for': ranks, 'is_collective': is_collective, 'number': _told}))


def go_on() -> None:
    """Tells the witness that this process waits no more."""
    _send(_GOING_ON)


def read_verdict() -> str | None:
    """Why the wait that the witness was told of last is in vain, as that has said; None as long as it is not."""
    connection = _connection
    try:
        while connection is not None and select.select([connection], [], [], 0)[0]:
            answer = _unpack(connection)
            if answer is None or answer['number'] == _told:
                return None if answer is None else str(answer['verdict'])
    except (OSError, ValueError) as error:  # it is closed, here or there
        _logger.debug('nothing is heard from the witness: %s', error)
    return None


def _send(message: bytes) -> None:
    try:
        if _connection is not None:
            _connection.sendall(message)
    except OSError as error:
        _logger.debug('the witness is gone: %s', error)


def _packed(content: dict[str, Any]) -> bytes:
    data = json.dumps(content).encode()
    return len(data).to_bytes(_LENGTH_SIZE, 'big') + data


def _unpack(connection: socket.socket) -> dict[str, Any] | None:
    length = _receive_all(connection, _LENGTH_SIZE)
    data = length and _receive_all(connection, int.from_bytes(length, 'big'))
    return json.loads(data) if data else None


def _receive_all(connection: socket.socket, count: int) -> bytes:
    data = b''
    while len(data) < count and (more := _receive(connection, count - len(data))):
        data += more
    return data if len(data) == count else b''


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
                while _connection.recv(_GREETING_SIZE):
                    pass
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
    ranks: dict[Any, Rank] = {}
    ended: set[int] = set()
    while True:
        is_waiting = any(rank.wait for rank in ranks.values())
        events = selector.select(_PAUSE if is_waiting else None if ranks else _SECONDS)
        if not events and not ranks:
            return None
        for key, _ in events:
            connection: Any = key.fileobj
            if connection is listener:
                _admit(listener, selector, token, ranks)
                continue
            rank, word = ranks[connection], _receive(connection, 1)
            if word == _WAITING:
                rank.wait, rank.since = _unpack(connection), time.monotonic()
            elif word == _GOING_ON:
                rank.wait = None
            elif not word:
                return f'{rank.name} has ended without a word: it was killed, or it crashed'
            else:
                selector.unregister(connection)
                connection.close()
                del ranks[connection]
                ended.add(rank.number)
                if word == _FAREWELL or not ranks:
                    return None
        _answer(ranks, ended)


class Rank:
    """What the witness knows of a process.

    Args:
        number: Its rank.
        name: How it is called in messages.

    Attributes:
        wait: What it has told of where it waits; None if it does not.
        since: Since when.
    """

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name = number, name
        self.wait: dict[str, Any] | None = None
        self.since = 0.


def _answer(ranks: dict[Any, Rank], ended: set[int]) -> None:
    """Tells those that wait in vain."""
    verdicts = find_verdicts(list(ranks.values()), ended, time.monotonic())
    for connection, rank in ranks.items():
        if rank.number in verdicts and rank.wait is not None:
            with suppress(OSError):  # it has ended, of which there will be word
                connection.sendall(_packed({'number': rank.wait['number'], 'verdict': verdicts[rank.number]}))
            rank.since = float('inf')


def find_verdicts(ranks: list[Rank], ended: set[int], now: float) -> dict[int, str]:
    """Why processes wait in vain, by their ranks.

    Args:
        ranks: Those that have not ended.
        ended: The ranks of those that have.
        now: The time.
    """
    waits = {rank.number: rank.wait for rank in ranks if rank.wait and now - rank.since > _GRACE}
    if len(waits) == len(ranks) and not any(_is_on_its_way(wait, waits) for wait in waits.values()):
        calls: dict[str, list[int]] = {}
        for number, wait in sorted(waits.items()):
            calls.setdefault(wait['call'], []).append(number)
        said = [f'{_named(numbers)} {"waits" if len(numbers) == 1 else "wait"} in {call}'
                for call, numbers in calls.items()]
        return dict.fromkeys(waits, '; '.join([*said, *_gone(ended)]))
    return {number: '; '.join(_gone(ended.intersection(wait['for']))) for number, wait in waits.items()
            if ended.intersection(wait['for'])}


def _gone(ended: set[int]) -> list[str]:
    return [f'{_named(sorted(ended))} {"has" if len(ended) == 1 else "have"} ended'] if ended else []


def _named(numbers: list[int], limit: int = 8) -> str:
    more = f', … ({len(numbers)} of them)' if len(numbers) > limit else ''
    return f'rank{"s" * (len(numbers) > 1)} {", ".join(map(str, numbers[:limit]))}{more}'


def _is_on_its_way(wait: dict[str, Any], waits: dict[int, dict[str, Any]]) -> bool:
    """Whether all do wait in the same call, which may take its time."""
    return wait['is_collective'] and all(number in waits and waits[number]['call'] == wait['call']
                                         for number in wait['for'])


def _admit(listener: socket.socket, selector: selectors.BaseSelector, token: str, ranks: dict[Any, Rank]) -> None:
    """Takes a connection, if it is one of a rank."""
    connection, _ = listener.accept()
    connection.settimeout(_SECONDS)
    given, *facts = _receive(connection, _GREETING_SIZE).decode(errors='replace').split() or ['']
    if given != token or len(facts) != 3:
        connection.close()
        return
    ranks[connection] = Rank(int(facts[0]), 'rank {} (process {} on {})'.format(*facts))
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
