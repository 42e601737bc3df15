"""The programs with ``--device cuda:0``."""
import json

import pytest

from support import programs

pytestmark = pytest.mark.gpu


def losses(tmp_path, name, *options):
    out = tmp_path / name
    done = programs.run_here('train', '--model', 'perceptron', '--batch-size', 500, '--no-augment', '--out', out,
                             *options, cwd=tmp_path)
    assert done.returncode == 0 and 'without CUDA graphs' not in done.stderr, done.stderr
    found = [entry['main/loss'] for entry in json.loads((out / 'log.json').read_text())]
    assert found
    return found


def test_a_program_trains_as_on_the_cpu(tmp_path):
    expected, actual = (losses(tmp_path, device[:4], '--epochs', 1, '--device', device) for device in ('cpu', 'cuda:0'))
    assert actual == pytest.approx(expected, rel=1e-4)


def test_a_program_launches_cuda_graphs(tmp_path):
    expected, actual = (losses(tmp_path, name, '--epochs', 2, '--device', 'cuda:0', *options)
                        for name, options in (('without', []), ('with', ['--cuda-graph'])))
    assert actual == expected


def test_a_gpu_that_is_not_there(tmp_path):
    done = programs.run_here('train', '--model', 'perceptron', '--device', 'cuda:99', cwd=tmp_path)
    programs.expect_one_line(done, 'CUDA device 99 does not exist', 'found')
