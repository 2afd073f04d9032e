"""The best value that each evaluation scalar has had over a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Self

from aurl.record import Kind, Record
from aurl.runs.listing import document_of
from aurl.runs.rundir import RunDirectory
from aurl.scalars import KNOWN, describe

MOST = 24


@dataclass
class Bests:
    """Follows the scalars of EVAL records, and of QUALITY records about a whole evaluation those that are well known.

    Attributes:
        seen: names of those scalars in the order they came, at most `MOST`.
    """

    seen: dict[str, None] = field(default_factory=dict)
    _best: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, run: RunDirectory) -> Self:
        """Begin with what `run.json` tells of the run so far."""
        summary = document_of(run.run_json).get("summary")
        best = {name: told.get("best") for name, told in summary.items()} if isinstance(summary, dict) else {}
        return cls(_best={name: float(value) for name, value in best.items() if isinstance(value, (int, float))})

    def take(self, record: Record) -> None:
        """Look at a record of any kind."""
        quality = record.kind is Kind.QUALITY and record.fields.get("slot") is None
        if record.kind is not Kind.EVAL and not quality:
            return
        for name, value in record.scalars.items():
            better = describe(name).better
            if quality and (name not in KNOWN or better == "neither"):
                continue
            if len(self.seen) < MOST:
                self.seen[name] = None
            if better != "neither" and math.isfinite(value):
                choose = min if better == "lower" else max
                self._best[name] = choose(value, self._best.get(name, value))

    def scalars(self) -> dict[str, float]:
        """`best/<name>` of each scalar seen that has a better direction and a finite value."""
        return {
            f"best/{name}": self._best[name]
            for name in self.seen
            if name in self._best and describe(name).better != "neither"
        }
