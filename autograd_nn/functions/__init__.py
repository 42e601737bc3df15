"""Differentiable functions, under Chainer's names."""
from autograd_nn.functions import operators
from autograd_nn.functions.activation.binarization import binarize
from autograd_nn.functions.activation.rectifier import (
    clipped_relu,
    crelu,
    leaky_relu,
    maxout,
    prelu,
    relu,
    relu6,
    rrelu,
)
from autograd_nn.functions.activation.sigmoid import hard_sigmoid, sigmoid, step, tanh
from autograd_nn.functions.activation.smooth_rectifier import elu, gelu, selu, softplus, swish
from autograd_nn.functions.activation.softmax import log_softmax, softmax
from autograd_nn.functions.array.as_strided import as_strided
from autograd_nn.functions.array.broadcast import broadcast, broadcast_to, sum_to
from autograd_nn.functions.array.columns import im2col
from autograd_nn.functions.array.indexing import diagonal, get_item, scatter_add, select_item
from autograd_nn.functions.array.joining import (
    concat,
    dstack,
    hstack,
    pad_sequence,
    separate,
    split_axis,
    stack,
    vstack,
)
from autograd_nn.functions.array.rearrangement import copy, flip, fliplr, flipud, pad, permutate, repeat, tile
from autograd_nn.functions.array.resize import resize_images
from autograd_nn.functions.array.selection import where
from autograd_nn.functions.array.shape import (
    depth2space,
    expand_dims,
    flatten,
    moveaxis,
    reshape,
    rollaxis,
    space2depth,
    squeeze,
    swapaxes,
    transpose,
)
from autograd_nn.functions.array.spatial_transformer_grid import spatial_transformer_grid
from autograd_nn.functions.array.spatial_transformer_sampler import spatial_transformer_sampler
from autograd_nn.functions.connection.attention import scaled_dot_product_attention
from autograd_nn.functions.connection.convolution import (
    convolution_1d,
    convolution_2d,
    convolution_3d,
    convolution_nd,
    deconvolution_1d,
    deconvolution_2d,
    deconvolution_3d,
    deconvolution_nd,
    depthwise_convolution_2d,
    dilated_convolution_2d,
)
from autograd_nn.functions.connection.deformable_convolution_2d_sampler import deformable_convolution_2d_sampler
from autograd_nn.functions.connection.embedding import embed_id
from autograd_nn.functions.connection.fully_connected import bilinear, linear
from autograd_nn.functions.connection.local_convolution_2d import local_convolution_2d
from autograd_nn.functions.connection.shift import shift
from autograd_nn.functions.connection.sparse_matmul import sparse_matmul
from autograd_nn.functions.evaluation.scores import (
    accuracy,
    binary_accuracy,
    classification_summary,
    confusion_matrix,
    f1_score,
    precision,
    r2_score,
    recall,
)
from autograd_nn.functions.loss.black_out import black_out
from autograd_nn.functions.loss.contrastive_loss import info_nce, nt_xent
from autograd_nn.functions.loss.crf1d import argmax_crf1d, crf1d
from autograd_nn.functions.loss.cross_covariance import cross_covariance
from autograd_nn.functions.loss.cross_entropy import sigmoid_cross_entropy, softmax_cross_entropy
from autograd_nn.functions.loss.ctc import connectionist_temporal_classification
from autograd_nn.functions.loss.decov import decov
from autograd_nn.functions.loss.discriminative_loss import discriminative_margin_based_clustering_loss
from autograd_nn.functions.loss.likelihood_loss import bernoulli_nll, gaussian_kl_divergence, gaussian_nll
from autograd_nn.functions.loss.margin_loss import contrastive, hinge, triplet
from autograd_nn.functions.loss.negative_sampling import negative_sampling
from autograd_nn.functions.loss.regression_loss import (
    absolute_error,
    huber_loss,
    mean_absolute_error,
    mean_squared_error,
    squared_error,
)
from autograd_nn.functions.math.affine import bias, identity, linear_interpolate, scale
from autograd_nn.functions.math.arithmetic import (
    absolute,
    add,
    div,
    floordiv,
    fmod,
    mul,
    neg,
    pow,
    remainder,
    squared_difference,
    sub,
)
from autograd_nn.functions.math.clipping import clip, maximum, minimum
from autograd_nn.functions.math.cumulative import cumprod, cumsum
from autograd_nn.functions.math.digamma import digamma
from autograd_nn.functions.math.einstein_sum import einsum
from autograd_nn.functions.math.error_function import erf, erfc, erfcinv, erfcx, erfinv, log_ndtr, ndtr, ndtri
from autograd_nn.functions.math.exponential import cbrt, exp, expm1, log, log1p, log2, log10, rsqrt, sqrt, square
from autograd_nn.functions.math.extremum import argmax, argmin, max, min
from autograd_nn.functions.math.fft import fft, ifft
from autograd_nn.functions.math.lgamma import lgamma
from autograd_nn.functions.math.linear_algebra import batch_det, batch_inv, cholesky, det, inv
from autograd_nn.functions.math.matrix_product import batch_matmul, matmul, tensordot
from autograd_nn.functions.math.polygamma import polygamma
from autograd_nn.functions.math.reduction import average, batch_l2_norm_squared, logsumexp, mean, prod, std, sum, var
from autograd_nn.functions.math.rounding import ceil, fix, floor, sign
from autograd_nn.functions.math.trigonometric import arccos, arcsin, arctan, arctan2, arctanh, cos, cosh, sin, sinh, tan
from autograd_nn.functions.math.zeta import zeta
from autograd_nn.functions.noise.dropout import dropout, stochastic_depth, zoneout
from autograd_nn.functions.noise.gaussian import gaussian, gumbel_softmax
from autograd_nn.functions.noise.simplified_dropconnect import simplified_dropconnect
from autograd_nn.functions.normalization.batch_normalization import batch_normalization, fixed_batch_normalization
from autograd_nn.functions.normalization.batch_renormalization import batch_renormalization, fixed_batch_renormalization
from autograd_nn.functions.normalization.decorrelated_batch_normalization import (
    decorrelated_batch_normalization,
    fixed_decorrelated_batch_normalization,
)
from autograd_nn.functions.normalization.layer_normalization import group_normalization, layer_normalization, normalize
from autograd_nn.functions.normalization.local_response_normalization import local_response_normalization
from autograd_nn.functions.pooling.pooling import (
    average_pooling_1d,
    average_pooling_2d,
    average_pooling_3d,
    average_pooling_nd,
    max_pooling_1d,
    max_pooling_2d,
    max_pooling_3d,
    max_pooling_nd,
)
from autograd_nn.functions.pooling.roi_pooling_2d import (
    roi_average_align_2d,
    roi_average_pooling_2d,
    roi_max_align_2d,
    roi_max_pooling_2d,
    roi_pooling_2d,
)
from autograd_nn.functions.pooling.spatial_pyramid_pooling_2d import spatial_pyramid_pooling_2d
from autograd_nn.functions.pooling.unpooling import (
    unpooling_1d,
    unpooling_2d,
    unpooling_3d,
    unpooling_nd,
    upsampling_2d,
    upsampling_nd,
)
from autograd_nn.functions.precision import cast
from autograd_nn.functions.rnn.n_step import (
    n_step_bigru,
    n_step_bilstm,
    n_step_birnn,
    n_step_gru,
    n_step_lstm,
    n_step_rnn,
)
from autograd_nn.functions.rnn.recurrent_cells import gru, lstm, rnn, slstm, tree_lstm
from autograd_nn.functions.rnn.recurrent_sequences import transpose_sequence
from autograd_nn.functions.util.forget import forget

