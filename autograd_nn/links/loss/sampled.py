"""What layers share that draw labels."""
from __future__ import annotations

import copy

from autograd_nn.device_resident import DeviceResidentsVisitor
from autograd_nn.link import Link
from autograd_nn.links.loss.walker_alias import WalkerAlias


class SamplingLink(Link):
    """Base class of layers with a sampler, which moves with the link from device to device and is not saved."""

    sampler: WalkerAlias

    def device_resident_accept(self, visitor: DeviceResidentsVisitor) -> None:
        super().device_resident_accept(visitor)
        # A copy of the link that shares its arrays may stay where it is.
        self.sampler = copy.copy(self.sampler).to_device(self.device)
