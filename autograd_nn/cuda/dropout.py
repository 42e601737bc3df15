"""Random masks, from a generator that computes the number of each element by itself."""
from __future__ import annotations

from typing import Any

import numpy as np

from autograd_nn.cuda import capture, device
from autograd_nn.cuda.kernel import elementwise
from autograd_nn.types import Array

# Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011: four numbers of 32 bits from a counter and a key.
_PHILOX = '''
__device__ void philox(unsigned int counter[4], unsigned int key_0, unsigned int key_1) {
    for (int round = 0; round < 10; ++round) {
        const unsigned long long product_0 = 0xD2511F53ull * counter[0];
        const unsigned long long product_1 = 0xCD9E8D57ull * counter[2];
        counter[0] = (unsigned int)(product_1 >> 32) ^ counter[1] ^ key_0;
        counter[1] = (unsigned int)product_1;
        counter[2] = (unsigned int)(product_0 >> 32) ^ counter[3] ^ key_1;
        counter[3] = (unsigned int)product_0;
        key_0 += 0x9E3779B9u;
        key_1 += 0xBB67AE85u;
    }
}
'''
_MASK = '''
    unsigned int numbers[4] = {(unsigned int)i, (unsigned int)((unsigned long long)i >> 32), 0, 0};
    philox(numbers, key_0, key_1);
    for (int j = 0; j < 4; ++j) {
        const ptrdiff_t place = i + j * step;
        if (place < length) mask[place] = numbers[j] >= threshold ? (T)scale : (T)0;
    }'''
_PARAMETERS = 'uint32 threshold, float64 scale, int64 length, int64 step'
_dropout_mask = elementwise(f'uint32 key_0, uint32 key_1, {_PARAMETERS}', 'raw T mask', _MASK, 'dropout_mask',
                            preamble=_PHILOX)
_captured_mask = elementwise(f'raw uint32 key, {_PARAMETERS}', 'raw T mask',
                             f'const unsigned int key_0 = key[0], key_1 = key[1];{_MASK}', 'captured_dropout_mask',
                             preamble=_PHILOX)


def dropout_mask(x: Array, ratio: float) -> Any:
    """One kernel, seeded by NumPy's generator, so that the host need not wait for the device.

    A graph reads its key from the device, where each launch puts another one.
    """
    mask = device.cupy.empty_like(x)
    key = np.random.randint(1 << 32, size=2, dtype=np.uint32)
    threshold = np.uint32(min(round(ratio * (1 << 32)), (1 << 32) - 1))
    step = -(-x.size // 4)
    numbers = threshold, 1 / (1 - ratio), x.size, step, mask
    graph = capture.current()
    if graph is None:
        _dropout_mask(*key, *numbers, size=step)
    else:
        _captured_mask(graph.key_slot(key), *numbers, size=step)
    return mask
