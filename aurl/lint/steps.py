"""Which step each row of a log belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from aurl.anomaly.statistics.roles import Role, words
from aurl.errors import ConfigError
from aurl.lint.axis import AxisTrace, Restart, whole
from aurl.lint.readers.columns import LogColumn
from aurl.lint.readers.source import Row
from aurl.lint.survey import Survey

_COUNTS_SOME = 10  # times as many rows as a column has that counts; one of fewer is a setting that was printed

Place = Callable[[Row], int]
"""The step of a row; remembers the rows before, so each replay needs its own."""


@dataclass(frozen=True, slots=True)
class Steps:
    """How a log counts.

    Attributes:
        why: in words.
        begin: makes a `Place` for one replay.
        last: the step that the log ends with; None where that is not known before it is replayed.
        restarts: where the steps go back and what was logged before is superseded.
        per_epoch: whether a row is a whole epoch.
        end: number of the first row of another run, which is left out with all that follows; None where there is none.
        notes: what a reader of the report should know.
    """

    why: str
    begin: Callable[[], Place]
    last: int | None = None
    restarts: Sequence[Restart] = ()
    per_epoch: bool = False
    end: int | None = None
    notes: tuple[str, ...] = field(default=())


def steps_of(survey: Survey, columns: Sequence[LogColumn], given: str | None) -> Steps:
    """How this log counts: by its own steps, a column of steps, a column of epochs, or failing these its rows.

    Args:
        given: the column that a user named; an empty string to count the rows.

    Raises:
        ConfigError: the column that a user named cannot be steps.
    """
    if given:
        return _given(survey.traces[given], given)
    if given is None:
        if survey.events.rows:
            return _events(survey.events)
        named = [column for column in columns if column.role in {Role.STEP, Role.EPOCH}]
        most = max((survey.traces[column.name].rows for column in named), default=0)
        named = [column for column in named if _COUNTS_SOME * survey.traces[column.name].rows >= most]
        for column in sorted(named, key=lambda column: _preference(survey, column)):
            trace = survey.traces[column.name]
            if column.role is Role.STEP and trace.is_usable:
                return _of_column(trace, column.name)
            if column.role is Role.EPOCH and trace.is_unique:
                return _of_one_run(trace, f"epochs, column '{column.name}'", column.name, per_epoch=True)
    why = "the row number, since no column counts steps" if given is None else "the row number"
    return Steps(why, _by_row, survey.rows)


def _preference(survey: Survey, column: LogColumn) -> tuple[bool, bool, bool, int]:
    """Steps before epochs, whole runs before single epochs, `global_step` before `step`, full columns before sparse."""
    trace = survey.traces[column.name]
    return column.role is Role.EPOCH, trace.begins_anew_each_epoch, "global" not in words(column.name), -trace.rows


def _given(trace: AxisTrace, name: str) -> Steps:
    if not trace.is_usable:
        raise ConfigError(
            f"step={name}: this column does not count steps ({trace.rows} whole numbers, {trace.unusable} others, "
            f"{len(trace.restarts)} times falling); name another one, or step=null to count rows"
        )
    return _of_column(trace, name)


def _of_column(trace: AxisTrace, name: str) -> Steps:
    if trace.begins_anew_each_epoch:
        return Steps(f"column '{name}', which begins anew each epoch, added up", partial(_added_up, name))
    return _of_one_run(trace, f"column '{name}'", name)


def _of_one_run(trace: AxisTrace, why: str, name: str, *, per_epoch: bool = False) -> Steps:
    """Counting by a column, up to where a run follows that was only begun."""
    begin, other = partial(_by_column, name), trace.next_run
    if other is None:
        return Steps(why, begin, trace.last, trace.restarts, per_epoch)
    restarts = [restart for restart in trace.restarts if restart.row < other.row]
    note = f"several runs: the longest is judged, which ends before row {other.row}; what follows is left out"
    return Steps(why, begin, other.before, restarts, per_epoch, other.row, (note,))


def _events(trace: AxisTrace) -> Steps:
    strangers = trace.strangers
    listed = ", ".join(sorted(strangers)[:5])
    note = f"{listed}: counts something else than {trace.leader}; placed at the step when it was written"
    notes = (note,) if strangers else ()
    return Steps("each value's own", partial(_by_event, strangers), trace.last, trace.restarts, notes=notes)


def _by_row() -> Place:
    at = 0

    def place(_: Row) -> int:
        nonlocal at
        at += 1
        return at

    return place


def _by_column(name: str) -> Place:
    last = 0

    def place(row: Row) -> int:
        nonlocal last
        last = whole(row.values.get(name), last)
        return last

    return place


def _added_up(name: str) -> Place:
    last = begin = 0

    def place(row: Row) -> int:
        nonlocal last, begin
        step = whole(row.values.get(name), last)
        if step < last:
            begin += last + (step == 0)  # where batches are counted from 0, the last one's number is one short
        last = step
        return begin + last

    return place


def _by_event(strangers: frozenset[str]) -> Place:
    last = 0

    def place(row: Row) -> int:
        nonlocal last
        if row.step is not None and not row.values.keys() <= strangers:
            last = row.step
        return last

    return place
