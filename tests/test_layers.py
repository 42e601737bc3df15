"""Imports point downward only, without circles, as the contracts in setup.cfg say."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytest.importorskip('importlinter')


@pytest.fixture
def package(tmp_path):
    """A copy of the package as it is installed, with the contracts beside it."""
    for source, target in ('autograd_nn', 'autograd_nn'), ('models', 'autograd_nn/models'):
        shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns('__pycache__'),
                        dirs_exist_ok=True)
    shutil.copy(ROOT / 'setup.cfg', tmp_path)
    return tmp_path / 'autograd_nn'


def check_imports(package):
    code = 'import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))'
    return subprocess.run([sys.executable, '-c', code], cwd=package.parent, capture_output=True, text=True)


def test_imports_point_downward(package):
    done = check_imports(package)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_that_points_upward_is_found(package):
    with (package / 'geometry.py').open('a') as file:
        file.write('\n\ndef upward():\n    import autograd_nn.training\n')
    done = check_imports(package)
    assert done.returncode == 1 and 'autograd_nn.geometry -> autograd_nn.training' in done.stdout, done.stderr
