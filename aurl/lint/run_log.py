"""An aurl run: its own event log, the stretches that a resume wrote again left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from aurl.errors import DataError
from aurl.lint.axis import Restart, limits
from aurl.lint.log import Log, left_out
from aurl.lint.readers.beside import config_beside
from aurl.lint.readers.columns import columns_of
from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.show.wording import counted

_ONCE = frozenset({Kind.START, Kind.END, Kind.NOTE, Kind.CHECKPOINT})  # never superseded


class RunLog(Log):
    """The records of a run directory. Alerts that were told while it ran are counted, not repeated.

    Args:
        run: the directory.
        roles: what the user said: scalar by role; other scalars keep their names.

    Raises:
        ConfigError: the user named a scalar that is not there.
        DataError: the event log holds no scalar.
        RunError: there is no event log.
    """

    format = "aurl run"
    why = "events/records.jsonl"
    counting = "each record's own"

    def __init__(self, run: Path, roles: Mapping[str, str]) -> None:
        self.path = run
        self.config = config_beside(run)
        self.rows = self._last = self._alerts = self._skipped = self._superseded = 0
        self._restarts: list[Restart] = []
        counts: Counter[str] = Counter()
        kinds: dict[str, Kind | str] = {}
        self._survey(counts, kinds)
        if not counts:
            raise DataError(f"{run}: its event log holds no scalars yet; nothing was logged")
        named = {role: name for role, name in roles.items() if name}
        guesses = columns_of(counts, named)
        self._renamed = {one.name: one.scalar for one in guesses if one.name in named.values()}
        self.columns = [
            replace(one, scalar=self._renamed.get(one.name, one.name), kind=Kind(kinds.get(one.name, Kind.STEP)))
            for one in guesses
        ]

    def records(self) -> Iterator[Record]:
        coming = zip(self._restarts, limits(self._restarts), strict=True)
        restart, limit = next(coming, (None, 0))
        self._superseded = 0
        for at, record in enumerate(read_records(self.path)):
            if restart is not None and at >= restart.row:
                restart, limit = next(coming, (None, 0))
            if record.kind == Kind.ALERT:
                continue
            if restart is not None and record.step >= limit and record.kind not in _ONCE:
                self._superseded += 1
                continue
            yield self._with_plan(record) if record.kind == Kind.START else self._rename(record)

    @property
    def notes(self) -> list[str]:
        notes = []
        if self._restarts:
            where = ", ".join(f"from step {one.before} to {one.to}" for one in self._restarts[:3])
            notes.append(f"resumed {where}; {left_out(self._superseded, 'record')}")
        if self._alerts:
            notes.append(f"told while it ran: {counted(self._alerts, 'alert')}; below is what the detectors say now")
        if self._skipped:
            notes.append(f"left out: {counted(self._skipped, 'damaged line')}")
        return notes

    def _survey(self, counts: Counter[str], kinds: dict[str, Kind | str]) -> None:
        for at, record in enumerate(read_records(self.path, on_skip=self._skip)):
            self._alerts += record.kind == Kind.ALERT
            if record.scalars:
                self.rows += 1
                counts.update(record.scalars.keys())
                if record.kind in set(Kind):
                    kinds |= dict.fromkeys(record.scalars.keys() - kinds.keys(), record.kind)
            if record.kind == Kind.STEP:
                if record.step < self._last:
                    self._restarts.append(Restart(at, self._last, record.step))
                self._last = record.step

    def _with_plan(self, start: Record) -> Record:
        """Where the run did not say how long it was to be: as long as it was."""
        if isinstance(start.fields.get("steps"), int) or not self._last:
            return start
        return replace(start, fields={**start.fields, "steps": self._last})

    def _rename(self, record: Record) -> Record:
        if self._renamed.keys().isdisjoint(record.scalars):
            return record
        scalars = {self._renamed.get(name, name): value for name, value in record.scalars.items()}
        return replace(record, scalars=scalars)

    def _skip(self, _path: Path, _line: int, _reason: str) -> None:
        self._skipped += 1
