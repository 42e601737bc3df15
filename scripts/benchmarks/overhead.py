"""The cost of recording tiny operations, beside PyTorch in the same process."""
from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn import Variable

try:
    import torch
except ImportError:
    torch = None

# Each operation twice: on autograd_nn's y and w (arrays of shape (2, 2)) and, with torch in place of F, on PyTorch's.
OPERATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    'y + w': (lambda y, w: y + w, lambda y, w: y + w),
    'y + 1.0': (lambda y, w: y + 1.0, lambda y, w: y + 1.0),
    'y * w': (lambda y, w: y * w, lambda y, w: y * w),
    'y * 0.5': (lambda y, w: y * 0.5, lambda y, w: y * 0.5),
    '-y': (lambda y, w: -y, lambda y, w: -y),
    'y @ w': (lambda y, w: y @ w, lambda y, w: y @ w),
    'y.T': (lambda y, w: y.T, lambda y, w: y.T),
    'reshape, 2 x': (lambda y, w: y.reshape(4).reshape(2, 2), lambda y, w: y.reshape(4).reshape(2, 2)),
    'y[:2]': (lambda y, w: y[:2], lambda y, w: y[:2]),
    'y - mean': (lambda y, w: y - F.mean(y), lambda y, w: y - torch.mean(y)),
    'y * sum': (lambda y, w: y * F.sum(y), lambda y, w: y * torch.sum(y)),
    'maximum': (lambda y, w: F.maximum(y, w), lambda y, w: torch.maximum(y, w)),
    'exp': (lambda y, w: F.exp(y), lambda y, w: torch.exp(y)),
    'tanh': (lambda y, w: F.tanh(y), lambda y, w: torch.tanh(y)),
    'relu': (lambda y, w: F.relu(y), lambda y, w: torch.relu(y)),
    'sigmoid': (lambda y, w: F.sigmoid(y), lambda y, w: torch.sigmoid(y)),
    'linear': (lambda y, w: F.linear(y, w), lambda y, w: torch.nn.functional.linear(y, w)),
}


def chain(operation: Callable[..., Any], y: Any, w: Any, length: int) -> Any:
    """Applies an operation to its own result, `length` times."""
    for _ in range(length):
        y = operation(y, w)
    return y


def overhead_cases(operation: Callable[..., Any], library: str, length: int) -> tuple[Callable[[], Any], ...]:
    """The forward pass, and the forward and the backward pass, of a chain of tiny operations."""
    start = np.full((2, 2), 0.5, dtype=np.float32)
    seed = np.zeros((2, 2), dtype=np.float32)
    if library == 'torch':
        y, w = (torch.tensor(start, requires_grad=True) for _ in range(2))
        gradient = torch.tensor(seed)

        def forward_backward() -> None:
            chain(operation, y, w, length).backward(gradient)
            y.grad = w.grad = None
    else:
        y, w = Variable(start), Variable(start.copy())

        def forward_backward() -> None:
            result = chain(operation, y, w, length)
            result.grad = seed
            result.backward()
            y.cleargrad()
            w.cleargrad()

    return lambda: chain(operation, y, w, length), forward_backward


def interleave(cases: list[Callable[[], Any]], rounds: int) -> list[list[float]]:
    """Runs the cases in turn, `rounds` times after one to warm up; returns the seconds each of them took."""
    times: list[list[float]] = [[] for _ in cases]
    for round_ in range(rounds + 1):
        for case, seconds in zip(cases, times):
            start = time.perf_counter()
            case()
            if round_:
                seconds.append(time.perf_counter() - start)
    return times


def overhead(rounds: int, length: int) -> list[dict[str, Any]]:
    """Times each of `OPERATIONS`; returns microseconds per operation, and medians and quartiles of the ratios."""
    rows = []
    with np.errstate(all='ignore'):
        for name, (ours, theirs) in OPERATIONS.items():
            sides = [overhead_cases(ours, 'autograd_nn', length)]
            if torch is not None:
                sides.append(overhead_cases(theirs, 'torch', length))
            # The two sides of a ratio run one right after the other: clocks change within a second.
            times = iter(interleave([case for pair in zip(*sides) for case in pair], rounds))
            row: dict[str, Any] = {'operation': name}
            for what in 'forward', 'forward+backward':
                seconds = next(times)
                row[f'autograd_nn {what}'] = statistics.median(seconds) / length * 1e6
                if torch is not None:
                    others = next(times)
                    row[f'torch {what}'] = statistics.median(others) / length * 1e6
                    low, middle, high = statistics.quantiles([a / b for a, b in zip(seconds, others)], n=4)
                    row[f'ratio {what}'] = middle
                    row[f'quartiles {what}'] = low, high
            rows.append(row)
    return rows


def show_overhead(rows: list[dict[str, Any]]) -> None:
    """Prints the rows of `overhead` as a table."""
    print('microseconds per recorded operation on arrays of shape (2, 2), float32')
    columns = ['forward', 'forward+backward']
    print(f'{"":12}' + ''.join(f'{what:^42}' for what in columns))
    print(f'{"operation":12}' + f'{"autograd_nn":>12}{"PyTorch":>9}{"ratio":>7}{"(quartiles)":>14}' * len(columns))
    for row in rows:
        line = f'{row["operation"]:12}'
        for what in columns:
            line += f'{row[f"autograd_nn {what}"]:12.2f}'
            if f'torch {what}' in row:
                low, high = row[f'quartiles {what}']
                line += f'{row[f"torch {what}"]:9.2f}{row[f"ratio {what}"]:7.2f}{f"({low:.2f}-{high:.2f})":>14}'
            else:
                line += f'{"-":>9}{"-":>7}{"-":>14}'
        print(line)
    if 'ratio forward' in rows[0]:
        means = [statistics.geometric_mean([row[f'ratio {what}'] for row in rows]) for what in columns]
        print(f'{"geometric mean of the ratios":28}{means[0]:12.2f}{means[1]:42.2f}')
