"""compile, fit, evaluate, predict: three ways to write a model, one way to train it."""
import json

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import datasets, iterators, training
from autograd_nn.dataset import concat_examples
from autograd_nn.training import extensions, triggers
from autograd_nn.training.callbacks import CALLBACKS
from autograd_nn.training.history import History


@pytest.fixture(scope='module')
def digits():
    train, test = datasets.get_digits()
    (x, t), (test_x, test_t) = concat_examples(train[:600]), concat_examples(test[:200])
    return x, t, test_x, test_t


def row():
    return ann.Sequential(L.Linear(30), F.relu, lambda h: F.dropout(h, 0.2), L.Linear(10))


def formula():
    x = ann.Input(784)
    return ann.Model(x, L.Linear(10)(F.dropout(F.relu(L.Linear(30)(x)), 0.2)))


class Subclass(ann.Model):
    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.hidden, self.out = L.Linear(30), L.Linear(10)

    def forward(self, x):
        return self.out(F.dropout(F.relu(self.hidden(x)), 0.2))


class Perceptron(ann.Chain):
    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.hidden, self.out = L.Linear(30), L.Linear(10)

    forward = Subclass.forward


def compiled(model):
    if type(model) is Perceptron:
        return ann.compile(model, 'adam', loss='softmax_cross_entropy', metrics=['accuracy'])
    model.compile('adam', loss='softmax_cross_entropy', metrics=['accuracy'])
    return model


def loop(model, x, t, epochs, batch_size):
    """The same with no help: one update after the other, by the order that an iterator draws."""
    with ann.using_config('train', False), ann.no_backprop_mode():
        model(x[:1])
    optimizer = ann.optimizers.Adam().setup(model)
    classifier = L.Classifier(model)
    iterator = iterators.SerialIterator(np.arange(len(x)), batch_size)
    losses = [[] for _ in range(epochs)]
    while iterator.epoch < epochs:
        epoch, rows = iterator.epoch, np.array(next(iterator))
        loss = classifier(x[rows], t[rows])
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses[epoch].append(loss.item())
    return [float(np.mean(each)) for each in losses]


def test_the_lecture_three_ways(digits, capsys):
    x, t, test_x, test_t = digits
    results = []
    for make in row, formula, Subclass, Perceptron:
        ann.random.seed(0)
        model = compiled(make())
        history = model.fit(x, t, batch_size=50, epochs=3, verbose=0, validation_data=(test_x, test_t))
        figures = model.evaluate(test_x, test_t)
        results.append((history.history, figures, model.predict(test_x)))
    assert not capsys.readouterr().out
    history, figures, outputs = results[0]
    for other in results[1:]:
        assert other[:2] == (history, figures)
        np.testing.assert_array_equal(other[2], outputs)
    # ... which are those of a loop without any of it, and of NumPy.
    ann.random.seed(0)
    np.testing.assert_allclose(history['loss'], loop(Perceptron(), x, t, 3, 50), rtol=1e-5)
    assert list(history) == ['loss', 'accuracy', 'val_loss', 'val_accuracy']
    assert history['loss'][-1] < 0.8 * history['loss'][0] and figures['accuracy'] > 0.4
    last = {name: history[f'val_{name}'][-1] for name in figures}
    assert figures == pytest.approx(last, rel=1e-6)
    assert figures['accuracy'] == pytest.approx((outputs.argmax(axis=1) == test_t).mean())
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(test_t)), test_t]
    assert figures['loss'] == pytest.approx(losses.mean(), rel=1e-5)


def line():
    """Points on a line, and a model that finds it."""
    x = np.linspace(-1, 1, 40, dtype='f').reshape(40, 1)
    return x, 3 * x + 1, ann.compile(L.Linear(1, 1, initialW=0), ann.optimizers.SGD(lr=0.1), 'mean_squared_error')


