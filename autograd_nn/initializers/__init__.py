"""Initial values of parameters."""
from autograd_nn.initializers.constant import Constant, Identity, NaN, One, Zero
from autograd_nn.initializers.generate import generate_array, get_initializer
from autograd_nn.initializers.initializer import Initializer, get_fans
from autograd_nn.initializers.orthogonal import Orthogonal
from autograd_nn.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LeCunNormal,
    LeCunUniform,
    Normal,
    Uniform,
)
from autograd_nn.initializers.resampling import DownsamplingConvFilter, UpsamplingDeconvFilter

__all__ = [
    'Constant', 'DownsamplingConvFilter', 'GlorotNormal', 'GlorotUniform', 'HeNormal', 'HeUniform', 'Identity',
    'Initializer', 'LeCunNormal', 'LeCunUniform', 'NaN', 'Normal', 'One', 'Orthogonal', 'Uniform',
    'UpsamplingDeconvFilter', 'Zero', 'generate_array', 'get_fans', 'get_initializer',
]
