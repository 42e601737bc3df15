"""The classic first program: a perceptron on digits, with a trainer and with a loop of its own."""
import copy
import json
import pickle

import numpy as np
import pytest

import autograd_nn as chainer
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import training
from autograd_nn.training import extensions


class MLP(chainer.Chain):

    def __init__(self, n_units, n_out):
        super(MLP, self).__init__()  # noqa: UP008
        with self.init_scope():
            self.l1 = L.Linear(None, n_units)
            self.l2 = L.Linear(None, n_units)
            self.l3 = L.Linear(None, n_out)

    def __call__(self, x):
        h1 = F.relu(self.l1(x))
        h2 = F.relu(self.l2(h1))
        return self.l3(h2)


def digits(train_size=300, test_size=100):
    train, test = chainer.datasets.get_digits()
    return train[:train_size], test[:test_size]


def prepare(out, epochs, train, test):
    """A trainer with all that a typical training program extends it by."""
    model = L.Classifier(MLP(20, 10))
    device = chainer.get_device('@numpy')
    model.to_device(device)
    device.use()
    optimizer = chainer.optimizers.Adam(0.004)
    optimizer.setup(model)
    optimizer.add_hook(chainer.optimizer.WeightDecay(1e-4))
    train_iter = chainer.iterators.SerialIterator(train, 50)
    test_iter = chainer.iterators.SerialIterator(test, 50, repeat=False, shuffle=False)
    updater = training.updaters.StandardUpdater(train_iter, optimizer, device=device)
    trainer = training.Trainer(updater, (epochs, 'epoch'), out=str(out))
    trainer.extend(extensions.Evaluator(test_iter, model, device=device), call_before_training=True)
    trainer.extend(extensions.DumpGraph('main/loss'))
    trainer.extend(extensions.snapshot(n_retains=1, autoload=False), trigger=(1, 'epoch'))
    trainer.extend(extensions.snapshot_object(model, 'model_{.updater.epoch}.npz'), trigger=(1, 'epoch'))
    trainer.extend(extensions.ExponentialShift('alpha', 0.5), trigger=(2, 'epoch'))
    trainer.extend(extensions.observe_lr())
    trainer.extend(extensions.FailOnNonNumber())
    trainer.extend(extensions.LogReport(), call_before_training=True)
    trainer.extend(extensions.PrintReport(
        ['epoch', 'main/loss', 'validation/main/loss', 'main/accuracy', 'validation/main/accuracy', 'lr',
         'elapsed_time']), call_before_training=True)
    trainer.extend(extensions.ProgressBar(update_interval=10))
    if extensions.PlotReport.available():
        trainer.extend(extensions.PlotReport(['main/loss', 'validation/main/loss'], 'epoch', filename='loss.png'))
        trainer.extend(extensions.PlotReport(['main/accuracy'], 'epoch', file_name='accuracy.png'))
    return trainer, model


@pytest.mark.filterwarnings('ignore:.*file_name')
def test_training_with_all_extensions_learns_and_resumes_exactly(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '120')
    train, test = digits()
    np.random.seed(0)
    trainer, model = prepare(tmp_path / 'whole', 4, train, test)
    trainer.run()
    log = json.loads((tmp_path / 'whole' / 'log').read_text())
    assert [entry['epoch'] for entry in log] == [0, 1, 2, 3, 4]
    assert log[-1]['main/loss'] < 0.8 * log[1]['main/loss']
    assert {'main/accuracy', 'validation/main/loss', 'iteration', 'elapsed_time', 'lr'} <= set(log[-1])
    assert 'validation/main/accuracy' in capsys.readouterr().out
    written = {path.name for path in (tmp_path / 'whole').iterdir()}
    assert {'cg.dot', 'log', 'loss.png', 'accuracy.png', 'model_4.npz', 'snapshot_iter_24'} <= written

    np.random.seed(0)
    first, _ = prepare(tmp_path / 'parts', 2, train, test)
    first.run()
    second, resumed = prepare(tmp_path / 'parts', 4, train, test)
    chainer.serializers.load_npz(str(tmp_path / 'parts' / 'snapshot_iter_12'), second)
    second.run()
    assert second.updater.iteration == 24
    for (path, expected), (_, actual) in zip(model.namedparams(), resumed.namedparams()):
        np.testing.assert_array_equal(actual.array, expected.array, err_msg=path)


