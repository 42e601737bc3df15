"""What all programs say of a mistake: one line that names the option and the file."""
import pytest

from autograd_nn.commands.command_line import CommandLine
from autograd_nn.commands.programs import PROGRAMS
from support.programs import expect_one_line, run_here


@pytest.mark.parametrize('argv, path, expected', [
    (['--resume', 'nowhere'], 'nowhere', '--resume nowhere'), (['--out=run'], 'run/log.json', '--out run/log.json'),
    (['--style', 'a.jpg', 'b.jpg', '--out', 'c'], 'b.jpg', '--style b.jpg'),
    (['picture.jpg', '--out', 'x'], 'picture.jpg', 'picture.jpg'), ([], 'result', 'result'),
    (['--out', '/data/run'], b'/data/run/x', '--out /data/run/x'), (['--out', '/data/run'], '/data', '/data'),
])
def test_options_of_paths(argv, path, expected):
    line = CommandLine('train.py', ['python', 'train.py'], argv)
    assert line.describe(FileNotFoundError(2, 'No such file or directory', path)) == \
        f'{expected}: no such file or directory'


@pytest.mark.parametrize('program, arguments, words', [
    ('train', ['--resume', 'file'], '--resume: file is a file, not the folder of a run'),
    ('train', ['--model', 'perceptron', '--initial-weights', 'nowhere.npz'], '--initial-weights nowhere.npz: no such'),
    ('train', ['--model', 'perceptron', '--initial-weights', 'file'], '--initial-weights: file is not an .npz file'),
    ('train', ['--model', 'perceptron', '--initial-weights', '.'], '--initial-weights .'),
    ('train', ['--model', 'lstm_lm', '--dataset', 'nowhere.txt'], '--dataset nowhere.txt: no such file'),
    ('train', ['--device', 'nonsense'], "--device: expected cpu, cuda, cuda:N or the number of a GPU, got 'nonsense'"),
    ('train', ['--model', 'resnt18'], "--model: there is no 'resnt18' (did you mean 'resnet18'?); expected"),
    ('predict', ['--caffe', 'nowhere', 'file', 'x.jpg'], '--caffe nowhere: no such file'),
    ('convert', ['nowhere.caffemodel', 'x.npz'], 'nowhere.caffemodel: no such file'),
    ('style', ['nowhere.jpg', 'file', '--random-weights'], 'nowhere.jpg: no such file'),
    ('fast-style generate', ['nowhere.npz', 'x.jpg'], 'nowhere.npz: no such file'),
])
def test_programs_name_option_and_file(tmp_path, program, arguments, words):
    (tmp_path / 'file').write_text('hello')
    process = run_here(program, *arguments, cwd=tmp_path)
    expect_one_line(process, words)
    assert 'Errno' not in process.stderr


@pytest.mark.parametrize('program', PROGRAMS)
def test_help_fits_a_terminal(program, tmp_path, monkeypatch):
    monkeypatch.setenv('COLUMNS', '80')
    process = run_here(program, '--help', cwd=tmp_path)
    assert process.returncode == 0 and process.stderr == ''
    assert process.stdout.startswith(f'usage: autograd-nn {program} ' if program != 'predict' else 'usage:')
    assert max(map(len, process.stdout.splitlines())) <= 80
