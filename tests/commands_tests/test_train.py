"""What training needs so that networks learn: their recipes, the options for it, and what is said about it."""
import json
import math

import numpy as np
import pytest

import autograd_nn as ann
from autograd_nn import datasets, models, serializers, tasks
from autograd_nn.commands import train
from autograd_nn.commands.command_line import CommandLine
from autograd_nn.dataset import concat_examples
from support.programs import expect_one_line, run_here
from support.textures import write_textures


@pytest.fixture(scope='module')
def textures(tmp_path_factory):
    """A folder in which there is a small folder of pictures of three classes, ``textures``."""
    folder = tmp_path_factory.mktemp('learning')
    write_textures(folder / 'textures', per_class=40, side=48)
    return folder


def learn(folder, model, *arguments):
    """Trains on the pictures; returns the log and what was printed."""
    process = run_here('train', '--model', model, '--dataset', folder / 'textures', '--out', folder / model, *arguments,
                       cwd=folder)
    assert process.returncode == 0, process.stderr
    return json.loads((folder / model / 'log.json').read_text()), process.stdout


@pytest.mark.parametrize('name', models.names())
def test_recipes_are_possible_options(name):
    recipe = models.get(name).recipe
    line = CommandLine('train.py', ['python', 'train.py'], ['--model', name])
    arguments = train.make_parser(line).parse_args(line.words)
    assert recipe.lr > 0 and recipe.epochs >= 1
    for option in 'optimizer', 'schedule', 'warmup', 'clip', 'batch_size', 'weight_decay':
        assert getattr(arguments, option) == getattr(recipe, option)


@pytest.mark.slow
@pytest.mark.parametrize('name, size', [('lenet', 28), ('squeezenet1_1', 40)])
def test_networks_learn_without_options(name, size, textures, monkeypatch):
    """Those for large pictures get small ones here, as small as shows what their first layers do."""
    monkeypatch.setattr(models.get(name).model, 'insize', size)
    log, shown = learn(textures, name)
    assert log[-1]['main/loss'] < 0.8 * math.log(3)
    assert log[-1]['validation/main/accuracy'] > 0.55
    recipe = models.get(name).recipe
    assert f'{recipe.optimizer}: the learning rate ' in shown and f' {recipe.lr:g} ' in shown
    assert 'as of guessing' not in shown
    updates = log[-1]['iteration']
    assert 100 <= updates < 100 + updates / len(log), 'enough, and not one epoch more'
    assert f'{len(log)} epochs, {updates} updates (more than the usual 5' in shown
    assert log[-1]['lr'] < 0.01 * recipe.lr


def test_a_network_that_does_not_learn_is_pointed_out(textures, monkeypatch):
    monkeypatch.setattr(models.NIN, 'insize', 40)
    _, shown = learn(textures, 'nin', '--lr', '1e-9', '--epochs', 1)
    lines = [line for line in shown.splitlines() if 'as of guessing' in line]
    assert len(lines) == 1
    assert 'ln(3) = 1.099' in lines[0] and '--lr than 1e-09' in lines[0]


def test_the_command_line_goes_before_the_recipe(textures):
    log, shown = learn(textures, 'deep_convnet', '--epochs', 2, '--optimizer', 'sgd', '--schedule', 'constant',
                       '--warmup', '0.5', '--clip', '2', '--batch-size', 24)
    assert [entry['iteration'] for entry in log] == [4, 8]
    assert [entry['lr'] for entry in log] == [0.04, 0.05]
    assert 'sgd: the learning rate rises to 0.05 in 4 updates, then stays; gradients are clipped at norm 2' in shown


