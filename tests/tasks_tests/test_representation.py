"""Learning without labels: the task, the linear classifier that measures features, and maps of them."""
import json

import numpy as np
import pytest
from PIL import Image

import autograd_nn as ann
from autograd_nn import datasets, models
from autograd_nn.tasks import feature_map, linear_probe, representation
from support.programs import expect_one_line, run_here


def few_digits():
    train, test = datasets.get_digits(ndim=3)
    return train[:150], test[:60], list('0123456789')


@pytest.fixture(scope='module', params=['simclr', pytest.param('moco', marks=pytest.mark.slow)])
def folder(request, tmp_path_factory):
    """A run of one epoch."""
    folder = tmp_path_factory.mktemp('representation')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(representation.Representation, 'embedded', {'digits': few_digits})
        process = train(folder, '--model', request.param)
    assert process.returncode == 0, process.stderr
    (folder / 'shown').write_text(process.stdout)
    return folder


def train(folder, *arguments):
    return run_here('train', '--epochs', 1, '--batch-size', 50, '--probe-labels', 40, *arguments, cwd=folder)


def test_what_is_said_and_written(folder):
    shown = (folder / 'shown').read_text()
    assert '150 training and 60 test samples, 10 classes' in shown
    assert 'test accuracy of a linear classifier of the features, with 40 labels: ' in shown
    for name in 'model.npz', 'encoder.npz', 'results.png', 'features.png':
        assert f'  {name:15} ' in shown and (folder / 'result' / name).is_file()
    entry, = json.loads((folder / 'result' / 'log.json').read_text())
    assert 0.2 < entry['validation/main/probe_accuracy'] <= 1
    assert f'{entry["validation/main/probe_accuracy"]:.2%}' in shown
    assert np.isfinite(entry['validation/main/loss'])


def test_prediction_names_what_the_linear_classifier_does(folder):
    digits = few_digits()[1][:20]
    for i, (x, _) in enumerate(digits):
        Image.fromarray((255 * x[0]).astype(np.uint8)).save(folder / f'{i}.png')
    process = run_here('predict', 'result/model.npz', *(f'{i}.png' for i in range(20)), cwd=folder)
    assert process.returncode == 0, process.stderr
    answers = [line.split()[1] for line in process.stdout.splitlines()]
    assert sum(answer == str(t) for answer, (_, t) in zip(answers, digits)) >= 6  # guessing gets 2


def test_the_encoder_is_where_the_next_run_starts(folder):
    network = models.create('lenet_bn', num_classes=10)
    network.predict(np.zeros((1, 1, 28, 28), 'f'))
    report = models.load_published(folder / 'result' / 'encoder.npz', network, 'lenet_bn')
    assert not report.missing and not report.other_shape and not report.unused
    with np.load(folder / 'result' / 'model.npz') as arrays:
        np.testing.assert_array_equal(arrays['encoder/ip2/W'], network.ip2.W.array)
    assert network.ip2.b.array.any()


