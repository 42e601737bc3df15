import faulthandler
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from autograd_nn import distributed
from autograd_nn.distributed import CommunicatorBase


@pytest.fixture(scope='session')
def comm() -> CommunicatorBase:
    return distributed.create_communicator('naive')


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Ends all processes when a test fails in one, which the others would wait for."""
    session.config.add_cleanup(lambda: abort() if exitstatus else None)


def abort() -> None:
    from mpi4py import MPI
    sys.stdout.flush()
    MPI.COMM_WORLD.Abort(1)


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    np.random.seed(0)


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """Ends this process, and so all, with a traceback where others wait for it in vain."""
    faulthandler.dump_traceback_later(100, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
