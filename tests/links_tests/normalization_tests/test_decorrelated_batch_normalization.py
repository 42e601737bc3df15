"""Decorrelated batch normalization as a layer: training, inference, running averages and the files that have them."""
import io
import warnings

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import serializers


def make(**arguments):
    link = L.DecorrelatedBatchNormalization(6, **{'groups': 2, 'dtype': 'd', **arguments})
    return link, np.random.randn(5, 6, 4) @ np.random.randn(4, 4) + 0.5


def averages(link):
    return [link.avg_mean.copy(), link.avg_projection.copy()]


def test_training():
    link, x = make(decay=0.8, eps=0.1)
    expected = [np.zeros((2, 3)), np.tile(np.eye(3), (2, 1, 1))]
    y = F.decorrelated_batch_normalization(x, groups=2, eps=0.1, running_mean=expected[0],
                                           running_projection=expected[1], decay=0.8)
    np.testing.assert_array_equal(link(x).array, y.array)
    for actual, wanted in zip(averages(link), expected):
        np.testing.assert_array_equal(actual, wanted)
    assert (expected[0] != 0).all()


@pytest.mark.parametrize('frozen', [True, False])
def test_inference(frozen):
    link, x = make()
    link(x)
    before = averages(link)
    if frozen:
        link.freeze()
    with ann.using_config('train', frozen):
        y = link(x)
    np.testing.assert_array_equal(y.array, F.fixed_decorrelated_batch_normalization(x, *before, 2).array)
    for actual, wanted in zip(averages(link), before):
        np.testing.assert_array_equal(actual, wanted)


def test_finetuning_averages_all_batches_equally():
    link, x = make()
    link(x)
    batches, single = [x, x + 3, x * 2], []
    for batch in batches:
        link.start_finetuning()
        link(batch, finetune=True)
        single.append(averages(link))
    link.start_finetuning()
    for batch in batches:
        link(batch, finetune=True)
    assert link.N == 3
    for actual, wanted in zip(averages(link), zip(*single)):
        np.testing.assert_allclose(actual, np.mean(wanted, 0))
    np.testing.assert_allclose(link.avg_mean.ravel(), np.mean([b.mean((0, 2)) for b in batches], 0))


def test_computed_a_second_time():
    results = []
    for forget in False, True:
        np.random.seed(0)
        link, x = make()
        v = ann.Variable(x)
        y = F.forget(lambda x, link=link: link(x, finetune=True), v) if forget else link(v, finetune=True)
        F.sum(y ** 3).backward()
        results.append([v.grad, link.N, *averages(link)])
    for expected, actual in zip(*results):
        np.testing.assert_allclose(actual, expected)


def test_types():
    link = L.DecorrelatedBatchNormalization(4, 2, dtype='e')
    assert link.avg_mean.dtype == link.avg_projection.dtype == 'f'
    x = np.random.randn(9, 4).astype('e')
    for train in True, False:
        with ann.using_config('train', train):
            assert link(x).dtype == 'e'
    assert repr(link) == 'DecorrelatedBatchNormalization(size=4, groups=2, decay=0.9, eps=2e-05, dtype=float32)'


def saved(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    return file


def test_saving():
    link, x = make()
    link(x, finetune=True)
    file = io.BytesIO()
    serializers.save_npz(file, link)
    file.seek(0)
    assert {key: array.shape for key, array in np.load(file).items()} == {
        'N': (), 'avg_mean': (2, 3), 'avg_projection': (2, 3, 3)}
    loaded, _ = make()
    serializers.load_npz(file, ann.Chain(bn=loaded)['bn'])
    assert loaded.N == 1
    for actual, wanted in zip(averages(loaded), averages(link)):
        np.testing.assert_array_equal(actual, wanted)


@pytest.mark.parametrize('groups', [1, 2])
def test_file_of_an_early_chainer(groups):
    """It has one mean and one matrix, for all groups."""
    mean, projection = np.random.rand(6 // groups), np.random.rand(6 // groups, 6 // groups)
    model = ann.Chain(bn=L.DecorrelatedBatchNormalization(6, groups))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        serializers.load_npz(saved(**{'bn/avg_mean': mean, 'bn/avg_projection': projection, 'bn/N': 3}), model)
    assert {'each of 2 has the same' in str(warning.message) for warning in caught} == ({True} if groups > 1 else set())
    np.testing.assert_allclose(model.bn.avg_mean, [mean] * groups, rtol=1e-6)
    np.testing.assert_allclose(model.bn.avg_projection, [projection] * groups, rtol=1e-6)
    assert model.bn.N == 3


def test_files_that_do_not_fit():
    link, _ = make()
    with pytest.raises(ValueError, match=r"'avg_mean': expected shape \(2, 3\), found \(6,\)"):
        serializers.load_npz(saved(avg_mean=np.ones(6), avg_projection=np.ones((6, 6)), N=0), link)
    with pytest.raises(KeyError, match='avg_mean'):
        serializers.load_npz(saved(N=0), link)
    serializers.load_npz(saved(N=7), link, strict=False)
    assert link.N == 7 and not link.avg_mean.any()


@pytest.mark.parametrize('size, groups', [(5, 2), (4, 16), (4, 0)])
def test_sizes_that_do_not_fit(size, groups):
    with pytest.raises(ValueError, match=f'multiple of groups, got {size} and {groups}'):
        L.DecorrelatedBatchNormalization(size, groups)
    with pytest.raises(ValueError, match=r'multiple of groups 2, got \(3, 5\)'):
        L.DecorrelatedBatchNormalization(4, 2)(np.ones((3, 5), 'f'))


@pytest.mark.gpu
def test_on_a_gpu():
    x, results = np.random.randn(6, 4, 3).astype('f'), []
    for device in 'cpu', 'cuda:0':
        link = L.DecorrelatedBatchNormalization(4, 2).to_device(device)
        arrays = []
        for train in True, True, False:
            v = ann.Variable(link.device.send(x))
            with ann.using_config('train', train):
                y = link(v)
            F.sum(y ** 3).backward()
            arrays += [y.array, v.grad]
        results.append([ann.cuda.to_cpu(array) for array in (*arrays, *(array for _, array in link.namedpersistents()))
                        if hasattr(array, 'shape')])
    assert len(results[0]) == 8
    for expected, actual in zip(*results):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-3)
