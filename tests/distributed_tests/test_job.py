"""What the processes of a job may use of their machines."""
import pytest

from autograd_nn.distributed.job import _Resources, choose_gpu, cores_of_each


def machine(*cores, n_gpus=0, visible=None):
    """Processes on one machine that may use these cores."""
    visible = visible or [None] * len(cores)
    return [_Resources(0, frozenset(each), n_gpus, v) for each, v in zip(cores, visible)]


@pytest.mark.parametrize('cores, expected', [
    ([range(8)], [8]),
    ([range(8)] * 2, [4, 4]),
    ([range(8)] * 3, [2, 2, 2]),
    ([range(2)] * 4, [1, 1, 1, 1]),
    ([range(4), range(4, 8)], [4, 4]),  # the launcher has bound them
    ([range(4), range(4), range(4, 6)], [2, 2, 2]),
])
def test_processes_share_the_cores_of_a_machine(cores, expected):
    here = machine(*cores)
    assert [cores_of_each(here, i) for i in range(len(here))] == expected


def test_each_process_has_a_gpu_of_its_own():
    here = machine(*[range(8)] * 3, n_gpus=4)
    assert [choose_gpu(i, here) for i in range(3)] == [0, 1, 2]
    alone = machine(*[range(8)] * 3, n_gpus=1, visible=['0', '1', '2'])  # as SLURM's --gpus-per-task has it
    assert [choose_gpu(i, alone) for i in range(3)] == [0, 0, 0]
    for few in machine(*[range(8)] * 3, n_gpus=2), machine(*[range(8)] * 3, n_gpus=1, visible=['0', '0', '0']):
        for i in range(3):
            with pytest.raises(RuntimeError, match=f'3 processes .* need a GPU each, found {few[0].n_gpus}'):
                choose_gpu(i, few)
