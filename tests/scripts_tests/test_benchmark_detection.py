"""The benchmark of detectors: both sides run the same network."""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_nn as ann

SCRIPTS = Path(__file__).parents[2] / 'scripts'
sys.path.append(str(SCRIPTS))

from benchmarks import detection  # noqa: E402


def run(*arguments):
    return subprocess.run([sys.executable, SCRIPTS / 'benchmark.py', 'detection', *map(str, arguments)],
                          capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_opencv_computes_what_we_compute():
    pytest.importorskip('cv2')
    side = detection.OpenCVSide('ssd300', batch=1, threads=1)
    network = detection.make_network('ssd300')
    with ann.using_config('train', False), ann.no_backprop_mode():
        for y, expected in zip(side.step(), network(side.x)):
            assert abs(expected.array).max() > 1
            np.testing.assert_allclose(y, expected.array, atol=1e-3)


@pytest.mark.slow
def test_table_and_json():
    process = run('--models', 'yolov2_tiny', '--rounds', 2, '--threads', 1, '--json')
    assert process.returncode == 0, process.stderr
    report = json.loads(process.stdout)
    result, = report['results']
    assert (result['parameters'], result['batch'], report['threads']) == (15_861_773, 1, 1)
    assert 0 < result['ratio'][0] <= result['ratio'][1]
    table = detection.show(result)
    assert 'yolov2_tiny, 15,861,773 parameters, batch of 1' in table
    assert "OpenCV's time by ours: " in table
    assert 'pip install opencv' in detection.show({**result, 'ratio': None})


def test_mistakes():
    for arguments, message in ((('--models', 'lenet'), 'invalid choice'),
                               (('--threads', 0), '--threads and --batch must be at least 1')):
        process = run(*arguments)
        assert process.returncode == 2
        assert message in process.stderr
        assert 'Traceback' not in process.stderr
