"""Spellings of Chainer 1 to 4: what they mean is done, and a `DeprecationWarning` says once how it is written today.

Where the meaning is not clear, an error says what to write.
"""
from __future__ import annotations

import contextlib
import functools as python_functools
import inspect
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import autograd_nn
from autograd_nn import computational_graph, functions, links, optimizer, optimizer_hooks, sequential
from autograd_nn.chainer import paths
from autograd_nn.chainer.flag import Flag
from autograd_nn.chainer.function_set import FunctionSet
from autograd_nn.chainer.helpers import init_weight
from autograd_nn.config import no_backprop_mode, using_config
from autograd_nn.dtypes import has_gradient
from autograd_nn.function_node import FunctionNode
from autograd_nn.functions.fused_rectifiers import CEILINGS
from autograd_nn.initializers import LeCunNormal
from autograd_nn.variable import Variable

_warned: set[str] = set()


def warn(old: str, new: str) -> None:
    """Warns of a spelling, once in a process.

    Args:
        old: The spelling.
        new: How it is written today.
    """
    if old in _warned:
        return
    _warned.add(old)
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get('__name__', '').startswith(('autograd_nn.', 'contextlib')):
        frame = frame.f_back
    names = frame.f_globals
    warnings.warn_explicit(f'{old} is of an early version of Chainer: write {new}', DeprecationWarning,
                           frame.f_code.co_filename, frame.f_lineno, names.get('__name__', ''),
                           names.setdefault('__warningregistry__', {}))


# What arguments that are gone mean: the entry of the configuration to set during the call, from their value.
_SETTINGS: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    'use_cudnn': ('use_cudnn', lambda value: 'auto' if value else 'never', "using_config('use_cudnn', 'never')"),
    'deterministic': ('cudnn_deterministic', bool, "using_config('cudnn_deterministic', True)"),
    'train': ('train', bool, "using_config('train', ...)"),
    'test': ('train', lambda value: not value, "using_config('train', not test)"),
}

# Functions that took them: how many arguments came before in Chainer 1, and what then, where its names were left out.
_FUNCTIONS = {
    (1, 'use_cudnn'): 'log_softmax relu sigmoid softmax tanh',
    (2, 'train'): 'dropout',
    (2, 'use_cudnn'): 'spatial_transformer_grid spatial_transformer_sampler',
    (2, 'use_cudnn normalize'): 'sigmoid_cross_entropy',
    (2, 'use_cudnn normalize cache_score class_weight ignore_label reduce'): 'softmax_cross_entropy',
    (3, 'train'): 'zoneout',
    (3, 'use_cudnn'): 'linear',
    (4, 'use_cudnn'): 'average_pooling_2d average_pooling_nd',
    (5, 'use_cudnn'): 'max_pooling_2d max_pooling_nd',
    (5, 'use_cudnn cover_all'): 'convolution_nd',
    (5, 'use_cudnn cover_all deterministic'): 'convolution_2d',
    (6, 'train use_cudnn'): 'n_step_bigru n_step_gru',
    (6, 'train use_cudnn activation'): 'n_step_birnn n_step_rnn',
    (6, 'use_cudnn'): 'deconvolution_nd fixed_batch_normalization',
    (6, 'use_cudnn cover_all'): 'dilated_convolution_2d',
    (6, 'use_cudnn deterministic'): 'deconvolution_2d',
    (7, 'train use_cudnn'): 'n_step_bilstm n_step_lstm',
    (7, 'use_cudnn'): 'batch_normalization',
}
# Methods of links that did.
_CALLS = {
    'test': 'BatchNormalization InceptionBN ResNet50Layers ResNet101Layers ResNet152Layers VGG16Layers VGG19Layers',
    'train': '''GoogLeNet NStepBiGRU NStepBiLSTM NStepBiRNNReLU NStepBiRNNTanh NStepGRU NStepLSTM NStepRNNReLU
        NStepRNNTanh StatefulZoneoutLSTM''',
}
# Constructors that took `use_cudnn` and `deterministic`, which the configuration decides now; `wscale` and `bias`.
_CUDNN = '''BatchNormalization Convolution2D ConvolutionND Deconvolution2D DeconvolutionND DilatedConvolution2D
    MLPConvolution2D NStepBiGRU NStepBiLSTM NStepBiRNNReLU NStepBiRNNTanh NStepGRU NStepLSTM NStepRNNReLU
    NStepRNNTanh'''
