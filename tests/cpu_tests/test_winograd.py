"""3 x 3 convolutions in tiles, against the reference and against exact ones."""
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_nn import config, cpu, global_config, using_config
from autograd_nn.cpu import onednn
from autograd_nn.cpu.onednn import library, primitive, winograd

pytestmark = pytest.mark.skipif(onednn.load()[0] is None, reason=onednn.load()[1])


def same(actual, expected):
    expected = np.asarray(expected)
    np.testing.assert_allclose(actual, expected, atol=2e-5 * max(1, abs(expected).max(initial=0)))


@st.composite
def geometries(draw):
    """Images (N, C, H, W) with any strides, filters (K, C, 3, 3), and a padding for which there is an output."""
    n, c, k = (draw(st.integers(1, 5)) for _ in range(3))
    pad = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    size = tuple(draw(st.integers(3 - 2 * p if p < 2 else 1, 14)) for p in pad)
    random = np.random.default_rng(draw(st.integers(0, 9)))
    axes = draw(st.permutations(range(4)))
    x = random.standard_normal([(n, c, *size)[i] for i in axes]).astype('f').transpose(np.argsort(axes))
    return x, random.standard_normal((k, c, 3, 3)).astype('f'), pad, random


@pytest.fixture(params=[(1 << 14, 1 << 17), (8, 20), (30, 30)], ids=['one block', 'many blocks', 'small blocks'])
def blocks(request, monkeypatch):
    """All ways to cut images: several samples in a part, or rows of tiles; one block, or several; one part in each."""
    for name, value in zip(['_PART_COLUMNS', '_BLOCK_COLUMNS'], request.param):
        monkeypatch.setattr(winograd, name, value)


@pytest.mark.usefixtures('blocks')
@pytest.mark.parametrize('ceiling', [None, np.inf, 1.5])
@given(geometries=geometries(), biased=st.booleans(), added=st.booleans())
def test_convolution(ceiling, geometries, biased, added):
    x, W, pad, random = geometries
    b = random.standard_normal(len(W)).astype('f') if biased else None
    exact = cpu.convolution(x.astype('d'), W.astype('d'), b, (1, 1), pad, (1, 1), 1)
    residual = random.standard_normal(exact.shape).astype('f') if added else None
    y = winograd.convolve(x, winograd.Filters(False).convert(W), b, pad, residual, ceiling)
    expected = exact + (0 if residual is None else residual)
    same(y, expected if ceiling is None else np.clip(expected, 0, ceiling))


@pytest.mark.usefixtures('blocks')
@given(geometries=geometries())
def test_gradients(geometries):
    x, W, pad, random = geometries
    y = cpu.convolution(x, W, None, (1, 1), pad, (1, 1), 1)
    gy = random.standard_normal(y.shape).astype('f')
    gx = winograd.convolve(gy, winograd.Filters(True).convert(W), None, tuple(2 - p for p in pad))
    same(gx, cpu.deconvolution(gy.astype('d'), W.astype('d'), None, (1, 1), pad, x.shape[2:], (1, 1), 1))
    gW = winograd.filter_grad(x, gy, pad)
    same(gW, cpu.convolution_filter_grad(x.astype('d'), gy.astype('d'), (3, 3), (1, 1), pad, (1, 1), 1))


AVX2 = winograd._AVX2
SHAPE = (2, 128, 45, 46)  # tiles reach over the edge
GEOMETRY = (1, 1), (1, 1), (1, 1), 1


@pytest.fixture(scope='module')
def large():
    """Images, filters, gradients of the output: large enough that tiles are faster."""
    random = np.random.default_rng(0)
    shapes = SHAPE, (160, SHAPE[1], 3, 3), (SHAPE[0], 160, *SHAPE[2:])
    return [random.standard_normal(shape).astype('f') for shape in shapes]


@pytest.fixture
def calls(monkeypatch):
    """The names of the functions that are called."""
    names = []
    for name in 'convolve', 'filter_grad':
        function = getattr(winograd, name)
        monkeypatch.setattr(winograd, name,
                            lambda *args, name=name, function=function: [names.append(name), function(*args)][1])
    # What the machine at hand would choose does not matter here, nor do plans that were made before.
    monkeypatch.setattr(primitive, '_thread', primitive._Thread())
    for name in 'has_avx512', 'has_avx512_in_halves':
        monkeypatch.setattr(type(onednn.load()[0]), name, False)
    monkeypatch.setattr(winograd, '_AVX2', {what: costs._replace(direct=10) for what, costs in winograd._AVX2.items()})
    return names


