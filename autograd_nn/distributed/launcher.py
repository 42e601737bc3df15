"""What launchers of MPI jobs tell the processes that they start, by environment variables."""
from __future__ import annotations

from collections.abc import Mapping

# The rank, the number of processes, the rank among those on this machine and their number.
_VARIABLES = {
    'MPICH': ('PMI_RANK', 'PMI_SIZE', 'MPI_LOCALRANKID', 'MPI_LOCALNRANKS'),
    'Open MPI': ('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK',
                 'OMPI_COMM_WORLD_LOCAL_SIZE'),
    'SLURM': ('SLURM_PROCID', 'SLURM_STEP_NUM_TASKS', 'SLURM_LOCALID', 'SLURM_STEP_TASKS_PER_NODE'),
}
# Others, of which it is enough to know that they were there.
_SIGNS = 'PMI_', 'PMIX_', 'PALS_', 'FLUX_TASK_', 'JSM_NAMESPACE_', 'HYDRA_'


def is_launched(environ: Mapping[str, str]) -> bool:
    """Whether a launcher of MPI jobs has started this process.

    Args:
        environ: The environment variables.

    Example:
        >>> is_launched({'PMI_RANK': '0', 'PMI_SIZE': '1'}), is_launched({'HOME': '/'})
        (True, False)
    """
    return (any(rank in environ and size in environ for rank, size, *_ in _VARIABLES.values())
            or any(name.startswith(_SIGNS) for name in environ))
