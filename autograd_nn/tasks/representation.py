"""Learning features of pictures without labels, and seeing what they are worth."""
from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import autograd_nn
from autograd_nn import datasets, models
from autograd_nn.backend import Device
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.dataset import Converter, concat_examples, to_device
from autograd_nn.datasets.view_transforms import Views, view_augmentation
from autograd_nn.link import Chain
from autograd_nn.reporter import report
from autograd_nn.tasks.classification import Classification, Enlarge, classifier, recognizer
from autograd_nn.tasks.feature_map import draw_map, project
from autograd_nn.tasks.linear_probe import LinearProbe, fit_probe
from autograd_nn.tasks.network_input import input_of_run, run_once, settle
from autograd_nn.tasks.options import check_at_least
from autograd_nn.tasks.picture_folder import load_folder
from autograd_nn.tasks.sample_task import SampleTask
from autograd_nn.tasks.task import Predictor
from autograd_nn.training.run_folder import MODEL, RESULTS_PICTURE, load_weights, save_quickly
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.variable import Variable

ENCODER = 'encoder.npz'
FEATURES = 'features.png'
# Of each picture with a label the probe sees so many views, as there are few.
PROBE_VIEWS = 10
DRAWN = 1000


class Representation(SampleTask):
    """Learning features from views of pictures; labels are used only to see what a linear classifier makes of them."""

    embedded = Classification.embedded
    folders = Classification.folders
    measures = {'probe_accuracy': 'accuracy of a linear classifier of the features'}
    fixed = (*SampleTask.fixed, 'encoder', 'probe_labels')
    n_drawn = 400

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--encoder', metavar='NAME', default='lenet_bn', choices=models.names('images'),
                            help='the classifier of the zoo whose features are learned')
        parser.add_argument('--probe-labels', type=int, default=100, metavar='N',
                            help='for how many training pictures, chosen by --seed, the linear classifier that '
                                 'measures the features gets labels')

    def check(self) -> None:
        super().check()
        check_at_least(self.options, batch_size=2, probe_labels=1)
        if self.options.augment is False:
            raise ValueError('--no-augment: features are learned from varied views of pictures, expected --augment')

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        return load_folder(folder, models.get(self.options.encoder), self.options.seed)

    def network_arguments(self) -> dict[str, Any]:
        return {**super().network_arguments(), 'encoder': self.options.encoder}

    def make_model(self) -> Any:
        self.converter = ViewConverter(self.network.preprocessing)
        return ViewComparison(self.network)

    def fit_data(self) -> None:
        """Makes pictures large enough for the encoder, chooses those with labels, and makes views of all."""
        if min(self.train_data[0][0].shape[1:]) < self.network.encoder.minsize:
            enlarge = Enlarge(self.network.encoder.minsize)
            self.train_data, self.test = (datasets.TransformDataset(data, enlarge)
                                          for data in (self.train_data, self.test))
        self.shape = self.train_data[0][0].shape
        transform, seed = view_augmentation(self.shape), self.options.seed
        order = choose_evenly(self.train_data, len(self.labels), self.options.probe_labels, seed)
        labelled, _ = datasets.split_dataset(self.train_data, min(self.options.probe_labels, len(order)), order)
        self.labelled = datasets.AugmentedDataset(labelled, Views(transform, PROBE_VIEWS), seed)
        self.train_data, self.test = (datasets.AugmentedDataset(data, Views(transform), seed)
                                      for data in (self.train_data, self.test))

    def describe_data(self) -> dict[str, Any]:
        return {'input_shape': self.shape, 'labels': list(self.labels),
                'preprocessing': asdict(self.network.preprocessing)}

    def announce(self) -> None:
        self.find_shapes(self.network, self.shape)  # to count all parameters
        super().announce()

    def answer(self, samples: Sequence[Any]) -> list[Any]:
        """The classes, and the features of the pictures themselves, float32."""
        x, t = concat_examples(samples)
        return list(zip(t.tolist(), self.features(x[:, 0])))

    def features(self, x: np.ndarray) -> np.ndarray:
        """Computes features, float32 of shape (N, D), of pictures of shape (N, C, H, W), values from 0 to 1."""
        size = max(1, 2 * self.batch_size)
        with using_config('train', False), no_backprop_mode():
            parts = [self.network.features(self.device.send(self.converter.prepare(x[i:i + size])))
                     for i in range(0, len(x), size)]
        return np.concatenate([np.asarray(part, np.float32) for part in parts])

    def fit_probe(self) -> LinearProbe:
        """Fits a linear classifier to the features of the pictures with labels, and of views of them."""
        x, t = concat_examples(self.labelled[:])
        features = self.features(x.reshape(-1, *x.shape[2:]))
        return fit_probe(features, t.repeat(x.shape[1]), len(self.labels))

    def measure(self, data: Any, answers: Sequence[Any]) -> dict[str, float]:
        labels, features = map(np.array, zip(*answers))
        return {'probe_accuracy': float((self.fit_probe()(features).argmax(axis=1) == labels).mean())}

    def draw(self, samples: Sequence[Any], answers: Sequence[Any]) -> Image.Image:
        """The features' principal components."""
        return self.draw_map(samples, answers, neighbours=False)

    def draw_map(self, samples: Sequence[Any], answers: Sequence[Any], neighbours: bool) -> Image.Image:
        """Draws samples where their features put them (see `feature_map.project`)."""
        labels, features = zip(*answers)
        return draw_map([x[0] for x, _ in samples], project(np.array(features), neighbours), labels, self.labels)

    def save_results(self, out: Path) -> dict[str, str]:
        found = self.measure_all(self.test)
        if found is None:
            return {}
        answers, figures = found
        print(f'\ntest accuracy of a linear classifier of the features, with {len(self.labelled):,} labels: '
              f'{figures["probe_accuracy"]:.2%}')
        probe, classifier = self.fit_probe(), self.network.classifier
        classifier.W.array[...], classifier.b.array[...] = self.device.send((probe.W, probe.b))
        with atomic_write(out / FEATURES) as file:
            picture = self.draw_map(self.test[:DRAWN], answers[:DRAWN], importlib.util.find_spec('sklearn') is not None)
            picture.save(file, 'PNG')
        save_quickly(out / ENCODER, self.network.encoder)
        save_quickly(out / MODEL, self.network)  # last: then the run is complete
        return {MODEL: 'weights, for autograd-nn predict, which names classes as that classifier does',
                ENCODER: f'those of {self.options.encoder} alone, for --initial-weights', 'loss.png': 'curves',
                'metric.png': 'curves', RESULTS_PICTURE: 'principal components of the features of some samples',
                FEATURES: 'where features put the test samples'}

    @classmethod
    def find_shapes(cls, network: Any, shape: tuple[int, ...]) -> None:
        settle(network.encoder, shape)
        x = np.zeros((2, *shape), autograd_nn.get_dtype())
        run_once(network.lossfun, x, x)

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        labels, shape, preprocessing = input_of_run(config)
        network: Any = entry.build(num_classes=len(labels), encoder=config['arguments']['encoder'])
        cls.find_shapes(network, shape)
        load_weights(weights, network)
        network.to_device(device)
        return classifier([recognizer(network.encoder, labels, shape, preprocessing)], labels, None)


