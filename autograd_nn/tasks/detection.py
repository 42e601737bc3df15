"""Detecting objects: where on a picture they are, and which."""
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
from autograd_nn.datasets.box_transforms import RandomSceneCrop, RandomSceneExpansion, RandomSceneFlip
from autograd_nn.datasets.color_transforms import RandomColors
from autograd_nn.datasets.digit_scenes import Scene
from autograd_nn.datasets.segmentation_folder import NAMES, read_names
from autograd_nn.datasets.transforms import Compose
from autograd_nn.evaluation import eval_detection_coco, eval_detection_voc
from autograd_nn.link import Chain
from autograd_nn.models.detection.darknet_weights import count_darknet_classes
from autograd_nn.models.published import find_format
from autograd_nn.reporter import report
from autograd_nn.tasks.drawn_scenes import DrawnScenes
from autograd_nn.tasks.network_input import DIGITS, load_all_weights, run_once
from autograd_nn.tasks.sample_task import SampleTask, sheet
from autograd_nn.tasks.task import Answer, Predictor
from autograd_nn.utils import draw_boxes
from autograd_nn.variable import Variable

# What lies beside a picture that is put on a larger ground: the mean of ImageNet's pixels.
GROUND = 123., 117., 104.
METRIC_ARGUMENTS = 'pred_bboxes', 'pred_labels', 'pred_scores', 'gt_bboxes', 'gt_labels'
COCO_AP = 'map/iou=0.50:0.95/area=all/max_dets=100'
# Where a COCO folder has what is trained and what is tested with, without the year.
COCO_SPLITS = 'train', 'val'


class DigitBoxes(DrawnScenes):
    """Digit scenes with their boxes and labels."""

    def find_targets(self, scene: Scene) -> tuple[np.ndarray, ...]:
        return scene.boxes, scene.labels


def digit_scenes() -> tuple[Any, Any, Sequence[str]]:
    """Training data, test data and names of classes: scenes of handwritten digits."""
    return DigitBoxes(datasets.DigitScenes(4000)), DigitBoxes(datasets.DigitScenes(500, 'test')), DIGITS


class Detection(SampleTask):
    """Detecting objects.

    A network has `prepare` for a picture and `prepare_boxes` for the boxes in it, `loss`, `use_preset` and `predict`,
    as `models.SSD` has them; with `class_outputs`, too, it can start from weights for other classes. A sample is a
    tuple of a picture, boxes, labels and, perhaps, which objects are difficult, or areas and which objects are crowds.
    """

    takes_pictures = True
    embedded = {'digit_scenes': digit_scenes}
    folders = ('a folder of PASCAL VOC, with JPEGImages/, Annotations/ and ImageSets/Main/; or one of COCO, with '
               'annotations/instances_train*.json and instances_val*.json, and the pictures in train*/ and val*/')
    measures = {'map': "mAP by PASCAL VOC's rules", 'ap': "AP by COCO's rules"}
    n_drawn = 12
    vary_embedded = False  # there are as many scenes as one likes

    def load_folder(self, folder: Path) -> tuple[Any, Any, Sequence[str]]:
        if (folder / 'JPEGImages').is_dir():
            return load_voc(folder)
        if (folder / 'annotations').is_dir():
            return load_coco(folder)
        raise ValueError(f'--dataset: {folder} has neither JPEGImages/, as folders of PASCAL VOC have it, nor '
                         'annotations/, as those of COCO have it')

    def make_model(self) -> Any:
        self.converter = SceneConverter(self.network)
        self.network.whole = self.processes.whole
        self.settle()
        return DetectionLoss(self.network)

    def settle(self) -> int | None:
        settle(self.network)
        return getattr(self.network, 'class_outputs', None)

    def augment(self, train: Any) -> Any:
        flips = [] if self.options.dataset in self.embedded else [RandomSceneFlip()]
        transform = Compose([RandomColors(), RandomSceneExpansion(fill=GROUND), RandomSceneCrop(), *flips])
        return datasets.AugmentedDataset(train, transform, seed=self.options.seed)

    def answer(self, samples: Sequence[Any]) -> list[Any]:
        """What there is: boxes, labels and more; and what is found: boxes, labels and scores, all that count."""
        self.network.use_preset('evaluate')
        found = zip(*self.network.predict([sample[0] for sample in samples]))
        return [(tuple(sample[1:]), each) for sample, each in zip(samples, found)]

    def measure(self, data: Any, answers: Sequence[Any]) -> dict[str, float]:
        there, found = (list(zip(*side)) for side in zip(*answers))
        arrays: dict[str, Any] = dict(zip(METRIC_ARGUMENTS, [*found, *there]))
        # VOC says which objects are difficult; COCO their areas, and which are crowds, which need not be found either.
        others = there[2:]
        crowds = dict(zip(('gt_areas', 'gt_crowdeds'), others)) if len(others) == 2 else {}
        voc = eval_detection_voc(**arrays, gt_difficults=others[-1] if others else None)
        return {'map': float(voc['map']), 'ap': float(eval_detection_coco(**arrays, **crowds)[COCO_AP])}

    def draw(self, samples: Sequence[Any], answers: Sequence[Any]) -> Image.Image:
        self.network.use_preset('visualize')
        least = self.network.score_thresh
        return sheet((draw_objects(sample[0], boxes, labels, scores, self.labels, least)
                      for sample, (_, (boxes, labels, scores)) in zip(samples, answers)), columns=4)

    @classmethod
    def add_predict_arguments(cls, parser: Any) -> None:
        parser.add_argument('--min-score', type=float, metavar='SCORE',
                            help='how sure a detector is to be of an object at least, from 0 to 1')

    @classmethod
    def published_config(cls, entry: models.Entry, labels: Sequence[str] | None, weights: Path) -> dict[str, Any]:
        if labels is None:
            is_darknet = find_format(weights) == 'darknet'
            count = count_darknet_classes(weights, entry.name) if is_darknet else entry.num_classes or 0
            usual = datasets.VOC_CLASSES
            labels = usual if count == len(usual) else [f'class {i}' for i in range(count)]
        return {'labels': list(labels)}

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        labels, least = list(config['labels']), options.min_score
        if least is not None and not 0 <= least <= 1:
            raise ValueError(f'--min-score: expected a number from 0 to 1, got {least}')
        network: Any = entry.build(num_classes=len(labels))
        settle(network)
        load_all_weights(weights, network, entry.name)
        network.to_device(device)
        network.use_preset('visualize')
        if least is not None:
            network.score_thresh = least

        def detect(path: str) -> Answer:
            image = datasets.read_image(path, color=True, dtype=np.float32)
            (boxes,), (found,), (scores,) = network.predict([image])
            order = np.argsort(-scores, kind='stable')
            text = ', '.join(f'{labels[found[i]]} {scores[i]:.1%}' for i in order) or 'nothing'
            return Answer(text, {'boxes': draw_objects(image, boxes, found, scores, labels)})

        return detect