def kernels(kernels, x, W, gy, **options):
    b = np.linspace(-1, 1, len(W), dtype=x.dtype)
    return (kernels.convolution(x, W, b, *GEOMETRY, **options), kernels.deconvolution(gy, W, None, (1, 1), (1, 1),
            x.shape[2:], (1, 1), 1), kernels.convolution_filter_grad(x, gy, (3, 3), *GEOMETRY))


def test_kernels_take_it_where_it_is_faster(large, calls):
    results = kernels(onednn, *large)
    assert calls == ['convolve', 'convolve', 'filter_grad']
    for actual, expected in zip(results, kernels(cpu, *[a.astype('d') for a in large])):
        np.testing.assert_allclose(actual, expected, atol=2e-5 * expected.std() * 5)


def test_not_with_bfloat16(large, calls):
    x, W, _ = large
    with using_config('use_bfloat16', True):
        onednn.convolution(x[:1], W, None, *GEOMETRY)
    assert calls == []


@pytest.mark.parametrize('odd', [np.nan, np.inf, -np.inf, -1e10, 3e38])
@pytest.mark.filterwarnings('ignore:invalid value', 'ignore:overflow')
def test_a_pixel_changes_only_what_sees_it(odd, large, calls):
    """One that is not a number, or out of all proportion, would change all of its tile."""
    x, W, gy = (a.copy() for a in large)
    usual = kernels(onednn, x, W, gy)
    x[0, 3, 20, 21] = gy[0, 5, 20, 21] = odd
    del calls[:]
    y, gx, gW = kernels(onednn, x, W, gy)
    assert calls == []
    seen = np.zeros(x.shape[2:], bool)
    seen[19:22, 20:23] = True
    for actual, expected in (y, usual[0]), (gx, usual[1]):
        scale = 2e-4 * expected.std()
        np.testing.assert_allclose(actual[1:], expected[1:], atol=scale)
        np.testing.assert_allclose(actual[0][:, ~seen], expected[0][:, ~seen], atol=scale)
        assert (abs(actual[0][:, seen]) > 1e5).all() or np.isnan(actual[0][:, seen]).any()
    others = np.delete(np.delete(gW, 5, 0), 3, 1), np.delete(np.delete(usual[2], 5, 0), 3, 1)
    np.testing.assert_allclose(*others, atol=2e-4 * usual[2].std())


def test_ordinary_images_are_in_range():
    random = np.random.default_rng(0)
    x = random.standard_normal((2, 16, 30, 31)).astype('f')
    assert winograd.is_exact(x) and winograd.is_exact(x.clip(0)) and winograd.is_exact(1e-20 * x)
    assert winograd.is_exact(np.zeros_like(x)) and winograd.is_exact(x[:, :, ::2, 1::3])
    pooled = x * (random.integers(0, 8, x.shape) == 0)
    assert winograd.is_exact(pooled)
    assert not winograd.is_exact(1e35 * x)


def test_helping_threads_do_not_round():
    """They have a configuration of their own: that of the process."""
    settings, both = [], threading.Barrier(2)

    def work(item):
        both.wait()
        settings.append(config.use_bfloat16)

    with (using_config('use_bfloat16', True, global_config), using_config('use_bfloat16', False),
          using_config('num_threads', 2)):
        winograd._run(work, range(2))
    assert settings == [False, False]


@pytest.mark.parametrize('geometry', [((2, 2), (1, 1), (1, 1), 1), ((1, 1), (3, 3), (1, 1), 1),
                                      ((1, 1), (1, 1), (2, 2), 1), ((1, 1), (1, 1), (1, 1), 2)])
def test_not_for_other_geometries(geometry, calls):
    assert not winograd.is_faster('convolution', 512, (8, 512, 64, 64), (3, 3), *geometry)
    assert not winograd.is_faster('convolution', 512, (8, 512, 64, 64), (5, 5), *GEOMETRY)
    assert winograd.is_faster('convolution', 512, (8, 512, 64, 64), (3, 3), *GEOMETRY)


