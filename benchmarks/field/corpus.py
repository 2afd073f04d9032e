"""The field corpus: which logs it has, where they come from, what was seen in them, and which of them are kept back.

Three files beside this one, no log among them:

- `index.csv`: `id`, `repo`, `path`, `commit`, `blob` (git's own name of the contents), `kind` (what was trained, or
  which tool wrote it), `known` (1: a repository that had been looked at while readers and detectors were made).
- `labels.csv`: `id`, `types` (separated by |; or `healthy`, or `unclear`, which leaves the log out), `onset`, `end`,
  `must` (0: may be told or not), `why`. Written from pictures of the curves before any detector was run on the log.
- `relabelled.csv`: `id`, `was`, `is`, `why`: each label that was changed later.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from aurl.errors import DataError
from aurl.lint.opening import open_log
from benchmarks.real_logs import Event, Log, events_of

HERE = Path(__file__).parent
NO_EVENT = ("healthy", "unclear")
_KEPT = 52  # of 100 repositories that nobody had looked at: a third of all logs


class Entry(NamedTuple):
    """One log of the index."""

    id: str
    repo: str
    path: str
    commit: str
    blob: str
    kind: str
    known: bool

    @property
    def part(self) -> str:
        """`kept` or `tune`: by the repository, so that no two logs of one repository are on different sides."""
        drawn = int(hashlib.sha256(self.repo.encode()).hexdigest()[:8], 16) % 100
        return "kept" if drawn < _KEPT and not self.known else "tune"

    @property
    def file(self) -> str:
        """Its name in the folder of logs; what its own name ends in is kept."""
        return f"{self.id}_{self.path.rsplit('/', 1)[-1][-60:].replace(' ', '_')}"


def read_index(path: Path = HERE / "index.csv") -> list[Entry]:
    """All logs, in the order of the file."""
    return [Entry(**{**row, "known": row["known"] == "1"}) for row in _rows(path)]  # type: ignore[arg-type]


def read_labels(path: Path = HERE / "labels.csv") -> dict[str, list[dict[str, str]]]:
    """The rows of labels by log."""
    labels: dict[str, list[dict[str, str]]] = {}
    for row in _rows(path):
        labels.setdefault(row["id"], []).append(row)
    return labels


def labelled(folder: Path, entries: Iterable[Entry]) -> Iterator[tuple[Log | None, Entry]]:
    """Each labelled log as it is scored, the unclear ones left out; None where nothing in it could be read.

    Raises:
        DataError: a log is not in the folder.
    """
    labels = read_labels()
    for entry in entries:
        rows = labels.get(entry.id, [])
        if not rows or any(row["types"] == "unclear" for row in rows):
            continue
        yield _log(folder / entry.file, entry, rows), entry


def _log(path: Path, entry: Entry, rows: list[dict[str, str]]) -> Log | None:
    if not path.exists():
        raise DataError(f"{path}: not there; collect the corpus first, see python -m benchmarks.field --help")
    try:
        log = open_log(path, {})
        records = list(log.records()) if log.is_judgeable else []
    except DataError:
        return None
    if not records:
        return None
    steps = sorted({record.step for record in records})
    events: list[Event] = events_of([row for row in rows if row["types"] not in NO_EVENT], steps)
    return Log(entry.id, entry.repo, not events, records, steps, events)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
