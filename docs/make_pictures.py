"""Makes the pictures of the documentation: graphs (with Graphviz), and what a run of scripts/train.py shows."""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn.computational_graph import build_computational_graph

DOCS = Path(__file__).parent
IMAGES = DOCS / 'images'


def variable(value: float | list[float], name: str) -> ann.Variable:
    """A Variable with a name."""
    return ann.Variable(np.array(value), name=name)


def named(y: ann.Variable, name: str) -> ann.Variable:
    """The same Variable, with a name."""
    y.name = name
    return y


def draw(name: str, *outputs: ann.Variable, rankdir: str = 'LR') -> None:
    """Draws the graph behind some Variables to an SVG file."""
    build_computational_graph(outputs, rankdir=rankdir).save(IMAGES / f'{name}.svg')


def draw_graphs() -> None:
    """All graphs of the pages."""
    x = variable(3.0, 'x')
    draw('polynomial', named(x ** 2 - 4 * x + 1, 'y'))

    x = variable([1.0, 2.0], 'x')
    draw('exp_times_x', named(F.exp(x) * x, 'y'))

    x = variable(0.5, 'x')
    h = named(F.tanh(x), 'h')
    draw('diamond', named(named(F.exp(h), 'a') * named(F.sin(h), 'b'), 'y'))

    x = variable([1.0, 3.0], 'x')
    loss = named(F.sum(x ** 3), 'loss')
    gx, = ann.grad([loss], [x], enable_double_backprop=True)
    draw('double', loss, named(gx, 'gx'), rankdir='TB')

    shapes = {'W1': (50, 784), 'b1': (50,), 'W2': (10, 50), 'b2': (10,)}
    W1, b1, W2, b2 = (ann.Parameter(0, shape, name) for name, shape in shapes.items())
    x = ann.Variable(np.zeros((100, 784), 'f'), name='x')
    t = ann.Variable(np.zeros(100, 'i'), name='t')
    y = F.relu(x @ W1.T + b1) @ W2.T + b2
    draw('network', named(F.softmax_cross_entropy(y, t), 'loss'), rankdir='TB')


def train(folder: Path) -> None:
    """Runs the training program as a reader would."""
    program = DOCS.parent / 'scripts' / 'train.py'
    subprocess.run([sys.executable, program, '--out', folder], check=True)


def shrink(source: Path, target: Path) -> None:
    """Copies a picture with a palette of 64 colours."""
    with Image.open(source) as picture:
        picture.convert('RGB').quantize(64).save(target, optimize=True)


def plot_curves(log: Path, target: Path) -> None:
    """Draws loss and accuracy of a run side by side."""
    matplotlib.use('Agg')
    from matplotlib import pyplot
    entries = json.loads(log.read_text(encoding='utf-8'))
    epochs = [entry['epoch'] for entry in entries]
    figure, axes = pyplot.subplots(1, 2, figsize=(8, 3), dpi=110)
    for axis, what in zip(axes, ('loss', 'accuracy')):
        axis.plot(epochs, [entry[f'main/{what}'] for entry in entries], 'o-', label='training')
        axis.plot(epochs, [entry[f'validation/main/{what}'] for entry in entries], 's-', label='test')
        axis.set(xlabel='epoch', ylabel=what, xticks=epochs)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.tight_layout()
    figure.savefig(target)


def draw_fit() -> None:
    """The pictures of the page on training in a few lines."""
    ann.random.seed(0)
    x, t = ann.dataset.concat_examples(ann.datasets.get_digits()[0][:3000])
    model = ann.Sequential(L.Linear(100), F.relu, L.Linear(10))
    model.compile('adam', loss='softmax_cross_entropy', metrics=['accuracy'])
    model.fit(x, t, batch_size=50, epochs=5, validation_split=0.2).plot(IMAGES / 'fit_curves.png')
    shrink(IMAGES / 'fit_curves.png', IMAGES / 'fit_curves.png')
    image, context = ann.Input((1, 28, 28), name='image'), ann.Input(5, name='context')
    h = F.relu(L.BatchNormalization()(L.Convolution2D(8, 3, pad=1)(image)))
    h = F.max_pooling_2d(h + L.Convolution2D(8, 1)(image), 4)
    h = F.concat([h.reshape(h.shape[0], -1), context])
    outputs = {'digit': L.Linear(10)(F.dropout(h)), 'size': L.Linear(1)(h)}
    ann.Model([image, context], outputs).graph().save(IMAGES / 'fit_graph.svg')


def main() -> None:
    """Makes all pictures, or the graphs alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--graphs', action='store_true', help='draw the graphs alone: no training run')
    parser.add_argument('--result', type=Path, metavar='DIR', help='take a finished run instead of a new one')
    arguments = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    draw_graphs()
    draw_fit()
    if arguments.graphs:
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.result or Path(temporary)
        if not arguments.result:
            train(folder)
        shrink(folder / 'mistakes.png', IMAGES / 'mistakes.png')
        plot_curves(folder / 'log.json', IMAGES / 'curves.png')


if __name__ == '__main__':
    main()
