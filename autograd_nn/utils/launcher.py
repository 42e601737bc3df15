"""What launchers of MPI jobs tell the processes that they start, by environment variables."""
from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# The rank and the number of processes. A launcher may start another one, which then speaks last: SLURM's comes first.
_VARIABLES = {
    'mpiexec': ('PMI_RANK', 'PMI_SIZE'),  # of MPICH and Intel MPI, and what srun says to them
    'mpiexec of Open MPI': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE'),
    'srun': ('SLURM_PROCID', 'SLURM_STEP_NUM_TASKS'),  # the second one is not there in a batch script without srun
}
# Others, of which it is enough to know that they were there.
_SIGNS = 'PMI_', 'PMIX_', 'PALS_', 'FLUX_TASK_', 'JSM_NAMESPACE_', 'HYDRA_'


class Launch(NamedTuple):
    """How a process of a job was started.

    Attributes:
        launcher: The launcher.
        rank: Which of the processes it is, from 0.
        size: The number of processes.
    """

    launcher: str
    rank: int
    size: int


def find_launch(environ: Mapping[str, str]) -> Launch | None:
    """How a launcher of MPI jobs has started this process; None if none has, or none that says so.

    Args:
        environ: The environment variables.

    Example:
        >>> find_launch({'PMI_RANK': '0', 'PMI_SIZE': '2'})
        Launch(launcher='mpiexec', rank=0, size=2)
    """
    for launcher, names in _VARIABLES.items():
        rank, size = (environ.get(name, '') for name in names)
        if rank.isdigit() and size.isdigit():
            return Launch(launcher, int(rank), int(size))
    return None


def is_launched(environ: Mapping[str, str]) -> bool:
    """Whether a launcher of MPI jobs has started this process.

    Args:
        environ: The environment variables.

    Example:
        >>> is_launched({'PMI_RANK': '0', 'PMI_SIZE': '1'}), is_launched({'HOME': '/'})
        (True, False)
    """
    return find_launch(environ) is not None or any(name.startswith(_SIGNS) for name in environ)
