"""Making pictures up: of random numbers, as networks do that have learned what pictures look like."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from autograd_nn import models
from autograd_nn.backend import Device, to_cpu
from autograd_nn.dataset import concat_examples
from autograd_nn.evaluation import Gaussian, fit_gaussian, frechet_distance
from autograd_nn.models.generative.autoencoder import PictureCoder
from autograd_nn.tasks.adversaries import FiguresEvaluator, make_adversarial_updater, plot_losses
from autograd_nn.tasks.digit_judge import coarse_features, judge_pictures
from autograd_nn.tasks.generated_pictures import draw_rows, draw_samples, interpolate
from autograd_nn.tasks.picture_task import PART, Learner, Maker, PictureTask, arguments_of_network, load_network
from autograd_nn.tasks.reconstruction import describe_reconstruction
from autograd_nn.tasks.task import Answer, Predictor
from autograd_nn.training import extensions
from autograd_nn.training.run_folder import INTERPOLATION, RESULTS_PICTURE
from autograd_nn.training.trainer import Trainer
from autograd_nn.training.updaters import StandardUpdater

SHEET = 100
ROWS, STEPS = 8, 10
MOST = 10_000


class Generation(PictureTask):
    """Making pictures of random numbers."""

    measures = {'fid': 'Fréchet distance of features', 'sure': 'part of samples that a LeNet is sure of',
                'classes': 'number of digits that samples are spread over'}
    plotted = ('fid',)
    monitor = 'validation/main/fid'
    needs_files = False

    def fit_data(self) -> None:
        super().fit_data()
        self.maker = Maker(self.network, self.labels)
        self._real: list[tuple[Any, Gaussian]] = []

    def look(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features of pictures, shape (N, D), and if digits are made, the probabilities of each, shape (N, 10)."""
        if self.judge is None:
            return coarse_features(pictures), np.zeros((len(pictures), 0), np.float32)
        return self.judge(pictures)

    def answer(self, samples: Sequence[Any]) -> list[Any]:
        """Nothing: the network is not asked about samples."""
        return []

    def answer_all(self, data: Any) -> list[Any]:
        """Features of as many new pictures as there are in a data set, and what digits they are taken for."""
        z, t = self.maker.draw(len(data), self.options.seed + 1)
        own = self.processes.part(len(data))
        return list(zip(*self.look(self.maker(z[own], t[own])))) if own.stop > own.start else []

    def measure(self, data: Any, answers: Sequence[Any]) -> dict[str, float]:
        features, probabilities = map(np.array, zip(*answers))
        figures = {'fid': frechet_distance(fit_gaussian(features), self.real(data))}
        return figures if self.judge is None else {**figures, **judge_pictures(probabilities)}

    def real(self, data: Any) -> Gaussian:
        """How features of real pictures are distributed, which is computed once."""
        for known, gaussian in self._real:
            if known is data:
                return gaussian
        parts = [self.look(concat_examples(data[i:i + PART])[0])[0] for i in range(0, len(data), PART)]
        self._real.append((data, fit_gaussian(np.concatenate(parts))))
        return self._real[-1][1]

    def draw(self, samples: Sequence[Any], answers: Sequence[Any]) -> Image.Image:
        """New pictures, always of the same random numbers."""
        return draw_samples(self.maker(*self.maker.draw(SHEET, self.options.seed)))

    def draw_more(self) -> dict[str, Image.Image]:
        """Of each row pictures on the way from one to another one."""
        z, t = self.maker.draw(2 * ROWS, self.options.seed)
        ends = to_cpu(z)
        # Ends that stand side by side have different classes; all of a row have the first one's.
        ways = interpolate(ends[:ROWS], ends[ROWS:], STEPS, around=True)
        made = self.maker(ways.reshape(ROWS * STEPS, -1), t[:ROWS].repeat(STEPS))
        return {INTERPOLATION: draw_rows(made.reshape(ROWS, STEPS, *made.shape[1:])), **super().draw_more()}

    def save_results(self, out: Path) -> dict[str, str]:
        return {**super().save_results(out), RESULTS_PICTURE: 'new pictures'}

    @classmethod
    def add_predict_arguments(cls, parser: Any) -> None:
        parser.add_argument('--samples', type=int, metavar='N',
                            help=f'of a network that makes pictures up: how many (default: {SHEET})')
        parser.add_argument('--seed', type=int, metavar='N',
                            help='start of the random numbers that they are made of (default: 0)')
        parser.add_argument('--class', dest='class_name', metavar='NAME',
                            help='what they are to show, if the network knows classes (default: all in turn)')

    @classmethod
    def make_predictor(cls, entry: models.Entry, config: dict[str, Any], weights: Path, options: argparse.Namespace,
                       device: Device) -> Predictor:
        labels = list(config['labels'])
        count = SHEET if options.samples is None else options.samples
        seed = 0 if options.seed is None else options.seed
        if not 1 <= count <= MOST:
            raise ValueError(f'--samples: expected from 1 to {MOST:,}, got {count}')
        if seed < 0:
            raise ValueError(f'--seed: expected at least 0, got {seed}')
        network: Any = entry.build(**arguments_of_network(entry, labels, int(config['latent_size'])))
        wanted = options.class_name
        if wanted is not None and not network.conditional:
            raise ValueError(f'--class: {entry.name} knows no classes, it makes pictures of any; got {wanted}')
        if wanted is not None and wanted not in labels:
            raise ValueError(f'--class: expected one of {", ".join(labels)}, got {wanted}')
        load_network(weights, network)
        network.to_device(device)
        maker = Maker(network, labels)

        def predict(path: str) -> Answer:
            if path:
                return reconstruct(path)
            z, t = maker.draw(count, seed)
            made = maker(z, t if wanted is None else np.full_like(t, labels.index(wanted)))
            what = '' if wanted is None else f' of {wanted}'
            return Answer(f'{count:,} new picture{"s" if count > 1 else ""}{what}', {'samples': draw_samples(made)})

        def reconstruct(path: str) -> Answer:
            if not isinstance(network, PictureCoder):
                raise ValueError(f'{path}: {entry.name} makes pictures of random numbers; expected no files')
            return describe_reconstruction(network, labels, path)

        return predict


class AdversarialGeneration(Generation):
    """Making pictures of random numbers, as one network learns from another one that tells them from real ones."""

    curves = ()

    def make_model(self) -> Any:
        super().make_model()
        network = self.network
        self.columns = ('main/loss', f'discriminator/{network.followed}', *(f'validation/main/{name}'
                                                                            for name in self.measures))
        self.adversary = Learner(network.discriminator, network.adversary_losses)
        return Learner(network.generator, network.losses)

    def optimized(self) -> dict[str, Any]:
        return {'main': self.model, 'discriminator': self.adversary}

    def make_updater(self, optimizers: dict[str, Any]) -> StandardUpdater:
        return make_adversarial_updater(self, optimizers, self.network.adversary_steps)

    def make_evaluator(self) -> extensions.Evaluator:
        return FiguresEvaluator(self)

    def extend(self, trainer: Trainer) -> None:
        super().extend(trainer)
        plot_losses(self, trainer)
