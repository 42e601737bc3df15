"""Networks as estimators of scikit-learn: its own checks, and what people do with estimators."""
import pickle

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L

pytest.importorskip('sklearn')
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from autograd_nn.sklearn import Classifier, Regressor

EXPECTED = {'check_sample_weight_equivalence_on_dense_data':
            'a sample of weight 2 is in one minibatch, two equal samples are in two, so that the updates differ'}


@pytest.mark.slow
@pytest.mark.parametrize('kind', [Classifier, Regressor])
@pytest.mark.filterwarnings('ignore')
def test_scikit_learn_checks(kind):
    # One check compares seven digits of predictions in minibatches of different sizes: more than float32 is sure of.
    with ann.using_config('dtype', np.dtype('d')):
        results = check_estimator(kind(random_state=0, epochs=40), expected_failed_checks=EXPECTED, on_skip=None)
    assert {result['check_name'] for result in results if result['status'] == 'xfail'} <= set(EXPECTED)
    assert sum(result['status'] == 'passed' for result in results) >= 50


@pytest.fixture(scope='module')
def iris():
    X, y = load_iris(return_X_y=True)
    return X, np.array(['setosa', 'versicolor', 'virginica'])[y]


def test_labels_of_any_type(iris):
    X, y = iris
    model = Classifier(hidden=(10,), lr=0.05, epochs=15, random_state=0).fit(X, y)
    assert model.classes_.tolist() == ['setosa', 'versicolor', 'virginica'] and model.score(X, y) > 0.9
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[probabilities.argmax(axis=1)], model.predict(X))
    assert len(model.history_['loss']) == 15 and model.history_['accuracy'][-1] > 0.9
    negative = Classifier(hidden=(), epochs=1).fit(X, np.where(y == 'setosa', -5, 10**12))
    assert set(negative.predict(X)) <= {-5, 10 ** 12}


def test_pipeline_search_and_cross_validation(iris):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), Classifier(lr=0.05, epochs=5, random_state=0))
    search = GridSearchCV(pipeline, {'classifier__hidden': [(), (8,)], 'classifier__optimizer': ['adam', 'sgd']}, cv=2)
    search.fit(X, y)
    assert set(search.best_params_) == {'classifier__hidden', 'classifier__optimizer'} and search.best_score_ > 0.8
    assert cross_val_score(pipeline, X, y, cv=2).shape == (2,)


def test_clones_and_pickles(iris):
    X, y = iris
    model = Classifier(hidden=(4,), epochs=2, random_state=3).fit(X, y)
    other = clone(model)
    assert other.get_params() == model.get_params() and not hasattr(other, 'network_')
    np.testing.assert_array_equal(other.fit(X, y).predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
    assert other.set_params(epochs=7).epochs == 7


def test_the_seed_is_a_matter_of_the_estimator(iris):
    X, y = iris
    np.random.seed(5)
    Classifier(hidden=(3,), epochs=1, random_state=0).fit(X, y)
    assert np.random.rand() == np.random.RandomState(5).rand()


def perceptron(n_features, n_outputs):
    return ann.Sequential(L.Linear(n_features, 8), F.tanh, L.Linear(8, n_outputs))


def test_networks_of_yours(iris):
    X, y = iris
    optimizer = ann.optimizers.MomentumSGD(lr=0.05)
    network = perceptron(4, 3)
    before = network[0].W.array.copy()
    for given in perceptron, network, L.Linear(None, 3):
        model = Classifier(given, optimizer=optimizer, epochs=10, random_state=0).fit(X, y)
        assert model.score(X, y) > 0.8 and model.learner_.optimizer is not optimizer
    np.testing.assert_array_equal(network[0].W.array, before)


def test_regression_of_one_and_of_several_targets():
    X = np.linspace(-1, 1, 60).reshape(60, 1)
    y = np.hstack([X ** 2, np.abs(X)])
    model = Regressor(hidden=(20,), lr=0.02, epochs=60, random_state=0).fit(X, y)
    assert model.predict(X).shape == (60, 2) and model.score(X, y) > 0.9
    assert Regressor(epochs=1).fit(X, y[:, 0]).predict(X).shape == (60,)


def test_sample_weights_count():
    X, y = np.ones((40, 1)), np.repeat([0., 1.], 20)
    model = Regressor(hidden=(), lr=0.1, epochs=100, batch_size=40, random_state=0)
    weights = np.repeat([1., 3.], 20)
    assert model.fit(X, y, weights).predict(X[:1]) == pytest.approx(0.75, abs=0.01)
    assert model.fit(X, y).predict(X[:1]) == pytest.approx(0.5, abs=0.01)


def test_pictures(iris):
    X = np.random.rand(20, 1, 6, 6)
    network = ann.Sequential(L.Convolution2D(None, 2, 3), F.relu, L.Linear(None, 2))
    model = Classifier(network, epochs=1).fit(X, np.arange(20) % 2)
    assert model.predict(X).shape == (20,)
