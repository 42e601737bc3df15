"""Data sets of images that look different in each epoch."""
from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autograd_nn.dataset.dataset_mixin import Dataset, DatasetMixin, gather, replace_bases
from autograd_nn.dataset.examples import with_own_memory
from autograd_nn.datasets.transforms import Transform, replace_image, takes_examples


class AugmentedDataset(DatasetMixin):
    """Applies a random transform to each image when it is read.

    What becomes of example *i* in epoch *e* depends on the seed, *e* and *i* alone: its random numbers come from a
    generator whose counter starts at (*e*, *i*). So the result is the same whatever order the examples are read in,
    in however many threads or processes, and after resuming in the middle of an epoch.

    The epoch is no state of the data set either. Iterators read each example from `at_epoch` of its epoch, also
    through the data sets of this package that wrap this one.

    Args:
        dataset: Images, shape (channels, height, width), or tuples whose first element is an image.
        transform: Called with an image and a `numpy.random.Generator`, returns an image (see `transforms`). One that
            is an `ExampleTransform` is called with the whole example, and returns it.
        seed: Not negative; by default drawn from NumPy's global random state.

    Attributes:
        epoch: The epoch as which this object is read; 0 unless it comes from `at_epoch`.

    Example:
        >>> from autograd_nn.datasets.transforms import RandomShift
        >>> dataset = AugmentedDataset(np.ones((5, 1, 2, 2)), RandomShift(1), seed=0)
        >>> bool((dataset[3] == dataset[3]).all())
        True
        >>> len({dataset.at_epoch(epoch)[3].tobytes() for epoch in range(20)}) > 1
        True
    """

    def __init__(self, dataset: Dataset, transform: Transform, seed: int | None = None) -> None:
        self._dataset = dataset
        self._transform = transform
        self.seed = int(np.random.randint(2 ** 31)) if seed is None else seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._dataset)

    def get_example(self, i: int) -> Any:
        return self.gather(np.array([i]))[0]

    def gather(self, indices: np.ndarray) -> list[Any]:
        examples = gather(self._dataset, indices)
        if takes_examples(self._transform):
            return [with_own_memory(self._transform(example, rng))
                    for example, rng in zip(examples, self._generators(indices))]
        images = [example[0] if isinstance(example, tuple) else example for example in examples]
        return [replace_image(example, image) if isinstance(example, tuple) else image
                for image, example in zip(self._apply(images, self._generators(indices)), examples)]

    def _apply(self, images: list[np.ndarray], generators: Iterator[np.random.Generator]) -> Iterable[np.ndarray]:
        """The transformed images: all at once if the transform can do that and they have one shape."""
        count = getattr(self._transform, 'random_numbers', None)
        if count is None or len({(image.shape, image.dtype) for image in images}) != 1:
            return [with_own_memory(self._transform(image, rng)) for image, rng in zip(images, generators)]
        numbers = np.stack([rng.random(count) for rng in generators])
        return self._transform.apply(np.stack(images), numbers)  # type: ignore[attr-defined]

    def _generators(self, indices: np.ndarray) -> Iterator[np.random.Generator]:
        """For each example a generator: the same object each time, set to the example's counter."""
        bits = np.random.Philox(key=self.seed)
        rng, state = np.random.Generator(bits), bits.state
        for i in indices.tolist():
            state['state']['counter'][:] = 0, 0, i, self.epoch
            bits.state = state
            yield rng

    def at_epoch(self, epoch: int) -> AugmentedDataset:
        dataset = copy.copy(replace_bases(self, epoch, '_dataset'))
        dataset.epoch = epoch
        return dataset
