"""The command-line programs, run as a person runs them."""
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from autograd_nn import datasets
from support.digits import write_digits
from support.programs import ROOT, expect_one_line, run, run_here, run_script_here

MNIST = ROOT.parent / 'shared' / 'data' / 'mnist'


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A folder with the results of a short run on a part of the digits, ``few``, and what the run printed."""
    folder = tmp_path_factory.mktemp('trained')
    write_digits(folder / 'few', 3000)
    process = run('train', '--model', 'lenet_bn', '--dataset', 'few', '--batch-size', 50, '--epochs', 2, cwd=folder)
    assert process.returncode == 0, process.stderr
    return folder / 'result', process.stdout


def test_training_shows_and_writes_what_it_promises(trained):
    folder, shown = trained
    log = json.loads((folder / 'log.json').read_text())
    assert [entry['epoch'] for entry in log] == [1, 2]
    assert {'main/loss', 'main/accuracy', 'validation/main/loss', 'validation/main/accuracy', 'iteration', 'lr',
            'elapsed_time', 'images/s'} <= set(log[0]) and log[0]['images/s'] > 0
    assert log[1]['validation/main/accuracy'] > 0.93
    assert 'test accuracy: 9' in shown and '147,450' in shown and 'images a second' in shown
    for name in 'model.npz', 'snapshot.npz', 'config.json', 'mistakes.png', 'loss.png', 'accuracy.png':
        assert (folder / name).stat().st_size > 0, name
        assert name in shown
    with Image.open(folder / 'mistakes.png') as picture:
        assert picture.width > 600
    with np.load(folder / 'model.npz', allow_pickle=False) as weights:
        assert {'conv1/conv/W', 'ip2/W', 'ip2/b'} <= set(weights.files)
    assert json.loads((folder / 'config.json').read_text())['arguments']['model'] == 'lenet_bn'


def write_digit(path, digit, size=(400, 300), ink='navy', ground='ivory'):
    """Draws a handwritten digit, 28 x 28 bytes, somewhere on a sheet of paper."""
    side = min(size) * 3 // 4
    stroke = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    picture = Image.new('RGB', size, ground)
    picture.paste(ink, (size[0] - side - 3, size[1] - side - 5), stroke)
    picture.save(path)


def test_predict_reads_handwriting_of_any_kind(trained, tmp_path):
    """Handwriting in several colours, sizes and formats, dark on light and light on dark."""
    kinds = [('png', (400, 300), 'navy', 'ivory'), ('jpg', (900, 800), 'black', 'white'),
             ('bmp', (160, 120), 'white', 'black'), ('gif', (300, 330), 'yellow', 'darkgreen')]
    _, test = datasets.get_digits(ndim=2, scale=255., dtype='u1')
    paths = []
    for i, (image, _) in enumerate(test[:24]):
        suffix, size, ink, ground = kinds[i % 4]
        paths.append(tmp_path / f'{i}.{suffix}')
        write_digit(paths[-1], np.asarray(image), size, ink, ground)
    process = run_here('predict', trained[0] / 'model.npz', *paths, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    answers = [line.split(': ')[1][0] for line in process.stdout.splitlines()]
    assert sum(answer == str(label) for answer, (_, label) in zip(answers, test[:24])) >= 22, process.stdout


def test_predict_names_what_it_cannot_read_and_reads_the_rest(trained, tmp_path):
    _, test = datasets.get_digits(ndim=2, scale=255., dtype='u1')
    write_digit(tmp_path / 'good.png', np.asarray(test[0][0]))
    (tmp_path / 'bad.png').write_bytes(b'no picture')
    (tmp_path / 'cut.png').write_bytes((tmp_path / 'good.png').read_bytes()[:500])
    process = run_here('predict', trained[0] / 'model.npz', 'bad.png', 'cut.png', 'missing.png', 'good.png',
                       cwd=tmp_path)
    assert process.returncode == 2 and 'Traceback' not in process.stderr
    errors = process.stderr.splitlines()
    assert len(errors) == 3 and all(name in line for name, line in zip(['bad.png', 'cut.png', 'missing.png'], errors))
    assert process.stdout.startswith('good.png: ')


@pytest.mark.slow
def test_predict_with_wrong_weights(trained, tmp_path):
    write_digit(tmp_path / '1.png', np.eye(28, dtype='u1') * 255)
    expect_one_line(run_here('predict', 'nothing.npz', '1.png', cwd=tmp_path), 'nothing.npz')
    (tmp_path / 'config.json').write_bytes((trained[0] / 'config.json').read_bytes())
    whole = (trained[0] / 'model.npz').read_bytes()
    for name, content in ('text.npz', b'hello'), ('cut.npz', whole[:len(whole) // 2]):
        (tmp_path / name).write_bytes(content)
        expect_one_line(run_here('predict', name, '1.png', cwd=tmp_path), name)
    expect_one_line(run_here('predict', trained[0] / 'model.npz', cwd=tmp_path),
                    'model.npz, expected the files that the network is to answer for')
    np.savez(tmp_path / 'other.npz', **{'ip2/W': np.zeros((3, 3))})
    expect_one_line(run_here('predict', 'other.npz', '1.png', cwd=tmp_path))
    (tmp_path / 'config.json').write_text('{"arguments": ')
    expect_one_line(run_here('predict', 'cut.npz', '1.png', cwd=tmp_path), 'config.json', 'damaged')


@pytest.mark.parametrize('arguments, word', [
    (['--epochs', '0'], '--epochs'), (['--batch-size', '-3'], '--batch-size'), (['--lr', '-1'], '--lr'),
    (['--lr', 'fast'], '--lr'), (['--model', 'nonsense'], 'nonsense'), (['--dataset', 'nonsense'], 'nonsense'),
    (['--optimizer', 'nonsense'], 'nonsense'), (['--device', 'nonsense'], 'nonsense'),
    (['--device', 'cuda:99'], 'CUDA'),
    (['--resume', 'nowhere'], 'nowhere'), (['--initial-weights', 'nothing.npz'], 'nothing.npz'),
    (['--seed', '-1'], '--seed'), (['--workers', '-1'], '--workers'), (['--weight-decay', '-1'], '--weight-decay'),
    (['--nonsense'], '--nonsense'), (['--freeze', 'conv1'], '--initial-weights'),
])
def test_wrong_arguments(arguments, word, tmp_path):
    expect_one_line(run_here('train', *arguments, cwd=tmp_path), word)


def test_folders_that_cannot_be_trained_on(tmp_path):
    (tmp_path / 'empty').mkdir()
    expect_one_line(run_here('train', '--dataset', 'empty', cwd=tmp_path), 'empty')
    (tmp_path / 'broken' / 'cat').mkdir(parents=True)
    (tmp_path / 'broken' / 'cat' / '1.png').write_bytes(b'no picture')
    expect_one_line(run_here('train', '--dataset', 'broken', cwd=tmp_path), 'broken')


def test_training_on_a_folder_of_pictures(tmp_path, caplog):
    """Two kinds of pictures in several formats, one of them damaged: it is named, and the rest is learnt."""
    for kind, colour in ('night', 30), ('day', 220):
        (tmp_path / 'pictures' / kind).mkdir(parents=True)
        for i in range(20):
            pixels = np.clip(colour + 20 * np.random.randn(40, 50, 3), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / 'pictures' / kind / f'{i}.{"jpg" if i % 2 else "png"}')
    (tmp_path / 'pictures' / 'day' / 'damaged.jpg').write_bytes(b'\xff\xd8\xff')
    process = run_here('train', '--dataset', 'pictures', '--epochs', 10, '--batch-size', 8, '--augment', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'damaged.jpg' in caplog.text
    assert 'test accuracy: 100.00%' in process.stdout
    process = run_here('predict', 'result/model.npz', 'pictures/night/3.jpg', cwd=tmp_path)
    assert process.stdout.startswith('pictures/night/3.jpg: night')


def weights(folder):
    with np.load(folder / 'model.npz', allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.mark.slow
def test_interrupted_and_resumed_run_ends_as_if_never_stopped(trained, tmp_path):
    arguments = ['--model', 'lenet5', '--dataset', str(trained[0].parent / 'few'), '--epochs', '2', '--augment',
                 '--workers', '1', '--seed', '3']
    assert run_here('train', *arguments, '--out', 'whole', cwd=tmp_path).returncode == 0
    process = subprocess.Popen([sys.executable, ROOT / 'scripts' / 'train.py', *arguments, '--out', 'parts'],
                               cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    deadline = time.monotonic() + 300
    while not (tmp_path / 'parts' / 'snapshot.npz').exists():
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130 and '--resume parts' in errors and 'Traceback' not in errors
    resumed = run_here('train', '--resume', 'parts', cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    whole, parts = weights(tmp_path / 'whole'), weights(tmp_path / 'parts')
    assert whole.keys() == parts.keys()
    for name in whole:
        np.testing.assert_array_equal(whole[name], parts[name], err_msg=name)
    logs = [json.loads((tmp_path / name / 'log.json').read_text()) for name in ('whole', 'parts')]
    for log in logs:
        for entry in log:
            del entry['elapsed_time'], entry['images/s']
    assert logs[0] == logs[1]


@pytest.mark.slow
def test_initial_weights(trained, tmp_path):
    process = run_here('train', '--model', 'lenet_bn', '--dataset', trained[0].parent / 'few', '--epochs', 1, '--lr',
                       1e-9, '--initial-weights', trained[0] / 'model.npz', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    before, after = weights(trained[0]), weights(tmp_path / 'result')
    np.testing.assert_allclose(after['ip1/W'], before['ip1/W'], atol=1e-5)


@pytest.mark.slow
def test_gradient_demo(tmp_path):
    process = run_script_here('gradient_demo', '--units', 3, '--samples', 2, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'They agree.' in process.stdout
    expect_one_line(run_script_here('gradient_demo', '--units', 0, cwd=tmp_path), '--units')
    assert 'differ' in run_script_here('gradient_demo', '--units', 2, '--samples', 1, '--eps', 0.9, cwd=tmp_path).stdout


@pytest.mark.parametrize('script', ['benchmark', 'convert_caffe', 'generate', 'gradient_demo', 'predict',
                                    'style_transfer', 'train', 'fast_style/generate', 'fast_style/train'])
def test_help_and_nonsense(script, tmp_path, monkeypatch):
    """Both name the file that was started, and help fits a terminal."""
    monkeypatch.setenv('COLUMNS', '80')
    name = f'{script.rpartition("/")[2]}.py'
    process = run_script_here(script, '--help', cwd=tmp_path)
    assert process.returncode == 0 and process.stderr == ''
    assert process.stdout.startswith('usage:') and f' {name} ' in process.stdout
    assert max(map(len, process.stdout.splitlines())) <= 80
    expect_one_line(run_script_here(script, '--nonsense', cwd=tmp_path), f'{name}: error: ')


def test_benchmark_prints_a_table(tmp_path):
    process = run('benchmark', 'overhead', '--rounds', 2, '--length', 3, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'y + w' in process.stdout
    rows = json.loads(run('benchmark', 'overhead', '--rounds', 2, '--length', 3, '--json', cwd=tmp_path).stdout)['rows']
    assert all(row['autograd_nn forward'] > 0 for row in rows)


@pytest.mark.slow
def test_lenet_learns_the_bundled_digits(tmp_path):
    """The main job, with nothing else said."""
    process = run_here('train', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    log = json.loads((tmp_path / 'result' / 'log.json').read_text())
    assert len(log) <= 5 and log[-1]['validation/main/accuracy'] >= 0.985


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.exists(), reason='the MNIST files are not here')
def test_training_on_a_folder_with_the_mnist_files(tmp_path):
    process = run_here('train', '--dataset', MNIST, '--model', 'perceptron', '--epochs', 1, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert '60,000 training and 10,000 test samples' in process.stdout
    assert json.loads((tmp_path / 'result' / 'log.json').read_text())[-1]['validation/main/accuracy'] > 0.88


@pytest.mark.slow
def test_pictures_that_are_too_small_for_a_network_are_enlarged(tmp_path):
    """NIN halves its input so often that 28 x 28 pixels are too few; predictions see the same."""
    write_digits(tmp_path / 'few', 24)
    process = run_here('train', '--model', 'nin', '--dataset', 'few', '--epochs', 1, '--batch-size', 12, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert 'nin needs 39 x 39 pixels: pictures of 28 x 28 are enlarged' in process.stdout
    assert 'samples of shape (1, 39, 39)' in process.stdout
    Image.new('L', (28, 28)).save(tmp_path / 'black.png')
    process = run_here('predict', 'result/model.npz', 'black.png', cwd=tmp_path)
    assert process.returncode == 0 and process.stdout.startswith('black.png: '), process.stderr
