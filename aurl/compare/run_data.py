"""What a comparison knows of one run: its settings, its curves, and the value it is read at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.record import Json

Fate: TypeAlias = Literal["counted", "failed", "left out"]
ReadAt: TypeAlias = Literal["auto", "end", "best", "budget", "step", "time"]

SECONDS = "time/total"
MEMORY = ("system/gpu_used_gb", "system/ram_gb")


@dataclass(frozen=True, slots=True, eq=False)
class RunCurve:
    """One metric of one run, superseded stretches left out, by ascending step.

    Attributes:
        steps: int64, shape (points,).
        values: float64, shape (points,); may hold NaN and infinities, as logged.
        seconds: float64, shape (points,); working time since the run began, pauses between resumes left out.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    seconds: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Readout:
    """Where runs are read, see `aurl.compare.reading`.

    Attributes:
        kind: `budget` (a common step), `end` (each at its own), `best` (each at its best value), or `time`.
        step: the common step; of other kinds the last step at which any run is read.
        of: the step that at least half of the finished runs ended at or were planned for.
        early: ids of runs that had come to rest and stopped before the common step: they are read at their own end.
        seconds: of work, where runs are read after some time.
    """

    kind: ReadAt = "budget"
    step: int = 0
    of: int = 1
    early: tuple[str, ...] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Best:
    """The best value of a run within the budget, which is optimistic: it was selected.

    Attributes:
        value, step: where it was reached first.
        chosen_from: how many values it is the best of.
        optimism: how much better it is than the mean of its neighbours in the curve (at most two on each side); None
            where it has none.
    """

    value: float
    step: int
    chosen_from: int
    optimism: float | None


@dataclass(frozen=True, slots=True, eq=False)
class RunData:
    """One run, as far as a comparison needs it.

    Attributes:
        path: its directory.
        id: unique within the comparison: the run's id, or more of its path where two runs share one.
        name: the experiment's name.
        status: one of `aurl.runs.listing.STATUSES`.
        fate: counted; failed (failed, stopped by the anomaly policy, crashed, or its metric is not finite: it counts
            in the failure rate and in no mean); or left out (unfinished, without the metric, unreadable, a repeat).
        why: why it is not counted, as part of a sentence; empty when counted.
        config: the resolved configuration, flat, secrets masked.
        seed: None where it is not known.
        step, planned: steps done, and planned or None.
        read_step: the last step of it that the comparison looks at.
        finals: by metric, the interquartile mean over the last share of the common budget; finite values only. Also
            `time/total` (seconds of work) and the peak memory under its scalar's name, see `SECONDS` and `MEMORY`.
        best: of the comparison's metric; None where there is no finite value.
        auc: mean of the comparison's metric over the steps up to the budget (area under the curve / its width).
        target_step, target_seconds, target_joules: when the comparison's target was reached; None where it never was,
            or where power was not measured.
        curves: by metric, for the comparison's metric and the objectives that this run logged.
        alerts: fields of its ALERT records, with `step` beside them, in the order of the log.
        resumes: how often it was resumed.
        argv: the command that started it, secrets masked.
        samples: its MIDI samples, relative to `path`, latest last.
        message: why it ended, in its own words.
    """

    path: Path
    id: str
    name: str
    status: str
    fate: Fate = "left out"
    why: str = ""
    config: Mapping[str, Json] = field(default_factory=dict)
    seed: Json = None
    step: int = 0
    planned: int | None = None
    read_step: int = 0
    finals: Mapping[str, float] = field(default_factory=dict)
    best: Best | None = None
    auc: float | None = None
    target_step: int | None = None
    target_seconds: float | None = None
    target_joules: float | None = None
    curves: Mapping[str, RunCurve] = field(default_factory=dict)
    alerts: tuple[Mapping[str, Json], ...] = ()
    resumes: int = 0
    argv: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    message: str = ""
