"""The helpers of users' tests: they pass what is right and catch what is wrong, with unittest and with pytest."""
import random
import subprocess
import sys
import textwrap
import types
import unittest
import warnings

import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
import autograd_nn.links as L
from autograd_nn import FunctionNode, Variable, cuda, serializers, testing
from autograd_nn.testing import attr, condition
from autograd_nn.testing.array import as_noncontiguous
from autograd_nn.testing.bundle import Bundle


def results(*classes):
    """Runs the tests of classes; the errors and failures by the names of the tests, and the names of skipped ones."""
    result = unittest.TestResult()
    for cls in classes:
        unittest.defaultTestLoader.loadTestsFromTestCase(cls).run(result)
    failed = {test._testMethodName: message for test, message in result.failures + result.errors}
    return result.testsRun, failed, [test._testMethodName for test, _ in result.skipped]


@pytest.fixture
def module(monkeypatch):
    """A module whose tests are decorated."""
    made = types.ModuleType('module_with_tests')
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


def placed(module, cls):
    cls.__module__ = module.__name__
    setattr(module, cls.__name__, cls)
    return cls


def test_it_is_imported_when_asked_for():
    code = ('import sys, autograd_nn as chainer\n'
            'assert "autograd_nn.testing" not in sys.modules and "pytest" not in sys.modules\n'
            'assert chainer.testing.product({"a": [1]}) == [{"a": 1}]\n')
    subprocess.run([sys.executable, '-c', code], check=True)


class TestParameterize:
    def test_each_set_has_a_class(self, module):
        seen = []

        @testing.parameterize({'x': 1, 'f': np.sin}, {'x': np.zeros((2, 2)), 'f': F.relu})
        @lambda cls: placed(module, cls)
        class TestIt(unittest.TestCase):
            def setUp(self):
                super().setUp()
                self.ready = True

            def test_it(self):
                seen.append((self.x, self.f(np.ones(1)), self.ready))

            def test_failing(self):
                self.fail()

        assert isinstance(TestIt, Bundle) and not isinstance(TestIt, type)
        first, second = TestIt.classes
        assert first.__name__ == 'TestIt_param_0_{f=sin, x=1}' and '\n' not in second.__name__
        assert getattr(module, first.__name__) is first and 'parameters: f=sin, x=1' in str(first('test_it'))
        count, failed, _ = results(first, second)
        assert count == 4 and list(failed) == ['test_failing'] and seen[0][0] == 1
        assert isinstance(seen[1][1], Variable)

    def test_one_after_the_other(self, module):
        @testing.parameterize({'x': 1}, {'x': 2})
        @testing.parameterize_pytest('y,z', [(3, 4), (5, 6)])
        @lambda cls: placed(module, cls)
        class TestIt(unittest.TestCase):
            def test_it(self):
                seen.append((self.x, self.y, self.z))

        seen = []
        assert results(*TestIt.classes)[0] == 4
        assert sorted(seen) == [(1, 3, 4), (1, 5, 6), (2, 3, 4), (2, 5, 6)]
        classes = [obj for obj in vars(module).values() if isinstance(obj, type)]
        assert len([cls for cls in classes if '{' in cls.__name__]) == 4

    def test_products(self):
        assert testing.product({'b': [1, 2], 'a,c': [(3, 4)]}) == [{'a': 3, 'c': 4, 'b': 1}, {'a': 3, 'c': 4, 'b': 2}]
        assert testing.product([[{'a': 1}, {'a': 2}], [{'b': 3}]]) == [{'a': 1, 'b': 3}, {'a': 2, 'b': 3}]
        assert testing.product_dict([{'a': 1}], [{'b': 2}, {'b': 3}]) == [{'a': 1, 'b': 2}, {'a': 1, 'b': 3}]
        assert testing.from_pytest_parameterize('shape', [(2, 3), ()]) == [{'shape': (2, 3)}, {'shape': ()}]
        for wrong in 'a', [{'a': 1}], 3:
            with pytest.raises(TypeError, match='product'):
                testing.product(wrong)
        with pytest.raises(ValueError):
            testing.from_pytest_parameterize('a,b', [(1,)])


