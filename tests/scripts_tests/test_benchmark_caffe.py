"""The benchmark of networks of Caffe."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.caffe.layer_checks import random, write

SCRIPT = Path(__file__).parents[2] / 'scripts' / 'benchmark.py'
NET = '''input: "data" input_shape { dim: 1 dim: 3 dim: 16 dim: 16 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "scale" type: "Scale" bottom: "conv" top: "conv" }'''


def run(*arguments):
    return subprocess.run([sys.executable, SCRIPT, 'caffe', *map(str, arguments)], capture_output=True, text=True,
                          check=False)


@pytest.fixture
def files(tmp_path):
    paths = tmp_path / 'net.prototxt', tmp_path / 'net.caffemodel'
    for path, data in zip(paths, write(NET, {'conv': [random(4, 3, 3, 3), random(4)], 'scale': [random(4)]})):
        path.write_bytes(data)
    return paths


@pytest.mark.slow
def test_table_and_json(files):
    process = run(*files, '--rounds', 2, '--threads', 1)
    assert process.returncode == 0, process.stderr
    assert 'net.caffemodel, 116 parameters, batch of 1' in process.stdout
    assert process.stdout.count("OpenCV's time by this") == 2
    report = json.loads(run(*files, '--rounds', 2, '--threads', 1, '--batch', 2, '--json').stdout)
    assert set(report['milliseconds']) == {'autograd_nn', 'opencv', 'autograd_nn fused'}
    for name, ratio in report['ratios'].items():
        assert 0 < ratio[0] <= ratio[1] <= ratio[2], name
    assert report['batch'] == 2 and report['threads'] == 1


def test_mistakes(files):
    for arguments, message in (((files[0],), 'expected a deploy file and its weights, got 1 files'),
                               ((*files, '--threads', 0), '--threads and --batch must be at least 1'),
                               ((files[0], files[1].with_name('other')), 'other')):
        process = run(*arguments)
        assert process.returncode == 2
        assert message in process.stderr
        assert 'Traceback' not in process.stderr
