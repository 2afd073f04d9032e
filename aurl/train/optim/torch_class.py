"""Any optimiser of torch, or of a package that the user trusts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Unpack

import torch

from aurl.errors import ConfigError, require
from aurl.train.optim.base import Scheduled, Shared
from aurl.train.optim.groups import Weight

_NEEDS_MORE = {"LBFGS": "a closure", "SparseAdam": "sparse gradients"}


class TorchOptimizer(Scheduled):
    """The class of `optim.optimizer._target_`, with the schedule and groups of all others.

    Args:
        optimizer: makes an optimiser of parameter groups: in yaml a node with a `_target_` such as
            `torch.optim.RAdam`, its own options, and `_partial_: true`.
        shared: see `aurl.train.optim.base.Scheduled`.

    Raises:
        ConfigError: it refuses its options, or needs what this loop does not give.
    """

    def __init__(self, *, optimizer: Callable[..., torch.optim.Optimizer], **shared: Unpack[Shared]) -> None:
        super().__init__(**shared)
        self._make = optimizer
        try:
            made = self._make([torch.zeros(1, 1, requires_grad=True)], lr=self.peak("generator"))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"optim.optimizer: {error}") from error
        name, decay = type(made).__name__, self.weight_decay
        self._decays = "weight_decay" in made.defaults
        require("optim.weight_decay", decay, self._decays or not decay, f"0: {name} has no weight decay")
        if name in _NEEDS_MORE:
            raise ConfigError(f"optim.optimizer._target_: {name} needs {_NEEDS_MORE[name]}, which no model here gives")

    def make(self, weights: Sequence[Weight], phase: str) -> Sequence[torch.optim.Optimizer]:
        groups = self.rules.split(weights, self.weight_decay)
        if not self._decays:
            for group in groups:
                del group["weight_decay"]
        return [self._make(groups, lr=self.peak(phase))]
