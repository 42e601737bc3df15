"""Chainer's way to run a network of Caffe."""
from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

from autograd_nn.caffe.layers import BUILDERS, Specification, build, describe, is_input
from autograd_nn.caffe.network import add_child, make_step, name_blobs
from autograd_nn.caffe.plan import Plan, Step
from autograd_nn.caffe.reading import read_caffemodel
from autograd_nn.config import using_config
from autograd_nn.link import Chain
from autograd_nn.types import File
from autograd_nn.variable import Variable, as_variable


class CaffeFunction(Chain):
    """A network of Caffe, from the file of its weights alone.

    Its children have the names of the layers with weights, and its parameters the paths that they have in Chainer, such
    as ``/conv1/W``. It goes by ``config.train``, whatever phase the file was saved in. These layers are passed over:
    those that read data, those of unknown types (with a warning), and in each call those whose bottoms are neither
    given nor computed. To run a network exactly as a ``.prototxt`` describes it, see `load`.

    Args:
        model_path: The ``.caffemodel``: a path or a binary file object.

    Attributes:
        forwards: What computes each layer, by the layers' names.
        layers: For each layer its name, the names of its bottoms and those of its tops, in the order of the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged or inconsistent; the message names the layer.

    Example:
        >>> import io, numpy as np
        >>> from autograd_nn import caffe
        >>> from autograd_nn.links.caffe import CaffeFunction
        >>> net = caffe.NetParameter(layer=[
        ...     {'name': 'fc', 'type': 'InnerProduct', 'bottom': ['data'], 'top': ['fc'],
        ...      'inner_product_param': {'num_output': 2}},
        ...     {'name': 'relu', 'type': 'ReLU', 'bottom': ['fc'], 'top': ['fc']}])
        >>> file = io.BytesIO()
        >>> caffe.write_caffemodel(file, net, {'fc': [np.eye(2, dtype='f'), np.array([0, -3], 'f')]})
        >>> func = CaffeFunction(file)
        >>> y, = func(inputs={'data': np.array([[1, 2]], 'f')}, outputs=['fc'])
        >>> y
        variable([[1., 0.]], dtype=float32)
        >>> func(inputs={'data': np.array([[1, 2]], 'f')}, outputs=['fc'], disable=['relu'])[0]
        variable([[ 1., -1.]], dtype=float32)
    """

    def __init__(self, model_path: File) -> None:
        super().__init__()
        net, blobs = read_caffemodel(model_path)
        names = name_blobs(net.layer)
        self._steps: list[Step] = []
        for message in net.layer:
            if message.type in BUILDERS:
                layer = build(Specification(message, blobs.get(message.name, ()), like_chainer=True))
                self._steps.append(make_step(message, add_child(self, message, layer), names))
            elif not is_input(message):
                warnings.warn(f'CaffeFunction: {describe(message)} is passed over, as its type is unknown',
                              stacklevel=2)
        self._plans: dict[Any, Plan] = {}

    @property
    def forwards(self) -> dict[str, Callable[..., Any]]:
        """What computes each layer, by the layers' names."""
        return {step.name: self[step.layer] if isinstance(step.layer, str) else step.layer for step in self._steps}

    @property
    def layers(self) -> list[tuple[str, list[str], list[str]]]:
        """For each layer its name, the names of its bottoms and those of its tops, in the order of the file."""
        return [(step.name, list(step.bottoms), list(step.tops)) for step in self._steps]

    def forward(self, inputs: Mapping[str, Any], outputs: Iterable[str], disable: Iterable[str] = (),
                train: bool | None = None) -> tuple[Variable, ...]:
        """Computes some blobs from others.

        Args:
            inputs: Variables or arrays by the names of their blobs.
            outputs: The names of the blobs to compute. A blob on which several layers work in place is what the last
                of them leaves.
            disable: The names of layers to leave out.
            train: Whether to work as in training; ``config.train`` by default.

        Returns:
            A Variable for each output.

        Raises:
            ValueError: A blob does not exist or cannot be computed from these inputs, or a shape does not fit.
        """
        key = tuple(inputs), tuple(outputs), frozenset(disable)
        if key not in self._plans:
            try:
                self._plans[key] = Plan(self._steps, self.__dict__, *key)
            except ValueError as error:
                raise ValueError(f'CaffeFunction: {error}') from None
        with nullcontext() if train is None else using_config('train', train):
            return tuple(self._plans[key].run(self.__dict__, [as_variable(value) for value in inputs.values()]))
