"""Whole models in files: what they are made of, and their weights."""
from __future__ import annotations

import json
from typing import Any

from autograd_nn import optimizers
from autograd_nn.architecture import build, describe_architecture
from autograd_nn.link import Link
from autograd_nn.serializers.npz import NpzReader, collect_arrays, load_from, save_npz
from autograd_nn.types import File

_KEY = 'architecture'
_FORMAT = 1


def save_model(file: File, model: Link) -> None:
    """Writes a model to an NPZ file: its weights as `serializers.save_npz`, and what it is made of as JSON.

    A model that was compiled with losses and metrics by name is compiled again when it is loaded. There is no code in
    the file, and no pickle.

    Args:
        file: A path, or a binary file object open for writing.
        model: A `Model` of symbols, a `Sequential`, or a link of `autograd_nn.links`, of links and functions of this
            package.

    Raises:
        ValueError: Something in it is of a class or a function that is not of this package.

    Example:
        >>> import io, numpy as np, autograd_nn as ann, autograd_nn.links as L
        >>> model, file = ann.Sequential(L.Linear(3, 4), ann.functions.relu, L.Linear(4, 2)), io.BytesIO()
        >>> ann.save_model(file, model)
        >>> _ = file.seek(0)
        >>> loaded = ann.load_model(file)
        >>> x = np.ones((1, 3), 'f')
        >>> bool((loaded(x).array == model(x).array).all())
        True
    """
    about = {'format': _FORMAT, 'model': describe_architecture(model), 'compile': _settings(model)}
    save_npz(file, {**collect_arrays(model), _KEY: json.dumps(about)})


def read_model(file: File, model_class: Any) -> tuple[Any, dict[str, Any] | None]:
    """Reads what `save_model` has written.

    Args:
        file: A path or a binary file object.
        model_class: The class of networks of symbols.

    Returns:
        The model, and what it was compiled with: an optimizer and the other arguments of ``compile``, or None.

    Raises:
        ValueError: It is no such file.
    """
    with NpzReader(file) as npz:
        if _KEY not in npz:
            raise ValueError('load_model: the file has weights alone; make the model, and load them into it with '
                             'serializers.load_npz(path, model)')
        about = json.loads(str(npz[_KEY]))
        if about['format'] != _FORMAT:
            raise ValueError(f'load_model: the file has format {about["format"]}, of a later version of this package')
        model = build(about['model'], model_class)
        load_from(npz, model, '', True, None)
    settings = about['compile']
    if settings is not None:
        kind, hyperparam = settings['optimizer']
        if kind not in optimizers.__all__:
            raise ValueError(f'load_model: there is no optimizer {kind!r} in autograd_nn.optimizers')
        settings['optimizer'] = getattr(optimizers, kind)()
        for name, value in hyperparam.items():
            setattr(settings['optimizer'].hyperparam, name, value)
    return model, settings


def _settings(model: Any) -> dict[str, Any] | None:
    """What a model was compiled with, if all of it are words and numbers."""
    learner = getattr(model, '_learner', None)
    if learner is None or learner.model is not model:
        return None
    settings = {name: value for name, value in learner.settings.items() if name != 'optimizer'}
    kind = type(learner._optimizer)
    if getattr(optimizers, kind.__name__, None) is not kind:
        return None
    settings['optimizer'] = [kind.__name__, learner._optimizer.hyperparam.get_dict()]
    try:
        return json.loads(json.dumps(settings))
    except TypeError:
        return None
