"""``cupy.cuda.nvtx``: keeps what was marked, for tests to read."""
from __future__ import annotations

events: list[tuple[str, str]] = []


def RangePush(message: str, id_color: int = -1) -> None:
    events.append(('push', message))


def RangePop() -> None:
    events.append(('pop', ''))


def Mark(message: str, id_color: int = -1) -> None:
    events.append(('mark', message))
