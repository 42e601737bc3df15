"""Networks of Caffe as chains of links."""
from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, BinaryIO

import numpy as np

from autograd_nn.caffe.folding import fold_into_products
from autograd_nn.caffe.layers import BUILDERS, INPUT_TYPES, Specification, build, describe
from autograd_nn.caffe.plan import Plan, Step
from autograd_nn.caffe.reading import read_caffemodel, read_prototxt
from autograd_nn.config import using_config
from autograd_nn.link import Chain, Link
from autograd_nn.variable import Parameter, Variable, as_variable

File = str | os.PathLike[str] | BinaryIO
Blobs = Mapping[str, Sequence[np.ndarray]]
CustomLayers = Mapping[str, Callable[[Any, list[np.ndarray]], Callable[..., Any]]]


class CaffeNetwork(Chain):
    """A network of Caffe: a chain whose children have the names of the layers with weights.

    It is made by `load`. Layers run in the order of the file, and only those that the wanted outputs need; results are
    freed as soon as no layer needs them any more. Convolutions, normalizations, sums and rectifiers that follow one
    another are computed in one kernel where that is possible. All of it can be differentiated, but for the detections
    of a detector.

    Args:
        net: A `NetParameter` message with layers in Caffe's current form.
        blobs: The weights, by the layers' names; None to start from the initial values that the message describes. The
            arrays become those of the parameters, without a copy.
        phase: ``'TEST'`` or ``'TRAIN'``: which layers take part. In the phase TEST the network always works as at
            inference; in the phase TRAIN it goes by ``config.train``.
        fuse: Whether to multiply normalizations and scales into the weights of the layers before them. It is for
            inference: blobs in between cannot be looked at any more.
        custom_layers: What makes layers of further types (see `load`).

    Attributes:
        phase: As given.
        inputs: The names of the blobs that a caller supplies, the image first.
        outputs: The names of the blobs that no layer takes.
        input_shapes: The shapes of the inputs as the file has them, by name; None where it has none.

    Raises:
        ValueError: The network is not consistent, has a layer of an unknown type, or does not fit the weights.
    """

    def __init__(self, net: Any, blobs: Blobs | None = None, phase: str = 'TEST', fuse: bool = False,
                 custom_layers: CustomLayers | None = None) -> None:
        super().__init__()
        if phase not in ('TEST', 'TRAIN'):
            raise ValueError(f"caffe.load: expected phase 'TEST' or 'TRAIN', got {phase!r}")
        if fuse and phase == 'TRAIN':
            raise ValueError("caffe.load: fuse is for inference: expected phase 'TEST', got 'TRAIN'")
        self.phase = phase
        self.input_shapes: dict[str, tuple[int, ...] | None] = {}
        self._steps: list[Step] = []
        shared: dict[str, tuple[str, Parameter]] = {}
        messages = [message for message in net.layer if is_included(message, net.state, phase)]
        _require_known_types(messages, custom_layers or {})
        for message in messages:
            if message.type in INPUT_TYPES and not message.bottom and message.type not in (custom_layers or {}):
                self._add_inputs(message)
            else:
                self._add_layer(message, blobs, custom_layers or {}, shared)
        if fuse:
            self._steps = fold_into_products(self, self._steps)
        _require_blobs(self._steps, self.input_shapes)
        self._plans: dict[Any, Plan] = {}

    def _add_inputs(self, message: Any) -> None:
        shapes = [tuple(shape.dim) for shape in message.input_param.shape]
        shapes = shapes * len(message.top) if len(shapes) == 1 else shapes
        for i, name in enumerate(message.top):
            self.input_shapes[name] = shapes[i] if i < len(shapes) else None

    def _add_layer(self, message: Any, blobs: Blobs | None, custom_layers: CustomLayers,
                   shared: dict[str, tuple[str, Parameter]]) -> None:
        """Builds a layer, and adds it to the steps and, if it has weights, to the children."""
        own = None if blobs is None else blobs.get(message.name, () if self.phase == 'TEST' else None)
        if message.type in custom_layers:
            layer = custom_layers[message.type](message, list(own or ()))
        else:
            layer = build(Specification(message, own))
        self._steps.append(Step(message.name, message.type, add_child(self, message, layer), tuple(message.bottom),
                                tuple(message.top)))
        if isinstance(layer, Link):
            _share(message, layer, shared)

    @property
    def inputs(self) -> list[str]:
        """The names of the blobs that a caller supplies, the image first."""
        return list(self.input_shapes)

    @property
    def outputs(self) -> list[str]:
        """The names of the blobs that no layer takes."""
        return list(self._plan(self.inputs, None, None).names)

    @property
    def layer_types(self) -> dict[str, str]:
        """The types of the layers by name, in the order of the file."""
        return {step.name: step.type for step in self._steps}

    @property
    def blob_names(self) -> list[str]:
        """The names of all blobs, in the order in which they are made."""
        return list(dict.fromkeys([*self.inputs, *(blob for step in self._steps for blob in step.tops)]))

    def forward(self, x: Any, outputs: str | Sequence[str] | None = None, *, end: str | None = None) -> Any:
        """Runs the network.

        Args:
            x: The first input, a Variable or an array, of shape (N, C, H, W) for images; or a dict of the inputs by
                name.
            outputs: The blobs to compute, or layers, which stand for what they return; None for `outputs`, as far as
                they can be computed from these inputs. As in Caffe, a blob on which several layers work in place is
                what the last of them leaves.
            end: The name of the last layer to run, to look at a blob before later layers change it.

        Returns:
            A Variable if there is one output, or one name is given; otherwise a tuple of them in order.

        Raises:
            ValueError: There is no such blob, it cannot be computed from these inputs, or a shape does not fit.
        """
        names = [outputs] if isinstance(outputs, str) else None if outputs is None else list(outputs)
        values = dict(x) if isinstance(x, Mapping) else {self._first_input(): x}
        unknown = [name for name in values if name not in self.blob_names]
        if unknown:
            raise ValueError(f'{self._label}: there is no input {unknown[0]!r}; there are {", ".join(self.inputs)}')
        plan = self._plan(list(values), names, end)
        with using_config('train', False) if self.phase == 'TEST' else nullcontext():
            found = tuple(plan.run(self.__dict__, [as_variable(value) for value in values.values()]))
        return found[0] if len(found) == 1 and not isinstance(outputs, (list, tuple)) else found

    def extract(self, x: Any, layers: Sequence[str]) -> dict[str, Variable]:
        """Computes some blobs: see `forward`.

        Args:
            x: The first input, or a dict of the inputs by name.
            layers: The names of blobs or layers.

        Returns:
            A Variable for each name.
        """
        return dict(zip(layers, self(x, list(layers))))

    def _first_input(self) -> str:
        if not self.input_shapes:
            raise ValueError(f'{self._label}: expected a dict of inputs by name, as the network names no input')
        return next(iter(self.input_shapes))

    @property
    def _label(self) -> str:
        return type(self).__name__

    def _plan(self, inputs: Sequence[str], outputs: Sequence[str] | None, end: str | None) -> Plan:
        key = tuple(inputs), outputs if outputs is None else tuple(outputs), end
        if key not in self._plans:
            try:
                self._plans[key] = Plan(self._steps, self.__dict__, inputs, outputs, end=end)
            except ValueError as error:
                raise ValueError(f'{self._label}: {error}') from None
        return self._plans[key]


