"""Many MIDI files scored, in processes of their own where there are many; none can end the others."""

from __future__ import annotations

import math
import multiprocessing
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aurl.machine.process import cores
from aurl.music.midi import MidiError, read_midi
from aurl.quality.metrics.published import published_metrics
from aurl.quality.reference.profile import Profile, Scored
from aurl.quality.reference.table import null
from aurl.quality.reference.windows import first_bars

_CHUNK = 16
_WORTH_A_PROCESS = 64
"""Files from which on starting processes, half a second, pays."""


@dataclass(frozen=True, slots=True)
class FileScore:
    """One file's scores, or why there are none.

    Attributes:
        path: the file.
        scored: its scores; None where it could not be read.
        copied: share copied from the profile's corpus; NaN where that is unknown.
        notes: how many notes it has.
        published: the metrics of MusPy and MusDr, where they were asked for.
        error: why it could not be read.
    """

    path: Path
    scored: Scored | None = None
    copied: float = math.nan
    notes: int = 0
    published: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON values: `path` and `error`, or `path`, `profile`, `metrics`, `raw`, `copied_fraction`, ..."""
        if self.scored is None:
            return {"path": str(self.path), "error": self.error}
        document: dict[str, Any] = {
            "path": str(self.path),
            "profile": self.scored.profile_name,
            "metrics": _nulls(self.scored.metrics),
            "raw": _nulls(self.scored.raw),
            "reasons": dict(self.scored.reasons),
            "copied_fraction": null(self.copied),
            "bars": self.scored.bars,
            "notes": self.notes,
        }
        return document | ({"published": _nulls(self.published)} if self.published else {})


@dataclass(frozen=True, slots=True)
class FileScorer:
    """Scores one file after another against a profile.

    Attributes:
        bars: only the first so many bars count; None for all.
        published: whether to give the metrics of MusPy and MusDr.
    """

    profile: Profile
    bars: int | None = None
    published: bool = False

    def __call__(self, path: Path) -> FileScore:
        """The file's scores; a file that cannot be read gives its reason."""
        try:
            notes = read_midi(path)
        except MidiError as error:
            return FileScore(path, error=str(error))
        if self.bars is not None:
            notes = first_bars(notes, self.bars)
        index = self.profile.index
        return FileScore(
            path,
            self.profile.score(notes),
            index.copied_fraction(notes) if index is not None else math.nan,
            len(notes),
            published_metrics(notes) if self.published else {},
        )


def score_files(paths: Sequence[Path], scorer: FileScorer, *, workers: int = 0) -> Iterator[FileScore]:
    """The scores of the files in their order.

    Args:
        workers: processes; 0 for as many as there are cores, and none for fewer than 64 files.
    """
    workers = workers or (cores() if len(paths) >= _WORTH_A_PROCESS else 1)
    if workers == 1:
        yield from map(scorer, paths)
        return
    done = 0
    while done < len(paths):
        try:
            with _pool(workers, scorer) as pool:
                for result in pool.map(_score, paths[done:], chunksize=_CHUNK):
                    yield result
                    done += 1
        except BrokenProcessPool:
            for path in paths[done : done + workers * _CHUNK]:  # the culprit is among those that were in work
                yield _score_apart(path, scorer)
                done += 1


def _score_apart(path: Path, scorer: FileScorer) -> FileScore:
    try:
        with _pool(1, scorer) as pool:
            return pool.submit(_score, path).result()
    except BrokenProcessPool:
        return FileScore(path, error=f"{path}: the process that read it died. Leave the file out.")


_scorers: list[FileScorer] = []


def _pool(workers: int, scorer: FileScorer) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang in their locks
    return ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(scorer,))


def _begin(scorer: FileScorer) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    _scorers[:] = [scorer]


def _score(path: Path) -> FileScore:
    return _scorers[0](path)


def _nulls(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: null(value) for name, value in values.items()}
