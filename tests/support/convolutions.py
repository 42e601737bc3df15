"""Random convolutions through oneDNN; apart from tests, for programs to import it without all that tests need."""
import numpy as np

from autograd_nn import cpu
from autograd_nn.cpu import onednn


def check_convolutions(seed: int, count: int = 10) -> None:
    """Compares some with those of NumPy."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n, c, k, size = rng.integers(1, 9, 4)
        x = rng.standard_normal((n, c, size + 2, size + 2)).astype('f')
        W = rng.standard_normal((k, c, 3, 3)).astype('f')
        actual, expected = [kernels.convolution(x, W, None, (1, 1), (1, 1), (1, 1), 1) for kernels in (onednn, cpu)]
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)
