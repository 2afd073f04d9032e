"""What the training has used of the corpus: counts over an epoch, kept through a resume."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from aurl.data.batch import BatchUsage
from aurl.record import Json, Kind, Record


class Usage:
    """Adds up what batches were made of, from `reset` (the start of an epoch) on.

    Attributes:
        tokens: tokens without padding.
        sequences: sequences seen.
        cut: sequences that were cut to seq_len.
        area: tokens with the padding of their batches.
        types: sequences changed, by type of augmentation.
        transpositions: sequences by semitones of transposition.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again from nothing."""
        self._files: set[int] = set()
        self._augmented: set[int] = set()
        self._lengths: Counter[int] = Counter()
        self.types: Counter[str] = Counter()
        self.transpositions: Counter[int] = Counter()
        self.cut = 0
        self.area = 0

    @property
    def files(self) -> int:
        """Different pieces of which at least one sequence was seen."""
        return len(self._files)

    @property
    def augmented(self) -> int:
        """Different pieces of which at least one sequence was augmented."""
        return len(self._augmented)

    @property
    def sequences(self) -> int:
        return self._lengths.total()

    @property
    def tokens(self) -> int:
        return sum(length * count for length, count in self._lengths.items())

    @property
    def padding_share(self) -> float:
        """Share of the batches' tokens that is padding, 0..1."""
        return 1.0 - self.tokens / self.area if self.area else 0.0

    def add(self, batch: BatchUsage) -> None:
        """Count one batch."""
        self._files.update(batch.pieces)
        self._augmented.update(batch.augmented)
        self._lengths.update(batch.lengths)
        self.types.update(batch.types)
        self.transpositions.update(batch.transpositions)
        self.cut += batch.cut
        self.area += batch.area

    def record(self, step: int, fields: Mapping[str, Json] | None = None) -> Record:
        """A DATA record of the counts so far; `fields` are added to its own."""
        counts: dict[str, Json] = {
            "files": self.files,
            "augmented": self.augmented,
            "sequences": self.sequences,
            "cut": self.cut,
            "augmentations": dict(sorted(self.types.items())),
            "transpositions": {str(shift): count for shift, count in sorted(self.transpositions.items())},
            "lengths": summarise(self._lengths),
        }
        scalars: dict[str, float] = {
            "data/files": self.files,
            "data/augmented": self.augmented,
            "data/tokens": self.tokens,
        }
        if self.area:
            scalars |= {"data/padding_share": self.padding_share}
        return Record(
            Kind.DATA,
            step,
            scalars={name: float(value) for name, value in scalars.items()},
            fields=counts | dict(fields or {}),
            time=time.time(),
        )

    def state_dict(self) -> dict[str, Any]:
        """The counts as JSON values."""
        return {
            "files": sorted(self._files),
            "augmented": sorted(self._augmented),
            "lengths": sorted(self._lengths.items()),
            "types": sorted(self.types.items()),
            "transpositions": sorted(self.transpositions.items()),
            "cut": self.cut,
            "area": self.area,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave, as it is or as it comes back from JSON."""
        self._files = set(state["files"])
        self._augmented = set(state["augmented"])
        self._lengths = Counter(dict(state["lengths"]))
        self.types = Counter(dict(state["types"]))
        self.transpositions = Counter(dict(state["transpositions"]))
        self.cut = state["cut"]
        self.area = state.get("area", 0)


def summarise(lengths: Mapping[int, int]) -> dict[str, float]:
    """Minimum, mean, median, 95th percentile and maximum of lengths given with their counts; empty for none.

    A percentile is the smallest length that at least that share of the sequences do not exceed.
    """
    if not lengths:
        return {}
    values, counts = np.array(sorted(lengths.items())).T
    reached = np.cumsum(counts) / counts.sum()
    median, high = (int(values[np.searchsorted(reached, share - 1e-12)]) for share in (0.5, 0.95))
    mean = float((values * counts).sum() / counts.sum())
    return {"min": int(values[0]), "mean": round(mean, 1), "p50": median, "p95": high, "max": int(values[-1])}
