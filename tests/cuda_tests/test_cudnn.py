"""Kernels through cuDNN: layouts, plans, and what happens where it declines (see ``cpu_tests`` for the arithmetic)."""
import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd_nn as ann
from autograd_nn import config, cuda, using_config
from autograd_nn import functions as F
from autograd_nn import links as L
from autograd_nn.backend import kernels
from autograd_nn.cuda import cudnn, layout
from autograd_nn.cuda.cudnn import library, plan
from autograd_nn.dtypes import as_dtype, is_half

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(library.load()[0] is None, reason=library.load()[1])]
stand_in = pytest.mark.skipif(not hasattr(library.load()[0], 'declined'), reason='cuDNN is not the stand-in')

GEOMETRY = (1, 1), (1, 1), (1, 1)
TOLERANCES = {'bfloat16': 4e-2, 'e': 5e-3, 'f': 1e-5}


@pytest.fixture(autouse=True)
def no_plans(monkeypatch):
    monkeypatch.setattr(plan, '_plans', {})


@pytest.fixture
def declined():
    """The names of the operations that the stand-in declines."""
    names = library.load()[0].declined
    yield names
    names.clear()


def channels_last(x):
    return layout.laid_out(cuda.to_gpu(x), True)


def random(*shape, dtype='f'):
    return np.random.uniform(-1, 1, shape).astype(as_dtype(dtype))


def exactly(x):
    return cuda.to_cpu(x).astype('d')


def notes(built):
    """What the ways to compute of a plan may not do."""
    return next(entry[1] for entry in built.graph.log if entry[0] == 'deselect_numeric_notes')


@given(shapes=st.sampled_from([[(2, 3, 4, 5)] * 3, [(2, 3, 4, 5), (1, 3, 1, 1), (2, 3, 4, 5)], [(2, 3, 2, 4, 5)] * 3,
                               [(2, 3, 4, 5), (3, 1, 1), (2, 3, 4, 5)], [(2, 1, 4, 5), (2, 3, 4, 5), (2, 3, 1, 1)],
                               [(3, 4), (4,), (1, 4)]]),
       last=st.tuples(*[st.booleans()] * 3))
def test_elementwise_results_keep_the_layout(shapes, last):
    arrays = [random(*shape) for shape in shapes]
    sent = [channels_last(a) if each and a.ndim >= 4 else cuda.to_gpu(a) for a, each in zip(arrays, last)]
    y = layout.keep_layout(lambda x, y, z: x + y * z, sent)
    np.testing.assert_array_equal(cuda.to_cpu(y), arrays[0] + arrays[1] * arrays[2])
    kept = any(map(layout.is_channels_last, sent)) and len({a.ndim for a in arrays}) == 1
    assert layout.is_channels_last(y) if kept else y.flags.c_contiguous


@pytest.mark.parametrize('shape', [(2, 3, 4, 5), (2, 3, 4, 5, 6), (2, 1, 4, 5), (2, 3, 1, 1)])
def test_strides(shape):
    for last in False, True:
        x = layout.empty(shape, 'f', last)
        x[...] = cuda.to_gpu(np.arange(np.prod(shape), dtype='f').reshape(shape))
        told = cuda.cupy.ndarray(shape, 'f', x.data, [4 * s for s in layout.strides(shape, last)])
        np.testing.assert_array_equal(cuda.to_cpu(told), cuda.to_cpu(x))
        assert layout.is_channels_last(x) == (last and shape[1] > 1 and shape[2:] != (1, 1))


@pytest.mark.parametrize('spatial', [1, 2, 3])
@pytest.mark.parametrize('dtype', TOLERANCES)
def test_results_are_channels_last_in_half_precision(spatial, dtype):
    x, W, b = random(2, 8, *[6] * spatial, dtype=dtype), random(16, 8, *[3] * spatial, dtype=dtype), random(16)
    geometry = [(1,) * spatial] * 3
    y = cudnn.convolution(cuda.to_gpu(x), cuda.to_gpu(W), cuda.to_gpu(b.astype(x.dtype)), *geometry, 1)
    expected = kernels(x).convolution(x.astype('d'), W.astype('d'), b.astype(x.dtype).astype('d'), *geometry, 1, None,
                                      None, None, None)
    np.testing.assert_allclose(exactly(y), expected, atol=10 * TOLERANCES[dtype])
    assert layout.is_channels_last(y) == (is_half(x.dtype) and spatial > 1)
    gW = cudnn.convolution_filter_grad(cuda.to_gpu(x), y, W.shape[2:], *geometry, 1)
    assert gW.flags.c_contiguous and gW.shape == W.shape