def test_best_weights_are_those_of_the_least_validation_loss(tmp_path):
    """With a rate that is far too high, the loss goes up and down."""
    process = run_here('train', '--model', 'perceptron', '--lr', '3', '--epochs', 4, cwd=tmp_path)
    losses = [entry['validation/main/loss'] for entry in json.loads((tmp_path / 'result' / 'log.json').read_text())]
    assert min(losses) < 0.99 * losses[0], 'the first one is not the best by chance'
    assert 'best.npz' in process.stdout
    network = models.create('perceptron')
    serializers.load_npz(tmp_path / 'result' / 'best.npz', network)
    x, t = concat_examples(datasets.get_digits(ndim=3)[1][:])
    with ann.no_backprop_mode():
        y = network(x).array.astype(float)
    loss = np.log(np.exp(y - y.max(axis=1, keepdims=True)).sum(axis=1)) - (y - y.max(axis=1, keepdims=True))[
        np.arange(len(t)), t]
    assert loss.mean() == pytest.approx(min(losses), rel=1e-4)


def test_early_stopping_and_validation_split(textures):
    """With a rate that changes nothing the loss never falls: after one epoch, two more are waited for."""
    log, shown = learn(textures, 'lenet5', '--lr', '1e-20', '--early-stopping', 2, '--epochs', 9, '--val-split', 0.25)
    assert len(log) == 3
    assert len({entry['validation/main/loss'] for entry in log}) == 1
    assert '72 training and 24 test samples' in shown and '24 further samples' in shown


@pytest.mark.parametrize('arguments, word', [
    (['--warmup', '1'], '--warmup'), (['--clip', 'nan'], '--clip'), (['--schedule', 'waves'], '--schedule'),
    (['--val-split', '1'], '--val-split'), (['--val-split', '1e-9'], '--val-split'),
    (['--early-stopping', '-1'], '--early-stopping'),
    (['--label-smoothing', '-0.1'], '--label-smoothing'), (['--epochs', '0'], '--epochs'),
])
def test_wrong_arguments(arguments, word, tmp_path):
    expect_one_line(run_here('train', *arguments, cwd=tmp_path), word)


def test_list_of_models(tmp_path, monkeypatch):
    """Sizes are the published ones: of all layers, also of heads that take part in training only."""
    monkeypatch.setattr(models, 'names', lambda task=None: ['googlenet', 'lenet', 'lstm_lm', 'squeezenet1_1'])
    process = run_here('train', '--list-models', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    header, *rows = (line.split() for line in process.stdout.splitlines())
    assert header[:2] == ['model', 'parameters']
    assert max(map(len, process.stdout.splitlines())) <= 80 and process.stderr == ''
    assert [row[:2] for row in rows[:4]] == [['googlenet', '13,378,280'], ['lenet', '431,080'],
                                             ['lstm_lm', '19,780,400'], ['squeezenet1_1', '1,235,496']]
    assert rows[1][2] == f'{20 * 24 ** 2 * 25 + 50 * 8 ** 2 * 500 + 800 * 500 + 5000:,}'
    assert rows[1][3:5] == ['1x28x28', 'yes,']
    assert list(tmp_path.iterdir()) == []


def test_list_of_models_of_every_task(tmp_path, monkeypatch):
    rows = {'autoencoder': '2,837,314', 'bilstm_crf_tagger': '542,672', 'cbow': '2,000,000', 'crnn': '296,427',
            'dcgan': '536,384', 'dqn': '17,410', 'lenet': '431,080', 'lstm_lm': '19,780,400',
            'nic_scenes': '14,943,184', 'pix2pix': '1,051,378', 'ppo': '9,155', 'seq2seq_small': '4,130,576',
            'simclr': '246,650', 'ssd96': '968,276', 'text_bow': '1,010,302', 'unet_small': '1,942,834',
            'vae': '1,306,800'}
    assert {models.get(name).task for name in rows} == set(tasks.names())
    monkeypatch.setattr(models, 'names', lambda task=None: list(rows))
    process = run_here('train', '--list-models', cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert {line.split()[0]: line.split()[1] for line in process.stdout.splitlines()[1:1 + len(rows)]} == rows
