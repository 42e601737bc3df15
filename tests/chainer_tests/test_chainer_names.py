"""Names where programs for Chainer look for them."""
import importlib
import logging
import warnings

import numpy as np
import pytest

import autograd_nn as chainer
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import Variable, cuda


@pytest.mark.parametrize('path, names', [
    ('backend', 'ChainerxDevice CpuDevice Device GpuDevice Intel64Device copyto cuda from_chx get_array_module '
                'get_device get_device_from_array to_chx using_device'),
    ('backends.cuda', 'DummyDevice DummyDeviceType GpuDevice available fuse should_use_cudnn to_cpu to_gpu'),
    ('backends.intel64', 'Intel64Device inputs_all_ready is_ideep_available mdarray should_use_ideep'),
    ('configuration', 'GlobalConfig LocalConfig config global_config using_config'),
    ('device_resident', 'DeviceResident DeviceResidentsVisitor'),
    ('function', 'Function FunctionAdapter FunctionHook no_backprop_mode'),
    ('function_hooks.debug_print', 'PrintHook'),
    ('function_node', 'FunctionNode grad'),
    ('graph_optimizations', 'static_code static_graph'),
    ('graph_optimizations.static_graph_utilities', 'static_code'),
    ('initializer', 'Initializer get_fans'),
    ('memory_layouts', 'CUDNN_CHANNEL_FIRST_W CUDNN_CHANNEL_FIRST_X CUDNN_CHANNEL_LAST_W get_raw_shape'),
    ('types', 'AbstractInitializer CudaDeviceSpec DTypeSpec DeviceSpec InitializerSpec NdArray ScalarValue Xp'),
    ('variable', 'Parameter Variable VariableNode as_variable variable_repr variable_str'),
    ('warnings', 'PerformanceWarning'),
])
def test_modules(path, names):
    module = importlib.import_module(f'autograd_nn.{path}')
    assert [name for name in names.split() if not hasattr(module, name)] == []
    found = chainer
    for part in path.split('.'):
        found = getattr(found, part)
    assert found is module


def test_names_of_the_package():
    names = ('DeviceResident Fallback FunctionAdapter backward disable_experimental_feature_warning get_array_types '
             'get_compute_mode get_cpu_array_types is_arrays_compatible memory_layouts should_use_cudnn '
             'should_use_cudnn_tensor_core static_code static_graph warnings')
    assert [name for name in names.split() if not hasattr(chainer, name)] == []
    assert repr(chainer.Fallback) == 'Fallback' and chainer.get_compute_mode() is None


def test_settings_that_programs_read():
    expected = {'autotune': False, 'compute_mode': None, 'cudnn_deterministic': False, 'in_recomputing': False,
                'cudnn_fast_batch_normalization': False, 'lazy_grad_sum': False, 'schedule_func': None,
                'use_cudnn': 'auto', 'use_cudnn_tensor_core': 'auto', 'use_ideep': 'never', 'use_static_graph': True,
                'warn_nondeterministic': False}
    assert {name: getattr(chainer.config, name) for name in expected} == expected
    with chainer.using_config('use_ideep', 'auto'):
        assert chainer.config.use_ideep == 'auto'


def test_kinds_of_arrays():
    x = np.ones(1)
    assert isinstance(x, chainer.get_array_types()) and isinstance(x, chainer.get_cpu_array_types())
    assert not isinstance(1., chainer.get_array_types())
    for arrays in [x, x.astype('f'), None], [], (each for each in [x]):
        assert chainer.is_arrays_compatible(arrays)
    for arrays in [x, 1.], [Variable(x)]:
        assert not chainer.is_arrays_compatible(arrays)
    if cuda.available:
        y = cuda.to_gpu(x)
        assert isinstance(y, chainer.get_array_types()) and not isinstance(y, chainer.get_cpu_array_types())
        assert chainer.is_arrays_compatible([y, None]) and not chainer.is_arrays_compatible([x, y])


def test_chainerx_and_ideep_are_not_there():
    from autograd_nn.backends import intel64
    x = np.ones(1)
    assert chainer.backend.from_chx(x) is x and chainer.backend.from_chx([x, None])[0] is x
    assert chainer.backend.to_chx(None) is None
    for wrong in 3, [(3,)]:
        with pytest.raises(TypeError, match='from_chx: expected an array, got int'):
            chainer.backend.from_chx(wrong)
    for use in (lambda: chainer.backend.to_chx(x), lambda: chainer.backend.ChainerxDevice('native')):
        with pytest.raises(RuntimeError, match='ChainerX is not available'):
            use()
    assert not intel64.is_ideep_available() and not intel64.should_use_ideep('>=auto')
    assert not intel64.inputs_all_ready((x,)) and not isinstance(x, intel64.mdarray)
    for use in chainer.backend.Intel64Device, intel64.check_ideep_available, lambda: chainer.get_device('@intel64'):
        with pytest.raises(RuntimeError, match='iDeep is not available'):
            use()


