"""The command ``autograd-nn``, which starts the programs."""
import os
import re
import subprocess
import sys

import pytest

import autograd_nn
from autograd_nn.commands.programs import PROGRAMS
from support.digits import write_digits
from support.programs import expect_one_line, run_here, run_python


def test_nothing_and_help_list_the_programs(tmp_path):
    for words in [], ['--help'], ['-h']:
        process = run_here('', *words, cwd=tmp_path)
        assert process.returncode == 0 and process.stderr == ''
        lines = process.stdout.splitlines()
        assert lines[0] == 'usage: autograd-nn COMMAND ...' and max(map(len, lines)) <= 80
        assert [line.strip() for line in lines if line.startswith('  ')] == [
            f'{name:20} {text}' for name, text in PROGRAMS.items()]


def test_a_group_lists_its_programs(tmp_path):
    for words in [], ['--help']:
        process = run_here('fast-style', *words, cwd=tmp_path)
        assert process.returncode == 0
        assert re.findall('^  (.*?)  ', process.stdout, re.MULTILINE) == ['fast-style train', 'fast-style generate']


@pytest.mark.parametrize('words, message', [
    (['trian'], "there is no command 'trian' (did you mean 'train'?); --help lists"),
    (['convert_caffe', 'a'], "(did you mean 'convert'?)"),
    (['xyz'], "there is no command 'xyz'; --help lists"), (['--versoin'], "(did you mean '--version'?)"),
    (['--model', 'lenet'], "there is no option '--model'"), ([''], "there is no command ''"),
    (['fast-style', 'tain'], "there is no command 'fast-style tain' (did you mean 'fast-style train'?)"),
])
def test_nonsense_takes_one_line(words, message, tmp_path):
    process = run_here('', *words, cwd=tmp_path)
    expect_one_line(process, 'autograd-nn: error: ', message)
    assert process.stderr.count('\n') == 1


@pytest.mark.parametrize('program', PROGRAMS)
def test_nonsense_options_are_refused_by_name(program, tmp_path):
    expect_one_line(run_here(program, '--nonsense', cwd=tmp_path), f'autograd-nn {program}: error: ')


@pytest.mark.skipif(os.name != 'posix', reason='the shell is another one')
@pytest.mark.parametrize('buffered', ['', '1'])
@pytest.mark.parametrize('words', ['', 'info'])
def test_readers_may_end_first(words, buffered):
    command = f'set -o pipefail; "$0" -m autograd_nn {words} | true; echo $?'
    process = subprocess.run(['bash', '-c', command, sys.executable], capture_output=True, text=True, check=True,
                             env={**os.environ, 'PYTHONUNBUFFERED': buffered})
    assert (process.stdout, process.stderr) == ('1\n', '')


def test_version(tmp_path):
    assert run_here('', '--version', cwd=tmp_path).stdout == f'autograd_nn {autograd_nn.__version__}\n'


def test_the_package_as_a_program(tmp_path):
    """Also a line that says how to go on can be typed."""
    command = '-m', 'autograd_nn', 'train'
    write_digits(tmp_path / 'few')
    process = run_python(*command, '--model', 'perceptron', '--dataset', 'few', '--epochs', 1, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    process = run_python(*command, '--resume', 'result', '--epochs', 2, '--lr', '1e38', cwd=tmp_path)
    expect_one_line(process, 'python -m autograd_nn train: error: the training diverged',
                    'to continue: python -m autograd_nn train --resume result --lr X')


@pytest.mark.parametrize('words', ['["--help"]', '[]', '["nonsense"]', '["train", "--help"]'])
def test_what_is_not_needed_is_not_imported(words, tmp_path):
    code = f"""import contextlib, sys
sys.argv = ['autograd-nn', *{words}]
from autograd_nn.commands.main import main
with contextlib.suppress(SystemExit):
    main()
found = [name for name in sys.modules if name.startswith(('autograd_nn.models', 'autograd_nn.commands'))]
print(*found, 'google.protobuf' in sys.modules, 'matplotlib' in sys.modules)"""
    found = run_python('-c', code, cwd=tmp_path).stdout.splitlines()[-1].split()
    assert found[-2:] == ['False', 'False']
    if 'train' not in words:
        assert {name.rpartition('.')[2] for name in found[:-2]} == {'commands', 'command_line', 'main', 'programs'}
    else:
        assert 'autograd_nn.models.classification.lenet' in found and 'autograd_nn.commands.predict' not in found


def test_importing_the_package_imports_no_command(tmp_path):
    code = "import sys, autograd_nn; print('autograd_nn.commands' in sys.modules)"
    assert run_python('-c', code, cwd=tmp_path).stdout == 'False\n'


def test_help_needs_no_docstrings(tmp_path):
    code = """import contextlib, sys
from autograd_nn.commands.main import main
for name in sys.argv[1:]:
    sys.argv = ['autograd-nn', *name.split(), '--help']
    with contextlib.suppress(SystemExit):
        main()
"""
    shown = run_python('-OO', '-c', code, *PROGRAMS, cwd=tmp_path).stdout
    assert shown.count('usage: ') == len(PROGRAMS)
