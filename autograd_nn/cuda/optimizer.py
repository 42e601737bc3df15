"""In-place updates: one kernel for all parameters of a model."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_nn.cuda.multi import MultiKernel, in_batches

Arrays = Sequence[Any]

_sgd = MultiKernel('sgd', 'p g', 'lr', 'p[i] -= lr * g[i];')

_momentum_sgd = MultiKernel('momentum_sgd', 'p g v', 'lr momentum', '''
        v[i] = momentum * v[i] - lr * g[i];
        p[i] += v[i];''')

_corrected_momentum_sgd = MultiKernel('corrected_momentum_sgd', 'p g v', 'lr momentum', '''
        v[i] = momentum * v[i] - g[i];
        p[i] += lr * v[i];''')

_nesterov_ag = MultiKernel('nesterov_ag', 'p g v', 'lr momentum', '''
        const T step = lr * g[i];
        v[i] = momentum * v[i] - step;
        p[i] += momentum * momentum * v[i] - (1 + momentum) * step;''')

_adagrad = MultiKernel('adagrad', 'p g h', 'lr eps', '''
        h[i] += g[i] * g[i];
        p[i] -= lr * g[i] / (sqrt(h[i]) + eps);''')

_adadelta = MultiKernel('adadelta', 'p g msg msdx', 'rho eps', '''
        msg[i] = rho * msg[i] + (1 - rho) * g[i] * g[i];
        const T step = sqrt((msdx[i] + eps) / (msg[i] + eps)) * g[i];
        msdx[i] = rho * msdx[i] + (1 - rho) * step * step;
        p[i] -= step;''')

_rmsprop = MultiKernel('rmsprop', 'p g ms', 'lr alpha eps inside', '''
        ms[i] = alpha * ms[i] + (1 - alpha) * g[i] * g[i];
        p[i] -= lr * g[i] / (inside != 0 ? sqrt(ms[i] + eps) : sqrt(ms[i]) + eps);''')

_rmsprop_graves = MultiKernel('rmsprop_graves', 'p g n mean delta', 'lr alpha momentum eps', '''
        n[i] += (1 - alpha) * (g[i] * g[i] - n[i]);
        mean[i] += (1 - alpha) * (g[i] - mean[i]);
        const T variance = n[i] - mean[i] * mean[i];
        delta[i] = momentum * delta[i] - lr * g[i] / sqrt((variance < 0 ? 0 : variance) + eps);
        p[i] += delta[i];''')

_smorms3 = MultiKernel('smorms3', 'p g mem mean square', 'lr eps', '''
        const T r = 1 / (mem[i] + 1);
        mean[i] += r * (g[i] - mean[i]);
        square[i] += r * (g[i] * g[i] - square[i]);
        const T x = mean[i] * mean[i] / (square[i] + eps);
        p[i] -= g[i] * (lr < x ? lr : x) / (sqrt(square[i]) + eps);
        mem[i] = mem[i] * (1 - x) + 1;''')

_msvag = MultiKernel('msvag', 'p g m v', 'rate beta correction ratio eta decay', '''
        m[i] += (1 - beta) * (g[i] - m[i]);
        v[i] += (1 - beta) * (g[i] * g[i] - v[i]);
        const T square = m[i] * m[i];
        const T variance = correction * v[i] - square;
        const T sum = square + ratio * (variance < 0 ? 0 : variance);
        p[i] -= eta * ((sum == 0 ? 0 : rate * m[i] * (square / sum)) + decay * p[i]);''')

_ADAM_NUMBERS = 'alpha_t beta1 beta2 eps eta decay bounded lower upper'
_MOMENTS = '''
        m[i] += (1 - beta1) * (g[i] - m[i]);
        v[i] += (1 - beta2) * (g[i] * g[i] - v[i]);'''
_ADAM_STEP = '''
        T rate = alpha_t / (sqrt({v}[i]) + eps);
        if (bounded != 0) rate = rate < lower ? lower : rate > upper ? upper : rate;
        p[i] -= eta * (rate * m[i] + decay * p[i]);'''
_adam = MultiKernel('adam', 'p g m v', _ADAM_NUMBERS, _MOMENTS + _ADAM_STEP.format(v='v'))
_amsgrad = MultiKernel('amsgrad', 'p g m v vhat', _ADAM_NUMBERS, _MOMENTS + '''
        if (!(vhat[i] >= v[i])) vhat[i] = v[i];''' + _ADAM_STEP.format(v='vhat'))


def sgd(params: Arrays, grads: Arrays, lr: float) -> None:
    """Stochastic gradient descent."""
    _update(_sgd, (params, grads), lr)


def momentum_sgd(params: Arrays, grads: Arrays, vs: Arrays, lr: float, momentum: float) -> None:
    """Gradient descent with momentum."""
    _update(_momentum_sgd, (params, grads, vs), lr, momentum)


def corrected_momentum_sgd(params: Arrays, grads: Arrays, vs: Arrays, lr: float, momentum: float) -> None:
    """Gradient descent with a momentum that does not hold the rate."""
    _update(_corrected_momentum_sgd, (params, grads, vs), lr, momentum)


def nesterov_ag(params: Arrays, grads: Arrays, vs: Arrays, lr: float, momentum: float) -> None:
    """Nesterov's accelerated gradient."""
    _update(_nesterov_ag, (params, grads, vs), lr, momentum)