class ViewComparison(Chain):
    """A network with its loss for two views of each picture.

    Args:
        predictor: The network (see `models.ContrastiveNetwork`).
    """

    def __init__(self, predictor: Any) -> None:
        super().__init__()
        with self.init_scope():
            self.predictor = predictor

    def forward(self, x0: Any, x1: Any) -> Variable:
        """Computes and reports the loss of views, prepared pictures of shape (N, C, H, W)."""
        loss = self.predictor.lossfun(x0, x1)
        report({'loss': loss}, self)
        return loss


class ViewConverter(Converter):
    """Makes arrays of both views of the pictures in a minibatch.

    Args:
        preprocessing: The encoder's preprocessing.
    """

    def __init__(self, preprocessing: models.Preprocessing) -> None:
        self.preprocessing = preprocessing

    def prepare(self, x: np.ndarray) -> np.ndarray:
        """What the encoder takes for pictures of shape (..., C, H, W), values from 0 to 1."""
        return self.preprocessing.normalize(x).astype(autograd_nn.get_dtype(), copy=False)

    def __call__(self, batch: Any, device: Any = None) -> Any:
        x, _ = concat_examples(batch)
        return to_device(device, (self.prepare(x[:, 1]), self.prepare(x[:, 2])))


def choose_evenly(data: Any, classes: int, count: int, seed: int) -> np.ndarray:
    """A random order of samples that begins with, as nearly as possible, equally many of each class.

    Args:
        data: Tuples that end with a class. It reads hardly more of them than it chooses.
        classes: The number of classes.
        count: How many to choose.
        seed: Of the random numbers.

    Returns:
        The indices of all samples, shape (len(data),); the first `count` are those chosen.

    Example:
        >>> data = [(label,) for label in (0, 0, 0, 0, 1, 1)]
        >>> sorted(data[i][0] for i in choose_evenly(data, 2, 4, seed=0)[:4])
        [0, 0, 1, 1]
    """
    order = np.random.default_rng(seed).permutation(len(data)).tolist()
    quota, taken = -(-count // classes), [0] * classes
    chosen: list[int] = []
    others: list[int] = []
    for place, i in enumerate(order):
        if len(chosen) == count:
            others += order[place:]
            break
        label = int(data[i][-1])
        (chosen if taken[label] < quota else others).append(i)
        taken[label] += 1
    return np.array(chosen + others)
