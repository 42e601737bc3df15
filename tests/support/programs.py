"""Running the programs as a person runs them."""
import contextlib
import io
import os
import runpy
import subprocess
import sys
from pathlib import Path
from unittest import mock

from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.main import start_program

ROOT = Path(__file__).parents[2]


def run(script, *arguments, cwd):
    """Runs a program from the checkout; returns its completed process."""
    return run_python(ROOT / 'scripts' / f'{script}.py', *arguments, cwd=cwd)


def run_python(*words, cwd, **options):
    """Runs Python, such as with ``-m autograd_nn``; returns its completed process."""
    return subprocess.run([sys.executable, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=600,
                          check=False, **options)


def run_here(program, *arguments, cwd):
    """Runs a program of ``autograd-nn`` in this process, which saves the time to start one; returns what `run` would.

    An empty name stands for the command alone.
    """
    words = [*program.split(), *map(str, arguments)]
    return _capture(words, lambda: start_program(CommandLine('autograd-nn', ['autograd-nn'], words)), cwd)


def run_script_here(script, *arguments, cwd):
    """Runs a program from the checkout in this process, as Python runs the file; returns what `run` would."""
    words = [str(ROOT / 'scripts' / f'{script}.py'), *map(str, arguments)]
    path = [str(Path(words[0]).parent), *sys.path]
    with mock.patch.object(sys, 'argv', words), mock.patch.object(sys, 'path', path):
        return _capture(words, lambda: runpy.run_path(words[0], run_name='__main__'), cwd)


def _capture(words, call, cwd):
    """What a program would leave that is called in a folder."""
    streams, status, before = (io.StringIO(), io.StringIO()), 0, Path.cwd()
    os.chdir(cwd)
    try:
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            call()
    except SystemExit as error:
        status = error.code or 0
    finally:
        os.chdir(before)
    return subprocess.CompletedProcess(words, status, *(stream.getvalue() for stream in streams))


def expect_one_line(process, *words):
    """A user's mistake: status 2, and one line that says what is wrong."""
    assert process.returncode == 2, process.stderr
    assert 'Traceback' not in process.stderr
    lines = [line for line in process.stderr.splitlines() if 'error:' in line]
    assert len(lines) == 1, process.stderr
    for word in words:
        assert word in lines[0]
