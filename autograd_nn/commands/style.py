"""Paints a photograph in the style of a painting.

By the method of L. A. Gatys, A. S. Ecker, M. Bethge, A Neural Algorithm of Artistic Style, 2015: a picture is changed
until a network sees in it the content of the one and the style of the other.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import autograd_nn
from autograd_nn import models
from autograd_nn.commands import feature_networks
from autograd_nn.commands.command_line import CommandLine, sigterm_as_ctrl_c
from autograd_nn.commands.painting import Canvas, paint_with_adam, paint_with_lbfgs, progress_bar, require_scipy
from autograd_nn.commands.pictures import check_target, load_picture, save_picture, to_array, to_picture, with_colors_of
from autograd_nn.tasks.options import check_at_least
from autograd_nn.utils.atomic import atomic_write
from autograd_nn.utils.program_help import ArgumentParser
from autograd_nn.utils.readable import to_json

LOSSES = ('content', 'style', 'total_variation')


def make_parser(line: CommandLine) -> argparse.ArgumentParser:
    """Makes the parser."""
    parser = ArgumentParser(prog=line.name, description=(__doc__ or '').partition('\n')[0])
    add = parser.add_argument
    add('content', metavar='CONTENT', help='the picture whose content to paint')
    add('styles', metavar='STYLE', nargs='+', help='the picture, or several, in whose style to paint')
    add('-o', '--out', metavar='FILE', default='painting.png', help='where to write (default: %(default)s)')
    add('--size', type=int, default=400, help='longer side of the result in pixels (default: %(default)s)')
    add('--style-size', type=int, metavar='SIZE',
        help="longer side of the styles' pictures: larger ones make larger strokes (default: as --size)")
    add('--blend', type=float, nargs='+', metavar='SHARE', help='how much each of several styles counts (default: all '
                                                                'the same)')
    add('--keep-colors', action='store_true', help='keep the colours of the content: the style is in light and dark')
    add('--init', choices=['content', 'noise', 'style'], default='content',
        help='what to start from (default: %(default)s)')
    add('--iterations', type=int, default=300, help='how many steps to take (default: %(default)s)')
    add('--content-weight', type=float, default=1., metavar='W', help='of the content loss (default: %(default)g)')
    add('--style-weight', type=float, default=1000., metavar='W', help='of the style loss (default: %(default)g)')
    add('--tv-weight', type=float, default=20., metavar='W',
        help='of the total variation: more makes smoother pictures (default: %(default)g)')
    add('--optimizer', choices=['lbfgs', 'adam'], default='lbfgs', help='lbfgs needs SciPy (default: %(default)s)')
    add('--lr', type=float, default=4., help='size of the steps of adam, of 255 (default: %(default)g)')
    add('--save-every', type=int, default=0, metavar='N', help='write what there is after every N iterations')
    add('--seed', type=int, default=0, help='start of the random numbers (default: %(default)s)')
    add('--device', default='cpu', help='cpu or cuda:N (default: %(default)s)')
    feature_networks.add_arguments(parser, model='vgg19')
    return parser


def check_arguments(arguments: argparse.Namespace) -> None:
    """Raises a ValueError that names the first option with an impossible value."""
    check_at_least(arguments, size=32, iterations=1, save_every=0, seed=0)
    check_at_least(arguments, content_weight=0, style_weight=0, tv_weight=0)
    if arguments.style_size is not None:
        check_at_least(arguments, style_size=32)
    if not arguments.lr > 0:
        raise ValueError(f'--lr: expected a positive number, got {arguments.lr}')
    if arguments.blend and (len(arguments.blend) != len(arguments.styles) or min(arguments.blend) < 0
                            or not 0 < sum(arguments.blend) < float('inf')):
        raise ValueError(f'--blend: expected as many weights as styles ({len(arguments.styles)}), not all 0')
    check_target(arguments.out)
    if arguments.optimizer == 'lbfgs':
        require_scipy()


def load_pictures(arguments: argparse.Namespace) -> tuple[Image.Image, list[Image.Image]]:
    """The pictures of the content and the styles."""
    content = load_picture(arguments.content, arguments.size)
    return content, [load_picture(path, arguments.style_size or arguments.size) for path in arguments.styles]


def luminance(picture: Image.Image, like: Image.Image | None = None) -> Image.Image:
    """A picture in grey; with `like`, of the same mean and standard deviation as another one."""
    grey = picture.convert('L')
    if like is None:
        return grey
    x, target = to_array(grey), to_array(luminance(like))
    return to_picture((x - x.mean()) * (target.std() / max(x.std(), 1e-6)) + target.mean())


def first_pixels(arguments: argparse.Namespace, content: Image.Image, style: Image.Image) -> np.ndarray:
    """What to start from: an array of the shape of the content's."""
    x = to_array(content)
    if arguments.init == 'style':
        return to_array(style.resize(content.size, Image.Resampling.LANCZOS))
    if arguments.init == 'noise':
        noise = np.random.default_rng(arguments.seed).normal(x.mean(), 40, x.shape)
        return noise.clip(0, 255).astype(np.float32)
    return x