def adagrad(params: Arrays, grads: Arrays, hs: Arrays, lr: float, eps: float) -> None:
    """AdaGrad."""
    _update(_adagrad, (params, grads, hs), lr, eps)


def adadelta(params: Arrays, grads: Arrays, msgs: Arrays, msdxs: Arrays, rho: float, eps: float) -> None:
    """AdaDelta."""
    _update(_adadelta, (params, grads, msgs, msdxs), rho, eps)


def rmsprop(params: Arrays, grads: Arrays, mss: Arrays, lr: float, alpha: float, eps: float,
            eps_inside_sqrt: bool) -> None:
    """RMSprop."""
    _update(_rmsprop, (params, grads, mss), lr, alpha, eps, eps_inside_sqrt)


def rmsprop_graves(params: Arrays, grads: Arrays, ns: Arrays, gs: Arrays, deltas: Arrays, lr: float, alpha: float,
                   momentum: float, eps: float) -> None:
    """RMSprop by the variance of the gradient."""
    _update(_rmsprop_graves, (params, grads, ns, gs, deltas), lr, alpha, momentum, eps)


def smorms3(params: Arrays, grads: Arrays, mems: Arrays, gs: Arrays, g2s: Arrays, lr: float, eps: float) -> None:
    """SMORMS3."""
    _update(_smorms3, (params, grads, mems, gs, g2s), lr, eps)


def msvag(params: Arrays, grads: Arrays, ms: Arrays, vs: Arrays, rate: float, beta: float, correction: float,
          ratio: float, eta: float, weight_decay_rate: float) -> None:
    """M-SVAG, with decoupled weight decay."""
    _update(_msvag, (params, grads, ms, vs), rate, beta, correction, ratio, eta, weight_decay_rate)


def adam(params: Arrays, grads: Arrays, ms: Arrays, vs: Arrays, alpha_t: float, beta1: float, beta2: float, eps: float,
         eta: float, weight_decay_rate: float, bounds: tuple[float, float] | None) -> None:
    """Adam, with decoupled weight decay (AdamW) and bounds (AdaBound)."""
    _update(_adam, (params, grads, ms, vs), alpha_t, beta1, beta2, eps, eta, weight_decay_rate, bounds is not None,
            *(bounds or (0., 0.)))


def amsgrad(params: Arrays, grads: Arrays, ms: Arrays, vs: Arrays, vhats: Arrays, alpha_t: float, beta1: float,
            beta2: float, eps: float, eta: float, weight_decay_rate: float,
            bounds: tuple[float, float] | None) -> None:
    """Adam by the largest mean square so far."""
    _update(_amsgrad, (params, grads, ms, vs, vhats), alpha_t, beta1, beta2, eps, eta, weight_decay_rate,
            bounds is not None, *(bounds or (0., 0.)))


def _update(kernel: MultiKernel, columns: Sequence[Arrays], *numbers: float) -> None:
    """Calls the kernel for all parameters of one type; arrays in another layout or type are copied and copied back."""
    copied: list[tuple[Any, Any]] = []
    for batch in in_batches(columns, copied):
        kernel(*zip(*batch), numbers=numbers)
    for array, copy in copied:
        array[...] = copy