class SceneConverter(Converter):
    """Makes an array of the pictures of a minibatch, and brings the boxes to their places there.

    Args:
        network: The detector, which prepares a picture.
    """

    def __init__(self, network: Any) -> None:
        self.network = network

    def __call__(self, batch: Sequence[Any], device: Any = None) -> Any:
        x = stack([self.network.prepare(sample[0]) for sample in batch]).astype(get_dtype(), copy=False)
        boxes = [self.network.prepare_boxes(sample[1], sample[0].shape[1:]) for sample in batch]
        return to_device(device, x), boxes, [sample[2] for sample in batch]


def stack(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures as one array: smaller ones get zeros at the bottom and on the right.

    Args:
        pictures: Of shape (3, H, W) each.

    Example:
        >>> stack([np.ones((3, 1, 2)), np.ones((3, 2, 1))])[0, 0]
        array([[1., 1.],
               [0., 0.]])
    """
    size = [max(picture.shape[axis] for picture in pictures) for axis in (1, 2)]
    return np.stack([np.pad(picture, [(0, 0), *[(0, most - n) for most, n in zip(size, picture.shape[1:])]])
                     for picture in pictures])


class DetectionLoss(Chain):
    """A detector with its loss.

    Args:
        network: The detector.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        with self.init_scope():
            self.network = network

    def forward(self, x: Any, boxes: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> Variable:
        """Computes the loss of a minibatch, and reports it.

        Args:
            x: Prepared pictures of shape (N, 3, H, W).
            boxes: For each of them boxes of shape (R, 4).
            labels: For each of them labels of shape (R,).
        """
        loss: Variable = self.network.loss(self.network(x), boxes, labels)
        report({'loss': loss}, self)
        return loss


def settle(network: Any) -> None:
    """Lets a detector find out the shapes of all its parameters."""
    run_once(network, network.device.send(network.prepare(np.zeros((3, 8, 8), np.float32))[None]))


def draw_objects(image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray, names: Sequence[str],
                 least: float = 0.) -> Image.Image:
    """Draws objects with a score of at least `least` on a picture, which is made larger if it is small."""
    sure = scores >= least
    return draw_boxes(image, boxes[sure], labels[sure], scores[sure], names, max(1., 256 / max(image.shape[1:])))


def load_voc(folder: Path) -> tuple[Any, Any, Sequence[str]]:
    """Loads what is trained and tested with from a folder of PASCAL VOC.

    The classes are VOC's, or those in ``labels.txt``, one in a line. Where there is a list of test pictures, all
    others are trained with; otherwise those of the list ``val`` are tested with.

    Args:
        folder: The folder, such as ``VOCdevkit/VOC2007``.
    """
    names = folder / NAMES
    classes = read_names(names) if names.is_file() else list(datasets.VOC_CLASSES)
    lists = {path.stem for path in (folder / 'ImageSets' / 'Main').glob('*.txt')}
    train, test = ('trainval', 'test') if {'trainval', 'test'} <= lists else ('train', 'test' if 'test' in lists else
                                                                             'val')
    return (datasets.VOCBoxDataset(folder, train, classes),
            datasets.VOCBoxDataset(folder, test, classes, use_difficult=True, return_difficult=True), classes)


def load_coco(folder: Path) -> tuple[Any, Any, Sequence[str]]:
    """Loads what is trained and tested with from a folder of COCO.

    Args:
        folder: The folder with ``annotations/``.

    Raises:
        ValueError: There is not one file of annotations for each split.
    """
    found: list[Any] = []
    for split in COCO_SPLITS:
        files = sorted((folder / 'annotations').glob(f'instances_{split}*.json'))
        if len(files) != 1:
            raise ValueError(f'--dataset: expected one file {folder}/annotations/instances_{split}*.json, found '
                             f'{len(files)}')
        pictures = folder / files[0].stem.removeprefix('instances_')
        classes, is_test = found[0].classes if found else None, split != COCO_SPLITS[0]
        found.append(datasets.COCOBoxDataset(files[0], pictures, classes, *[is_test] * 3))
    return *found, found[0].classes
