"""The networks on PyTorch, in eager mode."""
from __future__ import annotations

from typing import Any

import torch

from benchmarks.networks import BUILDERS
from benchmarks.rows import Row
from benchmarks.torch_layers import TorchLayers


class TorchSide:
    """Training or inference of one network on PyTorch.

    Attributes:
        parameters: The number of trainable numbers.
    """

    def __init__(self, row: Row, what: str, channels_last: bool) -> None:
        torch.manual_seed(0)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.training = what == 'training'
        self.model = BUILDERS[row.model](TorchLayers(), row.classes).to(memory_format=layout).train(self.training)
        x, t = (torch.from_numpy(array) for array in row.minibatch())
        self.x = x.contiguous(memory_format=layout) if row.convolutional else x
        self.t = t.long().flatten()
        self.parameters = sum(param.numel() for param in self.model.parameters())
        optimizers: dict[str, Any] = {
            'adam': torch.optim.Adam,
            'momentum': lambda params: torch.optim.SGD(params, lr=1e-3, momentum=0.9),
            'clipping': lambda params: torch.optim.SGD(params, lr=0.1)}
        self.clips = row.optimizer == 'clipping'
        self.optimizer = optimizers[row.optimizer](self.model.parameters())

    def infer(self) -> torch.Tensor:
        """Computes the outputs alone."""
        with torch.inference_mode():
            return self.model(self.x)

    def train(self) -> None:
        """Computes loss and gradients, and changes the parameters."""
        self.optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(self.model(self.x), self.t).backward()
        if self.clips:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.)
        self.optimizer.step()

    def step(self) -> None:
        """One step of training or inference."""
        if self.training:
            self.train()
        else:
            self.infer()
