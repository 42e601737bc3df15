"""Settings that all tests share."""
import hypothesis
import numpy as np
import pytest

hypothesis.settings.register_profile('default', max_examples=25, deadline=None, derandomize=True)
hypothesis.settings.load_profile('default')


@pytest.fixture(autouse=True)
def fixed_seed():
    """Every test starts from the same random numbers."""
    np.random.seed(0)
