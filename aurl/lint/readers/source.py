"""What a reader of one format gives: rows of numbers by name, again and again in the same order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from aurl.errors import DataError
from aurl.formats.skipping import OnSkip
from aurl.record import Json

MAX_COLUMNS = 200_000


class Row(NamedTuple):
    """What was logged together.

    Attributes:
        number: line, entry or event, from 1, always rising.
        values: numbers by column; a column that is not there was not logged.
        step: the step, in formats that keep it apart from the values.
        time: seconds since the epoch, in such formats.
    """

    number: int
    values: dict[str, float]
    step: int | None = None
    time: float | None = None


class NothingToJudgeError(DataError):
    """A log that can be read, and in which nothing says how training went.

    Attributes:
        seen: what it holds instead: names of columns, or lines.
    """

    def __init__(self, path: Path, seen: Sequence[str]) -> None:
        self.path, self.seen = path, tuple(seen)
        held = f"; it holds {', '.join(self.seen)}" if self.seen else ""
        super().__init__(f"{path}: nothing to judge: a text without numbers that have names{held}")


class LogSource(ABC):
    """One log in one format. Reading streams: memory does not grow with the log.

    Attributes:
        path: the file or folder.
        format: what it was taken for, `CSV`.
        why: how that was recognised.
        facts: what the file says of the whole run, fields of a START record such as `steps`.
        config: what the run was configured with, flat, where the log itself tells; complete once `rows` ran to its end.
        notes: what a reader of the report should know of this format.
    """

    format: str
    facts: Mapping[str, Json] = {}
    config: Mapping[str, Json] = {}
    notes: tuple[str, ...] = ()

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        self.why = why

    @abstractmethod
    def rows(self, on_skip: OnSkip) -> Iterator[Row]:
        """All rows, from the beginning.

        Raises:
            DataError: the file cannot be read at all.
        """
