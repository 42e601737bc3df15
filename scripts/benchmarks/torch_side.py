"""The networks on PyTorch, in eager mode."""
from __future__ import annotations

from typing import Any

import torch

from benchmarks.networks import BUILDERS
from benchmarks.rows import Row, Setting
from benchmarks.torch_layers import TorchLayers

_SETTING = Setting()


class TorchSide:
    """Training or inference of one network on PyTorch.

    Attributes:
        parameters: The number of trainable numbers.
    """

    def __init__(self, row: Row, what: str, channels_last: bool, setting: Setting = _SETTING) -> None:
        torch.manual_seed(0)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = setting.precision != 'float32'
        self.device = setting.device
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.training = what == 'training'
        self.model = BUILDERS[row.model](TorchLayers(), row.classes)
        self.model = self.model.to(self.device, memory_format=layout).train(self.training)
        x, t = (torch.from_numpy(array).to(self.device) for array in row.minibatch())
        self.x = x.contiguous(memory_format=layout) if row.convolutional else x
        self.t = t.long().flatten()
        self.parameters = sum(param.numel() for param in self.model.parameters())
        optimizers: dict[str, Any] = {
            'adam': torch.optim.Adam,
            'momentum': lambda params: torch.optim.SGD(params, lr=1e-3, momentum=0.9),
            'clipping': lambda params: torch.optim.SGD(params, lr=0.1)}
        self.clips = row.optimizer == 'clipping'
        self.optimizer = optimizers[row.optimizer](self.model.parameters())
        self.half = getattr(torch, setting.half) if setting.half else None
        self.scaler = torch.amp.GradScaler(self.device, enabled=self.half is torch.float16)

    def infer(self) -> torch.Tensor:
        """Computes the outputs alone."""
        with torch.inference_mode(), self.precision():
            return self.model(self.x)

    def precision(self) -> Any:
        """A context in which forward passes compute in the precision that is timed."""
        return torch.autocast(self.device, self.half, enabled=self.half is not None)

    def train(self) -> None:
        """Computes loss and gradients, and changes the parameters."""
        self.optimizer.zero_grad(set_to_none=True)
        with self.precision():
            loss = torch.nn.functional.cross_entropy(self.model(self.x), self.t)
        self.scaler.scale(loss).backward()
        if self.clips:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def step(self) -> None:
        """One step of training or inference."""
        if self.training:
            self.train()
        else:
            self.infer()

    def synchronize(self) -> None:
        """Waits until the device has done the work."""
        if self.device != 'cpu':
            torch.cuda.synchronize()

    def device_memory(self) -> int:
        """The most bytes that PyTorch has held of the GPU's memory."""
        return torch.cuda.max_memory_reserved()
