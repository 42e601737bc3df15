"""Variables of the environment by which Chainer is configured."""
from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from autograd_nn.config import global_config, mixed16
from autograd_nn.dataset import download
from autograd_nn.dtypes import as_dtype


def _truth(text: str) -> bool:
    return text not in ('', '0')


# What each variable sets, and its value from the text.
_SETTINGS: dict[str, tuple[str, Callable[[str], Any]]] = {
    'DEBUG': ('debug', _truth),
    'DTYPE': ('dtype', lambda text: mixed16 if text == 'mixed16' else as_dtype(text)),
    'KEEP_GRAPH_ON_REPORT': ('keep_graph_on_report', _truth),
    'TYPE_CHECK': ('type_check', _truth),
    'USE_CUDNN': ('use_cudnn', str),
}


def install() -> None:
    """Takes the defaults of the configuration, and the place of data sets, from ``CHAINER_DTYPE`` and the like.

    A variable of this package, such as ``AUTOGRAD_NN_DTYPE``, has precedence.
    """
    for name, (entry, convert) in _SETTINGS.items():
        text = os.environ.get(f'CHAINER_{name}')
        if text is not None and f'AUTOGRAD_NN_{name}' not in os.environ:
            setattr(global_config, entry, convert(text))
    root = os.environ.get('CHAINER_DATASET_ROOT')
    if root and 'AUTOGRAD_NN_DATASET_ROOT' not in os.environ:
        download.set_dataset_root(root)
