"""What tests of functions and links of your own need, with pytest or unittest, under Chainer's names."""
from autograd_nn.gradient_check import assert_allclose
from autograd_nn.testing import array, attr, backend, condition, matrix, parameterized, random, serializer, training
from autograd_nn.testing.backend import BackendConfig, inject_backend_tests
from autograd_nn.testing.function_test import FunctionTestCase, FunctionTestError
from autograd_nn.testing.helper import assert_warns, patch, run_module, with_requires, without_requires
from autograd_nn.testing.link_test import InitializerArgument, LinkInitializersTestCase, LinkTestCase, LinkTestError
from autograd_nn.testing.matrix import generate_matrix
from autograd_nn.testing.parameterized import (
    from_pytest_parameterize,
    parameterize,
    parameterize_pytest,
    product,
    product_dict,
)
from autograd_nn.testing.random import fix_random, generate_seed
from autograd_nn.testing.serializer import save_and_load, save_and_load_hdf5, save_and_load_npz
from autograd_nn.testing.training import get_trainer_with_mock_updater
from autograd_nn.testing.unary_math_function_test import unary_math_function_unittest

__all__ = [
    'BackendConfig', 'FunctionTestCase', 'FunctionTestError', 'InitializerArgument', 'LinkInitializersTestCase',
    'LinkTestCase', 'LinkTestError', 'array', 'assert_allclose', 'assert_warns', 'attr', 'backend', 'condition',
    'fix_random', 'from_pytest_parameterize', 'generate_matrix', 'generate_seed', 'get_trainer_with_mock_updater',
    'inject_backend_tests', 'matrix', 'parameterize', 'parameterize_pytest', 'parameterized', 'patch', 'product',
    'product_dict', 'random', 'run_module', 'save_and_load', 'save_and_load_hdf5', 'save_and_load_npz', 'serializer',
    'training', 'unary_math_function_unittest', 'with_requires', 'without_requires',
]
