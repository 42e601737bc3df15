"""Chainer's layers for `benchmarks.networks`."""
from __future__ import annotations

from functools import partial
from typing import Any


class ChainerLayers:
    """The layers of Chainer, or of what has its names.

    Args:
        library: The module ``chainer``.
    """

    def __init__(self, library: Any) -> None:
        self.library = library
        self.F: Any = library.functions
        self.L: Any = library.links

    def conv(self, inputs: int, outputs: int, size: int, stride: int = 1, pad: int = 0, groups: int = 1,
             bias: bool = True) -> Any:
        return self.L.Convolution2D(inputs, outputs, size, stride, pad, nobias=not bias, groups=groups)

    def batch_norm(self, channels: int) -> Any:
        return self.L.BatchNormalization(channels)

    def local_norm(self) -> Any:
        # Chainer does not divide alpha by the size of the window.
        return partial(self.F.local_response_normalization, n=5, k=1, alpha=1e-4 / 5, beta=0.75)

    def max_pool(self, size: int, stride: int) -> Any:
        return partial(self.F.max_pooling_2d, ksize=size, stride=stride)

    def mean(self) -> Any:
        return partial(self.F.mean, axis=(2, 3))

    def flatten(self) -> Any:
        return lambda x: self.F.reshape(x, (len(x), -1))

    def linear(self, inputs: int, outputs: int) -> Any:
        return self.L.Linear(inputs, outputs)

    def relu(self) -> Any:
        return self.F.relu

    def relu6(self) -> Any:
        return self.F.relu6

    def dropout(self, ratio: float = 0.5) -> Any:
        return partial(self.F.dropout, ratio=ratio)

    def sequential(self, *layers: Any) -> Any:
        return self.library.Sequential(*layers)

    def residual(self, branch: Any, projection: Any = None) -> Any:
        Chain: Any = self.library.Chain

        class Residual(Chain):
            def __init__(self) -> None:
                super().__init__()
                with self.init_scope():
                    self.branch = branch
                    self.projection = projection

            def forward(self, x: Any) -> Any:
                return self.branch(x) + (x if self.projection is None else self.projection(x))

        return Residual()

    def language_model(self, words: int, units: int, layers: int) -> Any:
        F, L = self.F, self.L
        Chain: Any = self.library.Chain

        class LanguageModel(Chain):
            def __init__(self) -> None:
                super().__init__()
                with self.init_scope():
                    self.embed = L.EmbedID(words, units)
                    self.lstm = L.NStepLSTM(layers, units, units, 0.5)
                    self.output = L.Linear(units, words)
                self.h: Any = None
                self.c: Any = None

            def forward(self, x: Any) -> Any:
                steps = F.dropout(self.embed(x))
                self.h, self.c, ys = self.lstm(self.h, self.c, [steps[:, i] for i in range(x.shape[1])])
                return self.output(F.dropout(F.reshape(F.stack(ys, axis=1), (-1, units))))

            def reset_state(self) -> None:
                self.h = self.c = None

            def unchain_state(self) -> None:
                self.h.unchain_backward()
                self.c.unchain_backward()

        return LanguageModel()