def test_data_in_every_form():
    x, y, _ = line()
    pairs = datasets.TupleDataset(x, y)
    found = []
    for data in ((x, y), (pairs,), ([(a, b) for a, b in zip(x, y)],), (iterators.SerialIterator(pairs, 8),),
                 (x.astype('d'), y.tolist()), (x[:, 0].tolist(), y)):
        np.random.seed(1)
        learner = line()[2]
        if isinstance(data[0], list) and not isinstance(data[0][0], tuple):
            data = (np.array(data[0])[:, None], y)
        learner.fit(*data, batch_size=8, epochs=2, verbose=0)
        found.append((float(learner.model.W.array[0, 0]), float(learner.model.b.array[0])))
    # The iterator of the user was made before the numbers were seeded.
    assert len({each for i, each in enumerate(found) if i != 3}) == 1
    np.testing.assert_allclose(found[3], found[0], atol=0.2)
    assert learner.evaluate(pairs) == learner.evaluate(x, y)
    np.testing.assert_array_equal(learner.predict(pairs), learner.predict(x))
    np.testing.assert_array_equal(learner.predict(x, batch_size=7), learner.predict(x))


def test_several_inputs_and_outputs():
    a, b = ann.Input(2), ann.Input(3)
    model = ann.Model([a, b], {'y': L.Linear(1)(F.concat([a, b])), 'z': L.Linear(4)(b)})
    model.compile('sgd', loss={'y': 'mse', 'z': 'softmax_cross_entropy'}, metrics={'y': ['mae'], 'z': ['accuracy']},
                  loss_weights={'y': 1, 'z': 0.5})
    x = np.random.rand(20, 2).astype('f'), np.random.rand(20, 3).astype('f')
    y = np.random.rand(20, 1).astype('f'), np.arange(20) % 4
    history = model.fit(x, y, batch_size=5, epochs=1, verbose=0, validation_split=0.25).history
    assert set(history) == {f'{prefix}{name}' for prefix in ('', 'val_')
                            for name in ('loss', 'loss_y', 'loss_z', 'mae_y', 'accuracy_z')}
    figures, outputs = model.evaluate(x, y), model.predict(x, batch_size=8)
    assert figures['loss'] == pytest.approx(figures['loss_y'] + 0.5 * figures['loss_z'], rel=1e-5)
    assert outputs['y'].shape == (20, 1) and outputs['z'].shape == (20, 4)
    assert figures['mae_y'] == pytest.approx(np.abs(outputs['y'] - y[0]).mean(), rel=1e-5)
    # A list of losses goes with a tuple of outputs.
    pair = ann.compile(ann.Model([a, b], (L.Linear(1)(a), L.Linear(4)(b))), 'sgd', ['mse', 'cross_entropy'])
    assert set(pair.evaluate(x, y)) == {'loss', 'loss_0', 'loss_1'}


def test_weights_of_samples_and_of_classes():
    x, t = np.random.rand(12, 3).astype('f'), np.arange(12) % 3
    model = ann.Sequential(L.Linear(3, 3))
    model.compile('sgd', 'softmax_cross_entropy')
    y = model.predict(x)
    losses = np.log(np.exp(y).sum(axis=1)) - y[np.arange(12), t]
    weights = np.random.rand(12)
    assert model.evaluate(x, t, sample_weight=weights)['loss'] == pytest.approx((losses * weights).mean(), rel=1e-5)
    table = np.array([2, 1, 0.5])
    expected = (losses * weights * table[t]).mean()
    assert model.train_on_batch(x, t, weights, {0: 2, 2: 0.5})['loss'] == pytest.approx(expected, rel=1e-5)
    model.fit(x, t, epochs=2, verbose=0, class_weight={0: 2, 2: 0.5}, sample_weight=weights, validation_split=0.5)
    # A weight of 0 is as good as no sample.
    ones = [np.ones(12), np.repeat([1, 0], 6)]
    gradients = []
    for rows, weight in (slice(12), ones[1]), (slice(6), None):
        model.cleargrads()
        learner = model.learner
        loss = learner.objective(x[rows], t[rows], *([] if weight is None else [weight.astype('f')]),
                                 weighted=weight is not None)
        loss.backward()
        gradients.append(model[0].W.grad * (2 if weight is not None else 1))
    np.testing.assert_allclose(*gradients, rtol=1e-5)


