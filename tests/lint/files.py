"""Small logs for tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from aurl.lint.opening import open_log
from aurl.lint.readers.source import LogSource, Row
from aurl.record import Kind, Record

DATA = Path(__file__).parent / "data"


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def records(path: Path, kind: Kind | None = None, **roles: str) -> list[Record]:
    """What a log's replay gives, START and END left out unless asked for."""
    wanted = {kind} if kind else set(Kind) - {Kind.START, Kind.END}
    return [record for record in open_log(path, roles).records() if record.kind in wanted]


def series(found: Iterable[Record], scalar: str) -> list[tuple[int, float]]:
    """Step and value of a scalar, in order."""
    return [(record.step, record.scalars[scalar]) for record in found if scalar in record.scalars]


def rows(source: LogSource) -> tuple[list[Row], list[tuple[int, str]]]:
    """What a reader gives, and what it skipped."""
    skipped: list[tuple[int, str]] = []
    return list(source.rows(lambda line, why: skipped.append((line, why)))), skipped


class Rows(LogSource):
    """A log of rows given by hand."""

    format = "rows"

    def __init__(self, given: Sequence[dict[str, float]], steps: Sequence[int] | None = None) -> None:
        super().__init__(Path("given.csv"), "by hand")
        self._rows = [
            Row(at + 1, {name: float(value) for name, value in values.items()}, steps[at] if steps else None)
            for at, values in enumerate(given)
        ]

    def rows(self, on_skip: object) -> Iterable[Row]:  # type: ignore[override]
        return iter(self._rows)