_SCALED = {'Convolution2D': 'initialW', 'Deconvolution2D': 'initialW', 'DilatedConvolution2D': 'initialW',
           'Linear': 'initialW', 'MLPConvolution2D': 'conv_init', 'Maxout': 'initialW'}
# Classes of functions that had parameters, until there were links.
_LINKS = 'BatchNormalization Bilinear BinaryHierarchicalSoftmax Convolution2D DilatedConvolution2D EmbedID Inception ' \
    'InceptionBN Linear NegativeSampling Parameter PReLU SimplifiedDropconnect'


def install() -> None:
    """Makes the spellings work."""
    if 'FunctionSet' in vars(autograd_nn):
        return
    for (place, arguments), names in _FUNCTIONS.items():
        for name in names.split():
            _replace_function(name, place, arguments.split())
    for argument, names in _CALLS.items():
        for name in names.split():
            _accept_in_calls(getattr(links, name), argument)
    for name in _CUDNN.split():
        _ignore_in_constructor(getattr(links, name))
    for name, initializer in _SCALED.items():
        _accept_scale(getattr(links, name), initializer)
    _accept_pooling_class()
    _explain_gru()
    _accept_volatile()
    for name, method in _OPTIMIZER.items():
        setattr(optimizer.Optimizer, name, method)
    _offer_classes()
    _allow_split_nodes()
    vars(autograd_nn).update(FunctionSet=FunctionSet, ON=Flag.ON, OFF=Flag.OFF, AUTO=Flag.AUTO, Flag=Flag)


@contextlib.contextmanager
def _configured(name: str, settings: dict[str, Any]) -> Iterator[None]:
    """Sets what arguments that are gone mean."""
    with contextlib.ExitStack() as stack:
        for argument, value in settings.items():
            entry, convert, new = _SETTINGS[argument]
            warn(f'{name}({argument}=...)', f'with {new}: {name}(...)')
            stack.enter_context(using_config(entry, convert(value)))
        yield


def _replace_function(name: str, place: int, arguments: list[str]) -> None:
    """Lets a function of the package `functions` have the arguments that it had in Chainer 1 from a place on.

    Where it has others there now, those of Chainer 1 are meant if they are too many, or one is a truth value and the
    other none.
    """
    function = getattr(functions, name)
    now = [each for each in inspect.signature(function).parameters.values() if each.kind is each.POSITIONAL_OR_KEYWORD]
    takes_truth = [isinstance(each.default, bool) for each in now[place:]]

    @python_functools.wraps(function)
    def accepting(*args: Any, **kwargs: Any) -> Any:
        last = args[place:]
        if len(takes_truth) < len(last) <= len(arguments) or any(
                isinstance(value, bool) and not takes for value, takes in zip(last, takes_truth)):
            args, kwargs = args[:place], {**dict(zip(arguments, last)), **kwargs}
        settings = {argument: kwargs.pop(argument) for argument in arguments
                    if argument in _SETTINGS and argument in kwargs}
        if not settings:
            return function(*args, **kwargs)
        with _configured(name, settings):
            return function(*args, **kwargs)

    if function in CEILINGS:
        CEILINGS[accepting] = CEILINGS[function]
    _agree_as(function, accepting)
    for module in functions, sys.modules[function.__module__]:  # programs import it from either
        setattr(module, name, accepting)


def _accept_pooling_class() -> None:
    """Lets pyramids have the class of the pooling function."""
    function = functions.spatial_pyramid_pooling_2d

    @python_functools.wraps(function)
    def accepting(x: Any, pyramid_height: int, pooling: Any = None, pooling_class: Any = None) -> Any:
        pooling = pooling or pooling_class
        if isinstance(pooling, type):
            warn('spatial_pyramid_pooling_2d(pooling_class=...)', "pooling='max'")
            if pooling.__name__ != 'MaxPooling2D':
                raise ValueError(f'spatial_pyramid_pooling_2d: expected MaxPooling2D, got {pooling.__name__}')
            pooling = 'max'
        return function(x, pyramid_height, pooling)

    for module in functions, sys.modules[function.__module__]:
        module.spatial_pyramid_pooling_2d = accepting  # type: ignore[attr-defined]


def _agree_as(method: Any, wrapper: Any) -> None:
    """Lets what stands for a method agree to all that the method has agreed to."""
    if method in sequential._fusions:
        sequential._fusions[wrapper] = sequential._fusions[method]


