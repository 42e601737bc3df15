"""Running the command-line programs as a person runs them."""
import contextlib
import io
import os
import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(script, *arguments, cwd):
    """Runs a program; returns its completed process."""
    return subprocess.run([sys.executable, ROOT / 'scripts' / f'{script}.py', *map(str, arguments)], cwd=cwd,
                          capture_output=True, text=True, timeout=600, check=False)


def run_here(script, *arguments, cwd):
    """Runs a program in this process, which saves the time to start one; returns what `run` would."""
    path, before = ROOT / 'scripts' / f'{script}.py', (sys.argv, Path.cwd())
    streams, status = (io.StringIO(), io.StringIO()), 0
    sys.argv = [str(path), *map(str, arguments)]
    sys.path.insert(0, str(path.parent))
    os.chdir(cwd)
    try:
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            runpy.run_path(str(path), run_name='__main__')
    except SystemExit as error:
        status = error.code or 0
    finally:
        sys.argv = before[0]
        os.chdir(before[1])
        sys.path.remove(str(path.parent))
    return subprocess.CompletedProcess(arguments, status, *(stream.getvalue() for stream in streams))


def expect_one_line(process, *words):
    """A user's mistake: status 2, and one line that says what is wrong."""
    assert process.returncode == 2, process.stderr
    assert 'Traceback' not in process.stderr
    lines = [line for line in process.stderr.splitlines() if 'error:' in line]
    assert len(lines) == 1, process.stderr
    for word in words:
        assert word in lines[0]
