"""One run as Python asks it: configuration, summary, curves, samples, alerts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurl.errors import RunError, did_you_mean
from aurl.library.facts import Facts, facts_of
from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.listing import RunSummary
from aurl.runs.settings import config_of, settings_of
from aurl.runs.table import FIXED, scalar_table, stored_table
from aurl.show.markup import escaped, table

if TYPE_CHECKING:
    import polars as pl

_REWINDS = (Kind.START, Kind.NOTE)


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A sample that a run has written.

    Attributes:
        path: the MIDI file.
        step: when it was made.
        slot: which of the samples of that step, or None.
        scores: its quality by metric, 0..1; empty where it was not scored.
    """

    path: Path
    step: int
    slot: int | None
    scores: Mapping[str, float]


class LoggedRun:
    """A run on disk; everything but its `run.json` is read when it is first asked for.

    Attributes:
        path: the run's directory.
        document: all of `run.json`.
    """

    def __init__(self, summary: RunSummary) -> None:
        self._run = summary
        self.path = summary.path
        self.document = summary.document

    @property
    def id(self) -> str:
        return self._run.id

    @property
    def name(self) -> str:
        """What a person calls it, else its training."""
        return self._run.name

    @property
    def status(self) -> str:
        """running, done, failed, stopped, preempted, crashed or unreadable."""
        return self._run.status

    @property
    def tags(self) -> list[str]:
        return self._run.tags

    @property
    def notes(self) -> str:
        return self._run.own.notes

    @property
    def step(self) -> int:
        return self._run.step

    @property
    def seed(self) -> Any:
        return self.facts["seed"]

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration, flat: `{"optim.lr": 0.001, ...}`."""
        return config_of(self.path, self.document)

    @property
    def summary(self) -> Mapping[str, Mapping[str, Any]]:
        """By scalar: `last`, `best`, `best_step`, `min`, `max`, `mean`, `count`."""
        return self._run.summary

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The configuration with the options that were chosen for its groups beside it: `{"model": "vae", ...}`."""
        return settings_of(self.path, self.document)

    @cached_property
    def facts(self) -> Facts:
        """What filters and tables know of the run, beside its `config` and its `summary`."""
        return facts_of(self._run, self.config) | {"path": str(self.path)}

    def scalars(self, *names: str, kind: str | None = None, missing_ok: bool = False) -> pl.DataFrame:
        """The logged scalars: a row per record with kind, step, time, epoch, and a column per scalar (null elsewhere).

        Where a run was resumed, what it logged again stands once. `.to_pandas()` of the frame needs pandas and pyarrow.

        Args:
            names: only these scalars, and only records that hold one of them; all by default.
            kind: only records of this kind: "step", "eval", "epoch", "quality", "system", ...
            missing_ok: leave names out that the run does not have.

        Raises:
            RunError: the run has no event log, or no scalar of this name.
        """
        import polars as pl

        found = stored_table(self.path, self.step, names or None)
        if found is None:
            found = scalar_table(self.path)
        known = [name for name in names if name in found.columns]
        if len(known) < len(names) and not missing_ok:
            missing = next(name for name in names if name not in known)
            raise RunError(
                f"{self.path}: has no scalar {missing!r}.{did_you_mean(missing, [*self.summary, *found.columns])}"
            )
        if names:
            kept = pl.any_horizontal(pl.col(*known).is_not_null()) if known else pl.lit(value=False)
            found = found.select(*FIXED, *known).filter(kept)
        return found if kind is None else found.filter(pl.col("kind") == kind)

    @cached_property
    def alerts(self) -> list[dict[str, Any]]:
        """Every alert: step, time, type, severity, metric, value, message, cause, suggestions, ..."""
        return [{"step": alert.step, "time": alert.time, **alert.fields} for alert in self._records(Kind.ALERT)]

    @cached_property
    def samples(self) -> list[SampleFile]:
        """The samples in the order in which they were made, with their scores."""
        scores: dict[str, dict[str, float]] = {}
        made: dict[str, SampleFile] = {}
        for record in self._records(Kind.SAMPLE, Kind.QUALITY):
            path = str(record.fields.get("path") or "")
            if record.kind is Kind.QUALITY and record.fields.get("scope") == "sample":
                scores[path] = {
                    name.removeprefix("quality/"): value
                    for name, value in record.scalars.items()
                    if name.startswith("quality/")
                }
            elif record.kind is Kind.SAMPLE and path:
                slot = record.fields.get("slot")
                made[path] = SampleFile(self.path / path, record.step, slot if isinstance(slot, int) else None, {})
        return [SampleFile(one.path, one.step, one.slot, scores.get(path, {})) for path, one in made.items()]

    def _records(self, *kinds: Kind) -> Iterator[Record]:
        """The records of these kinds, without those that a resume has superseded."""
        kept: list[Record] = []
        wanted: Collection[Kind] = {*kinds, *_REWINDS}
        for record in read_records(self.path, kinds=wanted):
            if record.kind in _REWINDS and isinstance(back := record.fields.get("resumed_from"), int):
                kept = [before for before in kept if before.step <= back]
            if record.kind in kinds:
                kept.append(record)
        yield from kept

    def __repr__(self) -> str:
        return f"<run {self.id}: {self.name}, {self.status}, step {self.step}>"

    def _repr_html_(self) -> str:
        rows = [
            ["status", self.status],
            ["step", str(self.step)],
            ["tags", ", ".join(self.tags)],
            ["path", str(self.path)],
        ]
        return f"<b>{escaped(self.name)}</b> {table(['', ''], [[name, value] for name, value in rows if value])}"
