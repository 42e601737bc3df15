"""Times what the host takes of a training step on a GPU, that is, Python and CuPy: kernels compute nothing here.

    CUPY_PACKAGES=packages PYTHONPATH=tests python -m cuda_software resnet50 --precision mixed --batch 64
"""
import argparse
import ctypes
import dataclasses
import os
import statistics
import sys
import time

import cuda_software

os.environ['CUDA_SOFTWARE_IDLE'] = '1'
sys.path.insert(0, str(cuda_software.HERE.parents[1] / 'scripts'))
cuda_software.install()

from benchmarks.chainer_side import ChainerSide  # noqa: E402  # CuPy is there only now
from benchmarks.rows import HALVES, ROWS, Setting  # noqa: E402

from autograd_nn.training import cuda_graph  # noqa: E402


def main() -> None:
    """Prints the median of some steps."""
    parser = argparse.ArgumentParser(prog='cuda_software', description=(__doc__ or '').partition('\n')[0])
    parser.add_argument('model', choices=ROWS)
    parser.add_argument('--precision', default='float32', choices=('float32', 'tf32', *HALVES))
    parser.add_argument('--batch', type=int, help='samples in a minibatch')
    parser.add_argument('--cuda-graph', action='store_true', help='capture the step as a CUDA graph')
    parser.add_argument('--steps', type=int, default=50, help='how many to time (default: %(default)s)')
    arguments = parser.parse_args()
    row = ROWS[arguments.model]
    row = dataclasses.replace(row, batch=arguments.batch or row.batch)
    cuda_graph._agree = lambda a, b: True  # nothing is computed
    side = ChainerSide('autograd_nn', row, 'training', Setting('cuda', arguments.precision, arguments.cuda_graph))
    for _ in range(5):
        side.step()
    launches, milliseconds = ctypes.c_long.in_dll(cuda_software.driver(), 'launches'), []
    before = launches.value
    for _ in range(arguments.steps):
        start = time.perf_counter()
        side.step()
        milliseconds.append((time.perf_counter() - start) * 1e3)
    count = round((launches.value - before) / arguments.steps)
    print(f'{statistics.median(milliseconds):.1f} ms a step, {count} launches beside those of cuBLAS and cuDNN')


if __name__ == '__main__':
    main()