def _accept_in_calls(cls: type, argument: str) -> None:
    """Lets calls of a link have one more argument, which for `BatchNormalization` may come without its name."""
    forward: Callable[..., Any] = cls.forward  # type: ignore[attr-defined]
    may_be_unnamed = cls is links.BatchNormalization

    @python_functools.wraps(forward)
    def accepting(self: Any, *args: Any, **kwargs: Any) -> Any:
        if may_be_unnamed and len(args) > 1:
            args, kwargs = args[:1], {**dict(zip((argument, 'finetune'), args[1:])), **kwargs}
        if argument not in kwargs:
            return forward(self, *args, **kwargs)
        with _configured(cls.__name__, {argument: kwargs.pop(argument)}):
            return forward(self, *args, **kwargs)

    _agree_as(forward, accepting)
    cls.forward = accepting  # type: ignore[attr-defined]


def _ignore_in_constructor(cls: type) -> None:
    """Lets a constructor have arguments that the configuration decides now, and that change no result."""
    constructor: Callable[..., None] = cls.__init__  # type: ignore[misc]

    @python_functools.wraps(constructor)
    def accepting(self: Any, *args: Any, **kwargs: Any) -> None:
        for argument in ('use_cudnn', 'deterministic'):
            if argument in kwargs:
                del kwargs[argument]
                warn(f'{cls.__name__}({argument}=...)', f'with {_SETTINGS[argument][2]}: around its calls')
        constructor(self, *args, **kwargs)

    cls.__init__ = accepting  # type: ignore[misc]


def _accept_scale(cls: type, initializer: str) -> None:
    """Lets a constructor have `wscale`, which scales initial weights by its root, and `bias`, which fills the bias."""
    constructor: Callable[..., None] = cls.__init__  # type: ignore[misc]

    @python_functools.wraps(constructor)
    def accepting(self: Any, *args: Any, **kwargs: Any) -> None:
        if 'wscale' in kwargs:
            warn(f'{cls.__name__}(wscale=...)', f'{initializer}=initializers.LeCunNormal(scale)')
            kwargs[initializer] = _Scaled(kwargs.get(initializer), math.sqrt(kwargs.pop('wscale')))
        if 'bias' in kwargs:
            warn(f'{cls.__name__}(bias=...)', 'initial_bias=...')
            bias = kwargs.pop('bias')
            if kwargs.get('initial_bias') is None:
                kwargs['initial_bias'] = bias
        constructor(self, *args, **kwargs)

    cls.__init__ = accepting  # type: ignore[misc]


class _Scaled(autograd_nn.Initializer):
    """What another initializer gives, times a number.

    Args:
        initializer: As layers take it; None for the usual one.
        scale: The number.
    """

    def __init__(self, initializer: Any, scale: float) -> None:
        super().__init__()
        self.initializer = LeCunNormal() if initializer is None else initializer
        self.scale = scale

    def __call__(self, array: Any) -> None:
        init_weight(array, self.initializer, self.scale)


