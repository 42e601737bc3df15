"""Packages that were written for Chainer, as they are on the index, in an environment of their own."""
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from support import programs

PROGRAMS = Path(__file__).parent / 'packages'
# No dependencies: those of chainerrl and gym would bring what nobody here needs. ChainerCV's one compiled module cannot
# be compiled any more, so a compiler that does nothing leaves it out.
PACKAGES = ('chainercv==0.13.1', 'chainercv2==0.0.62', 'chainerrl==0.8.0', 'chainer-computational-cost==0.1.2',
            'chainerui==0.11.0', 'gym==0.17.3')
THEIRS = 'cached-property', 'cloudpickle', 'filelock', 'requests', 'six', 'typing_extensions'

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def python(tmp_path_factory):
    """The Python of an environment with `chainer` and the packages."""
    root = tmp_path_factory.mktemp('environment')
    venv.create(root, symlinks=True)
    result = root / 'bin/python'
    packages = next(root.glob('lib/python*/site-packages'))
    (packages / 'others.pth').write_text(''.join(f'{path}\n' for path in [programs.ROOT, *sys.path]
                                                 if Path(path).is_dir()))
    call = [sys.executable, '-m', 'pip', '--python', str(result), 'install', '--quiet']
    subprocess.run([result, '-m', 'autograd_nn.chainer', '--install'], check=True, cwd=root)
    for words in ([*THEIRS, 'setuptools<81', 'wheel'], ['--no-deps', '--no-build-isolation', *PACKAGES]):
        done = subprocess.run([*call, *words], capture_output=True, text=True, check=False, cwd=root,
                              env={**os.environ, 'CC': 'true', 'LDSHARED': 'true'})
        if done.returncode and 'CI' not in os.environ:
            pytest.skip(f'the packages cannot be installed: {done.stderr[-300:]}')
        assert done.returncode == 0, done.stderr
    return result


@pytest.mark.parametrize('program', sorted(PROGRAMS.glob('*.py')), ids=lambda path: path.stem)
def test_package(program, python, tmp_path):
    words = ['-W', 'ignore', '-m', 'autograd_nn.chainer', '--numpy1-names', program]
    done = subprocess.run([python, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f'{done.stdout}\n{done.stderr}'