@pytest.mark.parametrize('loss', ['mean_squared_error', 'mean_absolute_error', 'sigmoid_cross_entropy', 'hinge'])
def test_equal_weights_change_nothing(loss):
    x = np.random.rand(6, 4).astype('f')
    t = {'hinge': np.arange(6) % 2, 'sigmoid_cross_entropy': np.random.randint(2, size=(6, 2))}.get(
        loss, np.random.rand(6, 2).astype('f'))
    model = ann.compile(L.Linear(4, 2), 'sgd', loss)
    plain, weighted = model.evaluate(x, t)['loss'], model.evaluate(x, t, sample_weight=np.full(6, 2.))['loss']
    assert weighted == pytest.approx(2 * plain, rel=1e-5)


def test_one_minibatch_is_one_update():
    x, y, learner = line()
    before = learner.test_on_batch(x, y)['loss']
    assert before == pytest.approx(((3 * x + 1) ** 2).mean(), rel=1e-5)
    assert learner.train_on_batch(x, y)['loss'] == pytest.approx(before)
    # W = 0, b = 0: the gradients of the mean of (W x + b - y)^2
    assert learner.model.b.array[0] == pytest.approx(0.1 * 2 * y.mean(), rel=1e-4)
    assert learner.test_on_batch(x, y)['loss'] < before


def test_training_goes_on():
    x, y, whole = line()
    first, second = line()[2], None
    np.random.seed(0)
    whole.fit(x, y, batch_size=40, epochs=4, verbose=0)
    first.fit(x, y, batch_size=40, epochs=2, verbose=0)
    second = first.fit(x, y, batch_size=40, epochs=4, initial_epoch=2, verbose=0)
    assert second.epoch == [3, 4]
    np.testing.assert_allclose(first.model.W.array, whole.model.W.array, rtol=1e-5)
    with pytest.raises(ValueError, match='expected more epochs than the 4'):
        first.fit(x, y, epochs=4, initial_epoch=4)


def test_a_last_minibatch_that_is_smaller_counts_for_its_samples():
    x, y, learner = line()
    expected = float(((learner.predict(x) - y) ** 2).mean())
    assert learner.evaluate(x, y, batch_size=33)['loss'] == pytest.approx(expected, rel=1e-5)


def test_small_data_make_one_minibatch():
    x, y, learner = line()
    learner.fit(x[:5], y[:5], batch_size=32, epochs=3, verbose=0)
    assert learner.optimizer.t == 3


def test_order_of_samples():
    seen = []

    class Spy(ann.Link):
        def forward(self, x, t):
            seen.extend(x[:, 0].tolist())
            return F.sum(F.linear(x, self.W))

    spy = Spy(W=(1, 1))
    x = np.arange(20, dtype='f').reshape(20, 1)
    learner = ann.compile(spy)
    learner.fit(x, x, batch_size=5, verbose=0, shuffle=False)
    assert seen == x[:, 0].tolist()
    learner.fit(x, x, batch_size=5, verbose=0, validation_split=0.25)
    assert sorted(seen[20:35]) == x[:15, 0].tolist() != seen[20:35] and seen[35:] == x[15:, 0].tolist()


def test_a_model_that_computes_its_loss_itself():
    x, t = np.random.rand(20, 3).astype('f'), np.arange(20) % 2
    learner = ann.compile(L.Classifier(ann.Sequential(L.Linear(2))), 'adam')
    assert list(learner.fit(x, t, verbose=0).history) == ['loss', 'accuracy']
    assert list(learner.evaluate(x, t)) == ['loss', 'accuracy']
    assert learner.predict(x).shape == (20, 2)
    with pytest.raises(ValueError, match='metrics need a loss'):
        ann.compile(L.Classifier(L.Linear(2)), 'adam', metrics=['accuracy'])


def test_rows_and_progress(capsys):
    x, y, learner = line()
    learner.fit(x, y, epochs=2, validation_split=0.5)
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ['epoch', 'main/loss', 'validation/main/loss', 'elapsed_time']
    assert [first.split()[0], second.split()[0]] == ['1', '2']
    learner.fit(x, y, epochs=3, initial_epoch=2, verbose=2)
    assert capsys.readouterr().out.splitlines()[-1].startswith('3 ')


