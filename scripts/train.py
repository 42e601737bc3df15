"""Trains a network of the zoo on pictures; without arguments, LeNet on the handwritten digits that come with it."""
from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from cli import friendly_errors, load_weights, read_config
from PIL import Image, ImageDraw, ImageFont

import autograd_nn
import autograd_nn.links as L
from autograd_nn import datasets, iterators, models, optimizer_hooks, optimizers, serializers, training
from autograd_nn.dataset import concat_examples
from autograd_nn.training import extensions
from autograd_nn.utils.atomic import atomic_write

DIGITS = [str(digit) for digit in range(10)]
# Each data set with the names of its classes.
DATASETS: dict[str, tuple[Any, list[str]]] = {
    'digits': (datasets.get_digits, DIGITS),
    'mnist': (datasets.get_mnist, DIGITS),
    'fashion_mnist': (datasets.get_fashion_mnist, datasets.get_fashion_mnist_labels()),
    'cifar10': (datasets.get_cifar10, datasets.get_cifar10_labels()),
    'cifar100': (datasets.get_cifar100, datasets.get_cifar100_labels()),
}
# Each optimizer with a learning rate that suits small networks, and the schedule of this program.
OPTIMIZERS: dict[str, tuple[Any, float]] = {
    'sgd': (optimizers.SGD, 0.05),
    'momentum': (optimizers.MomentumSGD, 0.01),
    'nesterov': (optimizers.NesterovAG, 0.01),
    'adagrad': (optimizers.AdaGrad, 0.01),
    'rmsprop': (optimizers.RMSprop, 0.001),
    'adam': (optimizers.Adam, 0.003),
    'adamw': (optimizers.AdamW, 0.003),
}
SNAPSHOT = 'snapshot.npz'
FEW = 50_000


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Adds to each option's help its default value, where there is one and the help does not say it."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def parse_arguments() -> argparse.Namespace:
    """Reads the command line; with --resume, what it does not say comes from the interrupted run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=HelpFormatter)
    parser.add_argument('--model', default='lenet', choices=models.names(), help='which network')
    parser.add_argument('--dataset', default='digits', metavar='NAME|DIR',
                        help=f'one of {", ".join(DATASETS)}; or a folder with pictures (class/name.jpg, optionally '
                             'under train/ and test/), or with the four MNIST files')
    parser.add_argument('--epochs', type=int, default=5, help='passes over the training data')
    parser.add_argument('--batch-size', type=int, default=64, help='samples in a minibatch')
    parser.add_argument('--optimizer', default='adam', choices=OPTIMIZERS, help='how parameters are updated')
    parser.add_argument('--lr', type=float, help='learning rate at the start, which falls to 0 along a cosine '
                                                 '(default: the usual one of the optimizer)')
    parser.add_argument('--weight-decay', type=float, default=0., help='L2 regularization, decoupled with adamw')
    parser.add_argument('--augment', action=argparse.BooleanOptionalAction,
                        help=f'vary the training pictures at random (default: if there are fewer than {FEW:,})')
    parser.add_argument('--device', default='cpu', help='cpu or cuda:N')
    parser.add_argument('--seed', type=int, default=0, help='start of the random numbers')
    parser.add_argument('--out', default='result', metavar='DIR', help='where to write')
    parser.add_argument('--resume', metavar='DIR', help='continue the interrupted run in this folder')
    parser.add_argument('--initial-weights', metavar='FILE', help='start from these weights (.npz)')
    parser.add_argument('--workers', type=int, default=0, help='processes that prepare minibatches')
    arguments = parser.parse_args()
    if arguments.resume:
        saved = read_config(Path(arguments.resume))['arguments']
        parser.set_defaults(**saved, out=arguments.resume)
        arguments = parser.parse_args()
        arguments.out = arguments.resume
    check_arguments(arguments)
    return arguments


def check_arguments(arguments: argparse.Namespace) -> None:
    """Raises a ValueError that names the first option with an impossible value."""
    for name, lowest in ('epochs', 1), ('batch_size', 1), ('workers', 0), ('seed', 0), ('weight_decay', 0):
        value = getattr(arguments, name)
        if value < lowest:
            raise ValueError(f'--{name.replace("_", "-")}: expected at least {lowest}, got {value}')
    if arguments.seed >= 2 ** 32:
        raise ValueError(f'--seed: expected less than 2 ** 32, got {arguments.seed}')
    if arguments.lr is not None and not 0 < arguments.lr < float('inf'):
        raise ValueError(f'--lr: expected a positive number, got {arguments.lr}')
    if arguments.optimizer not in OPTIMIZERS:
        raise ValueError(f'--optimizer: expected one of {", ".join(OPTIMIZERS)}; got {arguments.optimizer}')


def load_data(name: str, entry: models.Entry, seed: int) -> tuple[Any, Any, list[str]]:
    """Loads training data, test data and the names of the classes.

    Args:
        name: One of `DATASETS`, or a folder.
        entry: The model, whose input shape pictures from a folder take.
        seed: Chooses the fifth of a folder's pictures that is kept for testing.
    """
    folder = Path(name)
    if name in DATASETS:
        get, labels = DATASETS[name]
        return *get(ndim=3), labels
    if not folder.is_dir():
        raise ValueError(f'--dataset: expected one of {", ".join(DATASETS)} or a folder, got {name}')
    if any(folder.glob('*-idx3-ubyte*')):
        return *datasets.get_mnist(ndim=3, directory=folder), DIGITS
    channels, *size = entry.input_shape
    options: dict[str, Any] = {'size': tuple(size), 'color': channels == 3, 'on_error': 'skip'}
    if (folder / 'train').is_dir() and (folder / 'test').is_dir():
        parts = [datasets.ImageFolderDataset(folder / part, **options) for part in ('train', 'test')]
        labels, others = (part.labels for part in parts)
        if labels != others:
            raise ValueError(f'{folder}: train/ has the classes {", ".join(labels)}, test/ has {", ".join(others)}')
        return parts[0], parts[1], labels
    pictures = datasets.ImageFolderDataset(folder, **options)
    if len(pictures) < 2:
        raise ValueError(f'{folder}: expected at least 2 pictures, found {len(pictures)}')
    test, train = datasets.split_dataset_random(pictures, max(1, len(pictures) // 5), seed=seed)
    return train, test, pictures.labels


def make_optimizer(arguments: argparse.Namespace, model: L.Classifier) -> tuple[Any, str]:
    """Sets up the optimizer; returns it and the name of the attribute that holds its learning rate."""
    kind, usual = OPTIMIZERS[arguments.optimizer]
    lr = usual if arguments.lr is None else arguments.lr
    if arguments.optimizer == 'adamw':
        # With alpha = 1, eta is the learning rate of step and decay alike, as in the paper's algorithm 2.
        return kind(alpha=1.0, eta=lr, weight_decay_rate=arguments.weight_decay).setup(model), 'eta'
    attribute = 'alpha' if arguments.optimizer == 'adam' else 'lr'
    optimizer = kind(**{attribute: lr}).setup(model)
    if arguments.weight_decay:
        optimizer.add_hook(optimizer_hooks.WeightDecay(arguments.weight_decay))
    return optimizer, attribute


def make_trainer(arguments: argparse.Namespace, model: L.Classifier, train: Any, test: Any) -> training.Trainer:
    """Puts together the training loop and its extensions."""
    optimizer, rate = make_optimizer(arguments, model)
    if len(train) < FEW if arguments.augment is None else arguments.augment:
        train = datasets.AugmentedDataset(train, datasets.standard_augmentation(train[0][0].shape), seed=arguments.seed)
    if arguments.workers:
        train_iter: Any = iterators.MultiprocessIterator(train, arguments.batch_size, n_processes=arguments.workers)
    else:
        train_iter = iterators.SerialIterator(train, arguments.batch_size)
    test_iter = iterators.SerialIterator(test, 500, repeat=False, shuffle=False)
    updater = training.StandardUpdater(train_iter, optimizer, device=arguments.device)
    trainer = training.Trainer(updater, (arguments.epochs, 'epoch'), out=arguments.out)
    trainer.extend(extensions.Evaluator(test_iter, model, device=arguments.device))
    iterations = arguments.epochs * -(-len(train) // arguments.batch_size)
    trainer.extend(extensions.CosineShift(rate, iterations), trigger=(1, 'iteration'))
    trainer.extend(extensions.observe_value('lr', lambda trainer: getattr(optimizer, rate)))
    trainer.extend(extensions.LogReport(filename='log.json'))
    trainer.extend(extensions.PrintReport(['epoch', 'main/loss', 'validation/main/loss', 'main/accuracy',
                                           'validation/main/accuracy', 'elapsed_time']))
    if extensions.PlotReport.available():
        for what in 'loss', 'accuracy':
            trainer.extend(extensions.PlotReport([f'main/{what}', f'validation/main/{what}'], 'epoch',
                                                 filename=f'{what}.png'), name=f'plot_{what}')
    trainer.extend(extensions.FailOnNonNumber())
    trainer.extend(extensions.ProgressBar())
    trainer.extend(extensions.snapshot(filename=SNAPSHOT, snapshot_on_error=True), trigger=(1, 'epoch'))
    return trainer


def predict(model: L.Classifier, test: Any, device: Any) -> tuple[np.ndarray, np.ndarray]:
    """Class probabilities (N, classes) and true labels (N,) of the test data."""
    probabilities, labels = [], []
    with autograd_nn.using_config('train', False), autograd_nn.no_backprop_mode():
        for batch in iterators.SerialIterator(test, 500, repeat=False, shuffle=False):
            x, t = concat_examples(batch, device)
            probabilities.append(np.asarray(autograd_nn.functions.softmax(model.predictor(x))))
            labels.append(np.asarray(autograd_nn.as_variable(t)))
    return np.concatenate(probabilities), np.concatenate(labels)


def draw_mistakes(path: Path, test: Any, probabilities: np.ndarray, labels: np.ndarray, names: list[str]) -> int:
    """Draws the test pictures that the model gets wrong with most confidence, at most 24; returns how many."""
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-probabilities[wrong, predicted[wrong]])][:24]
    columns, side, caption = 6, 112, 34
    rows = max(1, -(-len(worst) // columns))
    sheet = Image.new('RGB', (columns * (side + 12) + 12, rows * (side + caption + 12) + 12), 'white')
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=13)
    for i, index in enumerate(worst):
        left, top = 12 + i % columns * (side + 12), 12 + i // columns * (side + caption + 12)
        sheet.paste(as_picture(test[index][0], side), (left, top))
        right_answer, answer = names[labels[index]], names[predicted[index]]
        draw.text((left, top + side + 2), f'true {right_answer}', 'black', font)
        draw.text((left, top + side + 17), f'{answer}: {probabilities[index, predicted[index]]:.1%}', '#c00000', font)
    if not len(worst):
        draw.text((12, 12), 'no mistakes', 'black', font)
    with atomic_write(path) as file:
        sheet.save(file, 'PNG')
    return len(worst)


def as_picture(x: np.ndarray, side: int) -> Image.Image:
    """A sample of shape (C, H, W), values from 0 to 1, as a square picture."""
    pixels = (np.clip(x, 0, 1) * 255).astype(np.uint8)
    channels = pixels[:3] if len(pixels) >= 3 else pixels[[0, 0, 0]]
    return Image.fromarray(channels.transpose(1, 2, 0)).resize((side, side), Image.Resampling.NEAREST)


def save_results(arguments: argparse.Namespace, model: L.Classifier, test: Any, names: list[str]) -> None:
    """Measures the test accuracy, writes weights and mistakes, and says what was written."""
    out = Path(arguments.out)
    probabilities, labels = predict(model, test, arguments.device)
    correct = int((probabilities.argmax(axis=1) == labels).sum())
    print(f'\ntest accuracy: {correct / len(labels):.2%} ({correct} of {len(labels)})')
    serializers.save_npz(out / 'model.npz', model.predictor)
    draw_mistakes(out / 'mistakes.png', test, probabilities, labels, names)
    about = {'model.npz': 'weights, for scripts/predict.py and --initial-weights', 'config.json': 'what was run',
             SNAPSHOT: 'the state of the training, for --resume', 'log.json': 'figures of every epoch',
             'loss.png': 'curves', 'accuracy.png': 'curves', 'mistakes.png': 'what it gets wrong with most confidence'}
    print(f'written to {out}/:')
    for name, what in about.items():
        if (out / name).exists():
            print(f'  {name:14} {what}')
    if not extensions.PlotReport.available():
        print("  no curves: they need matplotlib (pip install 'autograd_nn[plot]')")


def write_config(arguments: argparse.Namespace, shape: tuple[int, ...], names: list[str]) -> None:
    """Writes down what is run, for --resume, for scripts/predict.py and for people."""
    Path(arguments.out).mkdir(parents=True, exist_ok=True)
    saved = {name: value for name, value in vars(arguments).items() if name not in ('resume', 'out')}
    config = {'arguments': saved, 'input_shape': shape, 'labels': names, 'autograd_nn': autograd_nn.__version__}
    with atomic_write(Path(arguments.out) / 'config.json') as file:
        file.write((json.dumps(config, indent=1) + '\n').encode())


def prepare() -> tuple[argparse.Namespace, training.Trainer, L.Classifier, Any, list[str]]:
    """Everything before the first minibatch, where a user's mistakes show."""
    arguments = parse_arguments()
    device = autograd_nn.get_device(arguments.device)
    entry = models.get(arguments.model)
    train, test, names = load_data(arguments.dataset, entry, arguments.seed)
    autograd_nn.random.seed(arguments.seed)
    model = L.Classifier(entry.build(num_classes=len(names)))
    shape = train[0][0].shape
    print(f'{arguments.model} on {arguments.dataset}: {len(train):,} training and {len(test):,} test samples of shape '
          f'{shape}, {len(names)} classes')
    autograd_nn.summary(model.predictor, shape)
    if arguments.initial_weights and not arguments.resume:
        load_weights(arguments.initial_weights, model.predictor)
        print(f'starting from {arguments.initial_weights}')
    model.to_device(device)
    write_config(arguments, shape, names)
    trainer = make_trainer(arguments, model, train, test)
    if arguments.resume:
        serializers.load_npz(Path(arguments.resume) / SNAPSHOT, trainer)
        print(f'continuing after epoch {trainer.updater.epoch_detail:.2f}')
    return arguments, trainer, model, test, names


def main() -> None:
    """Trains, evaluates and writes the results."""
    with friendly_errors():
        arguments, trainer, model, test, names = prepare()
    start, iteration = time.perf_counter(), trainer.updater.iteration
    try:
        trainer.run()
    except KeyboardInterrupt:
        print(f'\ninterrupted; to continue: python {sys.argv[0]} --resume {arguments.out}', file=sys.stderr)
        raise SystemExit(130) from None
    seconds = time.perf_counter() - start
    images = (trainer.updater.iteration - iteration) * arguments.batch_size
    if images:
        print(f'{seconds:.1f} s, {images / seconds:,.0f} images a second (with evaluation)')
    with friendly_errors():
        save_results(arguments, model, test, names)


if __name__ == '__main__':
    main()
