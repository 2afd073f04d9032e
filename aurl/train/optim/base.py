"""What a config's node `optim` makes, and what all of aurl's own optimisers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import torch

from aurl.errors import ConfigError, require
from aurl.models.base import MusicModel
from aurl.train.optim.groups import Rules, Weight, check_options, weights_of
from aurl.train.optim.schedules import Schedule, schedule_of

try:
    from torch.utils._foreach_utils import _get_fused_kernels_supported_devices as _fused_devices
except ImportError:  # a name of torch's own: where it is gone, the devices that have had these kernels for long

    def _fused_devices() -> list[str]:
        return ["cpu", "cuda"]


class Optimisation(ABC):
    """The optimisers of a model's phases, and the learning rate over time: the node `optim` of a config."""

    @abstractmethod
    def build(self, model: MusicModel, phase: str) -> torch.optim.Optimizer | Sequence[torch.optim.Optimizer]:
        """The optimiser of a phase's parameters, or several that are stepped together.

        A group with the key `lr_scale` has that multiple of the phase's learning rate; with `label` as well, the rate
        is logged under this name.
        """

    @abstractmethod
    def lr_at(self, step: int, total: int, phase: str = "generator") -> float:
        """The learning rate of the update that follows `step` finished ones, in a run of `total`."""

    def check(self, total: int) -> None:  # noqa: B027  one without a schedule fits any run
        """Whether this fits into a run of `total` optimiser steps; asked before the first step of a new run.

        Raises:
            ConfigError: it does not; names the key.
        """


class Shared(TypedDict, total=False):
    """The keys that all of aurl's own optimisers have; their meaning and defaults stand at `Scheduled`."""

    lr: float
    discriminator_lr: float | None
    weight_decay: float
    warmup_steps: int | None
    schedule: str | Schedule
    min_lr_ratio: float
    decay_share: float | None
    decay_embeddings: bool
    groups: Mapping[str, Mapping[str, Any]] | None


class Scheduled(Optimisation):
    """An optimiser whose rate follows a schedule; a subclass says which one (`make`).

    Args:
        lr: peak learning rate of the generator phase, > 0.
        discriminator_lr: that of the discriminator phase; null for the same.
        weight_decay: >= 0; on matrices, not on biases, gains of norms and embeddings.
        warmup_steps: optimiser steps in which the rate rises to its peak; null for what fits the run, 100 at most.
        schedule: how it goes on from there: cosine | linear | constant | wsd | one_cycle, or a node that makes a
            `aurl.train.optim.schedules.Schedule`.
        min_lr_ratio: of the peak, reached at the end of the run.
        decay_share: with `schedule=wsd`, the share of the run in which the rate falls; null for 0.2.
        decay_embeddings: whether weight decay applies to embeddings too.
        groups: options by pattern of parameter names, see `aurl.train.optim.groups.Rules`.

    Raises:
        ConfigError: a value out of range; names the key.
    """

    def __init__(self, **shared: Unpack[Shared]) -> None:
        lr, own = shared.get("lr", 1e-3), shared.get("discriminator_lr")
        decay = shared.get("weight_decay", 0.01)
        require("optim.lr", lr, lr > 0, "a number above 0")
        require("optim.discriminator_lr", own, own is None or own > 0, "null or above 0")
        require("optim.weight_decay", decay, decay >= 0, "0 or more")
        self.peaks = {"generator": lr, "discriminator": own or lr}
        self.weight_decay = decay
        self.rules = Rules(shared.get("groups"), shared.get("decay_embeddings", False))
        self.schedule = schedule_of(
            shared.get("schedule", "cosine"),
            warmup_steps=shared.get("warmup_steps"),
            min_lr_ratio=shared.get("min_lr_ratio", 0.1),
            decay_share=shared.get("decay_share"),
        )

    @abstractmethod
    def make(self, weights: Sequence[Weight], phase: str) -> Sequence[torch.optim.Optimizer]:
        """The optimisers of these parameters of a phase; `self.rules.split` makes their groups."""

    def build(self, model: MusicModel, phase: str) -> Sequence[torch.optim.Optimizer]:
        """The optimisers of a phase's parameters.

        Raises:
            ConfigError: the model has nothing to train in this phase, a pattern of `groups` is in no name, or the
                optimiser refuses its options.
        """
        self.rules.check(model)
        weights = weights_of(model, phase)
        require("model", type(model).__name__, bool(weights), f"one with parameters to train in its phase {phase}")
        try:
            optimizers = self.make(weights, phase)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"optim: {error}") from error
        check_options(optimizers)
        return optimizers

    def lr_at(self, step: int, total: int, phase: str = "generator") -> float:
        """The learning rate of the update that follows `step` finished ones, in a run of `total`."""
        return self.peaks.get(phase, self.peaks["generator"]) * self.schedule.share(step, total)

    def check(self, total: int) -> None:
        """Whether the schedule fits into a run of `total` optimiser steps."""
        self.schedule.check(total)

    def peak(self, phase: str) -> float:
        """The highest learning rate of a phase."""
        return self.peaks.get(phase, self.peaks["generator"])


def can_fuse(weights: Iterable[Weight]) -> bool:
    """Whether torch has kernels that update all of these in one pass, several times faster, on the CPU too."""
    devices = _fused_devices()
    return all(one.parameter.is_floating_point() and one.parameter.device.type in devices for one in weights)