# --- callbacks

def test_nothing_is_written_unless_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y, learner = line()
    learner.fit(x, y, epochs=2, verbose=0,
                callbacks=['cosine', 'early_stopping', 'best_weights', 'fail_on_non_number'])
    assert not list(tmp_path.iterdir())
    learner.fit(x, y, verbose=0, callbacks='checkpoint')
    assert [path.name for path in tmp_path.rglob('*.npz')] == ['best.npz'] and (tmp_path / 'result').is_dir()


def test_an_interrupted_training_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, y, _ = line()

    def fail(y, t):
        if learner.optimizer.t == 3:
            raise KeyboardInterrupt
        return F.mean_squared_error(y, t)

    learner = ann.compile(L.Linear(1, 1), 'sgd', fail)
    with pytest.raises(KeyboardInterrupt):
        learner.fit(x, y, batch_size=8, verbose=0)
    assert learner.optimizer.t == 3 and not list(tmp_path.iterdir())


def test_files_of_callbacks(tmp_path):
    x, y, learner = line()
    history = learner.fit(x, y, epochs=3, verbose=0, validation_split=0.2, out=tmp_path,
                          callbacks=['checkpoint', 'snapshot', 'log', 'plot'])
    log = json.loads((tmp_path / 'log.json').read_text())
    assert [entry['main/loss'] for entry in log] == history.history['loss']
    assert np.load(tmp_path / 'best.npz')['W'] == pytest.approx(learner.model.W.array)
    assert (tmp_path / 'snapshot.npz').exists()
    assert (tmp_path / 'loss.png').exists() == extensions.PlotReport.available()


def test_early_stopping_and_best_weights():
    """A training that gets worse: each epoch moves the only weight by 1, away from the validation data's best one."""
    x = np.ones((4, 1), 'f')
    learner = ann.compile(L.Linear(1, 1, nobias=True, initialW=-1.), ann.optimizers.SGD(lr=1.),
                          lambda y, t: F.mean(y * t) if ann.config.train else F.mean((y - 1) ** 2))
    history = learner.fit(x, -x, epochs=50, batch_size=4, verbose=0, validation_data=(x, x),
                          callbacks=['early_stopping', 'best_weights'])
    # The weight is 0, 1, 2, ... after the epochs: the second was best, and three were worse.
    assert history.history['val_loss'] == [1, 0, 1, 4, 9] and learner.model.W.array.item() == 1
    patient = triggers.EarlyStoppingTrigger(monitor='validation/main/loss', patience=1, max_trigger=(100, 'epoch'))
    history = learner.fit(x, -x, epochs=50, batch_size=4, verbose=0, validation_data=(x, x), callbacks=[patient])
    assert history.epoch == [1, 2]


@pytest.mark.parametrize(('name', 'expected'), [
    ('cosine', [0.1 * (1 + np.cos(np.pi * t / 10)) / 2 for t in range(1, 11)]),
    ('linear', [0.1 - 0.01 * t for t in range(1, 11)]),
    ('step', [0.1] * 4 + [0.01] * 3 + [0.001] * 3), ('constant', [0.1] * 10)])
def test_courses_of_the_learning_rate(name, expected):
    x, y, learner = line()
    rates = []

    def watch(trainer):
        rates.append(learner.optimizer.lr)

    watch.priority = -1000
    learner.fit(x, y, batch_size=40, epochs=10, verbose=0, callbacks=[name, watch])
    assert learner.optimizer.lr == 0.1                             # for the next training
    np.testing.assert_allclose(rates, expected, atol=1e-12)
    rates.clear()
    learner.fit(x, y, batch_size=40, epochs=10, initial_epoch=4, verbose=0, callbacks=[name, watch])
    np.testing.assert_allclose(rates, expected[4:], atol=1e-12)