def test_plain_float32_keeps_the_layout_of_the_image():
    x, W = random(2, 4, 6, 6), cuda.to_gpu(random(8, 4, 3, 3))
    results = [cudnn.convolution(sent, W, None, *GEOMETRY, 1) for sent in (cuda.to_gpu(x), channels_last(x))]
    assert list(map(layout.is_channels_last, results)) == [False, True]
    np.testing.assert_allclose(cuda.to_cpu(results[0]), cuda.to_cpu(results[1]), atol=1e-5)


def test_tensor_cores_are_used_where_rounding_is_allowed(monkeypatch):
    x, W = cuda.to_gpu(random(2, 4, 6, 6)), cuda.to_gpu(random(8, 4, 3, 3))
    monkeypatch.setenv('CUPY_TF32', '0')
    assert not layout.is_channels_last(cudnn.convolution(x, W, None, *GEOMETRY, 1))
    monkeypatch.setenv('CUPY_TF32', '1')
    assert layout.is_channels_last(cudnn.convolution(x, W, None, *GEOMETRY, 1))
    plain, rounding = plan._plans.values()
    assert plain.settings.tf32 is False and rounding.settings.tf32 is True


@stand_in
def test_what_ways_to_compute_may_not_do(monkeypatch):
    monkeypatch.setenv('CUPY_TF32', '0')
    single, half = [(cuda.to_gpu(random(2, 8, 6, 6, dtype=t)), cuda.to_gpu(random(8, 8, 3, 3, dtype=t))) for t in 'fe']
    cudnn.convolution(*single, None, *GEOMETRY, 1)
    cudnn.convolution(*half, None, *GEOMETRY, 1)
    with using_config('cudnn_deterministic', True):
        cudnn.convolution(*half, None, *GEOMETRY, 1)
    monkeypatch.setenv('CUPY_TF32', '1')
    cudnn.convolution(*single, None, *GEOMETRY, 1)
    assert list(map(notes, plan._plans.values())) == [
        ['TENSOR_CORE', 'DOWN_CONVERT_INPUTS', 'REDUCED_PRECISION_REDUCTION'], [], ['NONDETERMINISTIC'], []]


def test_one_plan_for_each_kind_of_arrays():
    x, W = cuda.to_gpu(random(2, 4, 6, 6)), cuda.to_gpu(random(8, 4, 3, 3))
    for _ in range(3):
        cudnn.convolution(x, W, None, *GEOMETRY, 1)
    assert len(plan._plans) == 1
    cudnn.convolution(x[:1], W, None, *GEOMETRY, 1)
    assert len(plan._plans) == 2


@stand_in
@pytest.mark.parametrize('names', [set(), {'add'}, {'conv_fprop'}, {'bias', 'relu'}])
@pytest.mark.parametrize('ceiling', [None, float('inf'), 0.5])
def test_what_cudnn_declines_others_compute(declined, names, ceiling):
    declined |= names
    x, W, b, residual = random(2, 3, 5, 6), random(4, 3, 3, 3), random(4), random(2, 4, 5, 6)
    y = cudnn.convolution(*map(cuda.to_gpu, (x, W, b)), *GEOMETRY, 1, cuda.to_gpu(np.full(4, 2, 'f')),
                          cuda.to_gpu(residual), ceiling)
    expected = kernels(x).convolution(x, W, b, *GEOMETRY, 1, np.full(4, 2, 'f'), residual, ceiling, None)
    np.testing.assert_allclose(cuda.to_cpu(y), expected, atol=1e-5)
    assert [built is None for built in plan._plans.values()] == {0: [False], 1: [True, False], 2: [True, False]}.get(
        len(names - {'conv_fprop'}) if 'conv_fprop' not in names else -1, [True, True])


@stand_in
def test_gradients_that_cudnn_declines(declined):
    declined |= {'conv_dgrad', 'conv_wgrad', 'batchnorm', 'batchnorm_backward'}
    model = ann.Sequential(L.Convolution2D(8, 8, 3, pad=1), L.BatchNormalization(8), F.relu)
    x = random(2, 8, 5, 5)
    results = []
    for device in 'cpu', 'cuda:0':
        model.to_device(device)
        model.cleargrads()
        F.sum(model(ann.get_device(device).send(x)) ** 2).backward()
        results.append([cuda.to_cpu(p.grad) for p in model.params()])
    for a, b in zip(*results):
        np.testing.assert_allclose(a, b, atol=2e-4)
    assert None in plan._plans.values()


