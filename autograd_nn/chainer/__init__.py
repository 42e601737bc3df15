"""The name ``chainer``: with this package imported, programs that say ``import chainer`` get autograd_nn.

`chainer` and all modules below it are then those of autograd_nn, the very same objects, so that ``isinstance`` and
patches agree; only `chainer.__version__` is Chainer's last. Modules that Chainer has and autograd_nn has not (one for
each function, say) are made when somebody imports them (`paths`), and spellings of Chainer 1 to 4 work with a
`DeprecationWarning` (`spellings`).

::

    python -m autograd_nn.chainer program.py --epoch 5    # one program
    python -m autograd_nn.chainer --install               # every program, and packages that require Chainer

or, in a program or a notebook, before anything imports `chainer`::

    import autograd_nn.chainer
    import chainer
    from chainer.functions.activation import relu
"""
from __future__ import annotations

import os
from typing import Any

from autograd_nn.chainer import alias, nodes, pickles, spellings
from autograd_nn.chainer.numpy1 import NAMES_VARIABLE, restore_names

__all__ = ['restore_names']

alias.install()
spellings.install()
pickles.install()
nodes.install()
if os.environ.get(NAMES_VARIABLE):
    restore_names()


def __getattr__(name: str) -> Any:
    return getattr(alias.chainer, name)
