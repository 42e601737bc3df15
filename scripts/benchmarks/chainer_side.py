"""A network on autograd_nn or, by the same names, on Chainer."""
from __future__ import annotations

import contextlib
import importlib
import io
from typing import Any

from benchmarks.chainer_layers import ChainerLayers
from benchmarks.networks import BUILDERS
from benchmarks.rows import Row, Setting

_SETTING = Setting()


class ChainerSide:
    """Training or inference of one network on autograd_nn, out of its zoo, or on Chainer.

    Attributes:
        parts: The methods of which a step is made.
        parameters: The number of trainable numbers.
    """

    def __init__(self, library: str, row: Row, what: str, setting: Setting = _SETTING) -> None:
        self.ann = importlib.import_module(library)
        self.row = row
        if setting.half:
            mixed = 'mixed16' if setting.half == 'float16' else 'mixed_bfloat16'
            self.ann.global_config.dtype = getattr(self.ann, mixed)
        if library == 'autograd_nn':
            models = importlib.import_module('autograd_nn.models')
            size = 'vocabulary_size' if row.is_text else 'num_classes'
            self.model = models.create(row.model, **{size: row.classes})
        else:
            self.model = BUILDERS[row.model](ChainerLayers(self.ann), row.classes)
        x, t = row.minibatch()
        x = x if row.is_text else x.astype(self.ann.get_dtype(), copy=False)
        device = self.ann.get_device('@numpy' if setting.device == 'cpu' else '@cupy:0')
        self.model.to_device(device)
        self.x, self.t = device.send((x, t.ravel()))
        with self.ann.using_config('train', False), self.ann.no_backprop_mode():
            self.model(self.x[:1])
        if row.is_text:
            self.model.reset_state()
        self.parameters = sum(param.size for param in self.model.params())
        optimizers: dict[str, Any] = {
            'adam': self.ann.optimizers.Adam,
            'momentum': lambda: self.ann.optimizers.MomentumSGD(lr=1e-3),
            'clipping': lambda: self.ann.optimizers.SGD(lr=0.1)}
        self.optimizer = optimizers[row.optimizer]().setup(self.model)
        if row.optimizer == 'clipping':
            self.optimizer.add_hook(self.ann.optimizer_hooks.GradientClipping(5.))
        self.loss: Any = None
        self.parts: tuple[str, ...] = ('infer',)
        if what == 'training':
            at_once = bool(setting.half) or setting.cuda_graph
            self.parts = ('train',) if at_once else ('forward', 'backward', 'update')
        self.update_by_loss = self.optimizer.update
        if setting.cuda_graph and library == 'autograd_nn':
            steps = importlib.import_module('autograd_nn.training.cuda_graph')
            self.update_by_loss = steps.GraphedSteps(self.optimizer).update

    def multiply_adds(self) -> int:
        """The number of multiply-adds of a forward pass with the minibatch, as `autograd_nn.summary` counts them."""
        with contextlib.redirect_stdout(io.StringIO()):
            summary = self.ann.summary(self.model, self.x.shape[1:], self.x.dtype)
        return summary.multiply_adds * len(self.x)

    def forward(self) -> None:
        """Forgets the last step's gradients and computes the loss."""
        self.model.cleargrads()
        self.loss = self.compute_loss(self.x, self.t)

    def compute_loss(self, x: Any, t: Any) -> Any:
        """The loss of a minibatch."""
        y = self.model(x)
        if self.row.is_text:
            y = y.reshape(-1, self.row.classes)
        return self.ann.functions.softmax_cross_entropy(y, t)

    def backward(self) -> None:
        """Computes the gradients, and lets go of the graph."""
        self.loss.backward()
        self.loss = None
        if self.row.is_text:
            self.model.unchain_state()

    def update(self) -> None:
        """Changes the parameters."""
        self.optimizer.update()

    def train(self) -> None:
        """All of this at once, with the loss scaled."""
        self.update_by_loss(self.compute_loss, self.x, self.t)
        if self.row.is_text:
            self.model.unchain_state()

    def infer(self) -> Any:
        """Computes the outputs alone."""
        with self.ann.using_config('train', False), self.ann.no_backprop_mode():
            return self.model(self.x)

    def step(self) -> None:
        """One step of training or inference."""
        for part in self.parts:
            getattr(self, part)()

    def synchronize(self) -> None:
        """Waits until the device has done the work."""
        self.ann.cuda.get_device_from_array(self.x).synchronize()

    def device_memory(self) -> int:
        """The bytes that CuPy's pool holds of the GPU's memory: it keeps what it once had."""
        return self.ann.cuda.memory_pool.total_bytes()
