"""Random masks for dropout, drawn from NumPy's generator."""
from __future__ import annotations

import numpy as np

from autograd_nn.cpu import blocks, memory, threads

# Larger masks come from faster generators than NumPy's global one, which seeds them.
_SMALL_ELEMENTS = 1 << 12
_BLOCK_ELEMENTS = 1 << 18


def dropout_mask(x: np.ndarray, ratio: float) -> np.ndarray:
    """A generator for each block, so that a mask does not depend on the number of threads."""
    mask = memory.empty_like(x)
    scale = x.dtype.type(1 / (1 - ratio))
    if x.size <= _SMALL_ELEMENTS:
        return np.multiply(np.random.random_sample(x.shape) >= ratio, scale, out=mask)
    elements, = blocks.flat([mask]) or [mask]
    seed = np.random.randint(1 << 32, size=4, dtype=np.uint32)
    threshold = np.uint32(min(round(ratio * (1 << 32)), (1 << 32) - 1))

    def draw(start: int) -> None:
        part = elements[start:start + _BLOCK_ELEMENTS]
        numbers = np.random.SFC64([*seed, start]).random_raw((part.size + 1) // 2).view(np.uint32)[:part.size]
        np.multiply(numbers >= threshold, scale, out=part)

    threads.run(draw, range(0, elements.size, _BLOCK_ELEMENTS))
    return mask