def write_photos(folder):
    random = np.random.default_rng(0)
    for kind, colour in ('night', 60), ('day', 190):
        (folder / 'photos' / kind).mkdir(parents=True)
        for i in range(6):
            pixels = np.clip(colour + 40 * random.standard_normal((40, 50, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / 'photos' / kind / f'{i}.png')


@pytest.mark.slow
def test_a_folder_of_photographs_and_another_encoder(tmp_path):
    write_photos(tmp_path)
    process = run_here('train', '--model', 'simclr', '--encoder', 'resnet20', '--dataset', 'photos', '--epochs', 1,
                       '--batch-size', 4, '--probe-labels', 4, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert '10 training and 2 test samples, 2 classes' in process.stdout
    predicted = run_here('predict', 'result/model.npz', 'photos/day/0.png', cwd=tmp_path)
    assert predicted.stdout.split()[1] in ('day', 'night'), predicted.stderr


def test_mistakes_take_one_line(tmp_path):
    expect_one_line(train(tmp_path, '--model', 'simclr', '--no-augment'), '--no-augment: features are learned from')
    expect_one_line(train(tmp_path, '--model', 'simclr', '--encoder', 'nin'), 'encoder', 'fully connected, got nin')
    expect_one_line(train(tmp_path, '--model', 'moco', '--probe-labels', 0), '--probe-labels: expected at least 1')
    expect_one_line(train(tmp_path, '--model', 'simclr', '--encoder', 'lstm_lm'), '--encoder', 'lstm_lm')


def test_even_choice():
    labels = [0] * 50 + [1] * 5 + [2] * 45
    data = [(None, label) for label in labels]
    order = representation.choose_evenly(data, 3, 30, seed=0)
    assert sorted(order) == list(range(100))
    counts = np.bincount([labels[i] for i in order[:30]])
    assert counts[1] == 5 and counts[0] >= 10 and counts[2] >= 10
    assert not np.array_equal(order, representation.choose_evenly(data, 3, 30, seed=1))


def test_the_probe_is_softmax_regression():
    linear_model = pytest.importorskip('sklearn.linear_model')
    random = np.random.default_rng(0)
    t = np.arange(60) % 3
    x = random.standard_normal((60, 5)) + random.standard_normal((3, 5))[t]
    scaled = (x - x.mean(0)) / x.var(0).mean() ** 0.5
    # Its penalty is half the square, on a sum of losses.
    expected = linear_model.LogisticRegression(C=1 / (0.1 * 60)).fit(scaled, t)
    probe = linear_probe.fit_probe(x, t, 3, decay=0.1, steps=2000)
    logits, reference = probe(x), expected.decision_function(scaled)
    np.testing.assert_allclose(logits - logits.mean(1, keepdims=True), reference, atol=0.01)


def test_the_probe_names_mistakes():
    with pytest.raises(ValueError, match=r'fit_probe: expected features of shape \(N, D\).* got \(3, 2\) and \(4,\)'):
        linear_probe.fit_probe(np.zeros((3, 2)), np.zeros(4, int), 2)


def test_principal_components_are_where_the_variance_is():
    x = np.random.default_rng(0).standard_normal((200, 6)) * [5, 3, 1, 1, 1, 1]
    places = feature_map.project(x)
    _, vectors = np.linalg.eigh(np.cov(x.T))
    expected = (x - x.mean(0)) @ vectors[:, ::-1][:, :2]
    np.testing.assert_allclose(abs(places), abs(expected), rtol=1e-4, atol=1e-4)
    assert feature_map.project(np.ones((1, 4))).tolist() == [[0, 0]]


@pytest.mark.slow
def test_neighbours_stay_together():
    pytest.importorskip('sklearn')
    random = np.random.default_rng(0)
    t = np.arange(60) % 3
    x = random.standard_normal((60, 20)) + 20 * random.standard_normal((3, 20))[t]
    places = feature_map.project(x, neighbours=True)
    distances = np.linalg.norm(places[:, None] - places, axis=2) + np.diag(np.full(60, np.inf))
    assert (t[distances.argmin(axis=1)] == t).all()


def test_a_map_has_all_pictures_in_their_colours():
    pictures = [np.ones((1, 4, 4), 'f')] * 2
    sheet = feature_map.draw_map(pictures, np.array([[0., 0.], [1., 1.]]), [0, 1], ['a', 'b'], size=100, side=10)
    assert sheet.size == (100, 128)
    colours = [sheet.getpixel(place) for place in ((5, 5), (95, 95), (50, 50))]
    assert colours[0] != colours[1] and colours[2] == (255, 255, 255) and colours[0] != (255, 255, 255)
    photo = feature_map.draw_map([np.ones((3, 4, 4), 'f') * 0.5], np.zeros((1, 2)), [0], ['a'], size=50, side=20)
    assert photo.getpixel((10, 10)) == (127, 127, 127) and photo.getpixel((0, 0)) != (127, 127, 127)


def test_frozen_parts_do_not_learn_in_a_run(folder):
    """The classifier's last layer is what the probe makes of it; all else of the encoder has learned."""
    with np.load(folder / 'result' / 'snapshot.npz') as arrays:
        W = arrays['updater/model:main/predictor/encoder/ip2/W']
    with np.load(folder / 'result' / 'model.npz') as arrays:
        assert not np.array_equal(arrays['encoder/ip2/W'], W)
    assert ann.config.train
