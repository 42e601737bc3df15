"""Compares the gradients of backpropagation with numerical ones, on a small network that reads digits."""
from __future__ import annotations

import argparse
import time

import numpy as np

import autograd_nn
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import datasets
from autograd_nn.dataset import concat_examples
from autograd_nn.gradient_check import numerical_grad


def main() -> None:
    """Prints a table: for each parameter, how far the two ways to compute its gradient are apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--units', type=int, default=8, help='units of the hidden layer (default: %(default)s)')
    parser.add_argument('--samples', type=int, default=5, help='digits in the batch (default: %(default)s)')
    parser.add_argument('--eps', type=float, default=1e-3, help='step of the differences (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='start of the random numbers (default: %(default)s)')
    arguments = parser.parse_args()
    if not 1 <= arguments.units <= 1000 or not 1 <= arguments.samples <= 1000:
        parser.error('--units and --samples must be between 1 and 1000')
    if not 0 < arguments.eps < 1 or not 0 <= arguments.seed < 2 ** 32:
        parser.error('--eps must be between 0 and 1, and --seed at least 0 and less than 2 ** 32')
    autograd_nn.random.seed(arguments.seed)
    with autograd_nn.using_config('dtype', np.float64):
        model = autograd_nn.Sequential(L.Linear(784, arguments.units), F.sigmoid, L.Linear(arguments.units, 10))
    train, _ = datasets.get_digits(ndim=1, dtype=np.float64)
    x, t = concat_examples(train[:arguments.samples])
    print(f'a network of 784, {arguments.units} and 10 units; the loss of {arguments.samples} digits\n')

    start = time.perf_counter()
    loss = F.softmax_cross_entropy(model(x), t)
    model.cleargrads()
    loss.backward()
    backward_seconds = time.perf_counter() - start

    def compute_loss() -> tuple[np.ndarray]:
        with autograd_nn.no_backprop_mode():
            return F.softmax_cross_entropy(model(x), t).array,

    start = time.perf_counter()
    print(f'{"parameter":12}{"shape":>12}{"backward: mean |g|":>20}{"largest difference":>20}{"relative":>10}')
    worst = 0.
    for name, param in model.namedparams():
        numerical, = numerical_grad(compute_loss, [param.array], [np.ones(())], arguments.eps)
        difference = np.abs(numerical - param.grad).max()
        relative = difference / max(np.abs(numerical).max(), 1e-300)
        worst = max(worst, relative)
        print(f'{name:12}{param.shape!s:>12}{np.abs(param.grad).mean():20.3e}{difference:20.3e}{relative:10.1e}')
    numerical_seconds = time.perf_counter() - start
    print(f'\nbackward took {backward_seconds * 1e3:.1f} ms; the numerical gradients, which take four evaluations of '
          f'the loss for each of {model.count_params():,} numbers, {numerical_seconds:.1f} s '
          f'({numerical_seconds / backward_seconds:,.0f} times as long).')
    print('They agree.' if worst < 1e-6 else f'They differ by {worst:.1e}: choose a smaller --eps, or look for a bug.')


if __name__ == '__main__':
    main()
