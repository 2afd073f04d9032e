"""What a tracker has of a run already, so that it can be shown the event log again and gets only what it lacks."""

from __future__ import annotations

from pathlib import Path

from aurl.machine.files import replace_file
from aurl.record import Kind, Record


class Shown:
    """Tells records that were shown in an earlier session from new ones, by their times.

    Once the last one was met all others are new, whatever their time: a clock may have been set back.

    Args:
        last: the time of the last record shown before; None for a run that begins.
    """

    def __init__(self, last: float | None) -> None:
        self._last = last
        self._is_first_session = last is None
        self._met = False
        self._began = False

    def has(self, record: Record) -> bool:
        """Whether the record is no news. What sinks told after the end of an earlier session begins no new one."""
        if self._last is not None:
            is_last = record.time == self._last  # several records may share a time
            if is_last or (record.time < self._last and not self._met):
                self._met = self._met or is_last
                return True
        if not self._began and not self._is_first_session and record.kind is Kind.NOTE:
            return True
        self._began = True
        return False


def read(path: Path) -> Shown:
    """What the file says that `write` wrote; a run that begins where it is missing or no number."""
    try:
        return Shown(float(path.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return Shown(None)


def write(path: Path, record: Record) -> None:
    """Remember that this record was shown, and all before it."""
    replace_file(path, f"{record.time!r}\n".encode("ascii"))
