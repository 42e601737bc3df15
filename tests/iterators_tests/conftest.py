import multiprocessing

import pytest


@pytest.fixture(autouse=True)
def fork():
    """Lets data sets be of classes and functions that only exist in a test."""
    before = multiprocessing.get_start_method()
    if 'fork' in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method('fork', force=True)
    yield
    multiprocessing.set_start_method(before, force=True)