def add_child(chain: Chain, message: Any, layer: Callable[..., Any]) -> Callable[..., Any] | str:
    """Makes a link a child under the name of its layer, and returns that name; returns other callables as they are.

    Raises:
        ValueError: The name is taken.
    """
    if not isinstance(layer, Link):
        return layer
    try:
        chain.add_link(message.name, layer)
    except AttributeError:
        raise ValueError(f'{describe(message)}: another layer or an attribute of {type(chain).__name__} has this '
                         'name') from None
    return message.name


def _share(message: Any, layer: Link, shared: dict[str, tuple[str, Parameter]]) -> None:
    """Makes parameters that have names in the file one with those of the same names in earlier layers."""
    owners = [(link, name) for link in layer.links() for name in link._params]
    for (link, name), settings in zip(owners, message.param):
        if not settings.name:
            continue
        param = link.__dict__[name]
        owner, first = shared.setdefault(settings.name, (message.name, param))
        if first is param:
            continue
        if first.is_initialized and param.is_initialized and first.shape != param.shape:
            raise ValueError(f'{describe(message)}: the parameter {settings.name!r} has the shape {param.shape} here, '
                             f'but {first.shape} in layer {owner!r}, with which it is shared')
        with link.init_scope():
            setattr(link, name, first)


def is_included(message: Any, state: Any, phase: str) -> bool:
    """Whether a layer takes part: by its rules for including and excluding it.

    Args:
        message: The layer.
        state: The network's `NetState`: level and stages.
        phase: ``'TEST'`` or ``'TRAIN'``.

    Example:
        >>> from autograd_nn.caffe import LayerParameter, NetParameter
        >>> from autograd_nn.caffe.network import is_included
        >>> layer = LayerParameter(name='loss', include=[{'phase': 'TRAIN'}])
        >>> is_included(layer, NetParameter().state, 'TEST')
        False
    """
    if message.HasField('phase') and not message.include and not message.exclude:
        return ('TRAIN', 'TEST')[message.phase] == phase
    if message.include:
        return any(_meets(rule, state, phase) for rule in message.include)
    return not any(_meets(rule, state, phase) for rule in message.exclude)


