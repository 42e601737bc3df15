"""Painting by optimization, run as a person runs it, with a network of random weights."""
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
from autograd_nn import models, serializers
from autograd_nn.commands.pictures import load_picture, with_colors_of
from support.programs import ROOT, expect_one_line, run_here

RANDOM = ['--random-weights', '--model', 'vgg11', '--size', '48']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A photograph, and two paintings of waves and of stripes."""
    folder = tmp_path_factory.mktemp('style')
    y, x = np.mgrid[:60, :80]
    photo = np.stack([3 * x, 4 * y, 255 * ((x - 40) ** 2 + (y - 30) ** 2 < 400)], axis=2).clip(0, 255)
    waves = np.stack([127 + 120 * np.sin(x / 3 + 3 * np.sin(y / 9)), 90 + 0 * x, 200 - 2 * y], axis=2)
    stripes = np.stack([255 * (x % 8 < 4), 200 * (y % 6 < 3), 40 + 0 * x], axis=2)
    for name, pixels in ('photo.png', photo), ('waves.png', waves), ('stripes.png', stripes):
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
    return folder


def run(folder, *arguments):
    return run_here('style', *arguments, cwd=folder)


def paint(folder, *arguments):
    process = run(folder, *arguments)
    assert process.returncode == 0, process.stderr
    return process.stdout


def losses(folder, name):
    return json.loads((folder / f'{name}.json').read_text())


@pytest.mark.parametrize('options, factor', [([], 40), (['--optimizer', 'adam', '--lr', 12], 8)])
def test_the_loss_of_style_falls(folder, options, factor):
    """From noise, in 30 steps."""
    shown = paint(folder, 'photo.png', 'waves.png', *RANDOM, '--iterations', 30, '--init', 'noise', *options,
                  '-o', 'noise.png', '--save-every', 20)
    log = losses(folder, 'noise')
    assert [entry['iteration'] for entry in log] == [*range(1, 31)]
    assert {'loss', 'content', 'style', 'total_variation', 'elapsed_time'} <= log[0].keys()
    for entry in log:
        np.testing.assert_allclose(entry['loss'], entry['content'] + 1000 * entry['style']
                                   + 20 * entry['total_variation'], rtol=1e-4)
    start = float(shown.splitlines()[1].split()[1])
    assert start > factor * log[-1]['style'] and 'times less' in shown and '30 iterations' in shown
    for name in 'noise.png', 'noise_0020.png':
        with Image.open(folder / name) as picture:
            assert picture.size == (48, 36) and np.asarray(picture).std() > 10
    assert (folder / 'noise_losses.png').stat().st_size > 1000
    assert not (folder / 'noise_0010.png').exists()


def test_runs_repeat(folder):
    for name in 'one.png', 'two.png':
        paint(folder, 'photo.png', 'waves.png', *RANDOM, '--iterations', 3, '--init', 'noise', '-o', name)
    assert (folder / 'one.png').read_bytes() == (folder / 'two.png').read_bytes()


def test_colours_are_kept(folder):
    paint(folder, 'photo.png', 'waves.png', *RANDOM, '--iterations', 8, '--keep-colors', '-o', 'kept.png')
    photo, painting = (load_picture(folder / name, 48).convert('YCbCr') for name in ('photo.png', 'kept.png'))
    before, after = (np.asarray(picture).astype(int) for picture in (photo, painting))
    # Where the colour exists with the new luminance, it is the old one.
    possible = np.abs(np.asarray(Image.merge('YCbCr', (painting.getchannel(0), *photo.split()[1:])).convert('RGB')
                                 .convert('YCbCr')).astype(int)[..., 1:] - before[..., 1:]).max(axis=2) <= 1
    assert possible.mean() > 0.3
    assert np.abs(after - before)[possible][:, 1:].max() <= 2
    assert np.abs(after - before)[..., 0].mean() > 5


def test_colours_and_luminance_are_apart():
    random = np.random.RandomState(0)
    photo, painting = (Image.fromarray(random.randint(100, 150, (6, 7, 3)).astype('u1')) for _ in range(2))
    result = np.asarray(with_colors_of(photo, painting).convert('YCbCr')).astype(int)
    assert np.abs(result[..., 0] - np.asarray(painting.convert('YCbCr'))[..., 0]).max() <= 1
    assert np.abs(result[..., 1:] - np.asarray(photo.convert('YCbCr'))[..., 1:]).max() <= 1


def test_several_styles(folder):
    """A share of 0 leaves a style out."""
    both = ['photo.png', 'waves.png', 'stripes.png', *RANDOM, '--iterations', 3]
    paint(folder, *both, '--blend', 2, 0, '-o', 'first.png')
    paint(folder, 'photo.png', 'waves.png', *RANDOM, '--iterations', 3, '-o', 'single.png')
    paint(folder, *both, '-o', 'blend.png', '--init', 'style', '--style-size', 64)
    assert (folder / 'first.png').read_bytes() == (folder / 'single.png').read_bytes()
    assert (folder / 'first.png').read_bytes() != (folder / 'blend.png').read_bytes()


def test_weights_of_the_convolutions_are_enough(folder):
    """As in the files of VGG that programs for style transfer use."""
    ann.random.seed(3)
    network = models.create('vgg11')
    network.extract(np.zeros((1, 3, 64, 64), 'f'), ['conv5_1'])
    arrays = {name[1:]: param.array for name, param in network.namedparams() if param.array is not None}
    assert 'fc6/W' not in arrays
    np.savez(folder / 'vgg11.npz', **arrays)
    weights = ['--weights', 'vgg11.npz', '--iterations', 2, '--size', 32]
    paint(folder, 'photo.png', 'waves.png', '--model', 'vgg11', *weights)
    assert (folder / 'painting.png').exists()
    for options, words in ((['--model', 'vgg16'], ['vgg11.npz does not fit --model', 'such as']),
                           (['--model', 'squeezenet1_1'], ['does not fit']),
                           (['--model', 'vgg11', '--random-weights'], ['one of', 'got several'])):
        expect_one_line(run(folder, 'photo.png', 'waves.png', *weights, *options), *words)


def test_other_networks_by_their_layers(folder):
    network = models.create('squeezenet1_1')
    network(np.zeros((1, 3, 64, 64), 'f'))
    serializers.save_npz(folder / 'squeezenet.npz', network)
    paint(folder, 'photo.png', 'waves.png', '--model', 'squeezenet1_1', '--weights', 'squeezenet.npz',
          '--iterations', 2, '--size', 64, '--content-layers', 'fire2', '--style-layers', 'conv1', 'fire3')


def test_networks_of_caffe(folder):
    """One with VGG's names gives what the zoo's network does with the same weights; others need their layers named."""
    pytest.importorskip('google.protobuf')
    from autograd_nn import caffe

    ann.random.seed(3)
    network = models.create('vgg11')
    names = ['conv1_1', 'conv2_1', 'conv3_1', 'conv3_2', 'conv4_1', 'conv4_2', 'conv5_1']
    network.extract(np.zeros((1, 3, 64, 64), 'f'), names)
    arrays = {name[1:]: param.array for name, param in network.namedparams() if param.array is not None}
    np.savez(folder / 'zoo.npz', **arrays)
    text, last, blobs = "input: 'data' input_shape { dim: 1 dim: 3 dim: 32 dim: 32 }", 'data', {}
    for name in names:
        if name.endswith('_1') and last != 'data':
            text += f""" layer {{ name: 'pool{name[4]}' type: 'Pooling' bottom: '{last}' top: 'pool{name[4]}'
                         pooling_param {{ pool: AVE kernel_size: 2 stride: 2 }} }}"""
            last = f'pool{name[4]}'
        blobs[name] = [arrays[f'{name}/W'], arrays[f'{name}/b']]
        text += f""" layer {{ name: '{name}' type: 'Convolution' bottom: '{last}' top: '{name}'
                     convolution_param {{ num_output: {len(blobs[name][1])} kernel_size: 3 pad: 1 }} }}
                     layer {{ name: 'relu{name}' type: 'ReLU' bottom: '{name}' top: '{name}' }}"""
        last = name
    (folder / 'net.prototxt').write_text(text)
    caffe.write_caffemodel(folder / 'net.caffemodel', caffe.read_prototxt(folder / 'net.prototxt'), blobs)
    both = ['photo.png', 'waves.png', '--size', 64, '--iterations', 1]
    paint(folder, *both, '--caffe', 'net.prototxt', 'net.caffemodel', '-o', 'caffe.png')
    paint(folder, *both, '--weights', 'zoo.npz', '--model', 'vgg11', '-o', 'zoo.png')
    for ours, theirs in zip(losses(folder, 'zoo'), losses(folder, 'caffe')):
        np.testing.assert_allclose(ours['content'], theirs['content'], rtol=1e-3)
    (folder / 'net.prototxt').write_text(text.replace('conv4', 'stage4'))
    expect_one_line(run(folder, *both, '--caffe', 'net.prototxt', 'none.caffemodel'), 'none.caffemodel')
    caffe.write_caffemodel(folder / 'net.caffemodel', caffe.read_prototxt(folder / 'net.prototxt'),
                           {name.replace('conv4', 'stage4'): arrays for name, arrays in blobs.items()})
    expect_one_line(run(folder, *both, '--caffe', 'net.prototxt', 'net.caffemodel'), '--content-layers', 'stage4_2')


@pytest.mark.filterwarnings('ignore:.*encountered in:RuntimeWarning')
def test_mistakes_take_one_line(folder):
    (folder / 'text.jpg').write_text('no picture')
    pictures = ['photo.png', 'waves.png']
    for arguments, words in (
            (pictures, ['--weights', '--caffe', '--random-weights', 'docs/howto/style_transfer.md']),
            (['none.png', 'waves.png', *RANDOM], ['none.png']),
            (['photo.png', 'text.jpg', *RANDOM], ['text.jpg']),
            ([*pictures, '--weights', 'none.npz'], ['none.npz']),
            ([*pictures, '--weights', 'photo.png'], ['photo.png is not an .npz file']),
            ([*pictures, *RANDOM, '-o', 'nowhere/a.png'], ['there is no folder nowhere']),
            ([*pictures, *RANDOM, '-o', 'painting.xyz'], ['painting.xyz', '.jpg']),
            ([*pictures, *RANDOM, '--size', 3], ['--size']),
            ([*pictures, *RANDOM, '--iterations', 0], ['--iterations']),
            ([*pictures, *RANDOM, '--style-weight', 1e39], ['the loss became inf']),
            ([*pictures, *RANDOM, '--lr', 'nan'], ['--lr']),
            ([*pictures, *RANDOM, '--blend', 1, 2], ['--blend', '(1)']),
            ([*pictures, *RANDOM, '--style-layers', 'conv9'], ['conv9', 'conv1_1']),
            ([*pictures, '--random-weights', '--model', 'mobilenet'], ['--content-layers', 'conv14'])):
        expect_one_line(run(folder, *arguments), *words)


def test_the_command_line(folder):
    shown = run(folder, '--help')
    assert shown.returncode == 0 and '--keep-colors' in shown.stdout
    for arguments in [], ['--nonsense'], ['photo.png', 'waves.png', '--model', 'nonsense']:
        process = run(folder, *arguments)
        assert process.returncode == 2 and 'error:' in process.stderr and 'Traceback' not in process.stderr


def test_ctrl_c_leaves_the_picture(folder):
    command = [sys.executable, ROOT / 'scripts' / 'style_transfer.py', 'photo.png', 'waves.png', *RANDOM,
               '--iterations', '100000', '--save-every', '2', '-o', 'stopped.png']
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 300
    while not (folder / 'stopped_0002.png').exists():
        assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    shown, errors = process.communicate(timeout=300)
    assert process.returncode == 130 and 'Traceback' not in errors, errors
    assert 'stopped.png' in shown and (folder / 'stopped.png').exists() and len(losses(folder, 'stopped')) >= 2
