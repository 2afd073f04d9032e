"""AdamW, the default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import torch

from aurl.errors import require
from aurl.train.optim.base import Scheduled, Shared, can_fuse
from aurl.train.optim.groups import Weight


class AdamW(Scheduled):
    """AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101), fused where the device has the kernels.

    Args:
        betas: decay of the gradient's first and second moment.
        eps: added to the denominator.
        shared: see `aurl.train.optim.base.Scheduled`.
    """

    def __init__(self, *, betas: Sequence[float] = (0.9, 0.95), eps: float = 1e-8, **shared: Unpack[Shared]) -> None:
        super().__init__(**shared)
        require("optim.betas", list(betas), len(betas) == 2 and all(0 <= b < 1 for b in betas), "two numbers in [0, 1)")
        require("optim.eps", eps, eps > 0, "a number above 0")
        self.betas, self.eps = (betas[0], betas[1]), eps

    def make(self, weights: Sequence[Weight], phase: str) -> Sequence[torch.optim.Optimizer]:
        groups = self.rules.split(weights, self.weight_decay)
        lr, fused = self.peak(phase), can_fuse(weights)
        return [torch.optim.AdamW(groups, lr=lr, betas=self.betas, eps=self.eps, fused=fused)]
