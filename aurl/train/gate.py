"""Leaves out optimiser steps whose gradient is broken or far too large, before they touch the weights.

Everything stays on the device: the verdict is a tensor that the fused optimiser reads, so nothing waits for it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from aurl.errors import ConfigError

_MAD_TO_SD = 1.4826  # median absolute deviation to standard deviation, normal distribution


class GradientGate:
    """Judges the gradient norm of one phase, step by step.

    A step is left out when its norm is not finite, or when its logarithm lies above the median of the last `window`
    accepted ones by more than `deviations` robust standard deviations and by more than a factor of `ratio` (the rule of
    OLMo-core's and Levanter's skip-step, six standard deviations in 128 steps, made robust). Finite outliers are left
    out at most `most` times in 100 steps: beyond that the level itself has changed, and skipping is no remedy.

    Args:
        device: where the norms are.
        window: norms remembered, >= 8.
        warmup: norms seen before an outlier is called one, >= 8.
        deviations: robust standard deviations, > 0.
        ratio: times the median that are always let pass, > 1.
        most: finite outliers left out in any 100 steps, >= 0.
    """

    def __init__(
        self,
        device: torch.device,
        *,
        window: int = 128,
        warmup: int = 32,
        deviations: float = 6.0,
        ratio: float = 4.0,
        most: int = 3,
    ) -> None:
        if window < 8 or warmup < 8 or deviations <= 0 or ratio <= 1 or most < 0:
            raise ConfigError(
                f"anomaly.recovery: window={window}, warmup={warmup} need 8 or more, deviations={deviations} more than "
                f"0, ratio={ratio} more than 1, most={most} 0 or more"
            )
        self.warmup, self.deviations, self.most = warmup, deviations, most
        self.floor = math.log(ratio)
        self.logs = torch.full((window,), math.nan, device=device)
        self.accepted = torch.zeros((), dtype=torch.int64, device=device)
        self.skips = torch.zeros(100, dtype=torch.int64, device=device)
        self.seen = torch.zeros((), dtype=torch.int64, device=device)

    @torch.no_grad()
    def judge(self, norm: Tensor) -> Tensor:
        """1.0 where the step is to be left out, 0.0 where it may be made; 0-dim float32 on the device."""
        log = norm.float().log()
        median = self.logs.nanmedian()
        deviation = _MAD_TO_SD * (self.logs - median).abs().nanmedian()
        limit = median + torch.clamp(self.deviations * deviation, min=self.floor)
        broken = ~norm.isfinite()
        outlier = (log > limit) & (self.accepted >= self.warmup) & (self.skips.sum() < self.most)
        left_out = broken | outlier
        self.skips[self.seen % 100] = outlier.long()
        self.seen += 1
        place = self.accepted % len(self.logs)
        ignored = left_out | ~log.isfinite()
        self.logs[place] = torch.where(ignored, self.logs[place], log)
        self.accepted += (~ignored).long()
        return left_out.float()

    def tensors(self) -> dict[str, Tensor]:
        """Its memory, for checkpoints; filled in place when one is loaded."""
        return {"logs": self.logs, "accepted": self.accepted, "skips": self.skips, "seen": self.seen}