def test_extensions_and_functions_are_callbacks(tmp_path):
    x, y, learner = line()
    seen = []
    learner.fit(x, y, epochs=2, batch_size=20, verbose=0, out=tmp_path, callbacks=[
        lambda trainer: seen.append(trainer.updater.iteration), (lambda trainer: seen.append('epoch'), (1, 'epoch')),
        extensions.LogReport(filename='own')])
    assert seen == [1, 2, 'epoch', 3, 4, 'epoch'] and (tmp_path / 'own').exists()


# --- names and mistakes

@pytest.mark.parametrize(('arguments', 'expected'), [
    (('adam', 'mse'), (ann.optimizers.Adam, F.mean_squared_error)),
    (('AdamW', 'mae'), (ann.optimizers.AdamW, F.mean_absolute_error)),
    (('momentum', 'cross_entropy'), (ann.optimizers.MomentumSGD, F.softmax_cross_entropy)),
    (('rms_prop', 'sparse_categorical_crossentropy'), (ann.optimizers.RMSprop, F.softmax_cross_entropy)),
    (('nesterov', 'sigmoid_cross_entropy'), (ann.optimizers.NesterovAG, F.sigmoid_cross_entropy))])
def test_names_stand_for_the_same_objects(arguments, expected):
    learner = ann.compile(L.Linear(2), *arguments)
    assert (type(learner.optimizer), learner.objective.losses[0]) == expected


def test_accuracy_goes_by_the_loss():
    x, t = np.array([[-1.], [2.]], 'f'), np.array([[0], [1]])
    learner = ann.compile(ann.Sequential(lambda x: F.identity(x)), 'sgd', 'sigmoid_cross_entropy', 'accuracy')
    assert learner.evaluate(x, t)['accuracy'] == 1


def predictor():
    model = ann.Sequential(L.Linear(2, 3))
    model.compile('sgd', 'softmax_cross_entropy')
    return model


X, T = np.ones((6, 2), 'f'), np.zeros(6, 'i')


@pytest.mark.parametrize(('mistake', 'message'), [
    (lambda: ann.compile(L.Linear(2), 'adm'), r"optimizer: there is no 'adm', did you mean 'adam'\? There are sgd"),
    (lambda: ann.compile(L.Linear(2), loss='binary_crossentropy'),
     r'sigmoid_cross_entropy does sigmoid and this in one'),
    (lambda: ann.compile(L.Linear(2), loss='nothing'), r"loss: there is no 'nothing'. There are hinge, mean"),
    (lambda: ann.compile(L.Linear(2), loss='mse', metrics=['accurcy']), r"did you mean 'accuracy'"),
    (lambda: predictor().fit(X, T, callbacks=['early_stoping']),
     r"callbacks: there is no.*did you mean 'early_stopping'"),
    (lambda: predictor().fit(X, T[:5]), r'fit: expected arrays of as many samples, at least one; they have 6, 5'),
    (lambda: predictor().fit(X[:0], T[:0]), r'at least one; they have 0, 0'),
    (lambda: predictor().fit(X, T, sample_weight=np.ones(3)), r'they have 6, 6, 3'),
    (lambda: predictor().fit(3, T), r'fit: expected an array of samples, got 3'),
    (lambda: predictor().fit(X, verbose=0), r'a sample has inputs and 1 targets, not 1 arrays alone'),
    (lambda: predictor().fit(X, T, validation_split=0.9), r'leaves samples on both sides of 6; got 0.9'),
    (lambda: predictor().fit(X, T, validation_split=0.5, validation_data=(X, T)), r'without validation_data'),
    (lambda: predictor().fit(X, T, class_weight={3: 1}, verbose=0), r'labels from 0 to 2, got 3'),
    (lambda: ann.compile(L.Linear(2), 'sgd', 'mse').fit(X, X, class_weight={0: 1}, verbose=0),
     r'targets that are labels'),
    (lambda: ann.compile(L.Linear(2), 'sgd', lambda y, t: F.sum(y)).evaluate(X, X, sample_weight=np.ones(6)),
     r"has no argument reduce, with which 'no'"),
    (lambda: predictor().fit(datasets.TupleDataset(X, T), sample_weight=T), r'sample_weight goes with arrays'),
    (lambda: ann.compile(L.Linear(2), 'adadelta', 'mse').fit(X, X, callbacks='linear'),
     r'AdaDelta has no learning rate'),
    (lambda: ann.compile(ann.Sequential(F.sum)).predict(X), r'predict: expected a row for each of 6 samples')])
