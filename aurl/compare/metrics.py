"""Which scalar is compared, which direction of it is better, and what else is worth weighing against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from aurl.compare.model import Mode
from aurl.compare.run_data import MEMORY, SECONDS
from aurl.errors import ConfigError, did_you_mean
from aurl.runs.listing import RunSummary
from aurl.scalars import describe

PREFERRED = ("val/loss/total", "val/loss", "loss/total")
OBJECTIVES: Mapping[str, Mode] = {
    "val/loss/total": "min",
    "quality/mean/overall": "max",
    "quality/mean/copied_fraction": "min",
}
_MODES: Mapping[str, Mode] = {"lower": "min", "higher": "max"}
_NO_CURVE = ("time/", "system/", "throughput/", "data/", "grad/", "lr")
_SHOWN = 12


def choose_metric(runs: Sequence[RunSummary], given: str | None) -> tuple[str, list[str]]:
    """The metric, and what has to be said about the choice.

    Without one given: `val/loss/total`, else `val/loss`, else `loss/total`, else of those with a known direction the
    one that most runs have, validation first.

    Raises:
        ConfigError: no run has this metric, or none has any that could be compared.
    """
    counts = Counter(name for run in runs for name in run.summary)
    if given is not None:
        if given not in counts:
            raise ConfigError(f"--metric {given}: no run has it.{did_you_mean(given, counts)} {_known(counts)}")
        return given, []
    preferred = next((name for name in PREFERRED if name in counts), None)
    if preferred == PREFERRED[0]:
        return preferred, []
    directed = [name for name in counts if describe(name).better in _MODES and not name.startswith(_NO_CURVE)]
    ranked = sorted(directed, key=lambda name: (-counts[name], not name.startswith("val/"), name))
    chosen = preferred or next(iter(ranked), None)
    if chosen is None:
        raise ConfigError(f"no run has {PREFERRED[0]}; say what to compare with --metric NAME. {_known(counts)}")
    return chosen, [f"No run has {PREFERRED[0]}: {chosen} is compared instead; --metric NAME chooses another."]


def choose_mode(metric: str, given: Mode | None) -> Mode:
    """The direction given, or the one that `aurl.scalars` knows.

    Raises:
        ConfigError: neither is there.
    """
    known = _MODES.get(describe(metric).better)
    if given is None and known is None:
        raise ConfigError(f"--metric {metric}: whether lower or higher is better is not known; add --mode min or max")
    return given or known or "min"


def objectives(runs: Sequence[RunSummary], metric: str, mode: Mode) -> dict[str, Mode]:
    """The metric first, then loss, quality, copying, seconds of work and peak memory, as far as any run has them."""
    there = {name for run in runs for name in run.summary}
    others: dict[str, Mode] = {name: way for name, way in OBJECTIVES.items() if name in there}
    memory: dict[str, Mode] = dict.fromkeys([name for name in MEMORY if name in there][:1], "min")
    costs: dict[str, Mode] = {SECONDS: "min"}
    return {metric: mode} | {name: way for name, way in (others | costs | memory).items() if name != metric}


def peak(summary: Mapping[str, Mapping[str, Any]], name: str) -> float | None:
    """The largest value of a scalar over the run."""
    value = summary.get(name, {}).get("max")
    return float(value) if isinstance(value, (int, float)) else None


def _known(counts: Counter[str]) -> str:
    names = [name for name, _ in counts.most_common() if not name.startswith(_NO_CURVE)]
    if not names:
        return "The runs have logged nothing yet."
    return f"There are: {', '.join(names[:_SHOWN])}{' and others' if len(names) > _SHOWN else ''}."
