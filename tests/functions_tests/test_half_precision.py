"""Every function in half precision: what float16 can represent must not be lost on the way there.

Each function, and its gradient, of random numbers in 16 bits is compared with the same in float64. Wherever the exact
result is within the range of the type, a few roundings are all that may lie between the two.
"""
import functools
import inspect
import zlib

import ml_dtypes
import numpy as np
import pytest

import autograd_nn as ann
import autograd_nn.functions as F
from autograd_nn import Variable, cuda
from autograd_nn.dtypes import as_dtype
from functions_tests.rnn_tests.test_recurrent import flat_n_step, n_step_arrays
from support.checking import IN_SOFTWARE

SCALES = 1e-4, 1., 300.
# More than float16 counts; in software, where each costs hundreds of times as much, enough for a sum to stop growing.
ROWS, MANY_ROWS = 5, 5_000 if IN_SOFTWARE else 70_000
# The gradients to start from: what a loss that is scaled, averaged or summed passes on.
GRADIENT_SCALES = 2. ** -10, 1., 2. ** 10
# How many roundings to the type lie between a result and the exact one: that of the result, and that of a gradient on
# the way from one function to the next.
ROUNDINGS = 4


class Draw:
    """Random arrays of numbers that both float16 and bfloat16 represent."""

    def __init__(self, name, scale, dtype, n=ROWS):
        self.rng = np.random.default_rng(zlib.crc32(f'{name} {scale}'.encode()))
        self.scale = scale
        self.dtype = as_dtype(dtype)
        self.n = n
        self.images = max(ROWS, n // 144)

    def rounded(self, x):
        return np.asarray(x).astype(self.dtype).astype('d')

    def normal(self, *shape):
        """Of the scale that is tested."""
        return self.rounded(self.rng.standard_normal(shape) * self.scale)

    def positive(self, *shape):
        return self.rounded(self.rng.uniform(0.1, 2, shape) * self.scale)

    def unit(self, *shape, low=-1., high=1.):
        """Within an interval, where a function is defined on it alone; near 0 at a small scale."""
        return self.rounded(self.rng.uniform(low, high, shape) * min(self.scale, 1))

    def moderate(self, *shape):
        """Of scale 1: weights beside inputs of any scale."""
        return self.rounded(self.rng.standard_normal(shape))

    def labels(self, classes, *shape):
        return self.rng.integers(classes, size=shape)


def of(f, *kinds_and_shapes):
    """A case: a function, and for each argument the name of a method of `Draw` and the shape.

    In it, N is the size of a batch, and M that of one of images, of which there are fewer.
    """
    return lambda d: (f, *[getattr(d, kind)(*[{'N': d.n, 'M': d.images}.get(k, k) for k in shape])
                           for kind, *shape in kinds_and_shapes])


X = 'normal', 'N', 4
POSITIVE = 'positive', 'N', 4
UNIT = 'unit', 'N', 4
IMAGES = 'normal', 'M', 4, 6, 6
ONE = of(lambda x: x, X)


def on_x(f, kind=X):
    return of(f, kind)


def windows(f, ndim, **options):
    return of(lambda x: f(x, 2, **options), ('normal', 'M', 3, *(4,) * ndim))


def convolution(f, ndim, groups=1):
    return of(f, ('normal', 'M', 4, *(4,) * ndim), ('moderate', 4, 4 // groups, *(3,) * ndim), ('moderate', 4))


def regions(f):
    rois, indices = np.array([[0, 1, 4, 3], [-1, 2, 3, 7], [1.5, 0, 4.2, 1.1]]), np.array([1, 0, 1])
    return on_x(lambda x: f(x, x.device.send(rois), x.device.send(indices), 2, 1.), IMAGES)


def upsampling(f):
    def call(x, indexes):
        return f(x, cuda.get_array_module(x.array).asarray(indexes), 2, cover_all=False)
    return lambda d: (call, d.normal(d.images, 3, 2, 2), d.labels(4, d.images, 3, 2, 2))


def labelled(f, classes=4, **options):
    return lambda d: (lambda x, t: f(x, t, **options), d.normal(d.n, classes), d.labels(classes, d.n))


def n_step(kind, directions):
    def case(d):
        arrays = n_step_arrays(kind, 1, directions, 3, (3, 2), 4, 2)
        return flat_n_step(kind, 1, directions), *[d.rounded(x * (d.scale if i >= len(arrays) - 2 else 1))
                                                   for i, x in enumerate(arrays)]
    return case


def joined(f, **options):
    return of(lambda *xs: f(xs, **options), X, X)


def square_matrices(d, *batch):
    return d.rounded((np.eye(3) + 0.3 * d.rng.uniform(-1, 1, (*batch, 3, 3))) * d.scale)


def positive_definite(d):
    a = square_matrices(d, d.images)
    return F.cholesky, d.rounded(a @ a.swapaxes(-1, -2) / d.scale + np.eye(3) * d.scale)


def sparse_product(d):
    places = np.array([[0, 1, 1, 2, 2, 2], [1, 0, 2, 0, 1, 3]])

    def multiply(data, b):
        return F.sparse_matmul(ann.utils.CooMatrix(data, *data.xp.asarray(places), (3, 4)), b)

    return multiply, d.normal(6), d.moderate(4, 2)


def drawn(f, *shapes):
    """A function that draws random numbers: always the same."""
    def call(*xs):
        np.random.seed(3)
        cuda.available and cuda.cupy.random.seed(3)
        return f(*xs)
    call.draws = True
    return of(call, *shapes)


# For each function one case or several.
CASES = {
    'absolute': ONE, 'absolute_error': of(F.absolute_error, X, X),
    'add': [of(F.add, X, X), of(F.add, X, ('normal', 4)), of(lambda x: x + 3, X),
            of(lambda *xs: F.add(*xs, activation=F.relu), X, X), of(F.add, X, X, X)],
    'argmax_crf1d': lambda d: (lambda cost, *xs: F.argmax_crf1d(cost, xs)[0], d.moderate(3, 3), d.normal(d.n, 3),
                               d.normal(d.n, 3), d.normal(2, 3)),
    'arccos': on_x(F.arccos, UNIT), 'arcsin': on_x(F.arcsin, UNIT), 'arctan': on_x(F.arctan),
    'arctan2': of(F.arctan2, X, X), 'arctanh': on_x(F.arctanh, UNIT),
    'as_strided': on_x(lambda x: F.as_strided(x, (4, 3, 2), (1, 2, 0), 1)),
    'average': [on_x(F.average), on_x(lambda x: F.average(x, 0)),
                of(lambda x, w: F.average(x, weights=w), X, POSITIVE),
                of(lambda x, w: F.average(x, 0, w), X, ('positive', 'N')),
                of(lambda x, w: F.average(x, 1, w), X, ('positive', 4))],
    **{f'average_pooling_{n}d': windows(getattr(F, f'average_pooling_{n}d'), n) for n in (1, 2, 3)},
    'average_pooling_nd': windows(F.average_pooling_nd, 2, pad=1, pad_value=None),
    'batch_det': lambda d: (F.batch_det, square_matrices(d, d.images)),
    'batch_inv': lambda d: (F.batch_inv, square_matrices(d, d.images)),
    'batch_l2_norm_squared': on_x(F.batch_l2_norm_squared),
    'batch_matmul': of(F.batch_matmul, ('normal', 3, 'N', 4), ('moderate', 3, 4, 2)),
    'batch_normalization': [
        of(F.batch_normalization, X, ('moderate', 4), ('moderate', 4)),
        of(F.batch_normalization, IMAGES, ('moderate', 4), ('moderate', 4)),
        of(lambda *xs: F.batch_normalization(*xs[:3], residual=xs[3], activation=F.relu), IMAGES, ('moderate', 4),
           ('moderate', 4), IMAGES)],
    'batch_renormalization': of(lambda x, g, b, m, v: F.batch_renormalization(x, g, b, 2, 1, 2e-5, m.array, v.array),
                                IMAGES, ('moderate', 4), ('moderate', 4), ('normal', 4), ('positive', 4)),
    'bernoulli_nll': [of(lambda x, y, r=r: F.bernoulli_nll(x, y, r), ('unit', 'N', 4), X)
                      for r in ('sum', 'mean', 'no')],
    'black_out': [lambda d, r=r: (lambda x, W, t, s: F.black_out(x, t, W, s, r), d.normal(d.n, 4), d.moderate(9, 4),
                                  d.labels(9, d.n), d.labels(9, d.n, 2)) for r in ('mean', 'no')],
    'bias': of(lambda x, y: F.bias(x, y, 1), X, ('normal', 4)),
    'bilinear': [of(F.bilinear, ('normal', 'N', 3), ('normal', 'N', 4), ('moderate', 3, 4, 2)),
                 of(F.bilinear, ('normal', 'N', 3), ('normal', 'N', 4), ('moderate', 3, 4, 2), ('moderate', 3, 2),
                    ('moderate', 4, 2), ('moderate', 2))],
    'broadcast': of(F.broadcast, X, ('normal', 4)), 'broadcast_to': of(lambda x: F.broadcast_to(x, (70, 4)),
                                                                       ('normal', 1, 4)),
    'cast': on_x(lambda x: F.cast(x, 'd')), 'cbrt': on_x(F.cbrt),
    'cholesky': positive_definite, 'clip': on_x(lambda x: F.clip(x, -1, 1)),
    'clipped_relu': on_x(F.clipped_relu), 'concat': joined(F.concat),
    'connectionist_temporal_classification': [
        lambda d, r=r: (lambda x, t: F.connectionist_temporal_classification(F.separate(x, 1), t, 0, reduce=r),
                        d.normal(d.n, 4, 4), d.labels(3, d.n, 2) + 1) for r in ('mean', 'no')],
    'contrastive': [lambda d, r=r: (lambda x0, x1, y: F.contrastive(x0, x1, y, reduce=r), d.normal(d.n, 4),
                                    d.normal(d.n, 4), d.labels(2, d.n)) for r in ('mean', 'no')],
    **{f'convolution_{n}d': convolution(getattr(F, f'convolution_{n}d'), n) for n in (1, 2, 3)},
    'convolution_nd': convolution(lambda *xs: F.convolution_nd(*xs, pad=1, groups=2), 2, 2),
    'copy': on_x(lambda x: F.copy(x, -1) if isinstance(x.array, np.ndarray) else x),
    'crf1d': [lambda d, r=r: (lambda cost, t, *xs: F.crf1d(cost, xs, [t[:len(x)] for x in xs], r), d.moderate(3, 3),
                              d.labels(3, d.n), d.normal(d.n, 3), d.normal(d.n, 3), d.normal(2, 3))
              for r in ('mean', 'no')],
    'cross_covariance': [of(lambda y, z, r=r: F.cross_covariance(y, z, r), X, ('moderate', 'N', 2))
                         for r in ('half_squared_sum', 'no')],
    'cos': on_x(F.cos), 'cosh': on_x(F.cosh), 'crelu': on_x(F.crelu), 'cumprod': on_x(lambda x: F.cumprod(x, 1)),
    'cumsum': [on_x(F.cumsum), on_x(lambda x: F.cumsum(x, 0))],
    **{f'deconvolution_{n}d': convolution(getattr(F, f'deconvolution_{n}d'), n) for n in (1, 2, 3)},
    'deconvolution_nd': convolution(lambda *xs: F.deconvolution_nd(*xs, pad=1), 2),
    'deformable_convolution_2d_sampler': of(
        lambda x, *others: F.deformable_convolution_2d_sampler(x, *others, pad=1), ('normal', 'M', 2, 4, 4),
        ('moderate', 'M', 18, 4, 4), ('moderate', 3, 2, 3, 3), ('moderate', 3)),
    'decov': [on_x(lambda h, r=r: F.decov(h, r)) for r in ('half_squared_sum', 'no')],
    'decorrelated_batch_normalization': on_x(lambda x: F.decorrelated_batch_normalization(x, groups=2), IMAGES),
    'depth2space': on_x(lambda x: F.depth2space(x, 2), IMAGES),
    'depthwise_convolution_2d': of(F.depthwise_convolution_2d, IMAGES, ('moderate', 2, 4, 3, 3), ('moderate', 8)),
    'det': lambda d: (F.det, square_matrices(d)), 'diagonal': on_x(F.diagonal), 'digamma': on_x(F.digamma, POSITIVE),
    'dilated_convolution_2d': of(lambda *xs: F.dilated_convolution_2d(*xs, dilate=2), IMAGES, ('moderate', 2, 4, 3, 3),
                                 ('moderate', 2)),
    'discriminative_margin_based_clustering_loss': [
        lambda d, p=p: (lambda x, t: F.discriminative_margin_based_clustering_loss(x, t, 0.5, 1.5, 3, p),
                        d.normal(d.images, 3, 3, 4), d.labels(5, d.images, 3, 4)) for p in (1, 2)],
    'div': [of(F.div, X, POSITIVE), of(lambda x: x / 300, X), of(lambda x: 300 / x, POSITIVE),
            of(F.div, X, ('positive', 4))],
    'dropout': drawn(F.dropout, X), 'dstack': joined(F.dstack),
    'einsum': [of(lambda a, b: F.einsum('ij,kj->ik', a, b), X, ('moderate', 3, 4)),
               of(lambda a, b: F.einsum('ij,ij->j', a, b), X, X), on_x(lambda a: F.einsum('ij->', a))],
    'elu': on_x(F.elu),
    'embed_id': lambda d: (F.embed_id, d.labels(3, d.n), d.normal(3, 2)),
    'erf': on_x(F.erf), 'erfc': on_x(F.erfc), 'erfcinv': lambda d: (F.erfcinv, d.unit(d.n, 4, low=0.02)),
    'erfcx': on_x(F.erfcx), 'erfinv': on_x(F.erfinv, UNIT), 'exp': on_x(F.exp),
    'expand_dims': on_x(lambda x: F.expand_dims(x, 1)), 'expm1': on_x(F.expm1),
    'fixed_batch_normalization': of(F.fixed_batch_normalization, X, ('moderate', 4), ('moderate', 4), ('normal', 4),
                                    ('positive', 4)),
    'fft': of(lambda *x: F.fft(x), X, X),
    'fixed_batch_renormalization': of(F.fixed_batch_renormalization, X, ('moderate', 4), ('moderate', 4), ('normal', 4),
                                      ('positive', 4)),
    'fixed_decorrelated_batch_normalization': of(lambda *xs: F.fixed_decorrelated_batch_normalization(*xs, 2), IMAGES,
                                                 ('normal', 2, 2), ('moderate', 2, 2, 2)),
    'flatten': on_x(F.flatten), 'flip': on_x(lambda x: F.flip(x, 0)), 'fliplr': on_x(F.fliplr),
    'flipud': on_x(F.flipud), 'fmod': of(F.fmod, X, POSITIVE),
    'forget': of(lambda x, y: F.forget(lambda x, y: x * y, x, y), X, ('moderate', 'N', 4)),
    'gaussian': drawn(F.gaussian, X, ('moderate', 'N', 4)),
    'gaussian_kl_divergence': [of(lambda m, v, r=r: F.gaussian_kl_divergence(m, v, r), X, ('moderate', 'N', 4))
                               for r in ('sum', 'mean', 'no')],
    'gaussian_nll': [of(lambda x, m, v, r=r: F.gaussian_nll(x, m, v, r), X, X, ('unit', 'N', 4))
                     for r in ('sum', 'mean', 'no')]
                    + [lambda d: (lambda x, m, v: F.gaussian_nll(x, m, v, 'no'), d.normal(d.n, 4), d.normal(d.n, 4),
                                d.rounded(d.moderate(d.n, 4) + 9))],
    'gelu': on_x(F.gelu), 'get_item': on_x(lambda x: F.get_item(x, ([0, 1, 1, 0, 2], slice(1, 3)))),
    'group_normalization': of(lambda x, g, b: F.group_normalization(x, 2, g, b), IMAGES, ('moderate', 4),
                              ('moderate', 4)),
    'gru': of(F.gru, ('unit', 'N', 2), ('normal', 'N', 6), ('normal', 'N', 6)),
    'gumbel_softmax': drawn(F.gumbel_softmax, X), 'hard_sigmoid': on_x(F.hard_sigmoid),
    'hinge': [labelled(F.hinge, norm=norm, reduce=r) for norm in ('L1', 'L2') for r in ('mean', 'no')],
    'hstack': joined(F.hstack),
    'huber_loss': [of(lambda x, t, r=r: F.huber_loss(x, t, 1.5, r), X, X) for r in ('sum_along_second_axis', 'no')],
    'identity': on_x(F.identity), 'ifft': of(lambda *x: F.ifft(x), X, X),
    'im2col': on_x(lambda x: F.im2col(x, 3), IMAGES),
    'info_nce': of(F.info_nce, X, X, ('normal', 9, 4)), 'inv': lambda d: (F.inv, square_matrices(d)),
    'layer_normalization': of(F.layer_normalization, X, ('moderate', 4), ('moderate', 4)),
    'leaky_relu': on_x(F.leaky_relu), 'lgamma': on_x(F.lgamma, POSITIVE),
    'local_convolution_2d': of(F.local_convolution_2d, ('normal', 'M', 2, 3, 4), ('moderate', 3, 2, 3, 2, 2, 2),
                               ('moderate', 3, 2, 3)),
    'linear': [of(F.linear, X, ('moderate', 3, 4), ('moderate', 3)),
               of(lambda *xs: F.linear(*xs, activation=F.relu), X, ('moderate', 3, 4), ('moderate', 3))],
    'linear_interpolate': of(F.linear_interpolate, ('unit', 'N', 4), X, X),
    'local_response_normalization': on_x(F.local_response_normalization, ('normal', 'M', 7, 3, 3)),
    'log': on_x(F.log, POSITIVE), 'log10': on_x(F.log10, POSITIVE), 'log1p': on_x(F.log1p, POSITIVE),
    'log2': on_x(F.log2, POSITIVE), 'log_ndtr': on_x(F.log_ndtr),
    'log_softmax': [on_x(F.log_softmax), on_x(lambda x: F.log_softmax(x, 0))],
    'logsumexp': [on_x(F.logsumexp), on_x(lambda x: F.logsumexp(x, 0)), on_x(lambda x: F.logsumexp(x, 1))],
    'lstm': of(F.lstm, ('unit', 'N', 2), ('normal', 'N', 8)),
    'matmul': [of(F.matmul, X, ('moderate', 4, 3)), of(lambda a, b: F.matmul(a, b, transa=True), X, X)],
    'max': [on_x(F.max), on_x(lambda x: F.max(x, 0))],
    **{f'max_pooling_{n}d': windows(getattr(F, f'max_pooling_{n}d'), n) for n in (1, 2, 3)},
    'max_pooling_nd': windows(F.max_pooling_nd, 2, pad=1), 'maximum': of(F.maximum, X, X),
    'maxout': on_x(lambda x: F.maxout(x, 2)), 'mean_absolute_error': of(F.mean_absolute_error, X, X),
    'mean_squared_error': of(F.mean_squared_error, X, X), 'min': [on_x(F.min), on_x(lambda x: F.min(x, 0))],
    'minimum': of(F.minimum, X, X), 'moveaxis': on_x(lambda x: F.moveaxis(x, 0, 1)),
    'mul': [of(F.mul, X, ('moderate', 'N', 4)), of(F.mul, X, ('moderate', 4)), of(lambda x: x * 0.01, X)],
    **{f'n_step_{two}{name}': n_step(kind, 1 + bool(two))
       for two in ('', 'bi') for name, kind in (('gru', 'gru'), ('lstm', 'lstm'), ('rnn', 'tanh'))},
    'ndtr': on_x(F.ndtr), 'ndtri': on_x(F.ndtri, ('unit', 'N', 4)), 'neg': on_x(F.neg),
    'negative_sampling': [
        lambda d, r=r: (lambda x, W, t, s: F.negative_sampling(x, t, W, lambda shape: s, 1, r), d.normal(d.n, 4),
                        d.moderate(9, 4), d.labels(10, d.n) - 1, d.labels(9, d.n, 2)) for r in ('sum', 'no')],
    'normalize': [on_x(F.normalize), on_x(lambda x: F.normalize(x, axis=0))],
    'nt_xent': of(F.nt_xent, ('normal', 70, 4), ('normal', 70, 4)),  # compares all rows with all
    'pad': on_x(lambda x: F.pad(x, 1, 'constant')), 'pad_sequence': joined(F.pad_sequence),
    'permutate': on_x(lambda x: F.permutate(x, np.array([2, 0, 1, 3]), axis=1)),
    'pow': [of(F.pow, POSITIVE, ('moderate', 'N', 4)), of(lambda x: x ** 2, X), of(lambda x: x ** 3, X),
            of(lambda x: x ** 0.5, POSITIVE), of(lambda x: x ** -2, POSITIVE), of(lambda x: 2 ** x, X)],
    'polygamma': [on_x(lambda x, n=n: F.polygamma(n, x), POSITIVE) for n in (0, 1, 3)],
    'prelu': of(F.prelu, X, ('moderate', 4)),
    'prod': [on_x(lambda x: F.prod(x, 1)), lambda d: (lambda x: F.prod(x, 1), d.normal(d.n, 4) * [0, 1, 1, 1])],
    'relu': on_x(F.relu), 'relu6': on_x(F.relu6), 'remainder': of(F.remainder, X, POSITIVE),
    'repeat': on_x(lambda x: F.repeat(x, 70, 1)), 'reshape': on_x(lambda x: F.reshape(x, (-1, 2))),
    'resize_images': on_x(lambda x: F.resize_images(x, (9, 4)), IMAGES),
    'rnn': of(F.rnn, ('unit', 'N', 2), X, ('moderate', 2, 4), ('moderate', 2, 2), ('moderate', 2)),
    **{name: regions(getattr(F, name)) for name in ('roi_average_align_2d', 'roi_average_pooling_2d',
                                                    'roi_max_align_2d', 'roi_max_pooling_2d')},
    'roi_pooling_2d': regions(lambda x, rois, indices, outsize, scale: F.roi_pooling_2d(
        x, x.xp.stack([indices, *rois.T], 1), outsize, outsize, scale)),
    'rollaxis': on_x(lambda x: F.rollaxis(x, 1)), 'rrelu': drawn(F.rrelu, X), 'rsqrt': on_x(F.rsqrt, POSITIVE),
    'scale': of(F.scale, X, ('moderate', 4)),
    'scaled_dot_product_attention': [
        of(F.scaled_dot_product_attention, *[('normal', 'M', 3, 4)] * 3),
        of(lambda *xs: F.scaled_dot_product_attention(*xs, mask=np.tri(3, dtype=bool) if not cuda.available else
                                                      cuda.to_gpu(np.tri(3, dtype=bool))
                                                      if isinstance(xs[0].array, cuda.ndarray) else
                                                      np.tri(3, dtype=bool)), *[('normal', 'M', 3, 4)] * 3)],
    'scatter_add': of(lambda x, y: F.scatter_add(x, ([0, 1, 1, 0, 2],), y), ('normal', 3, 4), ('normal', 5, 4)),
    'select_item': lambda d: (F.select_item, d.normal(d.n, 4), d.labels(4, d.n)),
    'selu': on_x(F.selu), 'separate': on_x(lambda x: F.separate(x, 1)), 'sigmoid': on_x(F.sigmoid),
    'sigmoid_cross_entropy': [
        lambda d, o=o: (lambda x, t: F.sigmoid_cross_entropy(x, t, **o), d.normal(d.n, 4), d.labels(3, d.n, 4) - 1)
        for o in ({}, {'normalize': False}, {'reduce': 'no'})],
    'shift': on_x(lambda x: F.shift(x, (1, 3)), IMAGES),
    'simplified_dropconnect': [drawn(F.simplified_dropconnect, X, ('moderate', 3, 4), ('moderate', 3)),
                               drawn(lambda x, W: F.simplified_dropconnect(x, W, use_batchwise_mask=False), X,
                                     ('moderate', 3, 4))],
    'sin': on_x(F.sin), 'sinh': on_x(F.sinh),
    'slstm': of(F.slstm, ('unit', 'N', 2), ('unit', 'N', 2), ('normal', 'N', 8), ('normal', 'N', 8)),
    'softmax': [on_x(F.softmax), on_x(lambda x: F.softmax(x, 0))],
    'softmax_cross_entropy': [
        *[labelled(F.softmax_cross_entropy, **o) for o in ({}, {'normalize': False}, {'reduce': 'no'},
                                                           {'cache_score': False})],
        *[lambda d, o=o: (lambda x, t: F.softmax_cross_entropy(x, t, **o), d.normal(d.n, 4),
                          d.rounded(d.rng.dirichlet(np.ones(4), d.n)))
          for o in ({}, {'reduce': 'no'}, {'soft_target_loss': 'kl-divergence'})]],
    'softplus': on_x(F.softplus), 'space2depth': on_x(lambda x: F.space2depth(x, 2), IMAGES),
    'spatial_pyramid_pooling_2d': on_x(lambda x: F.spatial_pyramid_pooling_2d(x, 2, 'max'), IMAGES),
    'spatial_transformer_grid': on_x(lambda x: F.spatial_transformer_grid(x, (3, 4)), ('normal', 'N', 2, 3)),
    'spatial_transformer_sampler': of(F.spatial_transformer_sampler, ('normal', 'M', 3, 4, 5),
                                      ('moderate', 'M', 2, 3, 3)),
    'sparse_matmul': sparse_product,
    'split_axis': on_x(lambda x: F.split_axis(x, 2, 1)), 'sqrt': on_x(F.sqrt, POSITIVE), 'square': on_x(F.square),
    'squared_difference': of(F.squared_difference, X, X), 'squared_error': of(F.squared_error, X, X),
    'squeeze': on_x(lambda x: F.squeeze(x, 1), ('normal', 'N', 1)), 'stack': joined(F.stack),
    'std': [on_x(F.std), on_x(lambda x: F.std(x, 0)), on_x(lambda x: F.std(x, 1, ddof=1))],
    'stochastic_depth': drawn(F.stochastic_depth, X), 'sub': [of(F.sub, X, X), of(F.sub, X, ('normal', 4))],
    'sum': [on_x(F.sum), on_x(lambda x: F.sum(x, 0)), on_x(lambda x: F.sum(x, 1))],
    'sum_to': [on_x(lambda x: F.sum_to(x, (1, 4))), on_x(lambda x: F.sum_to(x, ()))],
    'swapaxes': on_x(lambda x: F.swapaxes(x, 0, 1)), 'swish': of(F.swish, X, ('moderate', 4)),
    'tan': on_x(F.tan), 'tanh': on_x(F.tanh),
    'tensordot': [of(lambda a, b: F.tensordot(a, b, 1), X, ('moderate', 4, 3)),
                  of(lambda a, b: F.tensordot(a, b, ((0,), (0,))), X, X)],
    'tile': on_x(lambda x: F.tile(x, (1, 70))), 'transpose': on_x(F.transpose),
    'transpose_sequence': of(lambda *xs: F.transpose_sequence(xs), ('normal', 5, 4), ('normal', 3, 4)),
    'tree_lstm': of(F.tree_lstm, ('unit', 'N', 2), ('unit', 'N', 2), ('normal', 'N', 10)),
    'triplet': [of(lambda *xs, r=r: F.triplet(*xs, reduce=r), X, X, X) for r in ('mean', 'no')],
    **{f'unpooling_{n}d': windows(getattr(F, f'unpooling_{n}d'), n) for n in (1, 2, 3)},
    'unpooling_nd': windows(F.unpooling_nd, 2), 'upsampling_2d': upsampling(F.upsampling_2d),
    'upsampling_nd': upsampling(F.upsampling_nd),
    'var': [on_x(F.var), on_x(lambda x: F.var(x, 0)), on_x(lambda x: F.var(x, 1, ddof=1))],
    'vstack': joined(F.vstack),
    'where': lambda d: (F.where, d.labels(2, d.n, 4) == 1, d.normal(d.n, 4), d.normal(d.n, 4)),
    'zeta': on_x(lambda q: F.zeta(2.5, q), POSITIVE), 'zoneout': drawn(F.zoneout, X, X),
}
CASES['absolute'] = on_x(F.absolute)
CASES['mean'] = on_x(F.mean)  # another name of it
# Functions without a gradient that compute: measures, and functions to round with.
CASES |= {
    'accuracy': labelled(F.accuracy), 'argmax': on_x(lambda x: F.argmax(x, 1)),
    'argmin': on_x(lambda x: F.argmin(x, 1)),
    'binarize': on_x(F.binarize),
    'binary_accuracy': lambda d: (F.binary_accuracy, d.normal(d.n, 4), d.labels(2, d.n, 4)), 'ceil': on_x(F.ceil),
    'classification_summary': lambda d: (lambda y, t: F.classification_summary(y, t)[:3], d.normal(d.n, 4),
                                         d.labels(4, d.n)),
    'confusion_matrix': labelled(F.confusion_matrix), 'f1_score': labelled(lambda y, t: F.f1_score(y, t)[0]),
    'fix': on_x(F.fix), 'floor': on_x(F.floor), 'floordiv': of(F.floordiv, X, POSITIVE),
    'precision': labelled(lambda y, t: F.precision(y, t)[0]), 'recall': labelled(lambda y, t: F.recall(y, t)[0]),
    'r2_score': [lambda d, m=m: (lambda x, t: F.r2_score(x, t, multioutput=m),
                                 *(lambda t: (d.rounded(t + d.normal(d.n, 2) / 4), t))(d.normal(d.n, 2)))
                 for m in ('uniform_average', 'raw_values')],
    'sign': on_x(F.sign), 'step': on_x(F.step),
}


def computed(f, arrays, dtype, device, start):
    """The results of a function and, for each scale of the gradients to start from, those of its gradients.

    Args:
        f: The function.
        arrays: Its arguments; those that are floating-point are given in `dtype`.
        dtype: The type.
        device: Where it computes.
        start: Returns the gradient to start from, of the number of a result, its shape and a scale.
    """
    send = ann.get_device(device).send
    xs = [Variable(send(x.astype(dtype))) if x.dtype.kind == 'f' else send(x) for x in arrays]
    ys = f(*xs)
    ys = list(ys) if isinstance(ys, (tuple, list)) else [ys]
    inputs = [x for x in xs if isinstance(x, Variable)]
    gradients = []
    found = [i for i, y in enumerate(ys) if y.requires_grad]
    for scale in GRADIENT_SCALES:
        gys = [Variable(send(start(i, ys[i].shape, scale).astype(ys[i].dtype))) for i in found]
        gxs = ann.grad([ys[i] for i in found], inputs, gys) if found else []
        gradients += [gx if gx is None else cuda.to_cpu(gx.array) for gx in gxs]
    return [cuda.to_cpu(y.array) for y in ys], gradients


DEVICE = 'cuda' if cuda.available else 'cpu'


def check(case, draw, dtype, several=False):
    """Compares a case in a type of 16 bits with the same in float64; says whether a batch is taken together in it.

    Args:
        case: The case.
        draw: Draws its arguments.
        dtype: The type.
        several: Whether several rounded numbers make a result, which may cancel out.
    """
    dtype = as_dtype(dtype)
    f, *arrays = case(draw)

    @functools.cache
    def start(i, shape, scale):
        return draw.rounded(draw.rng.uniform(0.5, 1.5, shape) * scale)

    # NumPy says what is right, unless it draws other random numbers.
    device = DEVICE if hasattr(f, 'draws') else 'cpu'
    (ys, gxs), single, exact = [computed(f, arrays, each, where, start)
                                for each, where in ((dtype, DEVICE), ('f', device), ('d', device))]
    for actual, in_single, expected in zip(ys + gxs, single[0] + single[1], exact[0] + exact[1], strict=True):
        compare(actual, in_single, expected, dtype, several)
    assert all(gx.dtype == dtype for gx in gxs if gx is not None)
    assert all(y.dtype in (dtype, expected.dtype) for y, expected in zip(ys, exact[0]))
    in_batch = [len(x.shape) > 0 and x.shape[0] in (draw.n, draw.images) for x in (*ys, *arrays)]
    return any(in_batch) and not all(in_batch)


def compare(actual, in_single, expected, dtype, several):
    """A result within the range of the type is the exact one but for roundings; one outside is not inside.

    The range of bfloat16 is that of float32, whose own limits are not the point. Where numbers cancel out, single
    precision has errors of its own, which are allowed for.
    """
    if actual is None or expected is None:
        assert actual is expected
        return
    info = ml_dtypes.finfo(dtype)
    largest, smallest, epsilon = min(float(info.max), 1e37), float(info.smallest_subnormal), float(info.eps)
    actual = actual.astype('d')
    within = abs(expected) <= largest * (1 - ROUNDINGS * epsilon)
    if dtype == as_dtype('bfloat16'):
        within &= np.isfinite(in_single)  # a gradient may be within the limits while the result that it takes is not
    errors = abs(in_single - expected)[within & np.isfinite(in_single)]
    size = abs(expected[within]).max(initial=0) if several else abs(expected)
    error = ROUNDINGS / 2 * (epsilon * size + smallest) + 2 * errors.max(initial=0)
    with np.errstate(invalid='ignore'):
        wrong = within & ~(abs(actual - expected) <= error)
        lost = ~within & ~(abs(actual) >= largest * (1 - 2 * ROUNDINGS * epsilon)) & ~np.isnan(expected)
    for bad in wrong, lost:
        if bad.any():
            where = tuple(np.argwhere(bad)[0])
            pytest.fail(f'{bad.sum()} of {bad.size} are wrong: {actual[where]} is to be {expected[where]}')


def cases_of(name):
    return CASES[name] if isinstance(CASES[name], list) else [CASES[name]]


NAMES = sorted(name for name, value in vars(F).items() if inspect.isfunction(value) and not name.startswith('_'))


def test_there_is_a_case_of_every_function():
    assert sorted(CASES) == NAMES, 'every function has a case in CASES of this file, with inputs of its domain'


@pytest.mark.filterwarnings('ignore:(overflow|invalid value|divide by zero|fixed_batch_renormalization)')
@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
@pytest.mark.parametrize('name', CASES)
def test_functions_lose_nothing(name, dtype):
    if name.startswith('n_step') and DEVICE != 'cpu':
        pytest.skip('what recurrent layers multiply on a GPU is in half precision, their states among it')
    # Gradients of the two directions are added when each is rounded; on a GPU a bias is added to a rounded product.
    several = name.startswith('n_step_bi') or (DEVICE != 'cpu' and name.startswith(('linear', 'deconvolution')))
    for case in cases_of(name):
        for scale in SCALES:
            takes_together = check(case, Draw(name, scale, dtype), dtype, several)
        if takes_together and dtype == 'float16' and not (several and DEVICE != 'cpu'):
            check(case, Draw(name, 1, dtype, MANY_ROWS), dtype, several)
