"""Programs for ChainerMN, which say nothing of this package, and the names that they find."""
import os
import re
from pathlib import Path

import pytest

from support import mpi, programs

FOLDER = Path(__file__).parent
PROGRAMS = FOLDER / 'programs'
NAMES = FOLDER / 'chainermn_names.txt'


def launch(n, name, *words, cwd, check=True, timeout=300, **environ):
    """Runs a program as it is in n processes; returns the completed process."""
    paths = [programs.ROOT, os.environ.get('PYTHONPATH', '')]
    environ['PYTHONPATH'] = os.pathsep.join(str(path) for path in paths if path)
    before = Path.cwd()
    os.chdir(cwd)
    try:
        return mpi.run(n, ['-W', 'ignore', '-m', 'autograd_nn.chainer', PROGRAMS / f'{name}.py', *words], check=check,
                       timeout=timeout, **environ)
    finally:
        os.chdir(before)


def read_names():
    """The names of each module."""
    text = re.sub(r'\n +', ' ', re.sub(r'(?m)^#.*\n', '', NAMES.read_text()))
    return {module: names.split() for module, _, names in (line.partition(':') for line in text.splitlines())}


def test_names(tmp_path):
    lines = [f'from {module} import {", ".join(names)}' for module, names in read_names().items()]
    done = programs.run_python('-W', 'ignore', '-m', 'autograd_nn.chainer', '-c', '\n'.join(lines), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_modules_are_the_same_objects(tmp_path):
    done = programs.run_python('-W', 'ignore', '-m', 'autograd_nn.chainer', '-c', '''
import sys
import chainermn, chainermn.communicators.communicator_base
from autograd_nn import distributed
from unittest import mock
assert 'mpi4py' not in sys.modules
assert chainermn.extensions is distributed.extensions and chainermn.__version__ == '7.8.1'
assert chainermn.communicators.communicator_base is distributed.communicators.communicator_base
with mock.patch('chainermn.scatter_index', 7):
    assert distributed.scatter_index == 7
assert sys.excepthook is sys.__excepthook__
''', cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_hook_is_there_where_the_environment_says_so(tmp_path):
    program = 'import sys, chainermn; print(sys.excepthook is sys.__excepthook__)'
    environ = {**os.environ, 'CHAINERMN_FORCE_ABORT_ON_EXCEPTION': '1'}
    done = programs.run_python('-m', 'autograd_nn.chainer', '-c', program, cwd=tmp_path, env=environ)
    assert done.stdout == 'False\n', done.stderr


@pytest.mark.slow
@pytest.mark.parametrize('name, n, words', [
    ('mn_mnist', 2, []), ('mn_mnist', 2, ['--double-buffering']), ('mn_model_parallel', 2, []), ('mn_seq2seq', 2, [])])
def test_program(name, n, words, tmp_path):
    assert re.search(r'(accuracy|words) (0\.\d|1\.0)', launch(n, name, *words, cwd=tmp_path).stdout)


def rows(shown):
    """The lines of epochs of what a program has printed."""
    return re.findall(r'(?m)^[1-9] .*$', shown)


@pytest.mark.slow
def test_a_program_that_fails_goes_on_from_its_checkpoints(tmp_path):
    """As one that has not failed; batch normalization communicates in the call that initializes parameters."""
    for place in 'failed', 'whole':
        (tmp_path / place).mkdir()
    failed = launch(2, 'mn_imagenet', '--fail', 'extension', cwd=tmp_path / 'failed', check=False, timeout=60)
    assert failed.returncode and 'RuntimeError: as wanted' in failed.stdout and 'rank 1 of 2' in failed.stdout
    checkpoints = tmp_path / 'failed' / 'checkpoints'
    assert {path.name for path in checkpoints.iterdir()} == {f'imagenet.{i}.{n}' for i in (0, 1) for n in (10, 20)}
    resumed = launch(2, 'mn_imagenet', cwd=tmp_path / 'failed', timeout=60).stdout
    assert 'begins at 20' in resumed and not list(checkpoints.iterdir())
    whole = launch(2, 'mn_imagenet', '--serial', cwd=tmp_path / 'whole', timeout=60).stdout
    assert rows(resumed)[-2:] == rows(whole)[-2:] and len(rows(whole)) == 4


@pytest.mark.slow
@pytest.mark.parametrize('place', ['evaluator', 'worker', 'signal'])
def test_a_program_that_fails_in_one_process_ends(place, tmp_path):
    failed = launch(2, 'mn_imagenet', '--fail', place, cwd=tmp_path, check=False, timeout=60)
    assert failed.returncode and 'rank 1 of 2' in failed.stdout
    assert ('KeyboardInterrupt' if place == 'signal' else 'RuntimeError: as wanted') in failed.stdout
