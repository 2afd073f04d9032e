"""What all detectors share: each metric's statistics, computed once a record, and what else happened lately."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from aurl.anomaly.statistics.curve import Curve
from aurl.anomaly.statistics.evaluations import Evaluations
from aurl.anomaly.statistics.history import Fact, History
from aurl.anomaly.statistics.layout import (
    MEASURED,
    NOTHING,
    PROBES,
    REINFORCEMENT,
    TRAINING,
    RecordLayout,
    lay_out,
)
from aurl.anomaly.statistics.roles import ADDENDS, Role, Roles, is_reconstruction, plainest
from aurl.record import Json, Kind, Record

STRETCH = 8  # training losses
_STAGE = Role.STAGE
_STAGE_LASTS = 32  # observations that a stage lasts
_MANY_ROWS, _SOME_ROWS, _MOST_WORTH = 800, 400, 20.0  # that a planned run still writes
_MOST_LAYOUTS, _MOST_CURVES = 64, 256
_CADENCE, _RHYTHM_AFTER = 4.0, 3  # change of the logging interval that makes a new rhythm; so many in a row


class Context:
    """The run as far as it is known, brought up to date by each record.

    Attributes:
        record: the last record taken.
        least: the smallest scale of a rule, see `Rule.scale`, 1 at most; to be set before the first record.
        index: observations of training so far; STEP records, or EPOCH records where there are no others.
        gap: steps between the last two.
        era: counts how often the run went back and began anew.
        coarse: whether an observation is a whole epoch.
        worth: what a record counts for, 1 to 20: more where the plan says that few will come.
        sparseness: 1, or 2 or 4 for such a log, whose blocks are so many times smaller.
        planned: steps of the whole run if the START record told them, or epochs and batches; else None.
        resumed: whether the run began as the continuation of another.
        history: what happened lately.
        main: the first metric that was seen in each role.
        measured: metrics of which statistics are kept.
        layout: what the last record held.
        finite: whether all of its scalars are finite.
        quiet: whether all of its metrics that matter are finite and near their levels of eight records ago at most, so
            that few rules need a look.
        validation: its validation loss, None without one that is finite and above 0.
        evaluations: what the validation losses did so far.
        probed: whether it holds what is measured now and then only: layers, dead units, updates.
        stretch_ended: whether its training loss ends a stretch of eight, or is a whole epoch's.

    Args:
        window: distances remembered for a metric's spread.
        roles: what a metric is.
    """

    def __init__(self, window: int = 96, roles: Roles | None = None) -> None:
        self.window = window
        self.least = 1.0
        self.roles = roles or Roles()
        self.record = Record(Kind.NOTE, 0)
        self.index = self.era = 0
        self.step = 0
        self.gap = 0
        self._rhythm = self._odd_gaps = 0
        self.worth, self.sparseness = 1.0, 1
        self.coarse = False
        self.resumed = False
        self.planned: int | None = None
        self.history = History()
        self.main: dict[Role, str] = {}
        self.measured = 0
        self.layout = NOTHING
        self.finite = True
        self.quiet = False
        self.validation: float | None = None
        self.evaluations = Evaluations()
        self.probed = False
        self.stretch_ended = False
        self._curves: dict[str, Curve] = {}
        self._layouts: dict[tuple[object, ...], RecordLayout] = {}
        self._laid_out = 0
        self._loss_is_there = False
        self._losses = 0  # what the training loss has seen, the values that wait among them
        self._stepwise = False
        self._stage_at = -_STAGE_LASTS
        self._started = False

    def update(self, record: Record) -> None:
        """Take a record; the same one again changes nothing."""
        if record is self.record:
            return
        self.record = record
        scalars = record.scalars
        key = (record.kind, *scalars)
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._lay_out(key, record)
        # The time axis comes first: where it goes back, statistics begin anew before they take this record's values.
        if layout.begins:
            self._start(record)
        if layout.trains:
            self.index += 1
            if record.step - self.step != self.gap or not self.gap or self._odd_gaps:
                self._advance(record.step)
            self.step = record.step
        if layout.stage is not None and scalars[layout.stage] != self.history.last.get(_STAGE):
            self._change_stage(layout.stage, scalars[layout.stage])
        finite = -math.inf < sum(scalars.values()) < math.inf or all(map(math.isfinite, scalars.values()))
        if layout is not self.layout or not (finite and self.finite):
            self._arrange(layout, finite)
        self.quiet = finite and layout.batch.take(scalars)
        if not finite:
            layout.batch.take_finite(scalars)
        if layout.remembered:
            self._remember(record)
        self.validation = self._validation(record) if layout.validates else None
        self.stretch_ended = self._ends_stretch(layout)

    def _arrange(self, layout: RecordLayout, finite: bool) -> None:
        """Find what detectors ask for at each record; it stays the same as long as records look alike."""
        self.settle()  # what waits in one layout is read in another
        layout.batch.begin()
        self.layout, self.finite = layout, finite
        self.coarse = layout.coarse if layout.trains else self.coarse
        self.probed = not PROBES.isdisjoint(layout.first)
        self._loss_is_there = layout.training_loss is not None and self._has_number(layout.training_loss.name)
        self._losses = layout.training_loss.seen if layout.training_loss is not None else 0

    def _ends_stretch(self, layout: RecordLayout) -> bool:
        loss = layout.training_loss
        if loss is None or not self._loss_is_there:
            return False
        self._losses = self._losses + 1 if self.quiet else loss.seen  # a quiet one is still waiting
        return self._losses % STRETCH == 0 or self.coarse or self.sparseness > 1

    def settle(self) -> None:
        """Bring all statistics up to date; done by whatever gives them away."""
        self.layout.batch.settle()

    @property
    def training_loss(self) -> Curve | None:
        """The statistics of this record's loss that training should lower; None without one that is finite."""
        if not self._loss_is_there:
            return None
        self.settle()
        return self.layout.training_loss

    def _has_number(self, name: str) -> bool:
        return self.finite or math.isfinite(self.record.scalars[name])

    def _remember(self, record: Record) -> None:
        layout, history = self.layout, self.history
        for role, name in layout.remembered:
            value = record.scalars[name]
            if value != history.last.get(role) and math.isfinite(value):
                history.note(role, name, value, self.index, record.step)

    def _validation(self, record: Record) -> float | None:
        value = self.value(Role.VAL_LOSS)
        if value is None or value <= 0.0:
            return None
        self.history.note_validation(record.step, value)
        self.evaluations.push(record.step, value, self.lowered, self.last(Role.LR))
        return value

    def last(self, role: Role) -> float | None:
        """The last finite value of a role that is remembered: learning rate, KL weight, loss scale."""
        return self.history.last.get(role)

    @property
    def warming_up(self) -> bool:
        """Whether the learning rate is still on its first way up, or was for most of the run."""
        return self.history.is_warming_up(self.index)

    def has(self, role: Role) -> bool:
        """Whether this record holds a metric of that role."""
        return role in self.layout.names

    def value(self, role: Role) -> float | None:
        """This record's metric of that role, the first if there are several; None without one that is finite."""
        name = self.layout.first.get(role)
        if name is None:
            return None
        value = self.record.scalars[name]
        return value if self.finite or math.isfinite(value) else None

    def name(self, role: Role) -> str:
        """The name of this record's first metric of that role; the role itself where there is none."""
        return self.layout.first.get(role, role.value)

    def names(self, role: Role) -> tuple[str, ...]:
        """All of this record's metrics of that role."""
        return self.layout.names.get(role, ())

    def curve(self, role: Role) -> Curve | None:
        """The statistics of this record's first metric of that role; None where it is absent or not finite."""
        curve = self.layout.curve_of.get(role)
        if curve is None or not self._has_number(curve.name):
            return None
        self.settle()
        return curve

    def known(self, role: Role) -> Curve | None:
        """The statistics of the role's first metric, whether or not this record holds it."""
        name = self.main.get(role)
        return None if name is None else self.statistics(name)

    def statistics(self, name: str) -> Curve | None:
        """The statistics of a metric; None where none are kept of it."""
        self.settle()
        return self._curves.get(name)

    def _start(self, record: Record) -> None:
        """The plan, and whether the run goes on from a checkpoint."""
        fields = record.fields
        steps, epochs, batches = fields.get("steps"), fields.get("epochs"), fields.get("batches")
        resumed_from = fields.get("resumed_from")
        if not isinstance(steps, int) and isinstance(epochs, int) and isinstance(batches, int):
            steps = epochs * batches
        self.planned = steps if isinstance(steps, int) and steps > 0 else self.planned
        if isinstance(resumed_from, int) and resumed_from > 0:
            self.resumed = True
            self._restart(f"resumed from step {resumed_from}", forget=record.step < self.step)
            self.step = min(self.step, record.step)

    def state_dict(self) -> dict[str, Json]:
        self.settle()
        return {
            "index": self.index,
            "era": self.era,
            "step": self.step,
            "gap": self.gap,
            "rhythm": [self._rhythm, self._odd_gaps, self.worth, self.sparseness],
            "resumed": self.resumed,
            "evaluations": self.evaluations.state_dict(),
            "coarse": self.coarse,
            "planned": self.planned,
            "history": self.history.state_dict(),
            "main": {role.value: name for role, name in self.main.items()},
            "stepwise": self._stepwise,
            "stage_at": self._stage_at,
            "started": self._started,
            "curves": {name: curve.state_dict() for name, curve in self._curves.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.index, self.step, self.gap, self.era = state["index"], state["step"], state["gap"], state["era"]
        self.coarse, self.planned = state["coarse"], state["planned"]
        self._rhythm, self._odd_gaps, self.worth, self.sparseness = state["rhythm"]
        self.resumed = state["resumed"]
        self.evaluations.load_state_dict(state["evaluations"])
        self.history.load_state_dict(state["history"])
        self.main = {Role(role): name for role, name in state["main"].items()}
        self._stepwise, self._started = state["stepwise"], state["started"]
        self._stage_at = state["stage_at"]
        self._layouts.clear()
        self.layout, self._loss_is_there = NOTHING, False
        self.quiet = self.stretch_ended = False
        self._curves = {}
        for name, saved in state["curves"].items():
            curve = self._curves[name] = Curve(name, self.window, self.least)
            curve.load_state_dict(saved)
        self.measured = len(self._curves)

    def _lay_out(self, key: tuple[object, ...], record: Record) -> RecordLayout:
        found_by: dict[Role, list[str]] = {}
        for name in record.scalars:
            found_by.setdefault(self.roles(name), []).append(name)
        names = {role: tuple(found) for role, found in found_by.items()}
        trains = record.kind in {Kind.STEP, Kind.EPOCH} and not TRAINING.isdisjoint(names)
        if record.kind is Kind.STEP and trains and not self._stepwise:
            self._stepwise = True
            self._layouts.clear()
        if record.kind is Kind.EPOCH and self._stepwise:
            names, trains = {}, False  # means of what was seen step by step
        if not names.keys() <= self.main.keys() or len(self._layouts) >= _MOST_LAYOUTS:
            self._layouts.clear()  # what the training loss is may depend on the new roles
        if Role.LOSS in names:
            names[Role.LOSS] = self._whole_first(names, record.scalars)
        for role, found in names.items():
            self.main.setdefault(role, found[0])
            if role in MEASURED:
                for name in found:
                    self._keep_curve(name)
        self._laid_out += 1
        loss = self._loss_to_lower(names)
        layout = lay_out(self._laid_out, record.kind, names, self._curves, loss, trains=trains)
        self._layouts[key] = layout
        return layout

    def _whole_first(self, names: Mapping[Role, tuple[str, ...]], scalars: Mapping[str, float]) -> tuple[str, ...]:
        """The record's losses, the one that training lowers first. Once chosen it stays, as long as no record brings a
        plainer one that the records before lacked."""
        found = names[Role.LOSS]
        whole = self.main.get(Role.LOSS)
        best = plainest(found, scalars, [name for role in ADDENDS for name in names.get(role, ())])
        if whole is None or (best not in self._curves and (whole in found or plainest((whole, best)) == best)):
            self.main[Role.LOSS] = whole = best
            self._layouts.clear()
        whole = whole if whole in found else best
        return (whole, *(name for name in found if name != whole))

    @property
    def reinforces(self) -> bool:
        """Whether this is reinforcement learning, whose losses have no reason to fall."""
        return not REINFORCEMENT.isdisjoint(self.main)

    @property
    def lowered(self) -> Curve | None:
        """The statistics of the loss that training should lower, whether or not this record holds it.

        It is the whole loss, or its reconstruction part: a VAE's or GAN's total moves with the weights of its terms.
        """
        self.settle()
        if self.reinforces:
            return None
        if Role.KL in self.main or Role.GENERATOR_LOSS in self.main:
            parts = (name for name in self._curves if is_reconstruction(name))
            if (part := next(parts, None)) is not None:
                return self._curves[part]
        return self._curves.get(self.main.get(Role.LOSS, ""))

    def _loss_to_lower(self, names: Mapping[Role, Sequence[str]]) -> Curve | None:
        curve = self.lowered
        held = curve is not None and any(curve.name in found for found in names.values())
        return curve if held else None

    def _keep_curve(self, name: str) -> None:
        if name not in self._curves and len(self._curves) < _MOST_CURVES:
            self._curves[name] = Curve(name, self.window, self.least)
            self.measured += 1

    def _advance(self, step: int) -> None:
        """The time axis goes back, or changes its rhythm."""
        gap = step - self.step
        if not self._started:
            self._started = True
            return
        if gap < 0:
            self._restart(f"the step went back by {-gap} to {step}", forget=True)
            self._odd_gaps = 0
        elif gap > 0:
            if not self._rhythm:
                self._keep_rhythm(gap)
            if 1 / _CADENCE <= gap / self._rhythm <= _CADENCE:
                self._odd_gaps = 0
            else:
                self._change_rhythm(gap)
            self.gap = gap

    def _keep_rhythm(self, gap: int) -> None:
        self._rhythm, self._odd_gaps = gap, 0
        rows = (self.planned - self.step) / gap if self.planned is not None else math.inf
        self.worth = min(_MOST_WORTH, max(1.0, _MANY_ROWS / max(1.0, rows)))
        self.sparseness = 1 if rows >= _MANY_ROWS else 2 if rows >= _SOME_ROWS else 4

    def _change_rhythm(self, gap: int) -> None:
        """Another interval between records: half expected jumps at first, another noise once it stays."""
        self._odd_gaps += 1
        if self._odd_gaps == 1:
            self._be_wary()
        elif self._odd_gaps >= _RHYTHM_AFTER:
            self._keep_rhythm(gap)
            self.settle()
            for curve in self._curves.values():
                curve.begin_rhythm(_RHYTHM_AFTER)
            self.layout.batch.begin()

    def _change_stage(self, name: str, value: float) -> None:
        """Other data or other batches by plan: levels are learnt anew. Not where it changes all the time."""
        before, since = self.history.last.get(_STAGE), self.index - self._stage_at
        self.history.last[_STAGE] = value
        self._stage_at = self.index
        if before is None or since < _STAGE_LASTS:
            return
        text = f"{name} went from {before:g} to {value:g}"
        self.history.tell(Fact(self.index, self.record.step, "stage", text, 1.0))
        self.settle()
        for curve in self._curves.values():
            curve.restart()
        self.layout.batch.begin()
        self._losses = 0

    def _restart(self, text: str, forget: bool) -> None:
        self.history.tell(Fact(self.index, self.record.step, "restart", text, 1.0))
        self.settle()
        if forget:
            self.era += 1
            for curve in self._curves.values():
                curve.restart()
            self.layout.batch.begin()
            self._losses = 0
            self.evaluations.restart()
        self._be_wary()

    def _be_wary(self) -> None:
        self.settle()
        for curve in self._curves.values():
            curve.be_wary()