def _explain_gru() -> None:
    """Lets `GRU`, which had no state and took its sizes in the other order, say what it is called now."""
    constructor, forward = links.GRU.__init__, links.GRU.forward
    advice = ('GRU: a GRU(n_units, n_inputs) that is called with state and input is of Chainer 1: write '
              'StatelessGRU(n_inputs, n_units)')

    @python_functools.wraps(constructor)
    def constructing(self: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.keys() & {'n_units', 'n_inputs'} or (len(args) == 1 and 'out_size' not in kwargs):
            raise TypeError(advice)
        constructor(self, *args, **kwargs)

    @python_functools.wraps(forward)
    def stepping(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) + len(kwargs) > 1:
            raise TypeError(advice)
        return forward(self, *args, **kwargs)

    _agree_as(forward, stepping)
    links.GRU.__init__, links.GRU.forward = constructing, stepping  # type: ignore[method-assign]


def _accept_volatile() -> None:
    """Lets `Variable` have `volatile`: of such a Variable no gradient was wanted."""
    constructor = Variable.__init__

    @python_functools.wraps(constructor)
    def accepting(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > 1:
            args, kwargs = args[:1], {**dict(zip(('volatile', 'name', 'grad'), args[1:])), **kwargs}
        if 'volatile' in kwargs:
            warn('Variable(volatile=...)', 'with no_backprop_mode(): around what is computed of it')
            volatile = Flag(kwargs.pop('volatile'))
            constructor(self, *args, **kwargs)
            if volatile is Flag.ON:
                self.volatile = volatile
        else:
            constructor(self, *args, **kwargs)

    Variable.__init__ = accepting  # type: ignore[method-assign]
    Variable.volatile = property(_is_volatile, _set_volatile)  # type: ignore[attr-defined]


# What `requires_grad` is in volatile Variables: as false as False, but what is computed of them is volatile as well,
# whatever else it is computed of.
_VOLATILE: Any = Flag.OFF


def _is_volatile(self: Variable) -> Flag:
    return Flag.ON if self.requires_grad is _VOLATILE else Flag.OFF


def _set_volatile(self: Variable, volatile: Any) -> None:
    is_volatile = Flag(volatile) is Flag.ON
    self.requires_grad = _VOLATILE if is_volatile else has_gradient(self.dtype)
    if is_volatile and FunctionNode.apply is not _apply:
        FunctionNode.apply = _apply  # type: ignore[method-assign]


def _apply(self: FunctionNode, inputs: Any) -> tuple[Variable, ...]:
    """Stands for `FunctionNode.apply` as soon as a Variable is volatile: records nothing of those."""
    inputs = list(inputs)
    if not any(isinstance(x, Variable) and x.requires_grad is _VOLATILE for x in inputs):
        return _usual_apply(self, inputs)
    with no_backprop_mode():
        outputs = _usual_apply(self, inputs)
    for y in outputs:
        y.requires_grad = _VOLATILE
    return outputs


_usual_apply = FunctionNode.apply


def _allow_split_nodes() -> None:
    """Lets graphs be asked for with nodes that Chainer 1 put between, of which there are none."""
    build = computational_graph.build_computational_graph

    @python_functools.wraps(build)
    def accepting(outputs: Any, remove_split: bool = True, *args: Any, **kwargs: Any) -> Any:
        if not remove_split:
            warn('build_computational_graph(remove_split=False)', 'build_computational_graph(outputs)')
        return build(outputs, True, *args, **kwargs)

    computational_graph.build_computational_graph = accepting


def _zero_grads(self: Any) -> None:
    """Fills all gradients with zeros."""
    warn('optimizer.zero_grads()', 'model.cleargrads()')
    for param in self.target.params():
        param.zerograd()


def _clip_grads(self: Any, maxnorm: float) -> None:
    """Scales the gradients down to a norm."""
    warn('optimizer.clip_grads(maxnorm)', 'optimizer.add_hook(optimizer_hooks.GradientClipping(maxnorm))')
    optimizer_hooks.GradientClipping(maxnorm)(self)


def _weight_decay(self: Any, decay: float) -> None:
    """Adds the weights times a number to the gradients."""
    warn('optimizer.weight_decay(decay)', 'optimizer.add_hook(optimizer_hooks.WeightDecay(decay))')
    hook = optimizer_hooks.WeightDecay(decay)
    for param in self.target.params():
        hook(param.update_rule, param)


def _compute_grads_norm(self: Any) -> float:
    """The norm of all gradients."""
    warn('optimizer.compute_grads_norm()', 'a sum over model.params()')
    return math.sqrt(sum(float((param.grad ** 2).sum()) for param in self.target.params() if param.grad is not None))


def _accumulate_grads(self: Any, grads: Any) -> None:
    """Adds arrays to the gradients, which are in the same order."""
    warn('optimizer.accumulate_grads(grads)', 'model.addgrads(other_model)')
    for param, grad in zip(self.target.params(), grads):
        grad = param.device.send(np.asarray(grad) if np.isscalar(grad) else grad)
        param.grad = grad.copy() if param.grad is None else param.grad + grad


_OPTIMIZER = {'zero_grads': _zero_grads, 'clip_grads': _clip_grads, 'weight_decay': _weight_decay,
              'compute_grads_norm': _compute_grads_norm, 'accumulate_grads': _accumulate_grads}


def _offer_classes() -> None:
    """Lets `functions` have classes as they were made once: ``F.Linear(3, 2)``, ``F.MaxPooling2D(2)(x)``."""
    otherwise = functions.__getattr__
    by_class = {name.replace('_', ''): name for name in functions.__all__}

    def get(name: str) -> Any:
        if name in _LINKS.split() and hasattr(links, name):
            warn(f'functions.{name}', f'links.{name}')
            return getattr(links, name)
        function = by_class.get(name.lower())
        if function is not None and name != name.lower():
            warn(f'functions.{name}', f'functions.{function}')
            return paths.class_of(name, getattr(functions, function))
        return otherwise(name)

    functions.__getattr__ = get  # type: ignore[method-assign]
