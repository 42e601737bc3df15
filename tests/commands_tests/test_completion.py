"""Completing command lines as shells do it."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_nn import models
from autograd_nn.commands.programs import PROGRAMS
from support.programs import Copies

pytest.importorskip('argcomplete')
BIN = Path(sys.executable).parent


# What a shell does: it sets variables, and reads from the file descriptor 8.
COMMAND = """
import os, sys
from autograd_nn.commands.main import main as start
def main(words):
    line, position = words
    os.environ.update(COMP_LINE=line, COMP_POINT=str(len(line)), _ARGCOMPLETE=position, _ARGCOMPLETE_IFS='\\n')
    os.dup2(1, 8)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = ['autograd-nn']
    start()
"""


@pytest.fixture(scope='module')
def copies():
    with Copies(COMMAND) as started:
        yield started


@pytest.fixture
def complete(copies):
    """Completes a line; returns the words that a shell is told."""
    def complete(line, start=1):
        process = copies.run(line, start, cwd=Path.cwd())
        assert (process.returncode, process.stderr) == (0, '')
        return [word.strip() for word in process.stdout.split('\n')]

    return complete


def test_programs(complete):
    assert {name.split()[0] for name in PROGRAMS} <= set(complete('autograd-nn '))
    assert complete('autograd-nn pre') == ['predict']
    assert {'train', 'generate'} <= set(complete('autograd-nn fast-style '))
    assert complete('python -m autograd_nn gen', 3) == ['generate']


@pytest.mark.parametrize('line, words', [
    ('train --mod', ['--model']), ('train --model mobile', ['mobilenet', 'mobilenet_v2']),
    ('train --model lenet --sched', ['--schedule']), ('train --schedule c', ['cosine', 'constant']),
    ('train --model lstm_lm --st', ['--steps']), ('train --model lenet --st', ['']),
    ('train --model nonsense --ep', ['--epochs']), ('train --resume nowhere --ep', ['--epochs']),
    ('style a.jpg b.jpg --random-weights --model vgg1', [f'vgg1{n}' for n in ('1', '1_bn', '3', '3_bn', '6', '6_bn',
                                                                            '9', '9_bn')]),
    ('fast-style train --task s', ['style', 'super-resolution']), ('convert a.caffemodel b.npz --to vgg19', ['vgg19']),
])
def test_options_and_their_values(line, words, complete):
    assert complete(f'autograd-nn {line}') == words


def test_all_models(complete):
    assert complete('autograd-nn train --model ') == models.names()


def test_files(tmp_path, monkeypatch, complete):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'photo.jpg').touch()
    assert complete('autograd-nn predict pho') == ['photo.jpg']


def test_in_bash():
    """By the function that the shell is given for the command."""
    missing = [name for name in ('register-python-argcomplete', 'autograd-nn') if not (BIN / name).exists()]
    if missing or shutil.which('bash') is None:
        pytest.skip(f'not installed: {", ".join(missing) or "bash"}')
    script = """eval "$(register-python-argcomplete autograd-nn)"
complete -p autograd-nn
COMP_LINE='autograd-nn train --model alex' COMP_POINT=30 COMP_TYPE=9
_python_argcomplete autograd-nn alex --model
printf '%s\\n' "${COMPREPLY[@]}"
"""
    environment = {**os.environ, 'PATH': f'{BIN}{os.pathsep}{os.environ["PATH"]}'}
    process = subprocess.run(['bash', '--norc', '-c', script], env=environment, capture_output=True, text=True)
    registered, *words = process.stdout.splitlines()
    assert '_python_argcomplete' in registered and words == ['alexnet', 'alexnet_one_tower'], process.stderr
