"""What a training left: its records, and the truth about them; kept in files, so that detectors can be scored again."""

from __future__ import annotations

import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from aurl.anomaly.statistics.roles import Role, role_of
from aurl.record import Kind, Record
from aurl.runs.codec import decode, encode

Floats = NDArray[np.float64]


class Truth(NamedTuple):
    """What is known of a run without looking at it.

    Attributes:
        type: the anomaly type that was provoked, or `healthy`.
        variant: how, and in which training.
        seed: as asked for; `attempt` of them was the first that showed the fault.
        onset: first step that is wrong; 0 for a run that is wrong from the start.
        steps: of the plan.
        shown: whether the fault showed, by a check that knows no detector.
        seconds: CPU time of the training.
    """

    type: str
    variant: str
    seed: int
    onset: int
    steps: int
    attempt: int = 0
    shown: bool = True
    seconds: float = 0.0


@dataclass(frozen=True)
class Trace:
    """A run that is over.

    Attributes:
        truth: see there.
        records: what detectors would have been shown, in order.
    """

    truth: Truth
    records: Sequence[Record] = field(repr=False)

    def steps(self, kind: Kind = Kind.STEP) -> int:
        """Number of records of a kind."""
        return sum(record.kind is kind for record in self.records)

    def values(self, role: Role, kind: Kind = Kind.STEP) -> tuple[Floats, Floats]:
        """Steps and values of the first metric of this role, where it was logged."""
        found = [
            (record.step, value)
            for record in self.records
            if record.kind is kind
            for value in [next((v for name, v in record.scalars.items() if role_of(name) is role), None)]
            if value is not None
        ]
        columns = np.array(found, float).reshape(-1, 2)
        return columns[:, 0], columns[:, 1]

    def around(self, role: Role, kind: Kind = Kind.STEP) -> tuple[Floats, Floats]:
        """Values of a role before the onset, and from it on."""
        at, values = self.values(role, kind)
        return values[at < self.truth.onset], values[at >= self.truth.onset]

    @property
    def broken_at(self) -> int | None:
        """The first step with a scalar that is not finite; None if all are."""
        broken = (r.step for r in self.records if not all(map(math.isfinite, r.scalars.values())))
        return next(broken, None)


def save(trace: Trace, path: Path) -> None:
    """Write a trace; the file appears whole or not at all."""
    partial = path.with_suffix(".partial")
    with gzip.open(partial, "wb", compresslevel=4) as file:
        file.write(orjson.dumps(trace.truth._asdict()) + b"\n")
        file.writelines(encode(record) for record in trace.records)
    partial.replace(path)


def load(path: Path) -> Trace:
    """Read what `save` wrote."""
    with gzip.open(path, "rb") as file:
        truth: dict[str, Any] = orjson.loads(file.readline())
        return Trace(Truth(**truth), [decode(line) for line in file])