@stand_in
def test_a_failure_is_told_once(monkeypatch, caplog):
    def fail(graph):
        raise RuntimeError('no engine')
    monkeypatch.setattr(library.load()[0].pygraph, 'build_operation_graph', fail)
    x, W = random(1, 2, 3, 3), random(2, 2, 3, 3)
    with caplog.at_level(logging.WARNING, plan.__name__):
        for _ in range(2):
            y = cudnn.convolution(cuda.to_gpu(x), cuda.to_gpu(W), None, *GEOMETRY, 1)
    np.testing.assert_allclose(cuda.to_cpu(y), F.convolution_2d(x, W, pad=1).array, atol=1e-5)
    message, = caplog.messages
    assert message == ('convolution of float32(1, 2, 3, 3), float32(2, 2, 3, 3): cuDNN failed to prepare it, so other '
                       'kernels compute it: no engine')


@stand_in
def test_the_fastest_way_is_kept(monkeypatch):
    times = iter([5., 5., 5., 5., 2., 2., 2., 2.])
    tried = []
    monkeypatch.setattr(cuda.cupy.cuda, 'get_elapsed_time', lambda start, end: next(times))
    graph = library.load()[0].pygraph
    execute = graph.execute_plan_at_index
    monkeypatch.setattr(graph, 'execute_plan_at_index', lambda self, pack, workspace, index, handle=None: (
        tried.append(index), execute(self, pack, workspace, index, handle)))
    x, W = random(1, 2, 3, 3), random(2, 2, 3, 3)
    with using_config('autotune', True):
        for _ in range(2):
            y = cudnn.convolution(cuda.to_gpu(x), cuda.to_gpu(W), None, *GEOMETRY, 1)
    # The second of three ways is declined.
    assert tried == [0] * 4 + [2] * 4 + [2, 2]
    np.testing.assert_allclose(cuda.to_cpu(y), F.convolution_2d(x, W, pad=1).array, atol=1e-5)


@stand_in
def test_ways_that_are_not_allowed_are_not_among_those_that_are_timed(monkeypatch):
    """In plain float32, the first ones that the heuristics propose for an H100 use tensor cores."""
    tried = []
    graph = library.load()[0].pygraph

    def build(self, index):
        if index < 20:
            raise library.load()[0].cudnnGraphNotSupportedError('Deselecting execution plan')
    monkeypatch.setattr(graph, 'get_execution_plan_count', lambda self: 40)
    monkeypatch.setattr(graph, 'build_plan_at_index', build)
    monkeypatch.setattr(graph, 'execute_plan_at_index', lambda self, pack, workspace, index, **_: tried.append(index))
    with using_config('autotune', True):
        cudnn.convolution(cuda.to_gpu(random(1, 2, 3, 3)), cuda.to_gpu(random(2, 2, 3, 3)), None, *GEOMETRY, 1)
    assert sorted(set(tried)) == list(range(20, 28))


def test_old_plans_go(monkeypatch):
    monkeypatch.setattr(plan, '_MAX_PLANS', 2)
    for n in 1, 2, 3, 1:
        cudnn.convolution(cuda.to_gpu(random(n, 2, 3, 3)), cuda.to_gpu(random(2, 2, 3, 3)), None, *GEOMETRY, 1)
    assert [key[2].shape[0] for key in plan._plans] == [3, 1]


def test_configuration(monkeypatch):
    x = cuda.to_gpu(random(1))
    assert config.use_cudnn == 'auto' and kernels(x) is cudnn and cuda.cudnn_enabled
    with using_config('use_cudnn', 'never'):
        assert kernels(x) is not cudnn
    monkeypatch.setattr(library, 'load', lambda: (None, 'it is not there'))
    assert kernels(x) is not cudnn
    with using_config('use_cudnn', 'always'), pytest.raises(
            library.CuDNNError, match=r"config.use_cudnn is 'always': it is not there; pip install 'autograd_nn\["):
        kernels(x)


@pytest.mark.parametrize('axis_of_channels', [3, 4])
@pytest.mark.parametrize('relu', [False, True])
@pytest.mark.parametrize('dtype', TOLERANCES)
def test_batch_normalization_of_channels_last_images(axis_of_channels, relu, dtype):
    shape = (3, 8, 5, 4, 6)[:axis_of_channels]
    x, residual, gy = random(*shape, dtype=dtype), random(*shape, dtype=dtype), random(*shape, dtype=dtype)
    gamma, beta = np.random.uniform(0.5, 2, 8).astype('f'), random(8)
    axis = (0, *range(2, axis_of_channels))
    vectors = list(map(cuda.to_gpu, (gamma, beta)))
    for added in None, residual:
        y, mean, inv_std, mask = cudnn.batch_normalization(
            channels_last(x), *vectors, 1e-3, axis, relu, None if added is None else cuda.to_gpu(added))
        expected = kernels(x).batch_normalization(x.astype('d'), gamma.astype('d'), beta.astype('d'), 1e-3, axis, relu,
                                                  None if added is None else added.astype('d'))
        for a, b in zip((y, mean, inv_std), expected):
            np.testing.assert_allclose(exactly(a), b, atol=TOLERANCES[dtype])
        assert layout.is_channels_last(y) == (len(shape) > 3)
        assert (mask is None) == (not relu or added is not None)
    result = cudnn.batch_normalization_grad(channels_last(x), vectors[0], cuda.to_gpu(gy), mean, inv_std, axis,
                                            channels_last(x) if relu else None)
    masked = gy.astype('d') * (x > 0 if relu else 1)
    exact = kernels(x).batch_normalization_grad(x.astype('d'), gamma.astype('d'), masked, *expected[1:3], axis, None)
    for a, b in zip(result, exact):
        np.testing.assert_allclose(exactly(a), b, atol=10 * TOLERANCES[dtype])


