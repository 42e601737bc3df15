"""What tasks of networks that make pictures share."""
from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from autograd_nn import datasets, models
from autograd_nn.backend import to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.dataset import concat_examples
from autograd_nn.link import Chain
from autograd_nn.models.generative.autoencoder import PictureCoder
from autograd_nn.reporter import report
from autograd_nn.tasks.classification import PictureConverter
from autograd_nn.tasks.digit_judge import load_digit_judge
from autograd_nn.tasks.generated_pictures import draw_latent_map
from autograd_nn.tasks.options import check_at_least
from autograd_nn.tasks.picture_data import HAND_WRITING, PICTURES, fit_pictures, load_classes, load_pictures
from autograd_nn.tasks.sample_task import SampleTask
from autograd_nn.training.extension import Extension
from autograd_nn.training.run_folder import INTERPOLATION, LATENT_MAP, load_weights, path_of_network
from autograd_nn.training.trainer import Trainer
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.variable import Variable

# As many pictures are made in one go.
PART = 200
MAPPED = 1000


class PictureTask(SampleTask):
    """A task of networks that make pictures of latents (see `models.GenerativeNetwork`).

    A sample is a picture, values from 0 to 1, and its class, which is 0 where there are none.
    """

    embedded = PICTURES
    folders = ('a folder with pictures, optionally under train/ and val/ or test/; for networks that know classes with '
               'a folder for each class')
    fixed = (*SampleTask.fixed, 'latent_size')
    vary_embedded = False

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--latent-size', type=int, metavar='N',
                            help='of how many numbers a picture is made (default: that of the model)')

    def check(self) -> None:
        super().check()
        if self.options.latent_size is not None:
            check_at_least(self.options, latent_size=1)

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        shape, seed = self.entry.input_shape, self.options.seed
        if getattr(self.entry.model, 'conditional', False):
            return load_classes(folder, shape, seed)
        return *load_pictures(folder, shape, seed), ()

    def network_arguments(self) -> dict[str, Any]:
        return arguments_of_network(self.entry, self.labels, self.options.latent_size)

    def make_model(self) -> Any:
        self.converter = PictureConverter(self.network.preprocessing)
        return Learner(self.network, lambda x, t: self.network.losses(x))

    def fit_data(self) -> None:
        """Brings pictures to the shape that the network makes, and calls for the judge if they are digits."""
        self.train_data, self.test = (fit_pictures(data, self.network.shape) for data in (self.train_data, self.test))
        self.judge = load_digit_judge(self.device) if self.options.dataset in HAND_WRITING else None

    def describe_data(self) -> dict[str, Any]:
        return {'labels': list(self.labels), 'latent_size': self.network.latent_size}

    def augment(self, train: Any) -> Any:
        return datasets.AugmentedDataset(train, datasets.standard_augmentation(self.network.shape),
                                         seed=self.options.seed)

    def extend(self, trainer: Trainer) -> None:
        super().extend(trainer)
        if self.processes.is_first:
            trainer.extend(MorePictures(self))

    def draw_more(self) -> dict[str, Image.Image]:
        """What is drawn after each epoch besides the picture of results: pictures by the names of their files.

        Of networks that encode, with two latents, there is a map.
        """
        if not isinstance(self.network, PictureCoder) or self.network.latent_size != 2:
            return {}
        samples = self.validation[:MAPPED]
        x, t = concat_examples(samples)
        with using_config('train', False), no_backprop_mode():
            codes = to_cpu(self.network.encode(self.converter(samples, self.device)[0]).array)
        return {LATENT_MAP: draw_latent_map(self.network, x, codes, t.tolist(), self.labels or [''])}

    def save_results(self, out: Path) -> dict[str, str]:
        return {**super().save_results(out), INTERPOLATION: 'what lies between pictures',
                LATENT_MAP: 'what two latents make, and where pictures are'}


class Learner(Chain):
    """What an optimizer updates, with the loss that is to become small.

    Args:
        predictor: A network or a part of one.
        losses: From arrays of a minibatch to what is reported: ``loss`` and others.
    """

    def __init__(self, predictor: Any, losses: Callable[..., Mapping[str, Variable]]) -> None:
        super().__init__()
        self._losses = losses
        with self.init_scope():
            self.predictor = predictor

    def forward(self, *arrays: Any) -> Variable:
        """Computes and reports the losses; returns ``loss``."""
        found = self._losses(*arrays)
        report(dict(found), self)
        return found['loss']


class MorePictures(Extension):
    """Draws, after each epoch, what a task shows besides the picture of results.

    Args:
        task: The task.
    """

    trigger = (1, 'epoch')

    def __init__(self, task: PictureTask) -> None:
        self.task = task

    def __call__(self, trainer: Trainer) -> None:
        for name, picture in self.task.draw_more().items():
            with atomic_write(Path(trainer.out) / name) as file:
                picture.save(file, 'PNG')


class Maker:
    """Makes samples of a network, in parts of which none is too large.

    Args:
        network: The network.
        labels: The names of the classes, which matter only to networks that are asked for classes.
    """

    def __init__(self, network: Any, labels: Sequence[str] = ()) -> None:
        self.network = network
        self.classes = max(1, len(labels)) if network.conditional else 1

    def draw(self, count: int, seed: int) -> tuple[Any, np.ndarray]:
        """Draws latents, with random numbers of their own.

        Args:
            count: How many.
            seed: Of the random numbers.

        Returns:
            Latents of shape (count, latent_size), on the network's device; and classes in turn, int32, shape (count,).
        """
        z = self.network.draw_latents(count, np.random.default_rng(seed))
        return z, np.arange(count, dtype=np.int32) % self.classes

    def __call__(self, z: Any, t: np.ndarray) -> np.ndarray:
        """Pictures of latents and classes: float32, shape (N, C, H, W), values from 0 to 1."""
        t, z = self.network.device.send((t, z))
        return np.concatenate([self.network.make_pictures(z[i:i + PART], t[i:i + PART])
                               for i in range(0, len(z), PART)])


def arguments_of_network(entry: models.Entry, labels: Sequence[str], latent_size: int | None) -> dict[str, Any]:
    """What the constructor of a network takes because of data and options.

    Args:
        entry: Its entry in the registry.
        labels: The names of the classes.
        latent_size: The number of latents; None for the usual one.
    """
    arguments: dict[str, Any] = {} if latent_size is None else {'latent_size': latent_size}
    if getattr(entry.model, 'conditional', False):
        arguments['num_classes'] = len(labels)
    return arguments


def load_network(path: str | Path, network: Any) -> None:
    """Loads the weights of a network that makes pictures; of a snapshot those of the generator alone, if it has one.

    Args:
        path: An ``.npz`` file.
        network: The network.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or does not fit.
    """
    load_weights(path, getattr(network, 'generator', network) if path_of_network(path) else network)
