"""Normalization over neighbouring channels, against the plain formula."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import autograd_nn.functions as F
from support.checking import check_function, uniform


@given(shape=array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=5), n=st.integers(1, 5))
def test_local_response_normalization(shape, n):
    def reference(x):
        scale = np.stack([2 + 0.3 * (x[:, max(0, c - n // 2):c + n // 2 + 1] ** 2).sum(1) for c in range(shape[1])], 1)
        return x / scale ** 0.75

    check_function(lambda x: F.local_response_normalization(x, n, 2, 0.3), reference, uniform(*shape))


def test_an_axis_of_channels_is_needed():
    with pytest.raises(ValueError, match=r'\(N, C, ...\)'):
        F.local_response_normalization(np.ones(3))