def test_loop_of_ones_own(tmp_path):
    train, test = digits()
    model = L.Classifier(MLP(20, 10))
    optimizer = chainer.optimizers.MomentumSGD(lr=0.1)
    optimizer.setup(model)
    train_iter = chainer.iterators.SerialIterator(train, 50)
    test_iter = chainer.iterators.SerialIterator(test, 30, repeat=False, shuffle=False)
    losses, accuracies = [], []
    while train_iter.epoch < 5:
        batch = train_iter.next()
        x, t = chainer.dataset.concat_examples(batch, -1)
        optimizer.update(model, x, t)
        losses.append(float(model.loss.array))
        if train_iter.is_new_epoch:
            optimizer.lr *= 0.9
            test_iter.reset()
            total = 0
            with chainer.using_config('train', False), chainer.using_config('enable_backprop', False):
                for batch in test_iter:
                    loss = model(*chainer.dataset.convert.concat_examples(batch, device=-1))
                    assert loss.creator is None
                    total += float(model.accuracy.data) * len(batch)
            accuracies.append(total / len(test))
    assert np.mean(losses[-6:]) < 0.6 * np.mean(losses[:6])
    assert accuracies[-1] > 0.6
    assert optimizer.lr == pytest.approx(0.1 * 0.9 ** 5)

    chainer.serializers.save_npz(tmp_path / 'my.model', model)
    chainer.serializers.save_npz(str(tmp_path / 'my.state'), optimizer)
    loaded = L.Classifier(MLP(20, 10))
    chainer.serializers.load_npz(str(tmp_path / 'my.model'), loaded)
    other = chainer.optimizers.MomentumSGD()
    other.setup(loaded)
    other.lr = optimizer.lr
    chainer.serializers.load_npz(str(tmp_path / 'my.state'), other)
    assert other.t == optimizer.t
    x, t = chainer.dataset.concat_examples(train[:50])
    for each, method in ((model, optimizer), (loaded, other)):
        loss = each(x, t)
        each.cleargrads()
        loss.backward()
        method.update()
    np.testing.assert_array_equal(loaded.predictor.l2.W.array, model.predictor.l2.W.array)


def test_epochs_by_hand_and_permuted_minibatches():
    """The style of the books of Chainer's first years."""
    train, _ = digits(200, 50)
    x_train, t_train = chainer.dataset.concat_examples(train)
    model = chainer.Chain(l1=L.Linear(784, 30), l2=L.Linear(30, 10))
    optimizer = chainer.optimizers.AdaGrad(lr=0.05)
    optimizer.setup(model)
    history = []
    for _ in range(4):
        perm = np.random.RandomState(0).permutation(len(x_train))
        total = 0.0
        for i in range(0, len(x_train), 50):
            x = chainer.Variable(np.asarray(x_train[perm[i:i + 50]]))
            t = chainer.Variable(np.asarray(t_train[perm[i:i + 50]]))
            y = model.l2(F.dropout(F.sigmoid(model.l1(x)), ratio=.1))
            loss = F.softmax_cross_entropy(y, t)
            accuracy = F.accuracy(y, t)
            model.zerograds()
            loss.backward()
            optimizer.update()
            total += float(loss.data) * len(t.data)
            assert 0 <= accuracy.data <= 1
        history.append(total / len(x_train))
    assert history[-1] < history[0]


@pytest.mark.parametrize('duplicate', [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)),
                                       lambda model: model.copy('copy')], ids=['deepcopy', 'pickle', 'copy'])
def test_models_are_copied(duplicate):
    model = L.Classifier(MLP(4, 3))
    x = np.random.RandomState(0).rand(5, 6).astype('f')
    y = model.predictor(x)
    copied = duplicate(model)
    np.testing.assert_array_equal(copied.predictor(x).array, y.array)
    copied.predictor.l1.W.array[...] = 0
    np.testing.assert_array_equal(model.predictor(x).array, y.array)


def test_weights_in_the_layout_of_chainer(tmp_path):
    """A file as Chainer's ``save_npz`` writes it: paths of parameters and of persistent values."""
    rs = np.random.RandomState(0)
    values = {'l/W': rs.rand(3, 4), 'l/b': rs.rand(3), 'bn/gamma': rs.rand(3), 'bn/beta': rs.rand(3),
              'bn/avg_mean': rs.rand(3), 'bn/avg_var': rs.rand(3), 'bn/N': np.array(7)}
    np.savez_compressed(tmp_path / 'chainer.npz', **{
        name: value if name == 'bn/N' else value.astype('f') for name, value in values.items()})
    model = chainer.Chain(l=L.Linear(4, 3), bn=L.BatchNormalization(3))
    chainer.serializers.load_npz(tmp_path / 'chainer.npz', model)
    assert model.bn.N == 7
    x = rs.rand(2, 4).astype('f')
    with chainer.using_config('train', False):
        y = model.bn(model.l(x))
    h = x @ values['l/W'].T + values['l/b']
    h = (h - values['bn/avg_mean']) / np.sqrt(values['bn/avg_var'] + 2e-5)
    expected = h * values['bn/gamma'] + values['bn/beta']
    np.testing.assert_allclose(y.array, expected, rtol=1e-4)
    chainer.serializers.save_npz(tmp_path / 'ours.npz', model)
    with np.load(tmp_path / 'ours.npz') as ours:
        assert set(ours.files) == set(values)
        assert ours['l/W'].dtype == np.float32 and ours['bn/N'].shape == ()