def _meets(rule: Any, state: Any, phase: str) -> bool:
    stages = set(state.stage)
    return ((not rule.HasField('phase') or ('TRAIN', 'TEST')[rule.phase] == phase)
            and (not rule.HasField('min_level') or state.level >= rule.min_level)
            and (not rule.HasField('max_level') or state.level <= rule.max_level)
            and stages.issuperset(rule.stage) and stages.isdisjoint(rule.not_stage))


def _require_known_types(messages: Sequence[Any], custom_layers: CustomLayers) -> None:
    for message in messages:
        if message.type not in BUILDERS and message.type not in INPUT_TYPES and message.type not in custom_layers:
            raise ValueError(
                f'caffe.load: {describe(message)} is of an unknown type; give custom_layers={{{message.type!r}: '
                f'function}}, where function(layer, blobs) returns what computes it, or remove the layer. '
                f'Known types: {", ".join(sorted(BUILDERS))}')


def _require_blobs(steps: Sequence[Step], inputs: Mapping[str, Any]) -> None:
    known = set(inputs)
    for step in steps:
        unknown = [blob for blob in step.bottoms if blob not in known]
        if unknown:
            raise ValueError(f'caffe.load: layer {step.name!r} ({step.type}) takes the blob {unknown[0]!r}, which no '
                             'layer before it makes')
        known.update(step.tops)


def load(prototxt: File, caffemodel: File | None = None, phase: str = 'TEST', fuse: bool = False,
         custom_layers: CustomLayers | None = None) -> CaffeNetwork:
    """Loads a network of Caffe, to run as Caffe would run it.

    Args:
        prototxt: The network: a path or a binary file object of a deploy file or of one for training.
        caffemodel: The weights, which are matched by the layers' names: a path or a binary file object; None to start
            from the initial values that `prototxt` describes. In the phase TRAIN, layers without weights start from
            these too, as in fine-tuning.
        phase: ``'TEST'`` or ``'TRAIN'``: which layers take part. In the phase TEST the network always works as at
            inference, whatever ``config.train`` says.
        fuse: Whether to multiply normalizations and scales into the weights before them, for fast inference.
        custom_layers: For further types of layers, what makes them: a function that takes the layer's
            `LayerParameter` message and the list of its blobs, and returns a link or a function from the bottoms to
            the top, or to a tuple of tops.

    Returns:
        The network.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is damaged, or network and weights do not fit; the message names the layer.

    Example:
        >>> import io, numpy as np
        >>> from autograd_nn import caffe
        >>> net = caffe.load(io.BytesIO(b'''
        ...     input: 'data' input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
        ...     layer { name: 'conv1' type: 'Convolution' bottom: 'data' top: 'conv1'
        ...             convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: 'xavier' } } }
        ...     layer { name: 'relu1' type: 'ReLU' bottom: 'conv1' top: 'conv1' }
        ...     layer { name: 'pool1' type: 'Pooling' bottom: 'conv1' top: 'pool1'
        ...             pooling_param { pool: MAX kernel_size: 2 stride: 2 } }'''))
        >>> net(np.zeros((1, 3, 8, 8), 'f')).shape
        (1, 4, 3, 3)
        >>> net(np.zeros((1, 3, 8, 8), 'f'), 'conv1').shape
        (1, 4, 6, 6)
        >>> [path for path, param in net.namedparams()]
        ['/conv1/W', '/conv1/b']
    """
    net = read_prototxt(prototxt)
    blobs = None if caffemodel is None else read_caffemodel(caffemodel)[1]
    return CaffeNetwork(net, blobs, phase, fuse, custom_layers)
