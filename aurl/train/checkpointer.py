"""Which checkpoints there are: when to save, what to call latest and best, what to remove."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aurl.errors import CheckpointError, ConfigError
from aurl.record import Json, Kind
from aurl.train import state
from aurl.train.early_stopping import Direction, sign
from aurl.train.ending import Ending
from aurl.train.part import GoBack, Part, Training


class Saved(NamedTuple):
    """A checkpoint just written."""

    path: Path
    best: bool
    value: float


class Checkpointer(Part):
    """Saves under `step_00001234`, points `latest` and `best` at checkpoints, and removes what is not worth keeping.

    Args:
        every: optimiser steps between checkpoints; null saves at every evaluation. A run's last step, and a signal,
            always save.
        keep_last: newest checkpoints kept, >= 1.
        keep_best: best checkpoints kept by `metric`, >= 0.
        keep_every_hours: beyond these, one checkpoint in so many hours is kept for good; null for none.
        metric: the scalar of the evaluation that says which is best.
        mode: its better direction; `auto` asks `aurl.scalars`.
        combine: weights of several scalars instead of one `metric`; the smallest weighted sum is best, so weigh what
            should be large negatively: `{"val/loss/total": 1.0, "quality/mean/overall": -1.0}`. Null for `metric`.

    Attributes:
        formula: what says which is best, as people read it.
        metrics: the scalars in it.
    """

    def __init__(
        self,
        *,
        every: int | None = None,
        keep_last: int = 3,
        keep_best: int = 1,
        keep_every_hours: float | None = None,
        metric: str = "val/loss/total",
        mode: Direction = "auto",
        combine: Mapping[str, float] | None = None,
    ) -> None:
        if every is not None and every < 1:
            raise ConfigError(f"checkpoint.every={every}: needs at least 1, or null to save at every evaluation")
        if keep_last < 1:
            raise ConfigError(f"checkpoint.keep_last={keep_last}: needs at least 1")
        if keep_best < 0:
            raise ConfigError(f"checkpoint.keep_best={keep_best}: needs 0 or more")
        if keep_every_hours is not None and keep_every_hours <= 0:
            raise ConfigError(f"checkpoint.keep_every_hours={keep_every_hours}: needs more than 0, or null")
        self.every, self.keep_last, self.keep_best = every, keep_last, keep_best
        self.keep_every_hours = keep_every_hours
        self.sign = -1 if combine else sign(metric, mode)
        self._weights = dict(combine) if combine else {metric: 1.0}
        self.metrics = list(self._weights)
        self.formula = " + ".join(f"{weight:g} * {name}" for name, weight in combine.items()) if combine else metric
        self.wants = tuple(self.metrics)
        self.folder = Path("checkpoints")
        self.best_value = math.nan  # of all evaluations that were saved, also where the checkpoint is gone by now
        self._scores: dict[str, float] = {}  # name to metric (NaN without), in the order saved
        self._for_good: list[str] = []
        self._last_for_good = time.time()
        self._last_saved = -1  # the step of the last checkpoint of this process

    def begin(self, training: Training) -> None:
        super().begin(training)
        self.folder = training.run.checkpoints

    def at_step_end(self, evaluated: bool) -> None:
        if self.due(self.training.step, evaluated):
            self._save("epoch" if self.training.progress.batch == 0 else "interval")

    def at_end(self, ending: Ending) -> None:
        """A run's last step is always saved, but for one that an alert stopped: its weights may be broken."""
        if ending.status != "stopped" and self.training.step and self.training.step != self._last_saved:
            self._save("signal" if ending.status == "preempted" else "end")

    def went_back(self, left: int, why: GoBack) -> None:
        self.forget_after(self.training.step)

    def due(self, step: int, evaluated: bool) -> bool:
        """Whether to save after this step."""
        return evaluated if self.every is None else step % self.every == 0

    def save(self, step: int, scalars: Mapping[str, float], write: Callable[[Path], None]) -> Saved:
        """Let `write` make the checkpoint, then move the pointers and remove what is surplus.

        Args:
            scalars: of the evaluation at this step; without the metric the checkpoint is not compared.
        """
        path = self.folder / f"step_{step:08d}"
        value = self._score(scalars)
        best = self._improves(value)
        write(path)
        self._scores.pop(path.name, None)
        self._scores[path.name] = value
        _point(self.folder / "latest", path.name)
        if best:
            self.best_value = value
            if self.keep_best:
                _point(self.folder / "best", path.name)
        self._keep_for_good(path.name)
        self._prune()
        return Saved(path, best, value)

    def saved(self) -> list[Path]:
        """The checkpoints that are there, oldest first."""
        return [self.folder / name for name in self._scores]

    def forget_after(self, step: int) -> None:
        """Remove the checkpoints of later steps, which hold what a rollback undid, and point `latest` at this one."""
        for path in self.folder.glob("step_*"):
            if int(path.name.removeprefix("step_")) > step:
                shutil.rmtree(path, ignore_errors=True)
                self._scores.pop(path.name, None)
        _point(self.folder / "latest", f"step_{step:08d}")
        if (best := self.folder / "best").is_symlink() and not best.exists():
            best.unlink()

    def state_dict(self) -> dict[str, Json]:
        """What is known of the checkpoints, the one being written apart."""
        return {
            "best_value": self.best_value if math.isfinite(self.best_value) else None,
            "scores": {name: value if math.isfinite(value) else None for name, value in self._scores.items()},
            "for_good": list(self._for_good),
            "last_for_good": self._last_for_good,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._scores = {key: math.nan if value is None else value for key, value in state["scores"].items()}
        self.best_value = math.nan if state["best_value"] is None else float(state["best_value"])
        self._for_good = list(state["for_good"])
        self._last_for_good = float(state["last_for_good"])

    def restored(self, folder: Path) -> None:
        """Count the checkpoint that was loaded, which its own state does not name yet."""
        self.count(folder.name, self.training.progress.scalars)

    def count(self, name: str, scalars: Mapping[str, float]) -> None:
        """There is a checkpoint of this name, with these scalars of its evaluation."""
        value = self._scores[name] = self._score(scalars)
        if self._improves(value):
            self.best_value = value

    def _save(self, reason: str) -> None:
        training = self.training
        for part in training.parts.values():
            part.before_save()
        training.monitor.flush_deferred()
        if not training.engine.weights_are_finite():
            return self._not_saved("the weights hold NaN or infinity; earlier ones are kept", "error")
        try:
            saved = self.save(training.step, training.progress.scalars, lambda path: state.save(training, path))
        except OSError as error:
            advice = f"training goes on, free space on the disk of {self.folder}"
            return self._not_saved(f"{error}; {advice}", "critical")
        self._last_saved = training.step
        place = saved.path.relative_to(training.run.path).as_posix()
        fields: dict[str, Json] = {"path": place, "best": saved.best, "reason": reason}
        fields |= {"metric": self.formula, "value": saved.value}
        training.monitor.say(Kind.CHECKPOINT, training.step, **fields)
        return None

    def _not_saved(self, why: str, level: str) -> None:
        message = f"checkpoint of step {self.training.step} not saved: {why}"
        self.training.monitor.note(message, level=level, module="checkpoint")

    def _score(self, scalars: Mapping[str, float]) -> float:
        return sum(weight * scalars.get(name, math.nan) for name, weight in self._weights.items())

    def _improves(self, value: float) -> bool:
        return math.isfinite(value) and not (value - self.best_value) * self.sign <= 0

    def _keep_for_good(self, name: str) -> None:
        if self.keep_every_hours is not None and time.time() - self._last_for_good >= self.keep_every_hours * 3600:
            self._for_good.append(name)
            self._last_for_good = time.time()

    def _prune(self) -> None:
        names = list(self._scores)
        ranked = sorted(
            (name for name in names if math.isfinite(self._scores[name])),
            key=lambda name: -self._scores[name] * self.sign,
        )
        kept = {*names[-self.keep_last :], *ranked[: self.keep_best], *self._for_good}
        for name in names:
            if name not in kept:
                shutil.rmtree(self.folder / name, ignore_errors=True)
                del self._scores[name]


def resolve(run: Path, spec: str = "latest") -> Path:
    """The checkpoint directory `latest`, `best` or `step_...` of a run.

    Where the link `latest` is missing, as in copies made without links, that is the one of the highest step.

    Raises:
        CheckpointError: the run has no such checkpoint; the message names those it has.
    """
    folder = run / "checkpoints"
    path = folder / spec
    if not path.is_dir():
        there = sorted(place.name for place in folder.glob("step_*") if place.is_dir())
        if spec == "latest" and there:
            return (folder / there[-1]).resolve()
        raise CheckpointError(
            f"{path}: no such checkpoint; {run.name} has: {', '.join(there) or 'none, start it anew'}"
        )
    return path.resolve()


def _point(link: Path, target: str) -> None:
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
