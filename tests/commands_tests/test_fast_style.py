"""Training networks that paint in one pass and using them, with a network of random weights as the judge."""
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from autograd_nn import models, serializers
from autograd_nn.commands.fast_style.dataset import PairConverter, Pictures, RandomSquare
from support.programs import ROOT, expect_one_line, run_here, run_script_here

RANDOM = ['--random-weights', '--model', 'vgg11', '--content-layers', 'conv2_1', '--style-layers', 'conv1_1', 'conv2_1']
TINY = [*RANDOM, '--size', '32', '--batch-size', '2', '--save-every', '2']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Pictures, in folders of several levels, and a painting; in ``painted`` a run of four updates."""
    folder = tmp_path_factory.mktemp('fast_style')
    random = np.random.RandomState(0)
    for i, name in enumerate(['photos/a.png', 'photos/more/b.jpg', 'photos/more/c.jpeg', 'painting.png']):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = random.randint(0, 256, (5, 6 + i, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((60 + i, 50), Image.Resampling.BICUBIC).save(folder / name)
    (folder / 'photos' / 'notes.txt').write_text('no picture')
    (folder / 'nothing').mkdir()
    process = learn(folder, 'photos', '--style', 'painting.png', *TINY, '--iterations', 4, '--out', 'painted')
    assert process.returncode == 0, process.stderr
    (folder / 'painted' / 'shown').write_text(process.stdout)
    return folder


def learn(folder, *arguments):
    return run_here('fast-style train', *arguments, cwd=folder)


def paint(folder, *arguments):
    return run_here('fast-style generate', *arguments, cwd=folder)


def read(path):
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays}


def test_what_a_run_leaves(folder):
    out = folder / 'painted'
    assert '3 pictures, 1,822,595 parameters' in (out / 'shown').read_text()
    for name in 'model.npz', 'snapshot.npz', 'config.json', 'log.json', 'samples/000002.jpg', 'samples/000004.jpg':
        assert (out / name).exists(), name
    with Image.open(out / 'samples' / '000004.jpg') as sample:
        assert sample.size == (400, 333)
    assert json.loads((out / 'config.json').read_text())['arguments']['normalization'] == 'instance'


def test_training_reduces_the_loss(folder):
    process = learn(folder, 'photos', '--style', 'painting.png', *RANDOM, '--size', 32, '--batch-size', 2,
                    '--iterations', 30, '--lr', 0.003, '--out', 'longer')
    assert process.returncode == 0, process.stderr
    log = json.loads((folder / 'longer' / 'log.json').read_text())
    assert [entry['iteration'] for entry in log] == [10, 20, 30]
    for entry in log:
        parts = entry['main/content'] + 10 * entry['main/style'] + 10 * entry['main/total_variation']
        np.testing.assert_allclose(entry['main/loss'], parts, rtol=1e-3)
    assert log[-1]['main/loss'] < 0.5 * log[0]['main/loss']
    assert (folder / 'longer' / 'losses.png').exists()


@pytest.mark.slow
def test_a_resumed_run_ends_as_if_never_stopped(folder):
    """Bit for bit: parameters and the state of the optimizer."""
    arguments = ['photos', '--style', 'painting.png', *TINY, '--normalization', 'batch']
    assert learn(folder, *arguments, '--iterations', 4, '--out', 'whole').returncode == 0
    assert learn(folder, *arguments, '--iterations', 2, '--out', 'parts').returncode == 0
    process = learn(folder, '--resume', 'parts', '--iterations', 4)
    assert process.returncode == 0, process.stderr
    for name in 'model.npz', 'snapshot.npz':
        whole, parts = read(folder / 'whole' / name), read(folder / 'parts' / name)
        assert whole.keys() == parts.keys()
        for key in whole:
            if key.startswith(('c', 'r', 'd', 'b', 'updater/')):
                np.testing.assert_array_equal(whole[key], parts[key], err_msg=key)
    assert read(folder / 'parts' / 'model.npz')['b1/avg_mean'].any()


def test_generating(folder):
    process = paint(folder, 'painted/model.npz', 'photos/a.png', 'photos/more/b.jpg')
    assert process.returncode == 0, process.stderr
    assert 'a_painted.jpg: 60 x 50 pixels' in process.stdout
    for name, size in ('a_painted.jpg', (60, 50)), ('b_painted.jpg', (61, 50)):
        with Image.open(folder / name) as picture:
            assert picture.size == size
    assert paint(folder, 'painted/model.npz', 'photos/a.png', '-o', 'one.png').returncode == 0
    assert paint(folder, 'painted/snapshot.npz', 'photos/a.png', '-o', 'two.png').returncode == 0
    assert (folder / 'one.png').read_bytes() == (folder / 'two.png').read_bytes()
    options = ['--size', 30, '--padding', 0, '--keep-colors', '--normalization', 'batch', '-o', 'other.png']
    assert paint(folder, 'painted/model.npz', 'photos/a.png', *options).returncode == 0
    with Image.open(folder / 'other.png') as picture:
        assert picture.size == (30, 25)


def test_a_file_of_the_program_for_chainer(folder):
    """It is applied with the statistics of each picture, and gives what the network itself gives."""
    network = models.FastStyleNet('instance')
    serializers.save_npz(folder / 'chainer.npz', network, compression=False)
    (folder / 'chainer.npz').rename(folder / 'chainer.model')
    process = paint(folder, 'chainer.model', 'photos/a.png', '-o', 'chainer.png', '--padding', 0)
    assert process.returncode == 0, process.stderr
    photo, painted = (np.asarray(Image.open(folder / name).convert('RGB')) for name in ('photos/a.png', 'chainer.png'))
    np.testing.assert_array_equal(painted, network.transform(photo.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0))


@pytest.mark.parametrize('factor', [4, 8])
def test_super_resolution(folder, factor):
    out = f'sharp{factor}'
    process = learn(folder, 'photos', '--task', 'super-resolution', '--factor', factor, *TINY, '--iterations', 2,
                    '--out', out)
    assert process.returncode == 0, process.stderr
    assert paint(folder, f'{out}/model.npz', 'photos/a.png', '-o', 'large.png').returncode == 0
    with Image.open(folder / 'large.png') as picture:
        assert picture.size == (60 * factor, 50 * factor)


def test_squares_and_small_pictures(folder):
    """What the network is given has the mean colour of what its result is compared with."""
    pictures = Pictures(folder / 'photos')
    assert [path.name for path in pictures.paths] == ['a.png', 'b.jpg', 'c.jpeg']
    rng = np.random.default_rng(0)
    squares = [RandomSquare(size)(pictures[0], rng) for size in (24, 24, 24, 80)]
    assert [square.shape for square in squares] == [(3, 24, 24)] * 3 + [(3, 80, 80)]
    assert len({square.tobytes() for square in squares}) == 4
    given, target = PairConverter(4)(squares[:3])
    assert given.shape == (3, 3, 6, 6) and given.dtype == target.dtype == np.float32
    np.testing.assert_array_equal(target, np.stack(squares[:3]))
    np.testing.assert_allclose(given.mean(axis=(2, 3)), target.mean(axis=(2, 3)), atol=4)
    same, target = PairConverter()(squares[:3])
    np.testing.assert_array_equal(same, target)


def test_mistakes_take_one_line(folder):
    style = ['--style', 'painting.png']
    for arguments, words in (
            ([], ['folder']),
            (['photos', *RANDOM], ['--style']),
            (['photos', *style], ['--weights', '--random-weights']),
            (['photos', '--style', 'none.png', *RANDOM], ['none.png']),
            (['nowhere', *style, *RANDOM], ['nowhere', 'no such folder']),
            (['nothing', *style, *RANDOM], ['nothing', 'no pictures']),
            (['photos', *style, *RANDOM, '--size', 50], ['--size', 'multiple of 4']),
            (['photos', *style, *RANDOM, '--iterations', 0], ['--iterations']),
            (['photos', *style, *RANDOM, '--lr', -1], ['--lr']),
            (['--resume', 'nowhere'], ['nowhere'])):
        expect_one_line(learn(folder, *arguments), *words)
    for arguments, words in (
            (['none.model', 'photos/a.png'], ['none.model']),
            (['photos/a.png', 'photos/a.png'], ['not an .npz file']),
            (['painted/model.npz', 'none.png'], ['none.png']),
            (['painted/model.npz', 'photos/a.png', 'photos/a.png', '-o', 'a.png'], ['--out']),
            (['painted/model.npz', 'photos/a.png', '-o', 'a.xyz'], ['a.xyz']),
            (['painted/model.npz', 'photos/a.png', '--padding', -1], ['--padding'])):
        expect_one_line(paint(folder, *arguments), *words)
    np.savez(folder / 'other.npz', W=np.zeros(3))
    expect_one_line(paint(folder, 'other.npz', 'photos/a.png'), 'other.npz', 'transforms pictures')


def test_damaged_pictures_are_left_out(folder, caplog):
    (folder / 'damaged').mkdir()
    (folder / 'damaged' / 'a.jpg').write_text('no picture')
    expect_one_line(learn(folder, 'damaged', '--style', 'painting.png', *TINY), 'damaged', 'no pictures', 'can be read')
    for name in 'a.png', 'more/b.jpg':
        (folder / 'damaged' / 'more').mkdir(exist_ok=True)
        (folder / 'damaged' / name).write_bytes((folder / 'photos' / name).read_bytes())
    (folder / 'damaged' / 'more' / 'c.raw').write_bytes(b'x')
    pictures = Pictures(folder / 'damaged')
    assert [path.name for path in pictures.paths] == ['a.png', 'b.jpg'] and len(list(pictures)) == 2
    assert 'left out: cannot read the image' in caplog.text and 'a.jpg' in caplog.text and '1 .raw' in caplog.text


@pytest.mark.parametrize('program', ['train', 'generate'])
def test_the_command_lines(folder, program):
    shown = run_script_here(f'fast_style/{program}', '--help', cwd=folder)
    assert shown.returncode == 0 and '--normalization' in shown.stdout
    process = run_script_here(f'fast_style/{program}', '--nonsense', cwd=folder)
    assert process.returncode == 2 and 'Traceback' not in process.stderr


def test_ctrl_c_leaves_a_snapshot(folder):
    command = [sys.executable, ROOT / 'scripts' / 'fast_style' / 'train.py', 'photos', '--style', 'painting.png', *TINY,
               '--iterations', '100000', '--out', 'stopped']
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    deadline = time.monotonic() + 300
    while not (folder / 'stopped' / 'snapshot.npz').exists():
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130 and '--resume stopped' in errors, errors
