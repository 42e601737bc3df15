"""Chainer 1.5 to 7, in the style of textbooks: functions of one's own, and how they are checked."""
import numpy as np

import chainer
from chainer import cuda, gradient_check, Function, Variable
import chainer.functions as F
import chainer.links as L
from chainer.utils import type_check


class SquareTimes(Function):
    """x * x * y, on the CPU and in a kernel of its own on a GPU."""

    def check_type_forward(self, in_types):
        type_check.expect(in_types.size() == 2)
        x, y = in_types
        type_check.expect(x.dtype.kind == 'f', y.dtype == x.dtype, x.ndim >= 1, x.shape == y.shape,
                          type_check.prod(y.shape) > 0)

    def forward_cpu(self, inputs):
        x, y = inputs
        return x * x * y,

    def forward_gpu(self, inputs):
        return cuda.elementwise('T x, T y', 'T z', 'z = x * x * y', 'square_times')(*inputs),

    def backward_cpu(self, inputs, grad_outputs):
        x, y = inputs
        return 2 * x * y * grad_outputs[0], x * x * grad_outputs[0]

    def backward_gpu(self, inputs, grad_outputs):
        return cuda.elementwise('T x, T y, T gz', 'T gx, T gy', 'gx = 2 * x * y * gz; gy = x * x * gz',
                                'square_times_grad')(inputs[0], inputs[1], grad_outputs[0])


class Affine(Function):

    def forward(self, inputs):
        x, W, b = inputs
        return x.dot(W) + b,

    def backward(self, inputs, grad_outputs):
        x, W, b = inputs
        gy, = grad_outputs
        return gy.dot(W.T), x.T.dot(gy), gy.sum(axis=0)


class Split(Function):
    """Two outputs; whoever uses one of them leaves no gradient for the other."""

    def __init__(self, at):
        self.at = at

    def forward(self, inputs):
        x, = inputs
        return x[:, :self.at], x[:, self.at:]

    def backward(self, inputs, grad_outputs):
        xp = cuda.get_array_module(*inputs)
        gx = xp.zeros_like(inputs[0])
        for g, part in zip(grad_outputs, (gx[:, :self.at], gx[:, self.at:])):
            if g is not None:
                part[...] = g
        return gx,


class AffineLayer(chainer.Link):

    def __init__(self, in_size, out_size):
        super(AffineLayer, self).__init__()
        self.add_param('W', (in_size, out_size), initializer=chainer.initializers.Normal(.5))
        self.add_param('b', (out_size,), initializer=chainer.initializers.Constant(0))

    def __call__(self, x):
        return Affine()(x, self.W, self.b)


class Wrong(SquareTimes):

    def backward_cpu(self, inputs, grad_outputs):
        gx, gy = SquareTimes.backward_cpu(self, inputs, grad_outputs)
        return gx, -gy


np.random.seed(0)
x, y, g = [np.random.uniform(.5, 1, (3, 2)).astype(np.float32) for _ in range(3)]
x_variable = Variable(x)
z = SquareTimes()(x_variable, Variable(y))
assert (z.data == x * x * y).all() and isinstance(z.creator, SquareTimes)
z.grad = g
z.backward()
numerical, _ = gradient_check.numerical_grad(lambda: (x * x * y,), (x, y), (g,), eps=1e-2)
np.testing.assert_allclose(numerical, x_variable.grad, atol=1e-3)
gradient_check.check_backward(SquareTimes(), (x, y), g, eps=1e-2, atol=1e-3, rtol=1e-3)
try:
    gradient_check.check_backward(Wrong(), (x, y), g, eps=1e-2, atol=1e-3, rtol=1e-3)
except AssertionError:
    print('refused by the gradient check')
else:
    raise SystemExit('a wrong gradient is not found')
for wrong in y[:2], y.astype('i'), y.astype('d'):
    try:
        SquareTimes()(Variable(x), Variable(wrong))
    except type_check.InvalidType as error:
        assert 'SquareTimes' in str(error)
    else:
        raise SystemExit('shapes or kinds differ')

W, b = np.random.rand(2, 4).astype('f'), np.random.rand(4).astype('f')
gradient_check.check_backward(Affine(), (x, W, b), np.random.rand(3, 4).astype('f'), eps=1e-2, rtol=1e-3, atol=1e-3)
v = Variable(x)
first, second = Split(1)(v)
F.sum(second * second).backward()
np.testing.assert_allclose(v.grad, np.stack([np.zeros(3), 2 * x[:, 1]], 1))

# a network with them learns a surface
np.random.seed(1)
model = chainer.Chain(l1=AffineLayer(2, 20), l2=AffineLayer(20, 1), scale=L.Scale(1, (1,)))
optimizer = chainer.optimizers.Adam(.02)
optimizer.setup(model)
inputs = np.random.uniform(-1, 1, (200, 2)).astype('f')
targets = inputs[:, :1] ** 2 * inputs[:, 1:]
for i in range(200):
    h = F.tanh(model.l1(Variable(inputs)))
    loss = F.mean_squared_error(model.scale(model.l2(h)), Variable(targets))
    model.zerograds()
    loss.backward()
    optimizer.update()
    if i % 50 == 0:
        print('step', i, 'loss', float(loss.data))
print('loss', float(loss.data))
assert loss.data < .01
