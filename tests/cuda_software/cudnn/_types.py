"""The enumerations of ``cudnn``, and its error."""
from __future__ import annotations

import enum

import numpy as np
from ml_dtypes import bfloat16


class data_type(enum.Enum):
    FLOAT = np.dtype('float32')
    HALF = np.dtype('float16')
    BFLOAT16 = np.dtype(bfloat16)


class heur_mode(enum.Enum):
    A = 0
    FALLBACK = 1


class build_plan_policy(enum.Enum):
    HEURISTICS_CHOICE = 0


class numerical_note(enum.Enum):
    TENSOR_CORE = 0
    DOWN_CONVERT_INPUTS = 1
    REDUCED_PRECISION_REDUCTION = 2
    NONDETERMINISTIC = 3


class cudnnGraphNotSupportedError(RuntimeError):
    """There is no way to compute a graph."""
