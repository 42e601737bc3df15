"""Imports point downward only, without circles, as the contracts in setup.cfg say."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytest.importorskip('importlinter')


def check_imports(folder):
    code = 'import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))'
    return subprocess.run([sys.executable, '-c', code], cwd=folder, capture_output=True, text=True)


def test_imports_point_downward():
    done = check_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_that_points_upward_is_found(tmp_path):
    package = tmp_path / 'autograd_nn'
    shutil.copytree(ROOT / 'autograd_nn', package, ignore=shutil.ignore_patterns('__pycache__'))
    shutil.copy(ROOT / 'setup.cfg', tmp_path)
    with (package / 'geometry.py').open('a') as file:
        file.write('\n\ndef upward():\n    import autograd_nn.models.registry\n')
    done = check_imports(tmp_path)
    assert done.returncode == 1 and 'autograd_nn.geometry -> autograd_nn.models.registry' in done.stdout, done.stderr
