"""A profile: what real music of one kind measures, at several lengths, and how near a sample comes to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aurl.errors import DataError
from aurl.music.notes import Notes
from aurl.quality.metric import ContrastMetric, Values
from aurl.quality.reference import profile_file
from aurl.quality.reference.copying import CopyIndex
from aurl.quality.reference.reference import Reference
from aurl.quality.reference.selection import MetricSelection
from aurl.quality.reference.table import Table, number
from aurl.quality.reference.windows import first_bars, nearest_length, windows
from aurl.quality.sheet import Sheet

LENGTHS = (4, 8, 16, 32, 64)
FEWEST_WINDOWS = 20
MOST_WINDOWS = 400
_NULLS_A_WINDOW = 2
_OVERLONG = 1.5


class TooFewWindowsError(DataError):
    """A corpus with fewer than 20 windows of a length, from which no profile can be made."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What one sample scores against a profile.

    Attributes:
        metrics: score of each metric in 0..1, `overall_quality` last; NaN where undefined.
        raw: every raw measure in its own unit; NaN where undefined.
        reasons: why a metric or a measure is undefined.
        profile_name: the profile and the length of its windows, such as "chorales, 16 bars".
        bars: how many bars were looked at.
    """

    metrics: Mapping[str, float]
    raw: Mapping[str, float]
    reasons: Mapping[str, str]
    profile_name: str
    bars: int

    @property
    def overall(self) -> float:
        """Overall quality in 0..1; NaN where it is undefined or left out."""
        return self.metrics.get("overall_quality", math.nan)


def usual_bars(samples: Sequence[Scored]) -> int:
    """The number of bars in the middle of those that the samples have."""
    return sorted(sample.bars for sample in samples)[len(samples) // 2]


class Profile:
    """A reference corpus at one or more window lengths. A score says how like it a sample is, and nothing else.

    A sample is compared with windows of the length nearest to its own by ratio. One that is over 1.5 times longer than
    the longest windows is cut to that length.

    Args:
        name: how reports call it.
        references: by length in bars; at least one.
        index: the corpus' n-grams, where copies from it can be found.
    """

    def __init__(self, name: str, references: Iterable[Reference], index: CopyIndex | None = None) -> None:
        self.name = name
        self.references = {reference.n_bars: reference for reference in references}
        self.index = index

    @classmethod
    def fit(
        cls,
        pieces: Sequence[Notes],
        n_bars: int | Sequence[int] = LENGTHS,
        metrics: MetricSelection | None = None,
        *,
        name: str = "",
        held_out: Sequence[Notes] = (),
        index: CopyIndex | None = None,
        most: int = MOST_WINDOWS,
        seed: int = 1,
    ) -> Profile:
        """The profile of a corpus at those lengths of which it has 20 windows.

        Args:
            pieces: the corpus; a training split, where validation pieces are to be judged by it.
            n_bars: the window lengths in bars.
            metrics: the metrics; those of `conf/quality/default.yaml` by default.
            held_out: pieces of the same kind that are no part of the corpus, for the band of real scores.
            most: windows a length that are used, and twice as many as of the held-out pieces.
            seed: of the null samples.

        Raises:
            TooFewWindowsError: no length has 20 windows.
        """
        selection = metrics or MetricSelection.preset()
        lengths = [n_bars] if isinstance(n_bars, int) else n_bars
        cuts = {length: windows(pieces, length, most=most) for length in lengths}
        references = [
            _reference(cut, windows(held_out, length, most=most // 2), length, selection, seed)
            for length, cut in cuts.items()
            if len(cut) >= FEWEST_WINDOWS
        ]
        if not references:
            counts = ", ".join(f"{len(cut)} of {length} bars" for length, cut in cuts.items())
            raise TooFewWindowsError(
                f"{name or 'corpus'}: a profile needs {FEWEST_WINDOWS} windows, and there are {counts}. Give more or "
                "longer pieces or a smaller number of bars, or use the profile that ships with aurl: mixed."
            )
        return cls(name, references, index)

    def at(self, bars: int) -> Reference:
        """The reference for samples of so many bars."""
        return self.references[nearest_length(bars, list(self.references))]

    def label(self, bars: int) -> str:
        """The profile's name with the length that serves samples of so many bars."""
        return f"{self.name}, {self.at(bars).n_bars} bars"

    def score(self, notes: Notes) -> Scored:
        """How a sample scores. Fewer than 2 notes: overall quality is 0, and every metric undefined."""
        longest = max(self.references)
        notes = notes.heard()
        sheet = Sheet(notes)
        if sheet.bars > _OVERLONG * longest:
            sheet = Sheet(first_bars(notes, longest))
        reference = self.at(sheet.bars)
        values = reference.selection.measure(sheet)
        scores = reference.score(values)
        metrics = dict(scores.metrics)
        if len(sheet) < 2 and reference.selection.overall is not None:
            metrics[reference.selection.overall.name] = 0.0
        reasons = {name: value for name, value in values.items() if isinstance(value, str)} | dict(scores.reasons)
        raw = {name: number(value) for name, value in values.items()}
        return Scored(metrics, raw, reasons, f"{self.name}, {reference.n_bars} bars", sheet.bars)

    def save(self, path: Path) -> None:
        """Write the profile to one `.npz` file.

        Raises:
            OSError: the file cannot be written.
        """
        tables = {n: (ref.real, ref.null, ref.held_out) for n, ref in self.references.items()}
        profile_file.write(path, self.name, tables, self.index)

    @classmethod
    def load(cls, path: Path, metrics: MetricSelection | None = None) -> Profile:
        """A saved profile. A metric that it was not fitted with does not apply to it.

        Raises:
            DataError: missing, damaged, or written by another version.
        """
        selection = metrics or MetricSelection.preset()
        name, tables, index = profile_file.read(path)
        return cls(name, [Reference(n, *parts, selection) for n, parts in tables.items()], index)


def _reference(
    cut: list[Notes], held_out: list[Notes], n_bars: int, selection: MetricSelection, seed: int
) -> Reference:
    names = selection.measures
    real = Table.of((selection.measure(Sheet(window)) for window in cut), names)
    validation = Table.of((selection.measure(Sheet(window)) for window in held_out), names)
    return Reference(n_bars, real, _nulls(cut, selection, seed), validation, selection)


def _nulls(cut: list[Notes], selection: MetricSelection, seed: int) -> Table:
    """Null samples, two a window, measured by the metric that makes them."""
    rng = np.random.default_rng(seed)
    rows: list[Values] = []
    names: list[str] = []
    for metric in selection.metrics:
        if isinstance(metric, ContrastMetric):
            names += [measure.name for measure in metric.measures]
            rows += [metric.measure(Sheet(metric.null(window, rng))) for window in cut for _ in range(_NULLS_A_WINDOW)]
    return Table.of(rows, names)
