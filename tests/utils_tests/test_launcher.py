"""What launchers say in the environment of a process."""
import pytest

from autograd_nn.utils.launcher import find_launch, is_launched


@pytest.mark.parametrize('environ, expected', [
    ({'PMI_RANK': '1', 'PMI_SIZE': '4', 'MPI_LOCALRANKID': '1'}, ('mpiexec', 1, 4)),
    ({'OMPI_COMM_WORLD_RANK': '0', 'OMPI_COMM_WORLD_SIZE': '2', 'PMIX_RANK': '0'}, ('mpiexec of Open MPI', 0, 2)),
    ({'SLURM_PROCID': '3', 'SLURM_STEP_NUM_TASKS': '8'}, ('srun', 3, 8)),
    # mpiexec within a job of SLURM, where srun has started nothing but this
    ({'SLURM_PROCID': '0', 'SLURM_STEP_NUM_TASKS': '1', 'PMI_RANK': '2', 'PMI_SIZE': '4'}, ('mpiexec', 2, 4)),
    # a batch script of SLURM, which runs once
    ({'SLURM_PROCID': '0', 'SLURM_NTASKS': '8'}, None),
    ({'PMI_RANK': 'x', 'PMI_SIZE': '4'}, None),
    ({}, None),
])
def test_launchers(environ, expected):
    assert find_launch(environ) == expected


def test_launchers_that_say_no_more():
    assert is_launched({'PMIX_RANK': '0'}) and is_launched({'FLUX_TASK_RANK': '0'})
    assert not is_launched({'SLURM_PROCID': '0', 'SLURM_NTASKS': '8'})
