"""The kernels through oneDNN, Intel's library of neural-network kernels; what it does not serve, NumPy computes.

Every kernel has the name and the meaning of its namesake in `autograd_nn.cpu`, which takes over for arrays other than
float32, for empty ones, and for the kernels that are not here.
"""
from autograd_nn.cpu import *  # noqa: F403
from autograd_nn.cpu.onednn.attention import attention, attention_grad  # type: ignore[assignment]
from autograd_nn.cpu.onednn.convolution import (
    convolution,
    convolution_bias_grad,
    convolution_filter_grad,
    deconvolution,
)
from autograd_nn.cpu.onednn.elementwise import elementwise
from autograd_nn.cpu.onednn.library import OneDNNError, load
from autograd_nn.cpu.onednn.matrix_product import linear, matmul
from autograd_nn.cpu.onednn.normalization import (
    batch_normalization,
    batch_normalization_grad,
    fixed_batch_normalization,
    layer_normalization,
    layer_normalization_grad,
    local_response_normalization,
)
from autograd_nn.cpu.onednn.pooling import average_pooling, average_pooling_grad, max_pooling, max_pooling_grad
from autograd_nn.cpu.onednn.primitive import in_use
from autograd_nn.cpu.onednn.rnn import (  # type: ignore[assignment]  # the reference lets its products be replaced
    gru_sequence,
    gru_sequence_grad,
    lstm_sequence,
    lstm_sequence_grad,
    rnn_sequence,
    rnn_sequence_grad,
)
from autograd_nn.cpu.onednn.softmax import log_softmax, softmax, softmax_cross_entropy
