"""The kernels on CuPy arrays, complete without cuDNN.

What each one computes is stated in `autograd_nn.backends.contract.Kernels`.
"""
from autograd_nn.cuda.attention import attention, attention_grad
from autograd_nn.cuda.convolution import convolution, convolution_bias_grad, convolution_filter_grad, deconvolution
from autograd_nn.cuda.dropout import dropout_mask
from autograd_nn.cuda.embedding import embedding_grad
from autograd_nn.cuda.im2col import col2im, im2col
from autograd_nn.cuda.interpolation import interpolate, interpolate_grad, interpolate_weight_grad
from autograd_nn.cuda.matrix_product import linear, matmul
from autograd_nn.cuda.normalization import (
    batch_normalization,
    batch_normalization_grad,
    fixed_batch_normalization,
    group_normalization,
    group_normalization_grad,
    layer_normalization,
    layer_normalization_grad,
    local_response_normalization,
    local_response_normalization_grad,
    update_statistics,
)
from autograd_nn.cuda.optimizer import (
    adadelta,
    adagrad,
    adam,
    amsgrad,
    corrected_momentum_sgd,
    momentum_sgd,
    msvag,
    nesterov_ag,
    rmsprop,
    rmsprop_graves,
    sgd,
    smorms3,
)
from autograd_nn.cuda.pointwise import all_finite, elementwise, scaled, scaled_copies, scaled_sum, sum_of_squares
from autograd_nn.cuda.pooling import (
    average_pooling,
    average_pooling_grad,
    max_pooling,
    max_pooling_gather,
    max_pooling_grad,
)
from autograd_nn.cuda.reductions import sum_along
from autograd_nn.cuda.rnn import (
    gru,
    gru_grad,
    gru_sequence,
    gru_sequence_grad,
    lstm,
    lstm_grad,
    lstm_sequence,
    lstm_sequence_grad,
    rnn_sequence,
    rnn_sequence_grad,
)
from autograd_nn.cuda.roi import roi_average, roi_average_grad, roi_max, roi_max_gather, roi_max_grad
from autograd_nn.cuda.softmax import (
    log_softmax,
    log_softmax_grad,
    softmax,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
    softmax_grad,
)
from autograd_nn.cuda.suppression import non_maximum_suppression

__all__ = [
    'adadelta', 'adagrad', 'adam', 'all_finite', 'amsgrad', 'attention', 'attention_grad', 'average_pooling',
    'average_pooling_grad', 'batch_normalization', 'batch_normalization_grad', 'col2im', 'convolution',
    'convolution_bias_grad', 'convolution_filter_grad', 'corrected_momentum_sgd', 'deconvolution', 'dropout_mask',
    'elementwise', 'embedding_grad', 'fixed_batch_normalization', 'group_normalization', 'group_normalization_grad',
    'gru', 'gru_grad', 'gru_sequence', 'gru_sequence_grad', 'im2col', 'interpolate', 'interpolate_grad',
    'interpolate_weight_grad', 'layer_normalization', 'layer_normalization_grad', 'linear',
    'local_response_normalization', 'local_response_normalization_grad', 'log_softmax', 'log_softmax_grad', 'lstm',
    'lstm_grad', 'lstm_sequence', 'lstm_sequence_grad', 'matmul', 'max_pooling', 'max_pooling_gather',
    'max_pooling_grad', 'momentum_sgd', 'msvag', 'nesterov_ag', 'non_maximum_suppression', 'rmsprop', 'rmsprop_graves',
    'rnn_sequence', 'rnn_sequence_grad', 'roi_average', 'roi_average_grad', 'roi_max', 'roi_max_gather', 'roi_max_grad',
    'scaled', 'scaled_copies', 'scaled_sum', 'sgd', 'smorms3', 'softmax', 'softmax_cross_entropy',
    'softmax_cross_entropy_grad', 'softmax_grad', 'sum_along', 'sum_of_squares', 'update_statistics',
]
