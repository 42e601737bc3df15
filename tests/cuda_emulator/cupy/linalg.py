"""``cupy.linalg``: what the package uses of it."""
from functools import partial

import numpy as np

from ._array import call

det, inv, norm, qr, slogdet, solve, svd = (
    partial(call, getattr(np.linalg, name)) for name in ['det', 'inv', 'norm', 'qr', 'slogdet', 'solve', 'svd'])
