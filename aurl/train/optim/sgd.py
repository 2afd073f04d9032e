"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import torch

from aurl.errors import require
from aurl.train.optim.base import Scheduled, Shared
from aurl.train.optim.groups import Weight


class SGD(Scheduled):
    """Gradient descent with momentum (Sutskever et al. 2013); weight decay is added to the gradient.

    Args:
        momentum: in [0, 1); 0 for none.
        nesterov: look ahead along the momentum.
        shared: see `aurl.train.optim.base.Scheduled`.
    """

    def __init__(self, *, momentum: float = 0.9, nesterov: bool = True, **shared: Unpack[Shared]) -> None:
        super().__init__(**shared)
        require("optim.momentum", momentum, 0 <= momentum < 1, "a number in [0, 1)")
        require("optim.nesterov", nesterov, momentum > 0 or not nesterov, "false without optim.momentum")
        self.momentum, self.nesterov = momentum, nesterov

    def make(self, weights: Sequence[Weight], phase: str) -> Sequence[torch.optim.Optimizer]:
        groups = self.rules.split(weights, self.weight_decay)
        lr, momentum = self.peak(phase), self.momentum
        # Not fused: that kernel leaves the momentum of a first step that is left out uninitialised.
        return [torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=self.nesterov)]
