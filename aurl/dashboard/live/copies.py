"""Which passages of a sample stand note for note in what the run was trained on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from aurl.dashboard.live.catalog import RunEntry
from aurl.errors import DataError
from aurl.music.corpus import load_chorales
from aurl.music.notes import Notes
from aurl.quality.reference import profile_file
from aurl.quality.reference.copying import CopyIndex

_MOST_PROFILES = 8
_EXACT = 1e-9


class CopyFinder:
    """Finds the index of the training set again, by the share of copied onsets that the run logged for the sample.

    A run does not keep that index. It is made anew for the chorales that come with aurl; for another corpus it is
    looked for among the fitted profiles in the cache. One that gives another share than the logged one is not the
    run's, so no passage is ever marked by a wrong index.

    Args:
        cache: where training keeps fitted profiles.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._lock = threading.Lock()

    def spans(self, entry: RunEntry, notes: Notes, logged: float | None) -> list[tuple[int, int]] | None:
        """First and last onset of each copied passage, in ticks; None where the training set is not known."""
        if logged is None:
            return None
        if logged == 0.0:
            return []
        with self._lock:
            for index in self._candidates(entry):
                if abs(index.copied_fraction(notes) - logged) < _EXACT:
                    return index.spans(notes)
        return None

    def _candidates(self, entry: RunEntry) -> Iterator[CopyIndex]:
        n = entry.config.get("quality.copying")
        if "Chorales" in str(entry.config.get("data.source._target_")) and isinstance(n, int) and n >= 2:
            yield _chorales(n)
        files = [(file.stat().st_mtime_ns, file) for file in self._cache.glob("profile-*.npz") if file.is_file()]
        for changed, file in sorted(files, reverse=True)[:_MOST_PROFILES]:
            index = _of_profile(file, changed)
            if index is not None:
                yield index


@lru_cache(maxsize=2)
def _chorales(n: int) -> CopyIndex:
    return CopyIndex.of(load_chorales().train, n)


@lru_cache(maxsize=_MOST_PROFILES)
def _of_profile(file: Path, changed: int) -> CopyIndex | None:
    try:
        return profile_file.read(file)[2]
    except DataError:
        return None
