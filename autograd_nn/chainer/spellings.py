"""Spellings of Chainer 1 to 4."""


def install() -> None:
    """Nothing yet."""
