"""Kinds of warnings, under Chainer's names."""


class PerformanceWarning(RuntimeWarning):
    """Something will take longer than it should."""
