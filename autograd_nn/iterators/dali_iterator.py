"""Batches that NVIDIA DALI reads."""
from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from autograd_nn.dataset.iterator import Iterator
from autograd_nn.serializer import AbstractSerializer


class DaliIterator(Iterator):
    """Goes through the batches of a pipeline of `NVIDIA DALI <https://docs.nvidia.com/deeplearning/dali/>`_.

    A batch is what the pipeline's ``run`` returns: a list of DALI's tensors, which the converter of the updater has to
    make arrays of. Which examples come next is up to the pipeline: a resumed training does not continue with the very
    next batch.

    Args:
        pipeline: A ``nvidia.dali.pipeline.Pipeline``.
        repeat: Whether epochs follow each other without end; otherwise there is one.

    Raises:
        ImportError: DALI is not installed, and `pipeline` is nothing like one of its pipelines.
        TypeError: It is installed, and `pipeline` is no pipeline.
    """

    def __init__(self, pipeline: Any, repeat: bool = True) -> None:
        missing = [name for name in ('build', 'run', 'epoch_size') if not hasattr(pipeline, name)]
        if missing:
            if not _has_dali():
                raise ImportError('DaliIterator: NVIDIA DALI is not installed; see '
                                  'https://docs.nvidia.com/deeplearning/dali/')
            raise TypeError(f'DaliIterator: expected a pipeline of NVIDIA DALI, got {type(pipeline).__name__}, which '
                            f'has no {", ".join(missing)}')
        self.pipeline = pipeline
        self.repeat = repeat
        self.epoch_size = 1  # until the pipeline is built
        self._is_built = False
        self.reset()

    def reset(self) -> None:
        """Counts from epoch 0 again."""
        self.current_position = 0
        self.epoch = 0
        self.is_new_epoch = False
        self._previous_epoch_detail = -1.

    @property
    def batch_size(self) -> int:  # type: ignore[override]
        """The number of examples in a batch, as the pipeline has it."""
        sizes = [getattr(self.pipeline, name, None) for name in ('max_batch_size', 'batch_size')]
        return next(size for size in sizes if size is not None)

    @property
    def epoch_detail(self) -> float:  # type: ignore[override]
        """The epoch with the fraction of it that has been visited."""
        return self.epoch + self.current_position / self.epoch_size

    @property
    def previous_epoch_detail(self) -> float | None:  # type: ignore[override]
        """`epoch_detail` before the last batch; None before the first one."""
        return None if self._previous_epoch_detail < 0 else self._previous_epoch_detail

    def __next__(self) -> Any:
        if not self._is_built:
            self.pipeline.build()
            self._is_built = True
            self.epoch_size = next(iter(self.pipeline.epoch_size().values()))
        if not self.repeat and self.epoch > 0:
            raise StopIteration
        self._previous_epoch_detail = self.epoch_detail
        position = self.current_position + self.batch_size
        self.is_new_epoch = position >= self.epoch_size
        if self.is_new_epoch:
            self.epoch += 1
            position = position - self.epoch_size if self.repeat else 0
        self.current_position = position
        return self.pipeline.run()

    def serialize(self, serializer: AbstractSerializer) -> None:
        """Stores where it is in a serializer, or restores that from one."""
        self.current_position = int(serializer('current_position', self.current_position))
        self.epoch = int(serializer('epoch', self.epoch))
        self.is_new_epoch = bool(serializer('is_new_epoch', self.is_new_epoch))
        self._previous_epoch_detail = float(serializer('previous_epoch_detail', self._previous_epoch_detail))


def _has_dali() -> bool:
    try:
        return find_spec('nvidia.dali') is not None
    except ModuleNotFoundError:
        return False
