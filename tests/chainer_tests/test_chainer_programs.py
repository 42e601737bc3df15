"""Programs for Chainer, in the style of its examples and of textbooks, which say nothing of this package.

Each one asserts by itself that it has learned, and each one has run on the Chainer of its version as it is. Where it
draws its random numbers in one thread, what Chainer printed is here too: how a line of numbers begins (in version
7.8.1, if its own version computes others).
"""
import os
import re
from pathlib import Path

import pytest

from support import programs

PROGRAMS = Path(__file__).parent / 'programs'
ONE_THREAD = {**os.environ, 'PYTHONPATH': str(Path(__file__).parents[1]), 'AUTOGRAD_NN_NUM_THREADS': '1',
              'OPENBLAS_NUM_THREADS': '1'}
# The launcher, with Chainer's orders of parameters and examples.
LAUNCHER = """
from support import chainer_orders
from autograd_nn.chainer.__main__ import main
from autograd_nn.training import extensions
if extensions.PlotReport.available():
    import matplotlib.backends.backend_agg
chainer_orders.install()
"""
# The program and its arguments; how a line begins that Chainer printed; which files are there in the end.
CASES = [
    ('mnist_custom_loop -g -1', '1 1.8035802 1.508419', 'result/mlp.model result/mlp.state'),
    ('cifar --early-stopping validation/main/loss', '', 'result/cg.dot result/best.npz'),
    ('dcgan', '10 40 0.689562 1.32674', 'result/preview/image00000080.png result/gen_iter_80.npz'),
    ('vae', '5 7.50535 7.58362 -5.72739 1.77796', 'results/bound_150'),
    ('seq2seq', '', 'result/model_iter_80'),
    ('word2vec --out-type hsm ns original', '4 97.3884 95.3348', 'result/hsm.model result/snapshot_epoch_4'),
    ('word2vec --model skipgram --out-type original', '4 2.10974 2.09536', 'result/original.model'),
    ('pos', '20 0.0272213 0.0228024', ''),
    ('ptb', '3 45 2.17552 2.12712', 'result/snapshot_iter_75 result/model_iter_75'),
    ('memnn', '10 0.599064 0.477793', 'model/vocab.pickle model/model.npz'),
    ('memnn --sentence-repr pe', '10 0.93569 0.856435', 'model/model.npz'),
    ('wavenet', '6 30 1.51163', 'result/cg.dot'),
    ('dqn', '19 174 0.685 0.003553', ''),
    ('dqn --target-type double_dqn', '79 496 1', ''),
    ('reinforce', '', ''),
    ('image_captioning', '', 'result/model_80'),
    ('sentiment', '6.5095 26.16588 1.78189 13.529427', ''),
    ('sentiment --net recursive', '6.174436 35.53502 1.843123', ''),
    ('ctc', '6 0.107922', ''),
    ('text_classification --model cnn rnn bow', '3 0.546622 0.278136', 'result/best_model.npz result/args.json'),
    ('glance', '2 0.450186 0.288619', 'result/cg.dot result/snapshot_iter_112'),
    ('static_graph', '10 0.0410214', ''),
    ('imagenet --loaderjob 2', '', 'mean.npy result/model_iter_25'),
    ('serialization', '14', 'mlp.npz mlp.h5 opt.npz opt.h5 window.npz'),
    ('parallel', '5 0.60381 0.52192', 'parts/log copies/log'),
    ('v4_mnist --gpu -1', '2 1.51534 1.08931', 'result/cg.dot result/snapshot_iter_40'),
    ('v4_style', '4 0.0360783', 'graph.dot'),
    ('v1_convnet', '1 1.11299', 'result/cg.dot result/model_iter_64'),
    ('v1_rnnlm', '3 2.462623 1.798476', 'rnnlm.model rnnlm.state'),
    ('v1_dcgan', '7 1.112686 0.829309', 'pictures/23.png pictures/optimizer_23.npz'),
    ('v1_functionset --gpu -1', '2 1.4787', 'graph.dot graph.wo_split.dot model.pkl parameters.pkl'),
    ('v1_charrnn', '480 0.125509', 'charrnn.pkl'),
    ('v1_dqn', '29 157 0.5466667 0.00458', ''),
    ('textbook_function', '50 0.0205352', ''),
    ('textbook_autoencoder', '30 0.00341815', 'model.pkl my.model weights.npz'),
    ('textbook_rnn', '1 0.1267627', ''),
]
QUICK = {'mnist_custom_loop', 'pos', 'ptb', 'reinforce', 'textbook_function', 'v1_functionset', 'vae'}
NEEDED = {'mnist': 'matplotlib', 'serialization': 'h5py', 'v1_rnnlm': 'h5py'}


@pytest.fixture(scope='module')
def launcher():
    with programs.Copies(LAUNCHER, '-W', 'ignore', env=ONE_THREAD) as started:
        yield started


def numbers(line):
    return [float(word) for word in re.findall(r'-?\d+(?:\.\d+)?(?:e-?\d+)?', line)]


@pytest.fixture
def run(launcher, tmp_path):
    """Runs a program as it is, and compares."""
    def run(line, printed, files):
        name, *words = line.split()
        pytest.importorskip(NEEDED.get(name, 'numpy'))
        done = launcher.run(PROGRAMS / f'{name}.py', *words, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        lines, expected = map(numbers, done.stdout.splitlines()), pytest.approx(numbers(printed), rel=2e-3)
        assert any(line[:len(numbers(printed))] == expected for line in lines) or not printed, done.stdout
        assert [name for name in files.split() if not (tmp_path / name).stat().st_size] == []

    return run


@pytest.mark.parametrize('line, printed, files', [
    pytest.param(*case, id=case[0], marks=[] if case[0].split()[0] in QUICK else pytest.mark.slow) for case in CASES])
def test_program(line, printed, files, run):
    run(line, printed, files)


@pytest.mark.slow
def test_a_program_is_resumed(run, tmp_path):
    run('mnist -d -1', '2 1.52819 1.11691', 'result/log result/cg.dot result/loss.png result/accuracy.png '
        'result/model_epoch-4 result/snapshot_iter_40')
    run('mnist --noplot --epoch 6 --resume result/snapshot_iter_40', '6', 'result/snapshot_iter_60')
    assert not (tmp_path / 'result/snapshot_iter_40').exists()


def test_every_program_is_run():
    there = {path.stem for path in PROGRAMS.glob('*.py') if not path.stem.startswith('mn_')}
    assert there == {line.split()[0] for line, _, _ in CASES} | {'mnist'}
