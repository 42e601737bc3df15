"""Running the programs as a person runs them."""
import contextlib
import io
import json
import os
import runpy
import subprocess
import sys
import tempfile
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


class Copies:
    """A process that has imported what programs need; each program runs in a copy of it, which saves the imports.

    Args:
        preparation: A text in Python, after which ``main(words)`` runs the program that words name.
        options: Those of Python.
        env: The environment of the process.
    """

    _LOOP = """
import json, os, sys
for line in iter(sys.stdin.readline, ''):
    folder, streams, *words = json.loads(line)
    copy = os.fork()
    if not copy:
        os.chdir(folder)
        for i, (path, flags) in enumerate(streams):
            os.dup2(os.open(path, flags), i)
        break
    print(os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]), flush=True)
else:
    sys.exit()
main(words)
"""

    def __init__(self, preparation, *options, env=None):
        self._process = subprocess.Popen([sys.executable, *options, '-c', preparation + self._LOOP], text=True, env=env,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.communicate()

    def run(self, *words, cwd):
        """Runs a program; returns what `run` would."""
        with tempfile.TemporaryDirectory() as folder:
            paths = [f'{folder}/stdout', f'{folder}/stderr']
            streams = [(os.devnull, os.O_RDONLY), *((path, os.O_WRONLY | os.O_CREAT) for path in paths)]
            print(json.dumps([str(cwd), streams, *map(str, words)]), file=self._process.stdin, flush=True)
            status = int(self._process.stdout.readline())
            return subprocess.CompletedProcess(words, status, *(Path(path).read_text() for path in paths))


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
