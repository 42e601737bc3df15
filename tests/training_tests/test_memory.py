"""Long runs need no more memory than short ones."""
import gc
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import iterators, optimizers, training
from autograd_nn.datasets import TupleDataset
from autograd_nn.training import extensions

STATM = Path('/proc/self/statm')


class Net(ann.Chain):
    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.conv = L.Convolution2D(1, 2, 3)
            self.norm = L.BatchNormalization(2)
            self.out = L.Linear(None, 3)

    def forward(self, x):
        return self.out(F.dropout(F.max_pooling_2d(F.relu(self.norm(self.conv(x))), 2)))


def sizes_of_training(out):
    """The bytes of this process, and how many objects it has, after every 400 of 2,000 training steps."""
    x, t = np.random.rand(40, 1, 8, 8).astype('f'), np.random.randint(0, 3, 40).astype('i')
    model = L.Classifier(Net())
    optimizer = optimizers.Adam().setup(model)
    updater = training.StandardUpdater(iterators.SerialIterator(TupleDataset(x, t), 8), optimizer)
    trainer = training.Trainer(updater, (2000, 'iteration'), out=out)
    trainer.extend(extensions.LogReport(trigger=(500, 'iteration')))
    sizes = []

    @training.make_extension(trigger=(400, 'iteration'))
    def measure(trainer):
        pages = int(STATM.read_text().split()[1])
        sizes.append((pages * 4096, len(gc.get_objects())))

    trainer.extend(measure)
    gc.collect()
    gc.disable()
    trainer.run()
    return sizes


@pytest.mark.slow
@pytest.mark.skipif(not STATM.exists(), reason='the size of a process is read from /proc')
def test_two_thousand_training_steps_leave_memory_flat(tmp_path):
    """Without the garbage collector's help, in a process of its own: nothing that a step makes outlives it."""
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as processes:
        sizes = processes.submit(sizes_of_training, tmp_path).result()
    (first, objects), *_, (last, more_objects) = sizes
    assert len(sizes) == 5
    assert last - first < 3 << 18, f'the process grew by {last - first:,} bytes in 1,600 steps'
    # The log grows by a few numbers each time it is written.
    assert more_objects - objects < 200
