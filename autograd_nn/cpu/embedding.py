"""The gradient of a table look-up."""
from __future__ import annotations

import numpy as np

from autograd_nn.contract import Ints
from autograd_nn.cpu.window import compute_dtype


def embedding_grad(gy: np.ndarray, ids: np.ndarray, W_shape: Ints) -> np.ndarray:
    """Scatters the rows and adds them up."""
    gW = np.zeros(W_shape, compute_dtype(gy.dtype))
    np.add.at(gW, ids.reshape(-1), gy.reshape(-1, W_shape[1]))
    return gW.astype(gy.dtype, copy=False)