class TestBackends:
    def test_config(self):
        config = testing.BackendConfig({'use_cudnn': 'auto', 'autotune': True, 'use_ideep': 'auto'})
        assert config.xp is np and config.get_func_str() == 'use_cudnn_auto__autotune_True__use_ideep_auto'
        before = ann.config.use_cudnn, ann.config.autotune
        with config, config:
            assert (ann.config.use_cudnn, ann.config.autotune, ann.config.use_ideep) == ('auto', True, 'auto')
        with testing.BackendConfig({}):
            assert ann.config.use_cudnn == 'never'
        assert (ann.config.use_cudnn, ann.config.autotune) == before
        assert repr(testing.BackendConfig({})) == '<BackendConfig cpu>'
        assert testing.BackendConfig({'use_cuda': True}).cuda_device == 0
        with pytest.raises(ValueError, match='no parameter use_gpu'):
            testing.BackendConfig({'use_gpu': True})
        with pytest.raises(TypeError):
            testing.BackendConfig([('use_cuda', True)])

    def test_injecting(self, module):
        seen = []

        @testing.inject_backend_tests(['test_backends'], [{}, {'use_cuda': True, 'cuda_device': 99},
                                                          {'use_chainerx': True, 'chainerx_device': 'native:0'}])
        @lambda cls: placed(module, cls)
        class TestIt(unittest.TestCase):
            def test_backends(self, backend_config):
                seen.append(backend_config)

            def test_once(self):
                seen.append(None)

        count, failed, skipped = results(*TestIt.classes)
        assert count == 4 and not failed and skipped == ['test_backends', 'test_backends']
        assert len(seen) == 2 and seen[0].xp is np and seen[1] is None
        for wrong in ('test_it', [{}]), (None, {}):
            with pytest.raises(TypeError, match='inject_backend_tests'):
                testing.inject_backend_tests(*wrong)

    def test_pytest_gives_the_other_arguments(self, tmp_path):
        """Fixtures after the injected argument; a class that is no TestCase; a parametrised one below."""
        (tmp_path / 'test_plain.py').write_text(textwrap.dedent('''
            import autograd_nn as chainer, pytest
            from autograd_nn import testing

            @testing.parameterize({'n': 1}, {'n': 2})
            @testing.inject_backend_tests(None, [{}, {'use_ideep': 'always'}])
            class TestPlain:
                @pytest.mark.parametrize('k', [3, 4])
                def test_it(self, backend_config, k, tmp_path):
                    assert backend_config.device == chainer.get_device(-1) and k > self.n and tmp_path.exists()

                @testing.attr.slow
                def test_slow(self, backend_config):
                    assert False
        '''))
        done = subprocess.run([sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-m', 'not slow',
                               '--rootdir', tmp_path, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path)
        assert '4 passed, 4 skipped, 4 deselected' in done.stdout, done.stdout + done.stderr


class Cube(FunctionNode):
    def __init__(self, factor=3):
        self.factor = factor

    def forward(self, inputs):
        self.retain_inputs((0,))
        return inputs[0] ** 3,

    def backward(self, indexes, grad_outputs):
        x, = self.get_retained_inputs()
        return self.factor * x ** 2 * grad_outputs[0],


class CubeTest(testing.FunctionTestCase):
    dtype = 'f'

    def generate_inputs(self):
        return np.random.uniform(-1, 1, (2, 3)).astype(self.dtype),

    def forward(self, inputs, device):
        x, = inputs
        assert device == self.backend_config.device
        # Numerical gradients are computed from copies.
        assert x.dtype == np.float64 or not x.array.flags.c_contiguous
        return Cube().apply(inputs)

    def forward_expected(self, inputs):
        return inputs[0] ** 3,


class TestFunctions:
    def test_right(self):
        assert results(CubeTest) == (3, {}, [])

    def test_skipping_and_names(self):
        names = []

        class Skipping(CubeTest):
            skip_forward_test = True
            contiguous = 'C'

            def before_test(self, test_name):
                names.append(test_name)
                assert test_name == self.test_name
                if test_name == 'test_double_backward':
                    raise unittest.SkipTest

            def forward(self, inputs, device):
                assert inputs[0].array.flags.c_contiguous
                return Cube().apply(inputs)

        assert results(Skipping) == (3, {}, ['test_double_backward', 'test_forward'])
        assert sorted(names) == ['test_backward', 'test_double_backward']

    @pytest.mark.parametrize('members, test, message', [
        ({'forward': lambda self, inputs, device: Cube(3.1).apply(inputs)}, 'test_backward', 'backward is wrong'),
        ({'forward_expected': lambda self, inputs: (inputs[0] ** 3 + 1,)}, 'test_forward', 'output 0 has other values'),
        ({'forward_expected': lambda self, inputs: ((inputs[0] ** 3)[:1],)}, 'test_forward', r'\(1, 3\).*\(2, 3\)'),
        ({'forward_expected': lambda self, inputs: ((inputs[0] ** 3).astype('d'),)}, 'test_forward', 'float64'),
        ({'forward': lambda self, inputs, device: Cube().apply(inputs)[0]}, 'test_forward', 'a tuple of Variables'),
        ({'forward_expected': lambda self, inputs: inputs[0] ** 3}, 'test_forward', 'a tuple of NumPy arrays'),
        ({'contiguous': 'F'}, 'test_forward', "expected None or 'C'")])
    def test_wrong(self, members, test, message):
        _, failed, _ = results(type('Wrong', (CubeTest,), members))
        assert test in failed
        with pytest.raises(AssertionError, match=f'(?s){message}'):
            raise AssertionError(failed[test])

    def test_an_input_that_is_changed(self):
        class Changing(CubeTest):
            def forward(self, inputs, device):
                ys = Cube().apply(inputs)
                inputs[0].array[...] = 0
                return ys

        _, failed, _ = results(Changing)
        assert 'changed its inputs [0]' in failed['test_forward']

    def test_gradient_of_second_order(self):
        class Detached(Cube):
            def backward(self, indexes, grad_outputs):
                x, = self.get_retained_inputs()
                return 3 * x.array ** 2 * grad_outputs[0],

        _, failed, _ = results(type('Wrong', (CubeTest,), {'forward': lambda self, xs, device: Detached().apply(xs)}))
        assert list(failed) == ['test_double_backward'] and 'FunctionTestError' in failed['test_double_backward']

    def test_options(self):
        class Near(CubeTest):
            def setUp(self):
                self.check_forward_options.update(atol=1, rtol=0)
                self.check_backward_options.update(atol=1, rtol=1)
                self.skip_double_backward_test = True

            def forward(self, inputs, device):
                return Cube(3.2).apply(inputs)

            def forward_expected(self, inputs):
                return inputs[0] ** 3 + np.float32(0.1),

        assert results(Near) == (3, {}, ['test_double_backward'])

    def test_kinks_are_dodged(self):
        class Kinked(testing.FunctionTestCase):
            dodge_nondifferentiable = True
            skip_double_backward_test = True

            def generate_inputs(self):
                points.append(0. if len(points) % 5 < 3 else 1.)
                return np.array([points[-1], 1.]),

            def forward(self, inputs, device):
                return abs(inputs[0]),

            def forward_expected(self, inputs):
                return abs(inputs[0]),

        points = []
        _, failed, _ = results(Kinked)
        assert not failed and len(points) > 3
        Kinked.generate_inputs = lambda self: (np.zeros(2),)
        Kinked.generate_grad_outputs = lambda self, outputs_template: (np.ones(2),)
        assert 'NondifferentiableError' in results(Kinked)[1]['test_backward']

    def test_gradients_that_are_left_out_and_integers(self):
        class Product(testing.FunctionTestCase):
            def generate_inputs(self):
                return np.random.rand(3), np.arange(3)

            def generate_grad_outputs(self, outputs_template):
                return None, np.random.rand(3)

            def forward(self, inputs, device):
                x, n = inputs
                return x * 2, x * x * n

            def forward_expected(self, inputs):
                x, n = inputs
                return x * 2, x * x * n

        assert results(Product) == (3, {}, [])

    def test_errors_by_themselves(self):
        testing.FunctionTestError.check(True, 'right')
        with pytest.raises(testing.FunctionTestError, match='wrong'):
            testing.FunctionTestError.check(False, 'wrong')
        with pytest.raises(testing.LinkTestError, match='more: less'):
            testing.LinkTestError.fail('more', ValueError('less'))
        with pytest.raises(AssertionError, match="all: 'part'"), testing.LinkTestError.raise_if_fail('all', KeyError):
            raise KeyError('part')


class LinearTest(testing.LinkTestCase):
    param_names = 'W', 'b'

    def generate_params(self):
        return np.random.uniform(-1, 1, (3, 2)).astype('f'), np.random.uniform(-1, 1, 3).astype('f')

    def create_link(self, initializers):
        return L.Linear(None, 3, False, *initializers)

    def generate_inputs(self):
        return np.random.uniform(-1, 1, (4, 2)).astype('f'),

    def forward_expected(self, link, inputs):
        return inputs[0] @ link.W.array.T + link.b.array,


class InitializerTest(testing.LinkInitializersTestCase):
    param_names = LinearTest.param_names
    generate_params = LinearTest.generate_params
    generate_inputs = LinearTest.generate_inputs
    create_link = LinearTest.create_link

    def get_initializers(self):
        return ([ann.initializers.Constant(2), 3, np.ones((3, 2), 'f')],
                [4, testing.InitializerArgument(None, 0)])


class TestLinks:
    def test_right(self):
        assert results(LinearTest, InitializerTest) == (3, {}, [])

    @pytest.mark.parametrize('members, test, message', [
        ({'forward_expected': lambda self, link, inputs: (inputs[0] @ link.W.array.T,)}, 'test_forward',
         'LinkTestError: output 0 has other values'),
        ({'forward': lambda self, link, inputs, device: (Cube(3.1).apply((link(*inputs),)))}, 'test_backward',
         'LinkTestError: backward is wrong'),
        ({'forward': lambda self, link, inputs, device: (link(*inputs) + (inputs[0] @ link.W.array.T).sum(),)},
         'test_backward', 'parameter W'),
        ({'param_names': ('gamma',)}, 'test_backward', 'Linear has no parameter gamma'),
        ({'create_link': lambda self, initializers: F.relu}, 'test_forward', 'create_link: expected a Link')])
    def test_wrong(self, members, test, message):
        _, failed, _ = results(type('Wrong', (LinearTest,), members))
        assert test in failed and message in failed[test]

    def test_initializers_that_are_ignored(self):
        class Ignoring(InitializerTest):
            def create_link(self, initializers):
                return L.Linear(2, 3, initialW=initializers[0])

        failed = results(Ignoring)[1]['test_initializers']
        assert 'LinkTestError: b is not what 4 fills it with' in failed

    def test_arguments_of_initializers(self):
        for wrong, error in (None, ValueError), ('W', TypeError):
            with pytest.raises(error):
                testing.InitializerArgument(None, wrong)

    def test_skipping(self):
        class Skipping(LinearTest):
            skip_forward_test = skip_backward_test = True

        assert results(Skipping)[2] == ['test_backward', 'test_forward']


class TestUnaryFunctions:
    def test_right(self, module):
        @testing.unary_math_function_unittest(F.exp, label_expected='Exp')
        @lambda cls: placed(module, cls)
        class TestExp(unittest.TestCase):
            pass

        assert {(cls.shape, cls.dtype) for cls in TestExp.classes} == {
            (shape, dtype) for shape in ((3, 2), ()) for dtype in (np.float16, np.float32, np.float64)}
        count, failed, skipped = results(*TestExp.classes)
        assert count == 42 and failed == {} and len(skipped) == (0 if cuda.available else 18)

    def test_wrong(self, module):
        def sin(x):
            return Cube(3.3).apply((x,))[0]

        @testing.unary_math_function_unittest(sin, label_expected='Sin')
        @lambda cls: placed(module, cls)
        class TestSin(unittest.TestCase):
            pass

        _, failed, _ = results(*[cls for cls in TestSin.classes if cls.dtype == np.float64])
        assert {'test_forward_cpu', 'test_backward_cpu', 'test_label'} <= set(failed)

    def test_data_and_options(self, module):
        def make_data(shape, dtype):
            return tuple(np.random.uniform(1, 2, shape).astype(dtype) for _ in range(3))

        @testing.unary_math_function_unittest(
            F.rsqrt, lambda x, dtype: (x ** -0.5).astype(dtype), make_data=make_data, is_linear=True,
            forward_options={'atol': 1e-2}, backward_options={'atol': 1e-2, 'rtol': 1e-2},
            double_backward_options={'atol': 1e-1, 'rtol': 1e-1})
        @lambda cls: placed(module, cls)
        class TestRsqrt(unittest.TestCase):
            pass

        assert results(*TestRsqrt.classes)[1] == {}
        with pytest.raises(ValueError, match='NumPy has no function rsqrt'):
            testing.unary_math_function_unittest(F.rsqrt)


class TestConditions:
    @pytest.mark.parametrize('decorator, outcomes, passes', [
        (condition.repeat(3), [1, 1, 1], True), (condition.repeat(3), [1, 0], False), (condition.retry(3), [1], True),
        (condition.retry(3), [0, 0, 1], True), (condition.retry(3), [0, 0, 0], False),
        (condition.repeat_with_success_at_least(5, 3), [1, 0, 1, 0, 1], True),
        (condition.repeat_with_success_at_least(5, 3), [0, 1, 0, 1, 0], False)])
    def test_how_often_it_runs(self, decorator, outcomes, passes):
        left, setups = list(outcomes), []

        @decorator
        def plain():
            assert left.pop(0), 'no luck'

        class Case(unittest.TestCase):
            def setUp(self):
                setups.append(self)

            @decorator
            def test_it(self):
                assert left.pop(0), 'no luck'

        if passes:
            plain()
        else:
            with pytest.raises(AssertionError, match='no luck'):
                plain()
        assert left == []
        left += outcomes
        _, failed, _ = results(Case)
        assert bool(failed) != passes and left == [] and len(setups) == len(outcomes) + 1

    def test_skipping(self):
        class Case(unittest.TestCase):
            @condition.repeat(2)
            def test_it(self):
                self.skipTest('no')

        assert results(Case)[2] == ['test_it']
        with pytest.raises(ValueError):
            condition.repeat_with_success_at_least(1, 2)

        @condition.retry(2)
        def skipping():
            pytest.skip('no')

        with pytest.raises(pytest.skip.Exception):
            skipping()


class TestRandomNumbers:
    def test_a_function_and_a_class(self, module):
        drawn = []

        def draw():
            drawn.append((random.random(), np.random.rand()))

        class Case(unittest.TestCase):
            def test_a(self):
                draw()

            def test_b(self):
                draw()

        np.random.seed(7)
        random.seed(7)
        state = np.random.get_state()[1].copy(), random.getstate()
        testing.fix_random()(draw)()
        results(testing.fix_random()(Case))
        bundle = testing.parameterize({'x': 1}, {'x': 2})(placed(module, type('Other', (Case,), {})))
        assert testing.fix_random()(bundle) is bundle
        assert len(drawn) == 3 and len(set(drawn)) == 1
        np.testing.assert_array_equal(np.random.get_state()[1], state[0])
        assert random.getstate() == state[1]

    def test_other_methods_and_errors(self):
        @testing.fix_random(setup_method='setup_method', teardown_method='teardown_method')
        class TestPlain:
            def setup_method(self, method):
                self.method = method

            def teardown_method(self):
                raise ZeroDivisionError

        plain, before = TestPlain(), np.random.get_state()[1].copy()
        plain.setup_method('it')
        first = np.random.rand()
        with pytest.raises(ZeroDivisionError):
            plain.teardown_method()
        np.testing.assert_array_equal(np.random.get_state()[1], before)
        np.random.seed(100)
        assert plain.method == 'it' and np.random.rand() == first

    def test_within_repetitions_they_go_on(self):
        drawn = []

        @testing.fix_random()
        class Case(unittest.TestCase):
            @condition.repeat(2)
            def test_it(self):
                drawn.append(testing.generate_seed())

        assert results(Case)[1] == {} and len(set(drawn)) == 2

    def test_seeds(self):
        assert len({testing.generate_seed() for _ in range(10)}) == 10 and type(testing.generate_seed()) is int


@pytest.mark.parametrize('shape, values', [((3, 2), [4, 0.5]), ((2, 3, 3), [3, 2, 1]), ((2, 2, 4), 1.5),
                                           ((2, 3, 2), [[2, 1], [4, 3]]), ((3, 0), []), ((0, 2, 2), 1)])
@pytest.mark.parametrize('dtype', ['f', 'd', 'D'])
def test_matrices(shape, values, dtype):
    a = testing.generate_matrix(shape, dtype, singular_values=values)
    assert a.shape == shape and a.dtype == np.dtype(dtype)
    if a.size:
        found = np.linalg.svd(a, compute_uv=False)
        np.testing.assert_allclose(found, np.broadcast_to(values, found.shape), rtol=1e-5)


def test_matrices_that_cannot_be():
    for error, shape, dtype, values in ((ValueError, (3,), 'd', 1), (TypeError, (3, 3), 'i', 1),
                                        (TypeError, (3, 3), 'd', 1j), (ValueError, (3, 3), 'd', -1),
                                        (ValueError, (3, 3), 'd', [1, 2])):
        with pytest.raises(error):
            testing.generate_matrix(shape, dtype, singular_values=values)


def test_what_a_test_needs():
    class Case(unittest.TestCase):
        @attr.chainerx
        def test_chainerx(self):
            self.fail()

        @attr.ideep
        def test_ideep(self):
            self.fail()

        @attr.multi_gpu(99)
        def test_gpus(self):
            self.fail()

        @testing.with_requires('numpy>=999')
        def test_later(self):
            self.fail()

        @testing.with_requires('no-such-library-at-all')
        def test_missing(self):
            self.fail()

        @testing.without_requires('numpy>=1')
        def test_without(self):
            self.fail()

        @attr.slow
        @testing.with_requires('numpy>=1')
        @testing.without_requires('numpy<1')
        def test_runs(self):
            raise ZeroDivisionError

    count, failed, skipped = results(Case)
    assert count == 7 and list(failed) == ['test_runs'] and len(skipped) == 6
    assert [mark.name for mark in Case.test_runs.pytestmark] == ['slow'] and attr.is_available()
    assert 'gpu' in [mark.name for mark in Case.test_gpus.pytestmark]


@pytest.mark.gpu
def test_on_a_gpu():
    config = testing.BackendConfig({'use_cuda': True})
    assert config.xp is cuda.cupy and isinstance(config.get_array(np.ones(2)), cuda.ndarray)
    for cls in CubeTest, LinearTest, InitializerTest:
        for name in unittest.defaultTestLoader.getTestCaseNames(cls):
            getattr(cls(name), name)(config)
    x = as_noncontiguous(cuda.to_gpu(np.arange(6.).reshape(2, 3)))
    assert not x.flags.c_contiguous
    testing.assert_allclose(x, np.arange(6.).reshape(2, 3))
    wrong = type('Wrong', (CubeTest,), {'forward': lambda self, inputs, device: Cube(3.1).apply(inputs)})
    with pytest.raises(testing.FunctionTestError, match='backward is wrong'):
        wrong('test_backward').test_backward(config)
    elsewhere = type('Elsewhere', (CubeTest,), {
        'forward': lambda self, inputs, device: (Variable(cuda.to_cpu(inputs[0].array)),)})
    with pytest.raises(testing.FunctionTestError, match='expected output 0 on @cupy:0'):
        elsewhere('test_forward').test_forward(config)


def test_arrays_with_gaps():
    x = np.random.rand(2, 3)
    y = as_noncontiguous(x)
    np.testing.assert_array_equal(x, y)
    assert not y.flags.c_contiguous and not y.flags.f_contiguous and not np.shares_memory(x, y)
    assert as_noncontiguous((x, None))[1] is None and as_noncontiguous([x[:1, :1]])[0].size == 1


def test_warnings_and_patches():
    with testing.assert_warns(DeprecationWarning):
        warnings.warn('old', DeprecationWarning, stacklevel=1)
    with pytest.raises(AssertionError, match='there was no FutureWarning'), testing.assert_warns(FutureWarning):
        warnings.warn('old', DeprecationWarning, stacklevel=1)
    with testing.patch('autograd_nn.functions.relu') as relu:
        assert F.relu(np.array([-1., 1.])).array.tolist() == [0, 1]
    assert relu.call_count == 1
    with testing.patch('autograd_nn.functions.relu', return_value=3):
        assert F.relu(np.array([-1., 1.])) == 3


def test_saving_and_loading():
    source, target = L.Linear(3, 2), L.Linear(3, 2)
    testing.save_and_load_npz(source, target)
    testing.assert_allclose(source.W.array, target.W.array, atol=0, rtol=0)
    paths = []
    testing.save_and_load(source, target, 'name.bin', lambda path, obj: paths.append((path, obj)),
                          lambda path, obj: paths.append((path, obj)))
    assert paths[0][0] == paths[1][0] and paths[0][0].endswith('name.bin')
    assert paths[0][1] is source and paths[1][1] is target


@pytest.mark.skipif(not hasattr(serializers, 'save_hdf5'), reason='there are no HDF5 files yet')
def test_saving_and_loading_hdf5():
    source, target = L.Linear(3, 2), L.Linear(3, 2)
    testing.save_and_load_hdf5(source, target)
    testing.assert_allclose(source.W.array, target.W.array, atol=0, rtol=0)


def test_a_trainer_that_only_counts(tmp_path):
    seen = []
    extension = ann.training.make_extension((1, 'epoch'))(lambda trainer: seen.append(trainer.updater.iteration))
    trainer = testing.get_trainer_with_mock_updater((3, 'epoch'), iter_per_epoch=4, extensions=[extension])
    trainer.out = tmp_path
    trainer.run()
    updater = trainer.updater
    assert seen == [4, 8, 12] and updater.update_core.call_count == 12
    assert (updater.iteration, updater.epoch, updater.epoch_detail, updater.previous_epoch_detail) == (12, 3, 3, 2.75)
    assert updater.is_new_epoch


def test_running_a_file(monkeypatch):
    calls = []
    monkeypatch.setattr(pytest, 'main', calls.append)
    testing.run_module('other', 'file.py')
    testing.run_module('__main__', 'file.py')
    assert calls == [['file.py', '-vvs', '-x', '--pdb']]