def test_mistakes_get_one_clear_line(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()


def test_who_forgets_to_compile_is_told():
    model = ann.Sequential(L.Linear(2, 3))
    with pytest.raises(RuntimeError, match=r"Sequential: say first how it is trained: model.compile\('adam'"):
        model.fit(X, T)
    optimizer = ann.optimizers.SGD().setup(model)
    assert model.predict(X).shape == (6, 3)                        # which needs no more than the model
    optimizer.update(lambda: F.sum(model(X)))                      # an optimizer of yours goes on
    assert model[0].W.update_rule.t == 1
    model.compile('sgd', 'cross_entropy')
    with pytest.raises(RuntimeError, match='say first'):
        model.copy().evaluate(X, T)                                # the learner trains the model, not its copy
    with pytest.raises(TypeError, match='expected a link as model, got function'):
        ann.compile(F.relu)
    with pytest.raises(TypeError, match='callbacks: expected a name'):
        model.fit(X, T, callbacks=[3])


def test_a_deep_copy_trains_itself():
    model = predictor()
    copied = model.copy('copy')
    before = model[0].W.array.copy()
    copied.fit(X, T, verbose=0)
    np.testing.assert_array_equal(model[0].W.array, before)
    assert not np.array_equal(copied[0].W.array, before)


def test_prediction_needs_memory_for_one_minibatch():
    sizes = []

    def note(x):
        sizes.append(len(x))
        assert not ann.config.train and not ann.config.enable_backprop
        return x

    x = np.arange(300, dtype='f').reshape(300, 1)
    np.testing.assert_array_equal(ann.Sequential(note).predict(x, batch_size=64), x)
    assert sizes == [64, 64, 64, 64, 44]


# --- history

LOG = [{'epoch': 1, 'iteration': 5, 'elapsed_time': 1., 'main/loss': 2., 'validation/main/loss': 3., 'lr': 0.1},
       {'epoch': 2, 'iteration': 10, 'elapsed_time': 2., 'main/loss': 1., 'lr': 0.1}]


def test_history():
    history = History(LOG)
    assert history.history == {'loss': [2, 1], 'val_loss': [3, None], 'lr': [0.1, 0.1]} and history.epoch == [1, 2]
    assert repr(history) == '<History: 2 epochs; loss 1, lr 0.1>'
    html = history._repr_html_()
    assert html.count('<tr>') == 3 and '<td>3</td>' in html
    evil = History([{'epoch': i, '<script>': 1.} for i in range(30)])._repr_html_()
    assert '<script>' not in evil and 'the last 20 of 30 epochs' in evil and evil.count('<tr>') == 21


def test_plot(tmp_path):
    pytest.importorskip('matplotlib')
    figure = History(LOG).plot(tmp_path / 'curves.png')
    assert [axes.get_ylabel() for axes in figure.axes] == ['loss', 'lr']
    training_curve, validation = figure.axes[0].lines
    assert training_curve.get_xydata().tolist() == [[1, 2], [2, 1]] and validation.get_xydata().tolist() == [[1, 3]]
    assert (tmp_path / 'curves.png').stat().st_size > 1000
    assert len(History(LOG).plot(keys=['loss']).axes) == 1
    with pytest.raises(ValueError, match="there is no 'accuracy', only loss, val_loss, lr"):
        History(LOG).plot(keys=['accuracy'])


def test_all_names_of_callbacks_are_described():
    from pathlib import Path

    import autograd_nn.training.callbacks as module
    text = Path(module.__file__).read_text()
    text = text[text.index('The callbacks that have names.'):]
    assert all(f"``'{name}'``" in text for name in CALLBACKS)


def test_the_classes_are_exported():
    assert training.History is History and ann.Model.__mro__[1].__name__ == 'Trainable'
