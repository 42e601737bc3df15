"""Networks of Caffe as chains of links."""
from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

import autograd_nn.functions as F
from autograd_nn.caffe.folding import fold_into_products
from autograd_nn.caffe.layers import (
    BUILDERS,
    Specification,
    build,
    describe,
    get_loss_weights,
    is_for_each,
    is_input,
    name_tops,
)
from autograd_nn.caffe.plan import Layer, Plan, Step
from autograd_nn.caffe.reading import read_prototxt, read_weights
from autograd_nn.caffe.wire import Message
from autograd_nn.config import using_config
from autograd_nn.link import Chain, Link
from autograd_nn.types import File
from autograd_nn.variable import Parameter, Variable, as_variable

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
        blobs: The weights, by the layers' names; None to start from the initial values that the message describes.
            Layers that are not among them start from these, too; in the phase TEST with a warning.
        phase: ``'TEST'`` or ``'TRAIN'``: which layers take part. In the phase TEST the network always works as at
            inference; in the phase TRAIN it goes by ``config.train``.
        fuse: Whether to multiply normalizations and scales into the weights of the layers before them. It is for
            inference: blobs in between cannot be looked at any more.
        custom_layers: What makes layers of further types (see `load`).
        copy: Whether the parameters get copies of `blobs`. Without, these very arrays become theirs, and are changed
            by training and may get other shapes.

    Attributes:
        phase: As given.
        inputs: The names of the blobs that a caller supplies, the image first.
        outputs: The names of the blobs that no layer takes.
        input_shapes: The shapes of the inputs as the file has them, by name; None where it has none.

    Raises:
        ValueError: The network is not consistent, has a layer of an unknown type, or does not fit the weights.
    """

    def __init__(self, net: Message, blobs: Blobs | None = None, phase: str = 'TEST', fuse: bool = False,
                 custom_layers: CustomLayers | None = None, copy: bool = True) -> None:
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
        names = name_blobs(messages)
        missing: list[str] = []
        for message in messages:
            if is_input(message) and message.type not in (custom_layers or {}):
                self._add_inputs(message)
            else:
                own = None if blobs is None else blobs.get(message.name)
                if own is not None and copy:
                    own = [np.array(blob) for blob in own]
                layer = _build(message, own, custom_layers or {})
                self._steps.append(make_step(message, add_child(self, message, layer), names))
                if isinstance(layer, Link) and _share(message, layer, shared) and own is None:
                    missing.append(describe(message))
        if missing and blobs is not None and phase == 'TEST':
            some = ', '.join(missing[:6]) + (f' and {len(missing) - 6} more' if len(missing) > 6 else '')
            warnings.warn(f'caffe.load: there are no weights for {some}; they keep their initial values', stacklevel=2)
        if fuse:
            self._steps = fold_into_products(self, self._steps)
        _require_blobs(self._steps, self.input_shapes)
        self._plans: dict[Any, Plan] = {}

    def _add_inputs(self, message: Message) -> None:
        shapes = [tuple(shape.dim) for shape in message.input_param.shape]
        shapes = shapes * len(message.top) if len(shapes) == 1 else shapes
        for i, name in enumerate(message.top):
            self.input_shapes[name] = shapes[i] if i < len(shapes) else None

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

    def forward(self, x: Any = None, outputs: str | Sequence[str] | None = None, *, end: str | None = None) -> Any:
        """Runs the network.

        Args:
            x: The first input, a Variable or an array, of shape (N, C, H, W) for images; or a dict of the inputs by
                name. None for a network that makes its data itself.
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
        values = self._name_inputs(x)
        found = tuple(self._run(self._plan(list(values), names, end), values.values()))
        return found[0] if len(found) == 1 and not isinstance(outputs, (list, tuple)) else found

    def total_loss(self, x: Any = None) -> Variable:
        """What Caffe minimizes in training: the sum of all losses, each multiplied by its ``loss_weight``.

        The layers with a loss are those with such a weight, whatever their types, and those whose types are losses,
        which have the weight 1 by default; of a top that is no single number all elements are summed.

        Args:
            x: The inputs by name, labels included (see `forward`).

        Returns:
            A Variable of shape ``()``.

        Raises:
            ValueError: There is no loss, or one cannot be computed from these inputs, or a shape does not fit.

        Example:
            >>> import io, numpy as np
            >>> from autograd_nn import caffe
            >>> net = caffe.load(io.BytesIO(b'''
            ...     input: 'x' input: 't'
            ...     layer { name: 'loss' type: 'EuclideanLoss' bottom: 'x' bottom: 't' top: 'loss'
            ...             loss_weight: 0.5 }'''))
            >>> batch = {'x': np.array([[0, 2]], 'f'), 't': np.zeros((1, 2), 'f')}
            >>> net(batch, 'loss'), net.total_loss(batch)
            (variable(2., dtype=float32), variable(1., dtype=float32))
        """
        values = self._name_inputs(x)
        plan = self._plan(list(values), None, None, losses=True)
        losses = [F.sum(y) * weight for y, weight in zip(self._run(plan, values.values()), plan.loss_weights)]
        return sum(losses[1:], losses[0])

    def extract(self, x: Any, layers: Sequence[str]) -> dict[str, Variable]:
        """Computes some blobs: see `forward`.

        Args:
            x: The first input, or a dict of the inputs by name.
            layers: The names of blobs or layers.

        Returns:
            A Variable for each name.
        """
        return dict(zip(layers, self(x, list(layers))))

    def _name_inputs(self, x: Any) -> dict[str, Any]:
        """The inputs by name."""
        if x is None:
            return {}
        if not isinstance(x, Mapping):
            if not self.input_shapes:
                raise ValueError(f'{self._label}: expected a dict of inputs by name, as the network names no input')
            return {self.inputs[0]: x}
        unknown = [name for name in x if name not in self.blob_names]
        if unknown:
            raise ValueError(f'{self._label}: there is no input {unknown[0]!r}; there are {", ".join(self.inputs)}')
        return dict(x)

    def _run(self, plan: Plan, values: Iterable[Any]) -> list[Variable]:
        with using_config('train', False) if self.phase == 'TEST' else nullcontext():
            return plan.run(self.__dict__, map(as_variable, values))

    @property
    def _label(self) -> str:
        return type(self).__name__

    def _plan(self, inputs: Sequence[str], outputs: Sequence[str] | None, end: str | None,
              losses: bool = False) -> Plan:
        key = tuple(inputs), outputs if outputs is None else tuple(outputs), end, losses
        if key not in self._plans:
            try:
                self._plans[key] = Plan(self._steps, self.__dict__, inputs, outputs, end=end, losses=losses)
            except ValueError as error:
                raise ValueError(f'{self._label}: {error}') from None
        return self._plans[key]