def make_canvas(arguments: argparse.Namespace, content: Image.Image, styles: list[Image.Image],
                loss: models.PerceptualLoss, watch: Any) -> Canvas:
    """Computes what is wanted, and puts up the picture to start from."""
    device = autograd_nn.get_device(arguments.device)
    device.use()
    if arguments.keep_colors:
        content, styles = luminance(content), [luminance(style, like=content) for style in styles]
    share = np.array(arguments.blend or [1.] * len(styles), np.float32)
    found = [loss.style_of(coloured(style, device)) for style in styles]
    # The losses of several styles, weighted and added up, are the loss of their mean, but for a constant.
    style = {name: sum(part * each[name] for part, each in zip((share / share.sum()).tolist(), found))
             for name in loss.style_layers}
    weights = dict(zip(LOSSES, (arguments.content_weight, arguments.style_weight, arguments.tv_weight)))
    return Canvas(first_pixels(arguments, content, styles[0]), loss, loss.content_of(coloured(content, device)), style,
                  weights, device, watch)


def coloured(picture: Image.Image, device: autograd_nn.Device) -> Any:
    """A picture, in colour or grey, as an array with three channels on a device."""
    return device.send(to_array(picture.convert('RGB')))


def write_log(path: Path, log: list[dict[str, float]]) -> None:
    """Writes the losses of all iterations as JSON, and as curves where there is matplotlib."""
    with atomic_write(path.with_suffix('.json')) as file:
        file.write(to_json(log))
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    axes = (figure := Figure(figsize=(6, 4), layout='constrained')).add_subplot()
    for name in LOSSES:
        axes.semilogy([entry['iteration'] for entry in log], [entry[name] for entry in log],
                      label=name.replace('_', ' '))
    axes.set(xlabel='iteration', ylabel='loss')
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_write(path.with_name(f'{path.stem}_losses.png')) as file:
        figure.savefig(file, format='png')


class Painting:
    """What there is to see of a run: progress, pictures on the way, and the result.

    Args:
        arguments: The command line.
        content: The picture whose content is painted, and whose colours if they are kept.
    """

    def __init__(self, arguments: argparse.Namespace, content: Image.Image) -> None:
        self.arguments = arguments
        self.out = Path(arguments.out)
        self.content = content
        self.bar = progress_bar(arguments.iterations)

    def watch(self, canvas: Canvas) -> None:
        """Shows the losses after an iteration, and writes what there is if it is time."""
        self.bar.set_postfix({name: f'{canvas.losses[name]:.2g}' for name in LOSSES}, refresh=False)
        self.bar.update()
        every, done = self.arguments.save_every, len(canvas.log)
        if every and done % every == 0:
            save_picture(self.out.with_name(f'{self.out.stem}_{done:04}{self.out.suffix}'), self.picture(canvas))

    def picture(self, canvas: Canvas) -> Image.Image:
        """What there is, in colour."""
        picture = to_picture(canvas.pixels)
        return with_colors_of(self.content, picture) if self.arguments.keep_colors else picture

    def finish(self, canvas: Canvas, before: dict[str, float]) -> None:
        """Writes the result, and says what became of the losses."""
        self.bar.close()
        save_picture(self.out, self.picture(canvas))
        write_log(self.out, canvas.log)
        for name in LOSSES:
            first, last = before[name], canvas.log[-1][name]
            change = f', {first / last:,.0f} times less' if first >= 2 * last > 0 else ''
            print(f'{name.replace("_", " "):16}{first:10.3g} -> {last:.3g}{change}')
        print(f'{len(canvas.log)} iterations, {canvas.log[-1]["elapsed_time"]:.1f} s: {self.out}, with the losses in '
              f'{self.out.with_suffix(".json")}')


def main(line: CommandLine) -> None:
    """Paints; status 2 for a mistake of the user, 130 after Ctrl-C, which leaves the picture as far as it is."""
    arguments = make_parser(line).parse_args(line.words)
    with line.friendly_errors(), sigterm_as_ctrl_c():
        check_arguments(arguments)
        autograd_nn.random.seed(arguments.seed)
        content, styles = load_pictures(arguments)
        loss = feature_networks.load_loss(arguments)
        painting = Painting(arguments, content)
        canvas = make_canvas(arguments, content, styles, loss, painting.watch)
        canvas.evaluate(canvas.pixels)
        before, status = canvas.losses, 0
        try:
            if arguments.optimizer == 'lbfgs':
                paint_with_lbfgs(canvas, arguments.iterations)
            else:
                paint_with_adam(canvas, arguments.iterations, arguments.lr)
        except KeyboardInterrupt:
            if not canvas.log:
                raise SystemExit(130) from None
            print('\ninterrupted', file=sys.stderr)
            status = 130
        painting.finish(canvas, before)
    raise SystemExit(status)
