"""The networks of autograd_nn's zoo, on autograd_nn or, by the same names, on Chainer."""
from __future__ import annotations

import contextlib
import importlib
import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.rows import Row

MODELS = Path(__file__).parents[2] / 'models'


def import_models(library: str) -> Any:
    """The model zoo over a library: as it is, or with the other library's name in place of autograd_nn's."""
    if library == 'autograd_nn':
        return importlib.import_module('autograd_nn.models')
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / 'translated_models'
        package.mkdir()
        for path in MODELS.glob('*.py'):
            text = path.read_text().replace('autograd_nn.models', package.name).replace('autograd_nn', library)
            (package / path.name).write_text(text)
        sys.path.insert(0, folder)
        return importlib.import_module(package.name)


class ChainerSide:
    """Training or inference of one network on autograd_nn or Chainer.

    Attributes:
        parts: The methods of which a step is made.
        parameters: The number of trainable numbers.
    """

    def __init__(self, library: str, row: Row, what: str) -> None:
        self.ann = importlib.import_module(library)
        self.row = row
        self.model = import_models(library).create(row.model, num_classes=row.classes)
        self.x, self.t = row.minibatch()
        with self.ann.using_config('train', False), self.ann.no_backprop_mode():
            self.model(self.x[:1])
        self.parameters = sum(param.size for param in self.model.params())
        optimizers = {'adam': self.ann.optimizers.Adam, 'momentum': lambda: self.ann.optimizers.MomentumSGD(lr=1e-3),
                      'sgd': lambda: self.ann.optimizers.SGD(lr=0.1)}
        self.optimizer = optimizers[row.optimizer]().setup(self.model)
        self.loss: Any = None
        self.parts = {'training': ('forward', 'backward', 'update'), 'inference': ('infer',)}[what]

    def multiply_adds(self) -> int:
        """The number of multiply-adds of a forward pass with the minibatch, as `autograd_nn.summary` counts them."""
        with contextlib.redirect_stdout(io.StringIO()):
            summary = self.ann.summary(self.model, self.row.shape)
        return summary.multiply_adds * self.row.batch

    def forward(self) -> None:
        """Forgets the last step's gradients and computes the loss."""
        self.model.cleargrads()
        self.loss = self.ann.functions.softmax_cross_entropy(self.model(self.x), self.t)

    def backward(self) -> None:
        """Computes the gradients, and lets go of the graph."""
        self.loss.backward()
        self.loss = None

    def update(self) -> None:
        """Changes the parameters."""
        self.optimizer.update()

    def infer(self) -> Any:
        """Computes the outputs alone."""
        with self.ann.using_config('train', False), self.ann.no_backprop_mode():
            return self.model(self.x)

    def step(self) -> None:
        """One step of training or inference."""
        for part in self.parts:
            getattr(self, part)()
