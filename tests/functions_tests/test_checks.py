"""Integers where only floating-point numbers make sense: an error, not results that are cut off."""
import numpy as np
import pytest

import autograd_nn.functions as F

X = np.arange(12).reshape(3, 4)
T = np.array([0, 1, 2])
FLOAT = np.ones(4)
CALLS = {
    'accuracy': lambda x: F.accuracy(x, T),
    'batch_normalization': lambda x: F.batch_normalization(x, FLOAT, FLOAT),
    'binary_accuracy': lambda x: F.binary_accuracy(x, X),
    'classification_summary': lambda x: F.classification_summary(x, T),
    'convolution_1d': lambda x: F.convolution_1d(x[None], np.ones((1, 3, 1))),
    'dropout': F.dropout,
    'gaussian': lambda x: F.gaussian(x, np.ones(x.shape)),
    'gelu': F.gelu,
    'group_normalization': lambda x: F.group_normalization(x, 2, FLOAT, FLOAT),
    'gumbel_softmax': F.gumbel_softmax,
    'layer_normalization': lambda x: F.layer_normalization(x, FLOAT, FLOAT),
    'leaky_relu': F.leaky_relu,
    'linear': lambda x: F.linear(x, np.ones((2, 4))),
    'local_response_normalization': F.local_response_normalization,
    'log_softmax': F.log_softmax,
    'max_pooling_1d': lambda x: F.max_pooling_1d(x[None], 2),
    'mean_squared_error': lambda x: F.mean_squared_error(x, x),
    'prelu': lambda x: F.prelu(x, np.array(0.25)),
    'r2_score': lambda x: F.r2_score(x, x),
    'resize_images': lambda x: F.resize_images(x[None, None], (2, 2)),
    'rrelu': F.rrelu,
    'sigmoid': F.sigmoid,
    'sigmoid_cross_entropy': lambda x: F.sigmoid_cross_entropy(x, X),
    'softmax': F.softmax,
    'softmax_cross_entropy': lambda x: F.softmax_cross_entropy(x, T),
}


@pytest.mark.parametrize('name', CALLS)
def test_integers_are_refused(name):
    CALLS[name](X.astype('f') / 12)
    with pytest.raises(TypeError, match=rf'{name}: expected floating-point \w+, got int64 \(shape \('):
        CALLS[name](X)
