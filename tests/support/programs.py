"""Running the programs as a person runs them."""
import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

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
    streams, status, before = (io.StringIO(), io.StringIO()), 0, Path.cwd()
    words = [*program.split(), *map(str, arguments)]
    os.chdir(cwd)
    try:
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            start_program(CommandLine('autograd-nn', ['autograd-nn'], words))
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
