"""A finished log of any trainer, as the records that aurl's own loop would have written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from aurl.anomaly.statistics.roles import Role
from aurl.errors import DataError
from aurl.lint.readers.beside import config_beside
from aurl.lint.readers.columns import LogColumn, columns_of
from aurl.lint.readers.source import LogSource
from aurl.lint.replay import Replay
from aurl.lint.steps import Steps, steps_of
from aurl.lint.survey import Survey
from aurl.record import Json, Record
from aurl.show.wording import counted

_RESTARTS_TOLD = 3
_NAMES_TOLD = 20
_JUDGED = frozenset({
    "loss", "loss_part", "val_loss", "val_part", "kl", "generator_loss", "discriminator_loss", "policy_loss",
    "value_loss", "reward",
})  # fmt: skip  # values of Role


class Log(ABC):
    """One log, opened.

    Attributes:
        path: the file or folder.
        format: what it was taken for, and `why`.
        rows: how many rows (entries, events, records) it has.
        columns: what its columns were taken for.
        counting: where its steps come from, in words.
        config: what the run was configured with, flat, where that lies beside the log.
    """

    path: Path
    format: str
    why: str
    rows: int
    columns: Sequence[LogColumn]
    counting: str
    config: Mapping[str, Json] = {}

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """The log as records, steps that a restart wrote again left out.

        Raises:
            OSError: the file can no longer be read.
        """

    @property
    @abstractmethod
    def notes(self) -> list[str]:
        """What a reader of the report should know, such as restarts; complete once `records` ran to its end."""

    @property
    def is_recognised(self) -> bool:
        """Whether any column looks like a metric of training; a table of something else has none."""
        return any(column.kind is not None and column.role is not Role.OTHER for column in self.columns)

    @property
    def is_judgeable(self) -> bool:
        """Whether any column says how training goes: a loss, or what reinforcement learning has in its place."""
        return any(column.kind is not None and column.role.value in _JUDGED for column in self.columns)

    @property
    def seen(self) -> list[str]:
        """The names of its columns, those with most rows first."""
        return [column.name for column in sorted(self.columns, key=lambda column: -column.count)[:_NAMES_TOLD]]

    @property
    def explanation(self) -> list[str]:
        """What the log was taken for, line by line."""
        lines = [f"{self.format}: {self.why}", f"steps: {self.counting}"]
        return lines + [column.sentence for column in self.columns]


class TableLog(Log):
    """A log of rows: every format but aurl's own.

    Args:
        source: its reader.
        roles: what the user said: column by role, an empty string for "none of them".

    Raises:
        ConfigError: the user named a column that is not there or cannot be what they say.
        DataError: the log cannot be read, or holds no numbers.
    """

    def __init__(self, source: LogSource, roles: Mapping[str, str]) -> None:
        named = {role: column for role, column in roles.items() if column}
        survey = Survey(source, {column: Role(role) for role, column in named.items()})
        if not survey.counts:
            reasons = f" ({'; '.join(survey.reasons)})" if survey.reasons else ""
            raise DataError(
                f"{source.path}: {source.format} without any number in {counted(survey.rows, 'row')}{reasons}"
            )
        self.path, self.format, self.why, self.rows = source.path, source.format, source.why, survey.rows
        self.columns = columns_of(survey.counts, named, survey.samples)
        self._steps = steps_of(survey, self.columns, roles.get(Role.STEP))
        self.counting = self._steps.why
        self.config = config_beside(source.path) | dict(source.config)
        self._source = source
        self._clock = next((name for name in survey.clocks), None)
        self._skipped = _skipped_note(survey)
        self._superseded = 0

    def records(self) -> Iterator[Record]:
        replay = Replay(self._source, self.columns, self._steps, self._clock)
        yield from replay.records()
        self._superseded = replay.superseded

    @property
    def notes(self) -> list[str]:
        notes = [*self._source.notes, *self._steps.notes, *_restart_notes(self._steps, self._superseded)]
        if self._skipped:
            notes.append(self._skipped)
        roles = {column.role for column in self.columns}
        if self.is_judgeable and Role.LOSS not in roles and Role.VAL_LOSS not in roles:
            notes.append(f"no column is the loss; name one with loss=COLUMN (columns: {', '.join(self.seen)})")
        return notes


def _skipped_note(survey: Survey) -> str:
    if not survey.skipped:
        return ""
    more = ", ..." if survey.skipped > len(survey.reasons) else ""
    return f"{counted(survey.skipped, 'line')} could not be read: {'; '.join(survey.reasons)}{more}"


def _restart_notes(steps: Steps, superseded: int) -> list[str]:
    restarts = steps.restarts
    if not restarts:
        return []
    told = [f"at row {one.row} from step {one.before} to {one.to}" for one in restarts[:_RESTARTS_TOLD]]
    more = f" and {counted(len(restarts) - len(told), 'time')} more" if len(restarts) > len(told) else ""
    return [f"restarted: the step goes back {', '.join(told)}{more}; {left_out(superseded, 'row')}"]


def left_out(count: int, what: str) -> str:
    """That so many rows or records were written again after a restart."""
    return f"{counted(count, what)} superseded by it {'is' if count == 1 else 'are'} left out"