__all__ = [
    'absolute', 'absolute_error', 'accuracy', 'add', 'arccos', 'arcsin', 'arctan', 'arctan2', 'arctanh', 'argmax',
    'argmax_crf1d', 'argmin', 'as_strided', 'average', 'average_pooling_1d', 'average_pooling_2d', 'average_pooling_3d',
    'average_pooling_nd', 'batch_det', 'batch_inv', 'batch_l2_norm_squared', 'batch_matmul', 'batch_normalization',
    'batch_renormalization', 'bernoulli_nll', 'bias', 'bilinear', 'binarize', 'binary_accuracy', 'black_out',
    'broadcast', 'broadcast_to', 'cast', 'cbrt', 'ceil', 'cholesky', 'classification_summary', 'clip', 'clipped_relu',
    'concat', 'confusion_matrix', 'connectionist_temporal_classification', 'contrastive', 'convolution_1d',
    'convolution_2d', 'convolution_3d', 'convolution_nd', 'copy', 'cos', 'cosh', 'crelu', 'crf1d', 'cross_covariance',
    'cumprod', 'cumsum', 'deconvolution_1d', 'deconvolution_2d', 'deconvolution_3d', 'deconvolution_nd',
    'decorrelated_batch_normalization', 'decov', 'deformable_convolution_2d_sampler', 'depth2space',
    'depthwise_convolution_2d', 'det', 'diagonal', 'digamma', 'dilated_convolution_2d',
    'discriminative_margin_based_clustering_loss', 'div', 'dropout', 'dstack', 'einsum', 'elu', 'embed_id', 'erf',
    'erfc', 'erfcinv', 'erfcx', 'erfinv', 'exp', 'expand_dims', 'expm1', 'f1_score', 'fft', 'fix',
    'fixed_batch_normalization', 'fixed_batch_renormalization', 'fixed_decorrelated_batch_normalization', 'flatten',
    'flip', 'fliplr', 'flipud', 'floor', 'floordiv', 'fmod', 'forget', 'gaussian', 'gaussian_kl_divergence',
    'gaussian_nll', 'gelu', 'get_item', 'group_normalization', 'gru', 'gumbel_softmax', 'hard_sigmoid', 'hinge',
    'hstack', 'huber_loss', 'identity', 'ifft', 'im2col', 'info_nce', 'inv', 'layer_normalization', 'leaky_relu',
    'lgamma', 'linear', 'linear_interpolate', 'local_convolution_2d', 'local_response_normalization', 'log', 'log1p',
    'log2', 'log10', 'log_ndtr', 'log_softmax', 'logsumexp', 'lstm', 'matmul', 'max', 'max_pooling_1d',
    'max_pooling_2d', 'max_pooling_3d', 'max_pooling_nd', 'maximum', 'maxout', 'mean', 'mean_absolute_error',
    'mean_squared_error', 'min', 'minimum', 'moveaxis', 'mul', 'n_step_bigru', 'n_step_bilstm', 'n_step_birnn',
    'n_step_gru', 'n_step_lstm', 'n_step_rnn', 'ndtr', 'ndtri', 'neg', 'negative_sampling', 'normalize', 'nt_xent',
    'pad', 'pad_sequence', 'permutate', 'polygamma', 'pow', 'precision', 'prelu', 'prod', 'r2_score', 'recall', 'relu',
    'relu6', 'remainder', 'repeat', 'reshape', 'resize_images', 'rnn', 'roi_average_align_2d', 'roi_average_pooling_2d',
    'roi_max_align_2d', 'roi_max_pooling_2d', 'roi_pooling_2d', 'rollaxis', 'rrelu', 'rsqrt', 'scale',
    'scaled_dot_product_attention', 'scatter_add', 'select_item', 'selu', 'separate', 'shift', 'sigmoid',
    'sigmoid_cross_entropy', 'sign', 'simplified_dropconnect', 'sin', 'sinh', 'slstm', 'softmax',
    'softmax_cross_entropy', 'softplus', 'space2depth', 'sparse_matmul', 'spatial_pyramid_pooling_2d',
    'spatial_transformer_grid', 'spatial_transformer_sampler', 'split_axis', 'sqrt', 'square', 'squared_difference',
    'squared_error', 'squeeze', 'stack', 'std', 'step', 'stochastic_depth', 'sub', 'sum', 'sum_to', 'swapaxes', 'swish',
    'tan', 'tanh', 'tensordot', 'tile', 'transpose', 'transpose_sequence', 'tree_lstm', 'triplet', 'unpooling_1d',
    'unpooling_2d', 'unpooling_3d', 'unpooling_nd', 'upsampling_2d', 'upsampling_nd', 'var', 'vstack', 'where', 'zeta',
    'zoneout',
]

operators.install()
