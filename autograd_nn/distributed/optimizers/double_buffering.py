"""Communication that has the whole next step to end: updates by the averages of the step before."""
from __future__ import annotations

import logging

from autograd_nn.distributed.optimizers.averaging import Averages
from autograd_nn.distributed.optimizers.multi_node_optimizer import MultiNodeOptimizer
from autograd_nn.link import Link

_logger = logging.getLogger(__name__)


class DoubleBufferingOptimizer(MultiNodeOptimizer):
    """A multi-node optimizer that updates by the averages of the gradients of the call of `update` before.

    So nothing waits for communication that takes no longer than the computation of a step, at the price of gradients
    that are one step old. The first call updates nothing, as does one after the model got other parameters; what is on
    its way is no part of what `serialize` stores.
    """

    _on_their_way: tuple[Averages, float | None] | None = None
    _own = {*MultiNodeOptimizer._own, '_on_their_way'}

    def setup(self, link: Link) -> MultiNodeOptimizer:
        self._drop()
        return super().setup(link)

    def _update(self, averages: Averages | None, scale: float | None) -> None:
        before = self._on_their_way
        if before is not None and (averages is None or averages.layout is not before[0].layout):
            _logger.debug('the gradients of the step before are dropped: the model has other parameters')
            self._drop()
            before = None
        self._on_their_way = None if averages is None else (averages, scale)
        if before is not None:
            super()._update(*before)

    def _drop(self) -> None:
        if self._on_their_way is not None:
            self._on_their_way[0].wait()
        self._on_their_way = None
