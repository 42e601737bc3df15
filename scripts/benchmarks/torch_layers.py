"""PyTorch's layers for `benchmarks.networks`."""
from __future__ import annotations

import torch
from torch import nn


class Residual(nn.Module):
    """Adds what the branch computes to the input, or to its projection."""

    def __init__(self, branch: nn.Module, projection: nn.Module | None = None) -> None:
        super().__init__()
        self.branch = branch
        self.projection = projection or nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.branch(x)
        y += self.projection(x)
        return y


class LanguageModel(nn.Module):
    """An embedding, LSTM layers that keep their state from call to call, and an output layer, with dropout between."""

    def __init__(self, words: int, units: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, units)
        self.lstm = nn.LSTM(units, units, layers, dropout=0.5)
        self.output = nn.Linear(units, words)
        self.dropout = nn.Dropout(0.5)
        self.state: tuple[torch.Tensor, ...] | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From words of shape (T, B) to logits of shape (T * B, words)."""
        y, state = self.lstm(self.dropout(self.embed(x)), self.state)
        self.state = tuple(s.detach() for s in state)
        return self.output(self.dropout(y)).flatten(0, 1)


class TorchLayers:
    """Activations work in place, as in PyTorch's own networks."""

    def conv(self, inputs: int, outputs: int, size: int, stride: int = 1, pad: int = 0, groups: int = 1,
             bias: bool = True) -> nn.Module:
        return nn.Conv2d(inputs, outputs, size, stride, pad, groups=groups, bias=bias)

    def batch_norm(self, channels: int) -> nn.Module:
        return nn.BatchNorm2d(channels)

    def local_norm(self) -> nn.Module:
        return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)

    def max_pool(self, size: int, stride: int) -> nn.Module:
        return nn.MaxPool2d(size, stride, ceil_mode=True)

    def mean(self) -> nn.Module:
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def flatten(self) -> nn.Module:
        return nn.Flatten()

    def linear(self, inputs: int, outputs: int) -> nn.Module:
        return nn.Linear(inputs, outputs)

    def relu(self) -> nn.Module:
        return nn.ReLU(inplace=True)

    def relu6(self) -> nn.Module:
        return nn.ReLU6(inplace=True)

    def dropout(self, ratio: float = 0.5) -> nn.Module:
        return nn.Dropout(ratio)

    def sequential(self, *layers: nn.Module) -> nn.Module:
        return nn.Sequential(*layers)

    def residual(self, branch: nn.Module, projection: nn.Module | None = None) -> nn.Module:
        return Residual(branch, projection)

    def language_model(self, words: int, units: int, layers: int) -> nn.Module:
        return LanguageModel(words, units, layers)
