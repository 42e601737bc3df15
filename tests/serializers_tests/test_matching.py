"""Loading what fits."""
import io

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.links as L
from autograd_nn import serializers


def make_model(classes=3, **others):
    return ann.Chain(conv=L.Convolution2D(3, 4, 3), bn=L.BatchNormalization(4), fc=L.Linear(6, classes), **others)


def values(link):
    serializer = serializers.DictionarySerializer()
    serializer.save(link)
    return {key: np.array(value) for key, value in serializer.target.items()}


def save(obj):
    file = io.BytesIO()
    serializers.save_npz(file, obj)
    return file


@pytest.fixture
def published():
    model = make_model(1000, old=L.Linear(2, 2))
    for param in model.params():
        param.array[...] = np.random.randn(*param.shape)
    model.bn.avg_mean[...] = 7
    model.bn.N = 5
    return model


def test_takes_what_fits_and_reports_the_rest(published):
    model = make_model(3, new=L.Bias(shape=(4,)))
    before = values(model)
    report = serializers.load_matching(save(published), model)
    after, expected = values(model), values(published)
    assert list(report.loaded) == ['conv/W', 'conv/b', 'bn/gamma', 'bn/beta', 'bn/avg_mean', 'bn/avg_var', 'bn/N']
    assert report.loaded['conv/W'] == 4 * 3 * 9
    assert report.other_shape == {'fc/W': ((1000, 6), (3, 6)), 'fc/b': ((1000,), (3,))}
    assert report.missing == ['new/b'] and report.unused == ['old/W', 'old/b']
    for key in after:
        np.testing.assert_array_equal(after[key], expected[key] if key in report.loaded else before[key])
    assert model.bn.N == 5
    assert str(report) == ('loaded 7 of 10 arrays (129 numbers)\n'
                           'not loaded, of another shape: fc/W (3, 6) (in the file (1000, 6)), '
                           'fc/b (3,) (in the file (1000,))\n'
                           'not loaded, not in the file: new/b\n'
                           'in the file only: old/W, old/b')


def test_all_and_nothing(published):
    file = save(published)
    report = serializers.load_matching(file, make_model(1000, old=L.Linear(2, 2)))
    count = sum(value.size for value in values(published).values())
    assert str(report) == f'loaded 11 of 11 arrays ({count:,} numbers)'
    other = ann.Chain(**{f'l{i}': L.Linear(2, 2, nobias=True) for i in range(11)})
    before = values(other)
    report = serializers.load_matching(file, other)
    assert not report.loaded and len(report.missing) == 11 and len(report.unused) == 11
    assert 'l6/W, l7/W and 3 more' in str(report) and 'loaded 0 of 11 arrays (0 numbers)' in str(report)
    assert all(np.array_equal(before[key], value) for key, value in values(other).items())


class Renamed(ann.Link):
    """Reads what an earlier version called ``bias``."""

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.b = ann.Parameter(0, 2)

    def serialize(self, serializer):
        super().serialize(serializer)
        if isinstance(serializer, serializers.NpzDeserializer):
            serializer('bias', self.b.array)


def test_links_that_read_more_than_they_save():
    link = Renamed()
    file = save({'bias': np.array([1, 2], 'f'), 'other': np.zeros(3)})
    report = serializers.load_matching(file, link)
    assert report.unused == ['other'] and list(link.b.array) == [1, 2]


def test_path(published):
    file = save(L.Classifier(published))
    assert len(serializers.load_matching(file, make_model(), path='predictor/').loaded) == 7
    assert not serializers.load_matching(file, make_model()).loaded


def test_what_is_not_initialized(published):
    """In the link, where any shape fits, and in the file, which then has nothing to give."""
    model = ann.Chain(conv=L.Convolution2D(None, 4, 3), bn=L.BatchNormalization())
    report = serializers.load_matching(save(published), model)
    assert not report.missing and model.conv.W.shape == (4, 3, 3, 3) and model.bn.avg_mean[0] == 7
    file, model = save(ann.Chain(conv=L.Convolution2D(None, 4, 3), bn=L.BatchNormalization())), make_model()
    report = serializers.load_matching(file, model)
    assert set(report.missing) >= {'conv/W', 'bn/avg_mean', 'fc/W'} and model.bn.avg_mean.shape == (4,)


def test_an_error_leaves_the_link_as_it_is(published):
    model = make_model()
    before, stored = values(model), values(published)
    stored['bn/gamma'] = stored['bn/gamma'].astype(complex)
    with pytest.raises(ValueError, match=r"'bn/gamma': expected dtype float32, found complex"):
        serializers.load_matching(save(stored), model)
    with pytest.raises(ValueError, match='not an npz file'):
        serializers.load_matching(io.BytesIO(b'nothing of the kind'), model)
    assert all(np.array_equal(before[key], value) for key, value in values(model).items())
