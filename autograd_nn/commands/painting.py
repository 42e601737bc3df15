"""Painting by optimization: a picture is changed until its losses are small."""
from __future__ import annotations

import importlib.util
import math
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from tqdm import tqdm

import autograd_nn.functions as F
from autograd_nn import Device, Link, Parameter, Variable, models, optimizers

MINUTE = 60


class Canvas:
    """A picture in the making, and how far it is from what it should be.

    Args:
        pixels: What it is at the start, of shape (1, 3, H, W), or (1, 1, H, W) for luminance alone; from 0 to 255.
        loss: Compares it.
        content: What `loss` found in the picture with the content.
        style: What `loss` found in those with the style.
        weights: How much ``content``, ``style`` and ``total_variation`` count.
        device: Where it is computed.
        watch: Called with the canvas after each iteration.

    Attributes:
        pixels: What it is now.
        losses: The last losses, by name, and ``loss``, their weighted sum.
        log: The losses after each iteration, with ``iteration`` and ``elapsed_time`` in seconds.
    """

    def __init__(self, pixels: np.ndarray, loss: models.PerceptualLoss, content: Mapping[str, Any],
                 style: Mapping[str, Any], weights: Mapping[str, float], device: Device,
                 watch: Callable[[Canvas], None]) -> None:
        self.pixels = pixels
        self.losses: dict[str, float] = {}
        self.log: list[dict[str, float]] = []
        self._loss = loss
        self._content = content
        self._style = style
        self._weights = weights
        self._device = device
        self._watch = watch
        self._start = time.perf_counter()

    def evaluate(self, pixels: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss of some pixels and its gradient with respect to them.

        Raises:
            RuntimeError: The loss is not finite.
        """
        x = Variable(self._device.send(pixels))
        picture = F.broadcast_to(x, (len(pixels), 3, *pixels.shape[2:]))
        content, style = self._loss(picture, self._content, self._style)
        # Differences as parts of the range from black to white, for pictures of all sizes.
        variation = models.total_variation(x) / (255 ** 2 * x.size)
        parts = {'content': content, 'style': style, 'total_variation': variation}
        loss = F.sum(F.stack([self._weights[name] * part for name, part in parts.items()]))
        self.losses = {'loss': float(loss.array), **{name: float(part.array) for name, part in parts.items()}}
        if not math.isfinite(self.losses['loss']):
            raise RuntimeError(f'the loss became {self.losses["loss"]}: are these weights of the network that --model '
                               'names, and the weights of the losses sensible?')
        loss.backward()
        assert x.grad is not None
        return self.losses['loss'], np.asarray(x.grad)

    def show(self, pixels: np.ndarray) -> None:
        """Ends an iteration.

        Args:
            pixels: What the picture is now.
        """
        self.pixels = pixels
        self.log.append({'iteration': len(self.log) + 1, **self.losses,
                         'elapsed_time': time.perf_counter() - self._start})
        self._watch(self)


def paint_with_lbfgs(canvas: Canvas, iterations: int) -> None:
    """Changes a canvas by the quasi-Newton method L-BFGS-B, which keeps all pixels between 0 and 255.

    C. Zhu, R. H. Byrd, P. Lu, J. Nocedal, Algorithm 778: L-BFGS-B, 1997, in the implementation of SciPy.

    Args:
        canvas: The canvas.
        iterations: How many.
    """
    from scipy.optimize import minimize

    shape, dtype = canvas.pixels.shape, canvas.pixels.dtype
    # The first step has a length of 1 in all: a root mean square of 16 for the pixels.
    unit = 16 * math.sqrt(canvas.pixels.size)

    def to_pixels(z: np.ndarray) -> np.ndarray:
        return (z.reshape(shape) * unit).astype(dtype)

    def evaluate(z: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = canvas.evaluate(to_pixels(z))
        return loss, gradient.astype(np.float64).ravel() * unit

    minimize(evaluate, canvas.pixels.astype(np.float64).ravel() / unit, jac=True, method='L-BFGS-B',
             bounds=np.tile((0, 255 / unit), (canvas.pixels.size, 1)), callback=lambda z: canvas.show(to_pixels(z)),
             options={'maxiter': iterations, 'maxfun': 20 * iterations, 'ftol': 0, 'gtol': 0})


def paint_with_adam(canvas: Canvas, iterations: int, lr: float) -> None:
    """Changes a canvas by Adam.

    Args:
        canvas: The canvas.
        iterations: How many.
        lr: By how much a pixel changes at most in an iteration, approximately.
    """
    model: Any = Link()
    with model.init_scope():
        model.x = x = Parameter(canvas.pixels.copy())
    optimizer = optimizers.Adam(alpha=lr).setup(model)
    for _ in range(iterations):
        _, x.grad = canvas.evaluate(x.array)
        optimizer.update()
        np.clip(x.array, 0, 255, out=x.array)
        canvas.show(x.array.copy())


def require_scipy() -> None:
    """Raises a ValueError that says what to do if SciPy is not there."""
    if importlib.util.find_spec('scipy') is None:
        raise ValueError("--optimizer lbfgs needs SciPy: pip install 'autograd_nn[style]', or choose --optimizer adam")


def progress_bar(iterations: int) -> tqdm[Any]:
    """A progress bar; where there is no terminal, a line once a minute."""
    if sys.stderr.isatty():
        return tqdm(total=iterations, unit='iteration')
    lines: Any = Lines()
    return tqdm(total=iterations, file=lines, delay=MINUTE, mininterval=MINUTE, maxinterval=MINUTE,
                bar_format='{n_fmt} of {total_fmt} iterations, {remaining} left{postfix}')


class Lines:
    """Standard error, where each state of a progress bar stands on a line of its own."""

    def write(self, text: str) -> None:
        """Writes a state."""
        if text.strip():
            print(text.strip(), file=sys.stderr, flush=True)

    def flush(self) -> None:
        """What is written is written at once."""
