"""Fourier transforms, against NumPy's of complex numbers."""
import numpy as np
import pytest

import autograd_nn.functions as F
from autograd_nn.utils.type_check import DTypeError, ShapeError
from support.checking import check_function, uniform


@pytest.mark.parametrize('name', ['fft', 'ifft'])
@pytest.mark.parametrize('shape', [(1,), (8,), (3, 5), (2, 1, 4), (0, 3)])
def test_transforms(name, shape):
    def reference(real, imag):
        y = getattr(np.fft, name)(real + imag * 1j)
        return y.real, y.imag

    def function(real, imag):
        return {'fft': F.fft, 'ifft': F.ifft}[name]((real, imag))

    check_function(function, reference, uniform(*shape), uniform(*shape), dtypes=('float64', 'float32', 'float16'))
    # One part of the result may be left alone.
    check_function(lambda *x: function(*x)[0], lambda *x: reference(*x)[0], uniform(*shape), uniform(*shape))
    check_function(lambda *x: function(*x)[1], lambda *x: reference(*x)[1], uniform(*shape), uniform(*shape))


def test_one_is_the_inverse_of_the_other():
    real, imag = uniform(3, 7), uniform(3, 7)
    y = F.ifft(F.fft((real, imag)))
    np.testing.assert_allclose(y[0].array, real)
    np.testing.assert_allclose(y[1].array, imag)


@pytest.mark.parametrize('real, imag, error, message', [
    (np.ones(2), np.ones(3), ShapeError, r'fft: real, imag must have one shape, got real \(2,\), imag \(3,\)'),
    (np.ones(2), np.ones(2, 'f'), DTypeError, r'fft: .* one dtype, got float64 and float32'),
    (np.arange(2), np.arange(2), DTypeError, r'fft: expected floating-point real, got int64'),
    (np.ones(()), np.ones(()), ShapeError, r'fft: expected one element or more .* shape \(\)'),
    (np.ones((3, 0)), np.ones((3, 0)), ShapeError, r'fft: expected one element or more .* shape \(3, 0\)'),
])
def test_errors(real, imag, error, message):
    for function in F.fft, F.ifft:
        with pytest.raises(error, match=message):
            function((real, imag))
