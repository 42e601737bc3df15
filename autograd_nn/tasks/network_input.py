"""How classifiers of pictures get their weights, and see a file, in training and later."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autograd_nn
from autograd_nn import datasets, models, serializers
from autograd_nn.datasets import transforms
from autograd_nn.link import Link
from autograd_nn.models.published import find_format
from autograd_nn.serializers.matching import LoadReport
from autograd_nn.training.run_folder import load_weights, path_of_network

DIGITS = list('0123456789')


def show_to_network(path: str | Path, labels: Sequence[str], shape: tuple[int, int, int],
                    preprocessing: models.Preprocessing) -> np.ndarray:
    """Reads a picture as a network sees it, in training and later: before its values are normalized.

    Args:
        path: The file.
        labels: The names of the network's classes.
        shape: Channels, height and width.
        preprocessing: The network's preprocessing.

    Returns:
        A float32 array of that shape, values from 0 to 1.

    Raises:
        OSError: The file is missing or damaged.
    """
    if are_digits(labels, shape):
        grey = datasets.read_image(path, color=False, dtype=np.float32)
        return transforms.Resize(shape[1:])(datasets.prepare_digit(grey, np.float32))
    if shape[0] == preprocessing.channels:
        return preprocessing.fit(path, shape[1:]) * np.float32(1 / 255)
    return datasets.read_image(path, color=shape[0] == 3, size=shape[1:], dtype=np.float32) / 255


def are_digits(labels: Sequence[str], shape: tuple[int, int, int]) -> bool:
    """Whether a network with these classes and this input shape reads digits like those of MNIST."""
    return shape[0] == 1 and list(labels) == DIGITS


def settle(network: models.ImageNetwork, shape: tuple[int, ...]) -> None:
    """Lets a network find out the shapes of its parameters that depend on the shape of a sample."""
    run_once(network.extract, np.zeros((1, *shape), autograd_nn.get_dtype()), network.available_layers)


def run_once(function: Callable[..., Any], *arguments: Any) -> None:
    """Calls a network or a part of it in inference and without a graph, so that all of its parameters get shapes.

    Args:
        function: What to call.
        arguments: Its arguments.
    """
    with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
        function(*arguments)


def input_of_run(config: dict[str, Any]) -> tuple[list[str], tuple[int, int, int], models.Preprocessing]:
    """What a run wrote down of the pictures that its network sees.

    Args:
        config: The configuration of the run.

    Returns:
        The names of the classes; channels, height and width; and the preprocessing.

    Raises:
        KeyError: Something is missing (`TypeError` or `ValueError`: it is of another kind).
    """
    channels, height, width = (int(n) for n in config['input_shape'])
    return list(config['labels']), (channels, height, width), models.Preprocessing(**config['preprocessing'])


def load_fitting_weights(path: str | Path, network: Link, name: str | None) -> LoadReport:
    """Loads from a file of weights, of a run or as somebody has published them, what fits a network.

    Args:
        path: The file (see `models.load_published`).
        network: The network, whose shapes are settled.
        name: Its name in the zoo; None for one that nobody publishes weights of.

    Returns:
        What has been loaded, and what not.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or holds the weights of another network.
    """
    if name is not None and find_format(path) != 'npz':
        return models.load_published(path, network, name)
    return serializers.load_matching(path, network, path_of_network(path))


def find_lacking(report: LoadReport) -> list[str]:
    """The arrays that a file of weights did not have, or had in another shape.

    Args:
        report: What has been loaded.
    """
    # How many batches were averaged is of no importance here.
    return [name for name in [*report.missing, *report.other_shape] if not name.endswith('/N')]


def load_all_weights(path: str | Path, network: Link, name: str) -> None:
    """Loads a network's weights, of a run or as somebody has published them; all of them must be there.

    Args:
        path: The file (see `models.load_published`).
        network: The network, whose shapes are settled.
        name: Its name in the zoo.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or does not fit the network.
    """
    if find_format(path) == 'npz':
        load_weights(path, network)
        return
    report = models.load_published(path, network, name)
    if find_lacking(report):
        raise ValueError(f'{path} does not fit {name}: {report}')