def test_cudnn_by_cupy():
    assert chainer.should_use_cudnn('>=auto') is chainer.should_use_cudnn('==always', 5000) is False
    assert chainer.should_use_cudnn_tensor_core('float16') is False
    with pytest.raises(ValueError, match='>=auto'):
        chainer.should_use_cudnn('auto')


def test_fuse():
    @cuda.fuse
    def double(x):
        return x * 2

    @cuda.fuse(kernel_name='triple')
    def triple(x):
        return x * 3

    assert double(np.ones(2)).tolist() == [2, 2] and triple(np.ones(2)).tolist() == [3, 3]


def test_static_graphs_run_as_they_are_written(caplog):
    calls = []

    class Net(chainer.Chain):
        @chainer.static_graph
        def forward(self, x):
            self.count(x)
            return x * 2

        @chainer.static_code
        def count(self, x):
            calls.append(x.shape)

    class Minimizing(Net):
        forward = chainer.static_graph(minimize_cache_size=False)(lambda self, x: x * 3)
        count = chainer.static_code(dynamically_allocate=True)(lambda self, x: None)

    x, net = Variable(np.ones(2)), Net()
    with caplog.at_level(logging.DEBUG, 'autograd_nn'):
        for _ in range(2):
            net(x).sum().backward()
    assert x.grad.tolist() == [4, 4] and len(calls) == 2 and 'Net runs as it is written' in caplog.text
    assert Minimizing()(x).array.tolist() == [3, 3] and Net.forward.__name__ == 'forward'


def test_memory_layouts():
    from autograd_nn.memory_layouts import CUDNN_CHANNEL_LAST_W, CUDNN_CHANNEL_LAST_X, get_raw_shape, get_semantic_shape
    x = Variable(np.zeros((8, 3, 5, 7)))
    assert x.layout is None and x.as_layout(None) is x and x.raw_array is x.array
    assert get_raw_shape(x) == get_semantic_shape(x) == (8, 3, 5, 7)
    last = np.zeros((8, 5, 7, 3))
    for layout in CUDNN_CHANNEL_LAST_X, CUDNN_CHANNEL_LAST_W:
        assert get_semantic_shape(last, assumed_layout=layout) == (8, 3, 5, 7)
        with pytest.raises(ValueError, match='expected None'):
            x.as_layout(layout)
        with pytest.raises(ValueError, match='expected the layout None'):
            get_semantic_shape(x, assumed_layout=layout)
    assert get_semantic_shape(last) == (8, 5, 7, 3)


def test_from_params():
    W, b = np.arange(6.).reshape(2, 3), np.ones(2)
    layer = L.Linear.from_params(Variable(W), b)
    assert layer.W.array.tolist() == W.tolist() and layer.b.array.tolist() == [1, 1] and layer.W.dtype == np.float32
    assert L.Linear.from_params(W, nobias=True).b is None and L.Linear.from_params(W).b.array.tolist() == [0, 0]
    with pytest.raises(ValueError, match=r'\(2,\).*\(3,\)'):
        L.Linear.from_params(W, np.ones(3))
    filters = np.arange(108.).reshape(4, 3, 3, 3)
    layer = L.Convolution2D.from_params(filters, stride=2, pad=1, groups=2, dilate=2)
    assert repr(layer) == 'Convolution2D(in_channels=6, out_channels=4, ksize=3, stride=2, pad=1, nobias=False, ' \
                          'dilate=2, groups=2)'
    np.testing.assert_array_equal(layer.W.array, filters)
    layer = L.ConvolutionND.from_params(filters, np.ones(4), cover_all=True)
    assert (layer.ndim, layer.in_channels, layer.cover_all) == (2, 3, True)
    assert L.Convolution1D.from_params(filters[..., 0]).ksize == (3,)
    embedding = L.EmbedID.from_params(W, ignore_label=-1)
    assert embedding.W.array.tolist() == W.tolist() and embedding.ignore_label == -1
    with pytest.raises(NotImplementedError, match='from_params'):
        L.BatchNormalization.from_params(b)


def test_performance_warning():
    with pytest.warns(RuntimeWarning):
        warnings.warn('slow', chainer.warnings.PerformanceWarning, stacklevel=1)


def test_rules_of_optimizers_say_whether_they_are_elementwise():
    layer = L.Linear(2, 2)
    chainer.optimizers.Adam().setup(layer)
    assert layer.W.update_rule.is_elementwise and not chainer.UpdateRule().is_elementwise


def test_texts_of_variables():
    x = Variable(np.array([1., 3.]), name='x')
    assert chainer.variable.variable_repr(x) == repr(x) and chainer.variable.variable_str(x) == str(x)
    assert x.debug_print() == 'Variable x: shape (2,), float64, @numpy\n- array: mean 2, standard deviation 1'
    x.grad = np.array([-4., 4.])
    assert x.debug_print().splitlines()[2] == '- grad: mean 0, standard deviation 4'
    assert 'empty' in Variable(np.ones(0)).debug_print() and 'uninitialized' in chainer.Parameter().debug_print()
    assert x.label == x.node.label == '(2,), float64' and F.sum(x).label == 'scalar, float64'
    assert str(F.sum(Variable(np.array([.1], 'f')))) == 'variable(0.1)'
