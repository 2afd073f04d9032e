"""What is done with records that hold the same metrics; worked out once, for every record is like the last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from aurl.anomaly.curve import Curve
from aurl.anomaly.roles import Role

MEASURED = frozenset({
    Role.LOSS, Role.LOSS_PART, Role.KL, Role.GENERATOR_LOSS, Role.DISCRIMINATOR_LOSS, Role.GRAD_NORM, Role.STEP_TIME,
    Role.DATA_TIME,
})  # fmt: skip
TRAINING = frozenset({Role.LOSS, Role.LOSS_PART, Role.GENERATOR_LOSS, Role.DISCRIMINATOR_LOSS, Role.GRAD_NORM, Role.LR})
EACH_STEP = (Role.KL, Role.GRAD_NORM, Role.STEP_TIME, Role.DATA_TIME)  # and the training loss; others now and then
PROBES = frozenset({Role.LAYER_RATIO, Role.UPDATE_RATIO, Role.DEAD_UNITS})
REMEMBERED = (Role.LR, Role.KL_WEIGHT, Role.LOSS_SCALE)


class Layout(NamedTuple):
    """What to do with records that hold the same metrics: worked out once, for every record is like the last.

    Attributes:
        number: different for each.
        names: metrics by role; `first` the first of each.
        takers: metrics, and what brings their statistics up to date; `curve_of` those of the first metric of a role.
        remembered: roles whose last value is kept.
        training_loss: the loss that training should lower.
        trains: whether such a record is an observation of training; `coarse` whether that of a whole epoch.
        validates: whether it holds a validation loss.
        begins: whether it begins a run.
    """

    number: int
    names: Mapping[Role, tuple[str, ...]]
    first: Mapping[Role, str]
    takers: tuple[tuple[str, Callable[[float], None]], ...]
    curve_of: Mapping[Role, Curve]
    remembered: tuple[tuple[Role, str], ...]
    training_loss: Curve | None
    trains: bool
    coarse: bool = False
    validates: bool = False
    begins: bool = False
