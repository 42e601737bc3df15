"""A few of the bundled digits, in files as people have them."""
import gzip
import struct

import numpy as np

from autograd_nn import datasets


def write_digits(folder, count=200):
    """The first of the bundled digits, as the four files of MNIST."""
    images, labels = (np.stack(arrays) for arrays in zip(*datasets.get_digits(ndim=2, scale=255)[0][:count]))
    folder.mkdir()
    for part in 'train', 't10k':
        for kind, header, array in (('images-idx3', (2051, count, 28, 28), images),
                                    ('labels-idx1', (2049, count), labels)):
            content = struct.pack(f'>{len(header)}i', *header) + array.astype(np.uint8).tobytes()
            (folder / f'{part}-{kind}-ubyte.gz').write_bytes(gzip.compress(content, 1))