@pytest.mark.parametrize('dtype', ['e', 'bfloat16'])
@pytest.mark.parametrize('shape', [(2, 3, 5, 8), (4, 5, 16), (5, 8)])
def test_attention_keeps_no_weights(shape, dtype):
    query, key, value, gy = (random(*shape, dtype=dtype) for _ in range(4))
    sent = list(map(cuda.to_gpu, (query, key, value)))
    y, workspace = cudnn.attention(*sent, True)
    assert workspace.logarithms.shape == (*(shape if len(shape) == 4 else (len(y) if y.ndim == 3 else 1, 1, *shape[-2:])
                                            )[:3], 1)
    cudnn.attention_grad(*sent, y, workspace, cuda.to_gpu(gy))
    assert len(plan._plans) == 2 and None not in plan._plans.values()
    assert cudnn.attention(*sent, False)[1] is None


@pytest.mark.parametrize('shape', [(1, 8), (2, 3, 1, 8)])
def test_attention_of_a_single_query(shape):
    """cuDNN computes it if no gradients are wanted, which it cannot compute."""
    query, key = cuda.to_gpu(random(*shape, dtype='e')), cuda.to_gpu(random(*shape[:-2], 5, 8, dtype='e'))
    assert cudnn.attention(query, key, key, False)[1] is None and len(plan._plans) == 1
    y, workspace = cudnn.attention(query, key, key, True)
    assert len(plan._plans) == 1
    exact = [exactly(x) for x in (query, key, key)]
    expected, weights = kernels(exact[0]).attention(*exact, True)
    np.testing.assert_allclose(exactly(y), expected, atol=5e-3)
    for a, b in zip(cudnn.attention_grad(query, key, key, y, workspace, y),
                    kernels(expected).attention_grad(*exact, expected, weights, expected)):
        np.testing.assert_allclose(exactly(a), b, atol=1e-2)


@stand_in
def test_attention_whose_gradients_cudnn_declines(declined):
    declined |= {'sdpa_backward'}
    xs = [random(2, 3, 4, 8, dtype='e') for _ in range(4)]
    sent = list(map(cuda.to_gpu, xs))
    y, workspace = cudnn.attention(*sent[:3], True)
    gradients = cudnn.attention_grad(*sent[:3], y, workspace, sent[3])
    exact = [x.astype('d') for x in xs]
    y, workspace = kernels(y.get()).attention(*exact[:3], True)
    for a, b in zip(gradients, kernels(y).attention_grad(*exact[:3], y, workspace, exact[3])):
        np.testing.assert_allclose(cuda.to_cpu(a), b, atol=1e-2)


@pytest.mark.parametrize('dtype', [ann.mixed16, ann.mixed_bfloat16])
def test_a_network_stays_channels_last(dtype):
    """No image of some size changes its layout on the way through a network in half precision and back."""
    seen = []

    class Watch(ann.FunctionHook):
        def forward_postprocess(self, function, in_data):
            seen.extend(x for x in in_data if x.ndim == 4 and x.shape[1] != 3)

        def backward_preprocess(self, function, in_data, out_grad):
            seen.extend(g for g in out_grad if g is not None and g.ndim == 4)

    with using_config('dtype', dtype):
        model = ann.Sequential(L.Convolution2D(3, 8, 3, pad=1), L.BatchNormalization(8), F.relu,
                               lambda x: F.max_pooling_2d(x, 2), lambda x: x + F.average_pooling_2d(x, 3, 1, 1),
                               L.Convolution2D(8, 12, 3, pad=1), F.relu)
        model.to_device('cuda:0')
        y = model(cuda.to_gpu(random(16, 3, 32, 32, dtype=ann.get_dtype(dtype))))
        # Filters are no images.
        with Watch():
            y = model(cuda.to_gpu(random(16, 3, 32, 32, dtype=ann.get_dtype(dtype))))
            y.grad = cuda.cupy.ones_like(y.array)
            y.backward()
    images = [x for x in seen if len(x) == 16]
    assert len(images) > 15 and all(map(layout.is_channels_last, images))
