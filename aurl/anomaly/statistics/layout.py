"""What is done with records that hold the same metrics; worked out once, for every record is like the last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aurl.anomaly.statistics.batch import MetricBatch
from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind

MEASURED = frozenset({
    Role.LOSS, Role.LOSS_PART, Role.KL, Role.GENERATOR_LOSS, Role.DISCRIMINATOR_LOSS, Role.GRAD_NORM, Role.STEP_TIME,
    Role.DATA_TIME,
})  # fmt: skip
REINFORCEMENT = frozenset({
    Role.REWARD, Role.POLICY_LOSS, Role.VALUE_LOSS, Role.APPROX_KL, Role.EXPLAINED_VARIANCE, Role.EPISODE_LENGTH
})  # fmt: skip
TRAINING = REINFORCEMENT | {
    Role.LOSS, Role.LOSS_PART, Role.GENERATOR_LOSS, Role.DISCRIMINATOR_LOSS, Role.GRAD_NORM, Role.LR
}  # fmt: skip
EACH_STEP = (Role.KL, Role.GRAD_NORM, Role.STEP_TIME, Role.DATA_TIME)  # and the training loss; others now and then
PROBES = frozenset({Role.LAYER_RATIO, Role.UPDATE_RATIO, Role.DEAD_UNITS})
REMEMBERED = (Role.LR, Role.KL_WEIGHT, Role.LOSS_SCALE)


class RecordLayout(NamedTuple):
    """What to do with records that hold the same metrics: worked out once, for every record is like the last.

    Attributes:
        number: different for each.
        names: metrics by role; `first` the first of each.
        batch: what brings statistics up to date; `curve_of` those of the first metric of a role.
        remembered: roles whose last value is kept, and where to find it.
        training_loss: the loss that training should lower.
        trains: whether such a record is an observation of training; `coarse` whether that of a whole epoch.
        validates: whether it holds a validation loss.
        begins: whether it begins a run.
        stage: the metric that tells the stage of a curriculum, or the size of a batch.
    """

    number: int
    names: Mapping[Role, tuple[str, ...]]
    first: Mapping[Role, str]
    batch: MetricBatch
    curve_of: Mapping[Role, Curve]
    remembered: tuple[tuple[Role, str], ...]
    training_loss: Curve | None
    trains: bool
    coarse: bool = False
    validates: bool = False
    begins: bool = False
    stage: str | None = None


NOTHING = RecordLayout(0, {}, {}, MetricBatch((), ()), {}, (), None, trains=False)
"""That of no record at all."""


def lay_out(
    number: int,
    kind: Kind | str,
    names: Mapping[Role, tuple[str, ...]],
    curves: Mapping[str, Curve],
    training_loss: Curve | None,
    *,
    trains: bool,
) -> RecordLayout:
    """The layout of records of a kind that hold these metrics, with what is known of each."""
    first = {role: found[0] for role, found in names.items()}
    measured = {role: [n for n in found if n in curves] for role, found in names.items() if role in MEASURED}
    held = [curves[name] for found in measured.values() for name in found]
    curve_of = {role: curves[first[role]] for role in measured if first[role] in curves}
    watched = {training_loss, *map(curve_of.get, EACH_STEP)}
    return RecordLayout(
        number=number,
        names=names,
        first=first,
        batch=MetricBatch([c for c in held if c in watched], [c for c in held if c not in watched]),
        curve_of=curve_of,
        remembered=tuple((role, first[role]) for role in REMEMBERED if role in first),
        training_loss=training_loss,
        trains=trains,
        coarse=kind is Kind.EPOCH,
        validates=Role.VAL_LOSS in first,
        begins=kind is Kind.START,
        stage=first.get(Role.STAGE),
    )