def test_errors_are_those_of_the_direct_algorithm(large):
    """Rounding shows in the fifth digit at most, and typical errors are of the same order as usual."""
    x, W, gy = large
    exact = kernels(cpu, *[a.astype('d') for a in large])
    b = np.linspace(-1, 1, len(W), dtype='f')
    tiles = (winograd.convolve(x, winograd.Filters(False).convert(W), b, (1, 1)),
             winograd.convolve(gy, winograd.Filters(True).convert(W), None, (1, 1)),
             winograd.filter_grad(x, gy, (1, 1)))
    direct = kernels(cpu, *large)
    for a, b, reference in zip(tiles, direct, exact):
        errors, usual = abs(a - reference), abs(b - reference)
        assert errors.max() < 4e-5 * reference.std()
        assert errors.std() < 10 * usual.std()


@pytest.mark.parametrize('number', [1, 2, 3])
def test_results_are_the_same_every_time(large, number):
    """Whichever thread takes which tiles."""
    x, W, gy = large
    with using_config('num_threads', number):
        U = winograd.Filters(False).convert(W)
        for f in (lambda: winograd.convolve(x, U, None, (1, 1))), (lambda: winograd.filter_grad(x, gy, (1, 1))):
            first, *others = [f() for _ in range(4)]
            for other in others:
                np.testing.assert_array_equal(other, first)


def test_filters_are_kept_until_they_change(large, calls):
    x, W, _ = large
    kept = {}
    for scale in None, np.full(len(W), 2, 'f'), None:
        for _ in range(2):
            y = onednn.convolution(x, W, None, *GEOMETRY, scale=scale, kept=kept)
        same(y[:, :8], cpu.convolution(x, W[:8] * (1 if scale is None else 2), None, *GEOMETRY))
    assert len(calls) == 6


def test_what_is_not_a_number_is_seen(large):
    """A tile sees it in more places than the direct algorithm, and a rectifier does not hide it."""
    x, W, _ = large
    x = x[:1].copy()
    x[0, 3, 20, 21] = np.nan
    y = winograd.convolve(x, winograd.Filters(False).convert(W), None, (1, 1), None, np.inf)
    lost = np.isnan(cpu.convolution(x, W, None, *GEOMETRY))
    assert lost.any() and np.isnan(y[lost]).all() and np.isfinite(y[:, :, :12]).all()


@pytest.mark.parametrize('halves', [False, True])
def test_with_avx512_only_where_that_is_measured(halves, large, calls, monkeypatch):
    monkeypatch.setattr(type(onednn.load()[0]), 'has_avx512', True)
    monkeypatch.setattr(type(onednn.load()[0]), 'has_avx512_in_halves', halves)
    monkeypatch.setattr(winograd, '_AVX512_IN_HALVES', winograd._AVX2)
    kernels(onednn, *large)
    assert calls == ['convolve', 'convolve', 'filter_grad'] * halves


CPUINFO = 'processor\t: 0\nvendor_id\t: {}\ncpu family\t: {}\nmodel\t\t: 17\n'


@pytest.mark.parametrize(['text', 'expected'], [
    (CPUINFO.format('AuthenticAMD', 25), True), (CPUINFO.format('AuthenticAMD', 26), False),
    (CPUINFO.format('GenuineIntel', 25), False), (CPUINFO.format('AuthenticAMD', 255), False), ('', False),
    (None, False)], ids=['Zen 4', 'Zen 5', 'another vendor', 'another family', 'empty', 'no file'])
def test_is_zen4(text, expected, tmp_path):
    path = tmp_path / 'cpuinfo'
    if text is not None:
        path.write_text(text)
    assert library._is_zen4(path) is expected


@pytest.mark.parametrize('halves', [False, True])
def test_filters_that_are_kept_are_not_counted(halves, calls, monkeypatch):
    for name in 'has_avx512', 'has_avx512_in_halves':
        monkeypatch.setattr(type(onednn.load()[0]), name, halves)
    monkeypatch.setattr(winograd, '_AVX2', AVX2)
    random = np.random.default_rng(0)
    x, W = (random.standard_normal(shape).astype('f') for shape in ((1, 256, 26, 26), (512, 256, 3, 3)))
    y = onednn.convolution(x, W, None, *GEOMETRY)
    assert calls == []
    kept = onednn.convolution(x, W, None, *GEOMETRY, kept={})
    assert calls == ['convolve']
    np.testing.assert_allclose(kept, y, atol=1e-4 * y.std())
