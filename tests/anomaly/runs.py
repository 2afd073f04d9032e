"""Made-up runs: healthy ones, to which a test does one thing that must be found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from aurl.anomaly.chosen import choose_watch
from aurl.anomaly.watch import Watch
from aurl.record import Kind, Record

RANKS = {"info": 0, "warning": 1, "critical": 2, "fatal": 3}
Columns = dict[str, np.ndarray]


def healthy(steps: int = 800, seed: int = 0, noise: float = 0.06) -> Columns:
    """A run as most are: the loss decays by a power law, gradient norms have a heavy tail, the rate warms up."""
    rng = np.random.default_rng(seed)
    at = np.arange(steps)
    clean = 0.6 + 4.0 * (1.0 + at / 15.0) ** -0.5
    rate = 1e-3 * np.minimum(1.0, (at + 1) / 50) * (0.55 + 0.45 * np.cos(np.pi * at / steps))
    return {
        "loss/total": clean * np.exp(noise * rng.standard_normal(steps)),
        "grad/norm": 0.8 * np.exp(0.3 * rng.standard_normal(steps) + 0.15 * rng.standard_exponential(steps)),
        "lr": rate,
        "time/step": 0.1 * np.exp(0.1 * rng.standard_normal(steps)),
        "time/data": 0.004 * np.exp(0.4 * rng.standard_normal(steps)),
    }


def records(columns: Mapping[str, np.ndarray], kind: Kind = Kind.STEP, every: int = 1) -> list[Record]:
    """One record for each row; the first has step `every`."""
    names = list(columns)
    rows = zip(*columns.values(), strict=True)
    return [
        Record(kind, (i + 1) * every, dict(zip(names, map(float, row), strict=True)), time=float(i))
        for i, row in enumerate(rows)
    ]


def with_evals(steps: list[Record], values: Iterable[float], every: int) -> list[Record]:
    """The same with a validation loss after every so many steps."""
    losses = iter(values)
    mixed: list[Record] = []
    for record in steps:
        mixed.append(record)
        if record.step % every == 0 and (value := next(losses, None)) is not None:
            mixed.append(Record(Kind.EVAL, record.step, {"val/loss/total": float(value)}, time=record.time))
    return mixed


def watch(**changes: Any) -> Watch:
    """What the default preset watches with, changed by `changes`."""
    config = changes.pop("config", None)
    return choose_watch(changes or "default", config)[0]


def alerts(run: Iterable[Record], watching: Watch | None = None) -> list[Record]:
    """All alerts of a run, the ends of incidents left out."""
    watching = watching or watch()
    found = [alert for record in run for alert in watching.observe(record)]
    return [alert for alert in found if alert.fields["status"] != "end"]


def loud(run: Iterable[Record], watching: Watch | None = None) -> list[tuple[str, str, int]]:
    """Type, severity and step of the alerts from warning up."""
    return [
        (str(alert.fields["type"]), str(alert.fields["severity"]), alert.step)
        for alert in alerts(run, watching)
        if RANKS[str(alert.fields["severity"])] >= 1
    ]


def first(run: Iterable[Record], type: str, watching: Watch | None = None) -> Record:
    """The first alert of a type from warning up; fails with what there was instead."""
    everything = alerts(run, watching)
    for alert in everything:
        if alert.fields["type"] == type and RANKS[str(alert.fields["severity"])] >= 1:
            return alert
    raise AssertionError(
        f"no {type}; there were {[(a.fields['type'], a.fields['severity'], a.step) for a in everything]}"
    )


Change = Callable[[Columns], None]
