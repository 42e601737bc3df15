"""Running the command-line programs as a person runs them."""
import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(script, *arguments, cwd):
    """Runs a program; returns its completed process."""
    return subprocess.run([sys.executable, ROOT / 'scripts' / f'{script}.py', *map(str, arguments)], cwd=cwd,
                          capture_output=True, text=True, timeout=600, check=False)


def call(main, *arguments, cwd):
    """Runs a program's ``main`` in this process, which takes less time; returns a completed process all the same."""
    out, errors, status = io.StringIO(), io.StringIO(), 0
    argv, folder = sys.argv, Path.cwd()
    sys.argv = [main.__module__, *map(str, arguments)]
    os.chdir(cwd)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            main()
    except SystemExit as end:
        status = end.code or 0
    finally:
        os.chdir(folder)
        sys.argv = argv
    return subprocess.CompletedProcess(sys.argv, status, out.getvalue(), errors.getvalue())


def expect_one_line(process, *words):
    """A user's mistake: status 2, and one line that says what is wrong."""
    assert process.returncode == 2, process.stderr
    assert 'Traceback' not in process.stderr
    lines = [line for line in process.stderr.splitlines() if 'error:' in line]
    assert len(lines) == 1, process.stderr
    for word in words:
        assert word in lines[0]
