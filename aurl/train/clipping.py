"""How large a gradient may be: by a fixed norm, or by what the run's own gradients are like.

A clipping of one's own is one class below `Clipping`, named by `trainer.clip._target_`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from aurl.errors import ConfigError, did_you_mean, require


class Clipping(ABC):
    """Decides for each step of one phase how large the norm of its gradient may be. Everything stays on the device.

    Attributes:
        logged: whether each step logs `grad/clip_share`, the share of the norm that was taken away; where the limit is
            always the same, `grad/norm` tells it.
    """

    logged: ClassVar[bool] = True

    def to(self, device: torch.device) -> None:  # noqa: B027  one without memory has nothing to do
        """Keep memory there; called before the first step."""

    @abstractmethod
    def limit(self, norm: Tensor) -> Tensor | float | None:
        """The largest norm that this step's gradient may have, whose norm is `norm` (0-dim); None for any."""

    def tensors(self) -> Mapping[str, Tensor]:
        """Its memory, for checkpoints; filled in place when one is loaded."""
        return {}


class FixedClip(Clipping):
    """The same limit for every step.

    Args:
        norm: the largest norm, above 0; 0 for any.
    """

    logged = False

    def __init__(self, *, norm: float = 1.0) -> None:
        require("trainer.clip_norm", norm, norm >= 0, "0 (no clipping) or more")
        self.norm = norm

    def limit(self, norm: Tensor) -> float | None:
        return self.norm or None


class ZClip(Clipping):
    """ZClip (Kumar et al. 2025, arXiv:2504.02507): clips what is large for this run at this time.

    Mean and variance of the norm are followed by exponential averages. A norm of more than `z` standard deviations
    above the mean is brought down to `z * z / score` of them: the farther out, the closer to the mean. What was clipped
    enters the averages as clipped, what is not finite does not at all.

    Args:
        z: standard deviations that are let pass, above 0.
        alpha: decay of the averages, in (0, 1).
        warmup: steps from whose norms the averages begin; until then only `norm` limits, >= 2.
        norm: the largest norm in any case; 0 for none.
    """

    def __init__(self, *, z: float = 2.5, alpha: float = 0.97, warmup: int = 25, norm: float = 1.0) -> None:
        require("trainer.clip.z", z, z > 0, "a number above 0")
        require("trainer.clip.alpha", alpha, 0 < alpha < 1, "a number in (0, 1)")
        require("trainer.clip.warmup", warmup, warmup >= 2, "2 or more")
        require("trainer.clip.norm", norm, norm >= 0, "0 (none) or more")
        self.z, self.alpha, self.warmup, self.norm = z, alpha, warmup, norm
        self.to(torch.device("cpu"))

    def to(self, device: torch.device) -> None:
        self._seen, self._mean, self._variance = (torch.zeros((), device=device) for _ in range(3))

    @torch.no_grad()
    def limit(self, norm: Tensor) -> Tensor:
        deviation = self._variance.sqrt()
        score = (norm - self._mean) / deviation.clamp(min=torch.finfo(torch.float32).tiny)
        high = (score > self.z) & (self._seen >= self.warmup)
        clipped = torch.where(high, self._mean + self.z * self.z / score * deviation, norm)
        self._learn(clipped, norm.isfinite())
        limit = torch.where(high, clipped, torch.full_like(norm, torch.inf))
        return limit.clamp(max=self.norm) if self.norm else limit

    def tensors(self) -> Mapping[str, Tensor]:
        return {"seen": self._seen, "mean": self._mean, "variance": self._variance}

    def _learn(self, norm: Tensor, fine: Tensor) -> None:
        """The mean and variance of the first `warmup` norms, from then on exponential averages."""
        early = self._seen < self.warmup
        rate = torch.where(early, 1 / (self._seen + 1), 1 - self.alpha)
        step = norm - self._mean
        mean = self._mean + rate * step
        spread = (1 - rate) * self._variance + rate * torch.where(early, step * (norm - mean), (norm - mean) ** 2)
        self._mean.copy_(torch.where(fine, mean, self._mean))
        self._variance.copy_(torch.where(fine, spread, self._variance))
        self._seen += fine


NAMED: Mapping[str, type[FixedClip] | type[ZClip]] = {"fixed": FixedClip, "zclip": ZClip}


def clipping_of(given: str | Clipping, norm: float) -> Clipping:
    """The clipping of a name, with the run's own largest norm; one that is built already stays as it is.

    Raises:
        ConfigError: there is none of this name, or the norm is out of range.
    """
    require("trainer.clip_norm", norm, norm >= 0, "0 (no clipping) or more")
    if isinstance(given, Clipping):
        return given
    if given not in NAMED:
        hint = did_you_mean(given, NAMED)
        raise ConfigError(f"trainer.clip={given}: allowed is {' | '.join(NAMED)}, or a node with a _target_.{hint}")
    return NAMED[given](norm=norm)


def clip(params: Sequence[nn.Parameter], norm: Tensor, limit: Tensor | float | None) -> Tensor | None:
    """Scale the gradients of these parameters down to the limit; the share of the norm that was taken away, 0..1."""
    if limit is None:
        return None
    left = torch.clamp(limit / (norm + 1e-6), max=1.0)
    gradients = [p.grad for p in params if p.grad is not None]
    torch._foreach_mul_(gradients, left.to(gradients[0].device) if gradients else left)
    return 1.0 - left
