"""Autoencoding: making few numbers of a picture, and the picture of these again."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from autograd_nn import models
from autograd_nn.backend import Device, to_cpu
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.tasks.generated_pictures import draw_rows, interpolate
from autograd_nn.tasks.picture_task import PictureTask, arguments_of_network, load_network
from autograd_nn.tasks.reconstruction import describe_reconstruction
from autograd_nn.tasks.task import Predictor
from autograd_nn.training.run_folder import INTERPOLATION, RESULTS_PICTURE

ROWS, STEPS = 8, 10


class Autoencoding(PictureTask):
    """Making few numbers of a picture, and the picture of these again."""

    measures = {'error': 'root of the mean squared error',
                'read': 'part of the pictures that a LeNet reads right afterwards'}
    n_drawn = 12

    def answer(self, samples: Sequence[Any]) -> list[Any]:
        """Of each picture what the network saw of it, and what it makes of that; as the network learns, with noise."""
        x, _ = self.converter(samples, self.device)
        with using_config('train', False), no_backprop_mode():
            seen = self.network.see(x)
            made = self.network.reconstruct(seen)
        return list(zip(self.network.to_pictures(seen), self.network.to_pictures(made)))

    def measure(self, data: Any, answers: Sequence[Any]) -> dict[str, float]:
        made = np.stack([made for _, made in answers])
        true = [data[i] for i in range(len(data))]
        squares = [float(np.square(y - x).mean()) for y, (x, _) in zip(made, true)]
        figures = {'error': float(np.sqrt(np.mean(squares)))}
        if self.judge is not None:
            read = self.judge(made)[1].argmax(axis=1)
            figures['read'] = float((read == np.array([t for _, t in true])).mean())
        return figures

    def draw(self, samples: Sequence[Any], answers: Sequence[Any]) -> Image.Image:
        """Pictures, under them what the network saw if that is something else, and what it made."""
        rows = [[x for x, _ in samples], *([part[i] for part in answers] for i in range(2))]
        if all(np.array_equal(x, seen) for x, seen in zip(*rows[:2])):
            del rows[1]
        return draw_rows(rows)

    def draw_more(self) -> dict[str, Image.Image]:
        """Of each row what is made of codes on the line between those of two pictures."""
        count = min(ROWS, len(self.validation) // 2)
        if not count:
            return super().draw_more()
        x, _ = self.converter(self.validation[:2 * count], self.device)
        with using_config('train', False), no_backprop_mode():
            codes = to_cpu(self.network.encode(x).array)
        ways = interpolate(codes[:count], codes[count:], STEPS)
        made = self.network.make_pictures(self.device.send(ways.reshape(count * STEPS, -1)))
        return {INTERPOLATION: draw_rows(made.reshape(count, STEPS, *made.shape[1:])), **super().draw_more()}

    def save_results(self, out: Path) -> dict[str, str]:
        return {**super().save_results(out), RESULTS_PICTURE: 'what becomes of some validation samples'}

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        labels = list(config['labels'])
        network: Any = entry.build(**arguments_of_network(entry, labels, int(config['latent_size'])))
        load_network(weights, network)
        network.to_device(device)
        return lambda path: describe_reconstruction(network, labels, path)
