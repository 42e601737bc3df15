"""Networks that translate on a GPU, beside the same on the CPU."""
import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import cuda, models

pytestmark = pytest.mark.gpu
SOURCE = np.array([[5, 6, 7, 8, 2], [3, 2, -1, -1, -1], [4, 8, 3, 2, -1]], 'i')
TARGET = np.array([[1, 3, 4, 5], [1, 7, 8, -1], [1, -1, -1, -1]], 'i')
FOLLOWING = np.array([[3, 4, 5, 2], [7, 8, 2, -1], [2, -1, -1, -1]], 'i')


@pytest.mark.parametrize('build', [
    lambda: models.Seq2Seq(9, units=8, layers=1, dropout=0.),
    lambda: models.Transformer(9, size=8, hidden=12, n_heads=2, depth=1, dropout=0.)], ids=['seq2seq', 'transformer'])
def test_loss_gradients_translations_and_attention(build):
    network, found = build(), []
    network.label_smoothing = 0.1
    for name in 'cpu', 'cuda:0':
        device, copy = ann.get_device(name), network.copy('copy').to_device(name)
        source, target, following = device.send((SOURCE, TARGET, FOLLOWING))
        loss = copy.lossfun(copy(source, target), following)
        copy.cleargrads()
        loss.backward()
        gradients = np.concatenate([cuda.to_cpu(param.grad).ravel() for param in copy.params()])
        written = [[each.tokens for each in hypotheses] for hypotheses in copy.write(source, 2, 5, 0.6)]
        found.append((float(cuda.to_cpu(loss.array)), gradients, written, copy.look(source, target)))
    for on_cpu, on_gpu in zip(*found):
        if isinstance(on_cpu, list):
            assert on_gpu == on_cpu
        else:
            np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-3, atol=1e-5)
