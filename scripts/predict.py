"""Says what is on pictures, with a network that scripts/train.py has trained."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from cli import friendly_errors, load_weights, read_config

import autograd_nn
from autograd_nn import datasets, models
from autograd_nn.datasets import transforms


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('weights', metavar='WEIGHTS', help='model.npz of a run, beside its config.json')
    parser.add_argument('images', metavar='IMAGE', nargs='+', help='pictures of any size, colour and format')
    parser.add_argument('--top', type=int, default=3, help='how many classes to show (default: %(default)s)')
    parser.add_argument('--device', default='cpu', help='cpu or cuda:N (default: %(default)s)')
    arguments = parser.parse_args()
    if arguments.top < 1:
        parser.error(f'--top: expected at least 1, got {arguments.top}')
    return arguments


def load_model(weights: Path) -> tuple[Any, list[str], tuple[int, int, int], models.Preprocessing]:
    """Loads a network; returns it, the names of its classes, its input shape, and how it saw its training data."""
    if not weights.is_file():
        raise ValueError(f'{weights}: no such file')
    config = read_config(weights.parent)
    if 'labels' not in config:
        raise ValueError(f'{weights} has the weights of no classifier of pictures')
    try:
        labels = list(config['labels'])
        channels, height, width = (int(n) for n in config['input_shape'])
        name, preprocessing = config['arguments']['model'], models.Preprocessing(**config['preprocessing'])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{weights.parent / "config.json"} is damaged: {error}') from None
    model = models.create(name, num_classes=len(labels))
    with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
        model(np.zeros((1, channels, height, width), np.float32))  # settles the shapes that depend on the input
    load_weights(weights, model)
    return model, labels, (channels, height, width), preprocessing


def load_picture(path: str, labels: list[str], shape: tuple[int, int, int],
                 preprocessing: models.Preprocessing) -> np.ndarray:
    """Reads a picture as a float32 array of the given shape, the way that the network saw its training data."""
    if shape[0] == 1 and labels == list('0123456789'):
        pixels = transforms.Resize(shape[1:])(datasets.prepare_digit(datasets.read_image(path, color=False)))
    elif shape[0] == preprocessing.channels:
        pixels = preprocessing.fit(path, shape[1:]) * np.float32(1 / 255)
    else:
        pixels = datasets.read_image(path, color=shape[0] == 3, size=shape[1:]) / 255
    return preprocessing.normalize(pixels)


def main() -> None:
    """Prints the most probable classes of each picture; status 2 if a picture could not be read."""
    arguments = parse_arguments()
    with friendly_errors():
        model, labels, shape, preprocessing = load_model(Path(arguments.weights))
        device = autograd_nn.get_device(arguments.device)
        model.to_device(device)
    failed = False
    for path in arguments.images:
        try:
            with friendly_errors():
                x = load_picture(path, labels, shape, preprocessing)
        except SystemExit:
            failed = True
            continue
        with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
            p = np.asarray(autograd_nn.functions.softmax(model(device.send(x[None]))))[0]
        best = np.argsort(-p)[:arguments.top]
        print(f'{path}: ' + ', '.join(f'{labels[i]} {p[i]:.1%}' for i in best))
    if failed:
        raise SystemExit(2)


if __name__ == '__main__':
    main()
