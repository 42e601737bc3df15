"""Attention by oneDNN's products of matrices and its softmax."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn import cpu as reference
from autograd_nn.cpu.onednn.matrix_product import matmul
from autograd_nn.cpu.onednn.softmax import softmax


def attention(query: np.ndarray, key: np.ndarray, value: np.ndarray, training: bool) -> tuple[np.ndarray, Any]:
    """The formula of the kernel on NumPy, with oneDNN's products of matrices and its softmax."""
    return reference.attention(query, key, value, training, matmul, softmax)


def attention_grad(query: np.ndarray, key: np.ndarray, value: np.ndarray, y: np.ndarray, workspace: Any,
                   gy: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The formula of the kernel on NumPy, with oneDNN's products of matrices."""
    return reference.attention_grad(query, key, value, y, workspace, gy, matmul)
