"""The classifier: loss, accuracy, where it finds the labels, and what it reports."""
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L

X = np.random.RandomState(0).randn(6, 3).astype('f')
T = np.array([0, 1, 3, 2, 0, 1])


def expected(link):
    scores = X @ link.predictor.W.array.T + link.predictor.b.array
    log_p = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    return -log_p[np.arange(6), T].mean(), (scores.argmax(1) == T).mean()


def test_loss_accuracy_and_report():
    model = L.Classifier(L.Linear(3, 4))
    reporter = ann.Reporter()
    reporter.add_observer('main', model)
    with reporter:
        loss = model(X, T)
    assert loss is model.loss
    np.testing.assert_allclose([model.loss.item(), model.accuracy.item()], expected(model), rtol=1e-5)
    assert set(reporter.observation) == {'main/loss', 'main/accuracy'}
    assert float(reporter.observation['main/loss']) == model.loss.item()
    np.testing.assert_allclose(model.y.array, model.predictor(X).array)
    assert [path for path, _ in model.namedparams()] == ['/predictor/W', '/predictor/b']


def test_trains():
    model = L.Classifier(L.Linear(3, 4))
    first = model(X, T).item()
    for _ in range(20):
        model.cleargrads()
        model(X, T).backward()
        for param in model.params():
            param.array -= 0.5 * param.grad
    assert model(X, T).item() < first


def test_without_accuracy():
    model = L.Classifier(L.Linear(3, 4))
    model.compute_accuracy = False
    observation = {}
    with ann.Reporter() as reporter, reporter.scope(observation):
        reporter.add_observer('main', model)
        model(X, T)
    assert model.accuracy is None and list(observation) == ['main/loss']


@pytest.mark.parametrize('key, args, kwargs', [
    (-1, (X, T), {}), (0, (T, X), {}), (1, (X, T), {}), ('t', (X,), {'t': T}), (-2, (T, X), {}),
    ('t', (), {'t': T, 'x': X})])
def test_label_key(key, args, kwargs):
    model = L.Classifier(L.Linear(3, 4), label_key=key)
    model(*args, **kwargs)
    np.testing.assert_allclose(model.loss.item(), expected(model)[0], rtol=1e-5)


def test_other_functions():
    model = L.Classifier(L.Linear(3, 1), F.mean_squared_error, lambda y, t: F.mean(abs(y - t)))
    t = np.ones((6, 1), 'f')
    y = X @ model.predictor.W.array.T
    np.testing.assert_allclose(model(X, t).item(), ((y - t) ** 2).mean(), rtol=1e-5)
    np.testing.assert_allclose(model.accuracy.item(), abs(y - t).mean(), rtol=1e-5)


def test_misuse():
    with pytest.raises(TypeError, match='float'):
        L.Classifier(L.Linear(3, 4), label_key=0.5)
    with pytest.raises(ValueError, match=r"'t'.*positional"):
        L.Classifier(L.Linear(3, 4), label_key='t')(X, T)
    with pytest.raises(ValueError, match=r'2 .*among 2'):
        L.Classifier(L.Linear(3, 4), label_key=2)(X, T)


def test_print():
    assert repr(L.Classifier(L.Linear(3, 4))) == (
        'Classifier(\n'
        '    lossfun=softmax_cross_entropy,\n'
        '    accfun=accuracy,\n'
        '    label_key=-1,\n'
        '    predictor=Linear(in_size=3, out_size=4, nobias=False),\n'
        ')')