def name_blobs(messages: Iterable[Any]) -> set[str]:
    """The names of all blobs in some layers."""
    return {name for message in messages for name in (*message.bottom, *message.top)}


def make_step(message: Message, layer: Layer | str, blobs: Collection[str]) -> Step:
    """A layer as a plan takes it.

    Args:
        message: The layer.
        layer: What computes it, or the name of the child that does.
        blobs: The names of all blobs in the network.

    Raises:
        ValueError: Its numbers of bottoms, tops and weights of losses do not go together.
    """
    tops = name_tops(message, blobs)
    return Step(message.name, message.type, layer, tuple(message.bottom), tops, is_for_each(message),
                get_loss_weights(message, tops))


def _build(message: Message, blobs: Sequence[np.ndarray] | None, custom_layers: CustomLayers) -> Layer:
    if message.type in custom_layers:
        return custom_layers[message.type](message, list(blobs or ()))
    return build(Specification(message, blobs))


def add_child(chain: Chain, message: Message, layer: Callable[..., Any]) -> Callable[..., Any] | str:
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


def _share(message: Message, layer: Link, shared: dict[str, tuple[str, Parameter]]) -> bool:
    """Makes parameters that have names in the file one with those of the same names in earlier layers.

    Returns:
        Whether the layer has values of its own besides.
    """
    owners = [(link, name) for link in layer.links() for name in link._params]
    own = len(owners) + len(list(layer.namedpersistents()))
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
        own -= 1
    return own > 0


def is_included(message: Message, state: Message, phase: str) -> bool:
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


def _meets(rule: Message, state: Message, phase: str) -> bool:
    stages = set(state.stage)
    return ((not rule.HasField('phase') or ('TRAIN', 'TEST')[rule.phase] == phase)
            and (not rule.HasField('min_level') or state.level >= rule.min_level)
            and (not rule.HasField('max_level') or state.level <= rule.max_level)
            and stages.issuperset(rule.stage) and stages.isdisjoint(rule.not_stage))


def _require_known_types(messages: Sequence[Any], custom_layers: CustomLayers) -> None:
    for message in messages:
        if message.type not in BUILDERS and not is_input(message) and message.type not in custom_layers:
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
            from the initial values that `prototxt` describes. Layers that are not in the file start from these, too,
            as in fine-tuning; in the phase TEST with a warning. A ``.caffemodel.h5`` needs h5py (``pip install
            'autograd_nn[hdf5]'``).
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
    blobs = None if caffemodel is None else read_weights(caffemodel)
    return CaffeNetwork(net, blobs, phase, fuse, custom_layers, copy=False)
