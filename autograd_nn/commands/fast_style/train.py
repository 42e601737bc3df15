"""Trains a network that paints any picture in the style of one painting, or makes small pictures large, in one pass.

By the method of J. Johnson, A. Alahi, L. Fei-Fei, Perceptual Losses for Real-Time Style Transfer and Super-Resolution,
2016: another network, which looks at the results, says how good they are.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import autograd_nn
import autograd_nn.functions as F
from autograd_nn import Chain, Variable, datasets, iterators, models, optimizers, training
from autograd_nn.commands import feature_networks
from autograd_nn.commands.command_line import CommandLine, sigterm_as_ctrl_c
from autograd_nn.commands.fast_style.dataset import PairConverter, Pictures, RandomSquare, reduce
from autograd_nn.commands.fast_style.networks import make_network
from autograd_nn.commands.pictures import load_picture, save_picture, to_array, to_picture
from autograd_nn.commands.run_folders import (
    make_room,
    options_of_run,
    parse_arguments,
    refuse_changes,
    telling_how_to_continue,
)
from autograd_nn.tasks.options import check_at_least
from autograd_nn.training import extensions
from autograd_nn.training.optimization import ChosenRates
from autograd_nn.training.run_folder import LOG, MODEL, SNAPSHOT, RunFolder, save_quickly
from autograd_nn.utils.program_help import ArgumentParser

# The layers of VGG-16 that the paper compares, by task; in other networks those for painting by optimization.
LAYERS = {'style': {'vgg': (['conv3_3'], ['conv1_2', 'conv2_2', 'conv3_3', 'conv4_3'])},
          'super-resolution': {'vgg': (['conv2_2'], ['conv2_2'])}}
LOG_EVERY = 10
# The options that make up a run: with others it could not be continued.
FIXED = 'task', 'factor', 'normalization'


class PerceptualModel(Chain):
    """A network for pictures with the loss that teaches it.

    Args:
        predictor: The network.
        loss: Looks at its results.
        style: What `loss` found in the painting; empty for super-resolution.
        weights: How much ``content``, ``style`` and ``total_variation`` count.
    """

    def __init__(self, predictor: models.PictureTransformer, loss: models.PerceptualLoss, style: dict[str, Any],
                 weights: dict[str, float]) -> None:
        super().__init__()
        with self.init_scope():
            self.predictor = predictor
        self.loss = loss
        self.style = style
        self.weights = weights

    def forward(self, x: Any, t: Any) -> Variable:
        """Computes the loss.

        Args:
            x: What the network is given, of shape (N, 3, H, W), from 0 to 255.
            t: The pictures whose content the results should have, of shape (N, 3, H * factor, W * factor).
        """
        y = self.predictor(x)
        content, style = self.loss(y, self.loss.content_of(t), self.style)
        variation = models.total_variation(y) / (255 ** 2 * y[0].size)
        parts = {'content': content, 'style': style, 'total_variation': variation}
        loss = F.sum(F.stack([self.weights[name] * part for name, part in parts.items()]))
        autograd_nn.report({'loss': loss, **parts}, self)
        return loss


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
    parser = ArgumentParser(prog=line.name, description=(__doc__ or '').partition('\n')[0])
    add = parser.add_argument
    add('pictures', metavar='FOLDER', nargs='?', help='pictures to train with, such as those of COCO')
    add('--style', metavar='FILE', help='the painting')
    add('--task', choices=list(LAYERS), default='style', help='what to learn (default: %(default)s)')
    add('--factor', type=int, default=4, choices=[4, 8], help='how much larger super-resolution makes pictures '
                                                              '(default: %(default)s)')
    add('--normalization', choices=['batch', 'instance'], default='instance',
        help='batch is that of the paper; instance paints better (default: %(default)s)')
    add('--iterations', type=int, default=2000, help='how many updates; the paper has 40000 (default: %(default)s)')
    add('--batch-size', type=int, default=4, help='pictures in an update (default: %(default)s)')
    add('--size', type=int, default=256, help='height and width in training, in pixels (default: %(default)s)')
    add('--style-size', type=int, metavar='SIZE', help='longer side of the painting: a larger one makes larger strokes '
                                                       '(default: as --size)')
    add('--content-weight', type=float, default=1., metavar='W', help='of the content loss (default: %(default)g)')
    add('--style-weight', type=float, default=10., metavar='W', help='of the style loss (default: %(default)g)')
    add('--tv-weight', type=float, default=10., metavar='W',
        help='of the total variation: more makes smoother pictures (default: %(default)g)')
    add('--lr', type=float, default=1e-3, help='learning rate of Adam (default: %(default)g)')
    add('--sample', metavar='FILE', help='a picture to show the progress with (default: the first of the folder)')
    add('--save-every', type=int, default=100, metavar='N',
        help='write a snapshot and a sample after every N updates (default: %(default)s)')
    add('--workers', type=int, default=0, help='processes that read pictures (default: %(default)s)')
    add('--seed', type=int, default=0, help='start of the random numbers (default: %(default)s)')
    add('--device', default='cpu', help='cpu or cuda:N (default: %(default)s)')
    add('--out', default='fast_style', metavar='DIR', help='where to write (default: %(default)s)')
    add('--overwrite', action='store_true',
        help='replace the run in that folder, if there is one, instead of moving it aside')
    add('--resume', metavar='DIR', help='continue the interrupted run in this folder, there or in that of --out')
    feature_networks.add_arguments(parser, model='vgg16')
    return parser


def check_arguments(arguments: argparse.Namespace) -> None:
    """Raises a ValueError that names the first option with an impossible value."""
    check_at_least(arguments, iterations=1, batch_size=1, size=32, save_every=1, workers=0, seed=0)
    check_at_least(arguments, content_weight=0, style_weight=0, tv_weight=0)
    if not 0 < arguments.lr < float('inf'):
        raise ValueError(f'--lr: expected a positive number, got {arguments.lr}')
    if arguments.pictures is None:
        raise ValueError('expected a folder of pictures to train with')
    if arguments.task == 'style' and not arguments.style:
        raise ValueError('--style: expected the picture of a painting')
    step = 4 if arguments.task == 'style' else arguments.factor
    if arguments.size % step:
        raise ValueError(f'--size: expected a multiple of {step}, got {arguments.size}')
    RunFolder(arguments.out, '--out').check()


def check_resumption(folder: RunFolder, arguments: argparse.Namespace) -> None:
    """Raises a ValueError if a run cannot be continued with these options, or is complete."""
    config, progress = folder.read()
    if 'task' not in config['arguments']:
        raise ValueError(f'--resume: the run in {folder.path} is one of another program')
    refuse_changes(folder, config['arguments'], vars(arguments), FIXED)
    if progress.iteration >= arguments.iterations and folder.has_results():
        raise ValueError(f'--resume: the run in {folder.path} is complete, with {progress.iteration} updates; more '
                         f'--iterations than {arguments.iterations} go on with it')


def make_model(arguments: argparse.Namespace, device: autograd_nn.Device) -> PerceptualModel:
    """Makes the network and the loss that teaches it."""
    styled = arguments.task == 'style'
    autograd_nn.random.seed(arguments.seed)
    loss = feature_networks.load_loss(arguments, styled, LAYERS[arguments.task])
    style = {}
    if styled:
        painting = load_picture(arguments.style, arguments.style_size or arguments.size)
        style = loss.style_of(device.send(to_array(painting)))
    network = make_network(1 if styled else arguments.factor, arguments.normalization)
    weights = {'content': arguments.content_weight, 'style': arguments.style_weight,
               'total_variation': arguments.tv_weight}
    model = PerceptualModel(network, loss, style, weights)
    model.to_device(device)
    return model


def make_trainer(arguments: argparse.Namespace, model: PerceptualModel, data: Pictures) -> training.Trainer:
    """Puts together the training loop."""
    augmented = datasets.AugmentedDataset(data, RandomSquare(arguments.size), seed=arguments.seed)
    iterator: Any = iterators.SerialIterator(augmented, arguments.batch_size)
    if arguments.workers:
        iterator = iterators.MultiprocessIterator(augmented, arguments.batch_size, n_processes=arguments.workers)
    updater = training.StandardUpdater(iterator, optimizers.Adam(alpha=arguments.lr).setup(model),
                                       PairConverter(model.predictor.factor), arguments.device)
    optimizer = updater.get_optimizer('main')
    trainer = training.Trainer(updater, (arguments.iterations, 'iteration'), out=arguments.out)
    often, seldom = (min(LOG_EVERY, arguments.save_every), 'iteration'), (arguments.save_every, 'iteration')
    losses = ['main/content', 'main/style', 'main/total_variation'][:3 if model.style else 1]
    trainer.extend(ChosenRates(optimizer, {'alpha': arguments.lr}))
    trainer.extend(extensions.LogReport(trigger=often, filename=LOG))
    trainer.extend(extensions.PrintReport(['iteration', 'main/loss', *losses, 'elapsed_time']), trigger=often)
    if extensions.PlotReport.available():
        trainer.extend(extensions.PlotReport(losses, 'iteration', trigger=often, filename='losses.png', marker=None,
                                             postprocess=lambda figure, axes, data: axes.set_yscale('log')))
    trainer.extend(extensions.FailOnNonNumber())
    trainer.extend(extensions.ProgressBar())
    sample = load_picture(arguments.sample or data.paths[0], 400)
    trainer.extend(Sampler(model.predictor, sample), trigger=seldom)
    trainer.extend(extensions.snapshot(save_quickly, SNAPSHOT, snapshot_on_error=True), trigger=seldom)
    return trainer


class Sampler(training.Extension):
    """Shows what the network makes of a picture, in a folder ``samples``.

    Args:
        network: The network.
        picture: The picture.
    """

    def __init__(self, network: models.PictureTransformer, picture: Image.Image) -> None:
        self.network = network
        self.given = to_array(picture if network.factor == 1 else reduce(picture, network.factor))

    def __call__(self, trainer: training.Trainer) -> None:
        folder = Path(trainer.out) / 'samples'
        folder.mkdir(parents=True, exist_ok=True)
        painted = self.network.transform(self.given).astype(np.float32)
        save_picture(folder / f'{trainer.updater.iteration:06}.jpg', to_picture(painted))


def main(line: CommandLine) -> None:
    """Trains and writes the results; status 2 for a mistake of the user, 130 after Ctrl-C."""
    with line.friendly_errors(), sigterm_as_ctrl_c():
        arguments = parse_arguments(make_parser(line), line)
        check_arguments(arguments)
        source = RunFolder(arguments.resume, '--resume') if arguments.resume else None
        if source is not None:
            check_resumption(source, arguments)
        data = Pictures(Path(arguments.pictures))
        about = {'samples': len(data)}
        model = make_model(arguments, autograd_nn.get_device(arguments.device))
        trainer = make_trainer(arguments, model, data)
        if source is not None:
            source.check_data(about, arguments.pictures)
            source.load_snapshot(trainer)
            trainer.get_extension('ChosenRates').apply_changes()
        print(f'{len(data):,} pictures, {model.predictor.count_params():,} parameters')
        needed = [path for path in (arguments.pictures, arguments.sample) if path]
        with RunFolder(arguments.out, '--out') as folder:
            make_room(folder, source, arguments.overwrite, needed)
            folder.write_config(options_of_run(arguments), about)
            with telling_how_to_continue(folder, trainer, line):
                trainer.run(show_loop_exception_msg=False)
                save_quickly(folder.path / MODEL, model.predictor)
        print(f'{arguments.out}/{MODEL}: weights, for autograd-nn fast-style generate')
