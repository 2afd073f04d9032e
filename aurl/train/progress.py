"""Where a training stands: what a checkpoint must hold of the loop itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from aurl.data.usage import Usage
from aurl.record import Json


@dataclass
class Progress:
    """The position in a training, and what is being added up over the epoch in progress.

    Attributes:
        step: optimiser steps finished, over the whole run.
        epoch: the one in progress, from 0.
        batch: batches of it that are done.
        scalars: of the last evaluation, and what parts added to it.
        sums: of each loss over the epoch's steps, 0-dim float64 tensors on the device.
        counts: steps in each of these sums; not every step has every loss.
        epoch_steps: steps of the epoch.
        epoch_seconds: what these steps took.
        usage: what of the corpus the epoch has used.
        owed: what of the last step's end a signal cut short, by name: the evaluation, or hooks of parts. A resumed run
            does it before its first step.
        evaluated: whether the last step has, or is owed, an evaluation.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    scalars: dict[str, float] = field(default_factory=dict)
    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    epoch_steps: int = 0
    epoch_seconds: float = 0.0
    usage: Usage = field(default_factory=Usage)
    owed: list[str] = field(default_factory=list)
    evaluated: bool = False

    def add(self, metrics: Mapping[str, Any]) -> None:
        """Count one step with its metrics; of these only losses are summed, on their device."""
        self.epoch_steps += 1
        for name, value in metrics.items():
            if name.startswith("loss/"):
                self.sums[name] = self.sums[name] + value if name in self.sums else value.double()
                self.counts[name] = self.counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """The mean of each loss over the epoch's steps so far; waits for the device."""
        return {name: float(value) / max(1, self.counts.get(name, 0)) for name, value in self.sums.items()}

    def next_epoch(self) -> None:
        """The epoch is over; the next one begins."""
        self.sums, self.counts, self.epoch_steps, self.epoch_seconds = {}, {}, 0, 0.0
        self.epoch += 1
        self.batch = 0

    def state_dict(self) -> dict[str, Json]:
        """Everything above as JSON values."""
        return {
            "step": self.step,
            "epoch": self.epoch,
            "batch": self.batch,
            "scalars": dict(self.scalars),
            "sums": {name: float(value) for name, value in self.sums.items()},
            "counts": dict(self.counts),
            "epoch_steps": self.epoch_steps,
            "epoch_seconds": self.epoch_seconds,
            "usage": self.usage.state_dict(),
            "owed": list(self.owed),
            "evaluated": self.evaluated,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave; sums lie on the CPU until the next step moves on from them."""
        self.step, self.epoch, self.batch = state["step"], state["epoch"], state["batch"]
        self.scalars = {name: math.nan if value is None else value for name, value in state["scalars"].items()}
        self.sums = {name: torch.tensor(value, dtype=torch.float64) for name, value in state["sums"].items()}
        self.counts = dict(state.get("counts") or dict.fromkeys(self.sums, state["epoch_steps"]))
        self.epoch_steps, self.epoch_seconds = state["epoch_steps"], state["epoch_seconds"]
        self.usage.load_state_dict(state["usage"])
        self.owed, self.evaluated = list(state.get("owed", ())), bool(state.get("evaluated"))
