"""Segmentation: what each pixel of a picture belongs to."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from autograd_nn import datasets, models
from autograd_nn.backend import Device
from autograd_nn.config import get_dtype
from autograd_nn.dataset import Converter, to_device
from autograd_nn.datasets.color_transforms import RandomColors
from autograd_nn.datasets.digit_scenes import Scene
from autograd_nn.datasets.label_map_transforms import (
    RandomLabelMapCrop,
    RandomLabelMapFlip,
    RandomLabelMapScale,
    ResizeLabelMap,
)
from autograd_nn.datasets.segmentation_folder import NAMES, read_names
from autograd_nn.datasets.transforms import Compose
from autograd_nn.evaluation import calc_semantic_segmentation_confusion, metrics_of_confusion
from autograd_nn.tasks.drawn_scenes import DrawnScenes
from autograd_nn.tasks.network_input import DIGITS, run_once
from autograd_nn.tasks.options import check_at_least
from autograd_nn.tasks.picture_folder import find_parts
from autograd_nn.tasks.sample_task import SampleTask, sheet
from autograd_nn.tasks.task import Answer, Predictor
from autograd_nn.training.run_folder import load_weights
from autograd_nn.utils import add_legend, draw_label_map, label_map_picture

# What lies beside a picture that does not fill its place: the mean of ImageNet's pixels.
GROUND = 123., 117., 104.
SCENE = 64
# The powers of `models.median_frequency_weights`.
CLASS_WEIGHTS = {'none': 0., 'mild': 0.25, 'root': 0.5, 'median': 1.}


class DigitLabelMaps(DrawnScenes):
    """Digit scenes with their label maps: 0 for the ground, 1 for the digit 0, and so on."""

    def find_targets(self, scene: Scene) -> tuple[np.ndarray, ...]:
        return (datasets.label_map_of_scene(scene).astype(np.int8),)  # kept in bytes, too

    def get_example(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        image, labels = super().get_example(i)
        return image, labels.astype(np.int32)


def digit_scenes() -> tuple[Any, Any, Sequence[str]]:
    """Training data, test data and names of classes: scenes of a few large handwritten digits."""
    train, test = (DigitLabelMaps(datasets.DigitScenes(length, split, (SCENE, SCENE), count=(1, 4), sides=(20, 40),
                                                       fresh=fresh))
                   for length, split, fresh in ((4000, 'train', True), (200, 'test', False)))
    return train, test, ['ground', *DIGITS]


class Segmentation(SampleTask):
    """Saying of each pixel what it belongs to.

    A sample is a picture, red, green and blue from 0 to 255, and its label map.
    """

    takes_pictures = True
    fixed = (*SampleTask.fixed, 'longer_side', 'class_weights')
    embedded = {'digit_scenes': digit_scenes}
    folders = ('a folder with pictures in images/ and label maps of the same names in masks/ (optionally under train/ '
               'and val/ or test/), or one of PASCAL VOC, with JPEGImages/, SegmentationClass/ and '
               'ImageSets/Segmentation/')
    measures = {'miou': 'mIoU', 'pixel_accuracy': 'pixel accuracy', 'mean_accuracy': 'mean class accuracy',
                'fwiou': 'frequency-weighted IoU'}
    n_drawn = 8
    vary_embedded = False  # there are as many scenes as one likes

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument('--longer-side', type=int, metavar='PIXELS',
                            help='to which pictures of a folder are scaled (default: that for which the network was '
                                 'designed)')
        parser.add_argument('--class-weights', choices=CLASS_WEIGHTS,
                            help='how much pixels of rare classes count. median: all classes count the same; root: '
                                 'half way to that; mild: a quarter of the way; none: all pixels count the same '
                                 '(default: mild for scenes, which are mostly ground; otherwise none)')

    def check(self) -> None:
        super().check()
        if self.options.dataset in self.embedded:
            if self.options.longer_side is not None:
                raise ValueError(f'--longer-side: {self.options.dataset} has pictures of one size; it is for folders')
        elif self.options.longer_side is None:
            self.options.longer_side = self.entry.input_shape[1]
        if self.options.longer_side is not None:
            check_at_least(self.options, longer_side=1)
        if self.options.class_weights is None:
            self.options.class_weights = 'mild' if self.options.dataset in self.embedded else 'none'

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        return load_voc(folder) if (folder / 'JPEGImages').is_dir() else load_pairs(folder, self.options.seed)

    def fit_data(self) -> None:
        """Brings the pictures of a folder to one size, and settles the weights of the classes."""
        side = self.options.longer_side
        if side is not None:
            resize = ResizeLabelMap((side, side), GROUND)
            self.train_data, self.test = (datasets.TransformDataset(data, resize)
                                          for data in (self.train_data, self.test))
        if self.options.class_weights != 'none':
            counts = np.zeros(len(self.labels), np.int64)
            for i in range(len(self.train_data)):
                labels = self.train_data[i][1]
                counts += np.bincount(labels[labels >= 0], minlength=len(counts))
            power = np.float32(CLASS_WEIGHTS[self.options.class_weights])
            self.network.class_weight = models.median_frequency_weights(counts) ** power
        self.converter = LabelMapConverter(self.network.preprocessing)

    def describe_data(self) -> dict[str, Any]:
        return {'labels': list(self.labels), 'longer_side': max(self.train_data[0][1].shape)}

    def settle(self) -> int:
        settle(self.network)
        return len(self.labels)

    def announce(self) -> None:
        self.settle()
        super().announce()

    def augment(self, train: Any) -> Any:
        height, width = train[0][1].shape
        flips = [] if self.options.dataset in self.embedded else [RandomLabelMapFlip()]
        transform = Compose([RandomColors(), RandomLabelMapScale(0.7, 1.5), RandomLabelMapCrop((height, width), GROUND),
                             *flips])
        return datasets.AugmentedDataset(train, transform, seed=self.options.seed)

    def answer(self, samples: Sequence[Any]) -> list[Any]:
        """Of each sample its confusion matrix, and the label map that is found."""
        found = self.network.predict([sample[0] for sample in samples])
        return [(calc_semantic_segmentation_confusion([labels], [sample[1]], len(self.labels)), labels.astype(np.uint8))
                for sample, labels in zip(samples, found)]

    def measure(self, data: Any, answers: Sequence[Any]) -> dict[str, float]:
        figures = metrics_of_confusion(np.sum([confusion for confusion, _ in answers], axis=0))
        return {'miou': figures['miou'], 'pixel_accuracy': figures['pixel_accuracy'],
                'mean_accuracy': figures['mean_class_accuracy'], 'fwiou': figures['frequency_weighted_iou']}

    def draw(self, samples: Sequence[Any], answers: Sequence[Any]) -> Image.Image:
        """Of each sample the picture, the true label map, and the one that is found."""
        cells, seen = [], set[int]()
        for (image, true, *_), (_, found) in zip(samples, answers):
            scale = max(1., 128 / max(true.shape))
            maps = np.zeros_like(true), true, found.astype(np.int32)
            parts = [draw_label_map(image, labels, self.labels, scale=scale, legend=False) for labels in maps]
            cells.append(sheet(parts, columns=3, gap=4))
            seen.update(*(np.unique(labels[labels >= 0]).tolist() for labels in maps[1:]))
        return add_legend(sheet(cells, columns=2), sorted(seen), self.labels)

    @classmethod
    def add_predict_arguments(cls, parser: Any) -> None:
        parser.add_argument('--longer-side', type=int, metavar='PIXELS',
                            help='to which pictures are scaled before they are segmented (default: as in training)')

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        classes = list(config['labels'])
        side = int(config['longer_side'] if options.longer_side is None else options.longer_side)
        if side < 1:
            raise ValueError(f'--longer-side: expected at least 1, got {side}')
        network: Any = entry.build(num_classes=len(classes))
        settle(network)
        load_weights(weights, network)
        network.to_device(device)

        def segment(path: str) -> Answer:
            image = datasets.read_image(path, color=True, dtype=np.float32)
            labels, = network.predict([image], side)
            parts = np.bincount(labels.ravel(), minlength=len(classes)) / labels.size
            order = [i for i in np.argsort(-parts, kind='stable').tolist() if parts[i]]
            text = ', '.join(f'{classes[i]} {parts[i]:.1%}' for i in order)
            overlay = draw_label_map(image, labels, classes, scale=max(1., 256 / max(labels.shape)))
            return Answer(text, {'mask': label_map_picture(labels), 'overlay': overlay})

        return segment


class LabelMapConverter(Converter):
    """Makes arrays of a minibatch; smaller pictures get a margin that does not matter.

    Args:
        preprocessing: The network's preprocessing.
    """

    def __init__(self, preprocessing: models.Preprocessing) -> None:
        self.preprocessing = preprocessing

    def __call__(self, batch: Sequence[Any], device: Any = None) -> Any:
        height, width = (max(sample[1].shape[axis] for sample in batch) for axis in (0, 1))
        x = np.zeros((len(batch), 3, height, width), get_dtype())
        t = np.full((len(batch), height, width), -1, np.int32)
        for i, (image, labels, *_) in enumerate(batch):
            place = slice(labels.shape[0]), slice(labels.shape[1])
            x[i, :, place[0], place[1]] = self.preprocessing.normalize(image, brightest=255)
            t[i, place[0], place[1]] = labels
        return to_device(device, (x, t))


def settle(network: Any) -> None:
    """Lets a network find out the shapes of all its parameters."""
    run_once(network, network.device.send(np.zeros((1, 3, 32, 32), get_dtype())))


def load_pairs(folder: Path, seed: int) -> tuple[Any, Any, Sequence[str]]:
    """Loads what is trained and tested with from a folder with ``images`` and ``masks``, and says what becomes of it.

    Args:
        folder: The folder, or one with such folders for training and testing.
        seed: Chooses the fifth that is held out where there is no folder for testing.

    Raises:
        OSError: A file cannot be read.
        ValueError: There are too few pictures, or they do not go with their label maps.
    """
    train_folder, test_folder = (folder, None) if (folder / 'images').is_dir() else find_parts(folder)
    classes = read_names(folder / NAMES) or None
    pictures = datasets.SegmentationFolderDataset(train_folder, classes)
    if test_folder is not None:
        print(f'{train_folder} is trained with, {test_folder} is tested with')
        return pictures, datasets.SegmentationFolderDataset(test_folder, pictures.classes), pictures.classes
    count = max(1, len(pictures) // 5)
    if count == len(pictures):
        raise ValueError(f'{folder}: expected at least 2 pictures, one of which to test with')
    test, train = datasets.split_dataset_random(pictures, count, seed=seed)
    print(f'{folder}: {count:,} of {len(pictures):,} pictures, about a fifth, are held out to test with '
          '(--seed chooses them)')
    return train, test, pictures.classes


def load_voc(folder: Path) -> tuple[Any, Any, Sequence[str]]:
    """Loads what is trained and tested with from a folder of PASCAL VOC.

    The classes are VOC's, or those in ``labels.txt``, one in a line, the first for 0.

    Args:
        folder: The folder, such as ``VOCdevkit/VOC2012``.
    """
    classes = read_names(folder / NAMES) or datasets.VOC_SEGMENTATION_CLASSES
    train, test = (datasets.VOCSemanticSegmentationDataset(folder, split, classes) for split in ('train', 'val'))
    return train, test, classes
