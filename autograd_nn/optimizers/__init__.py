"""Optimizers: how gradients become steps of the parameters."""
from autograd_nn.optimizers.adam import AdaBound, Adam, AdamW, AMSBound, AMSGrad
from autograd_nn.optimizers.adaptive import SMORMS3, AdaDelta, AdaGrad, RMSprop, RMSpropGraves
from autograd_nn.optimizers.msvag import MSVAG
from autograd_nn.optimizers.sgd import SGD, CorrectedMomentumSGD, MomentumSGD, NesterovAG

__all__ = [
    'MSVAG', 'SGD', 'SMORMS3', 'AMSBound', 'AMSGrad', 'AdaBound', 'AdaDelta', 'AdaGrad', 'Adam', 'AdamW',
    'CorrectedMomentumSGD', 'MomentumSGD', 'NesterovAG', 'RMSprop', 'RMSpropGraves',
]
