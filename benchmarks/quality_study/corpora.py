"""Real music to test the scores with: the chorales that aurl ships, and scores of music21's wheel.

Formulas and weights were found on the first three corpora. `trecento` (Italian songs of the 14th century), `oneills`
(dance tunes of Ireland) and `airds` (songs and dances, 1782) were looked at when measures were chosen among others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from aurl.music.corpus import load_chorales
from aurl.music.notes import Notes
from aurl.music.pack import read_pack, write_pack
from benchmarks.quality_study.corruptions import changed
from scripts.make_profiles import Split, read_movements, read_scores, read_tunes, split

KNOWN = ("chorales", "movements", "ryans")
CHECKED = ("trecento", "oneills", "airds")
MOST_PIECES = 500
"""Of a book of tunes, taken evenly; the others are as like each other as these."""


def load(name: str, wheel: Path, cache: Path) -> Split:
    """A corpus' pieces to fit a profile on, and those held out: other works and other tunes.

    What is read from the wheel is kept in `cache`.

    Raises:
        OSError: the wheel cannot be read, or the cache not be written.
    """
    if name == "chorales":
        chorales = load_chorales()
        return Split(list(chorales.train), [*chorales.validation, *chorales.test])
    path = cache / f"{name}.npz"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        pieces = list(_READERS[name](wheel))
        write_pack(path, pieces[:: -(-len(pieces) // MOST_PIECES)])
    return split(list(read_pack(path)[0]))


def with_dynamics(split: Split) -> Split:
    """The same pieces with velocities: a swell every four bars, accents, some unevenness; for a test only."""
    rng = np.random.default_rng(1)

    def loud(notes: Notes) -> Notes:
        phrase = 2 * np.pi * (notes.onset / (4 * notes.bar) + rng.random())
        accent = 6 * (notes.onset % notes.bar == 0)
        velocity = 70 + rng.uniform(8, 24) * np.sin(phrase) + accent + rng.normal(0, 3, len(notes))
        return changed(notes, velocity=np.rint(velocity).astype(int))

    return Split([loud(piece) for piece in split.train], [loud(piece) for piece in split.held_out])


_READERS: Mapping[str, Callable[[Path], Iterator[Notes]]] = {
    "movements": read_movements,
    "ryans": read_tunes,
    "trecento": lambda wheel: read_scores(wheel, ("trecento",)),
    "oneills": lambda wheel: read_tunes(wheel, "oneills1850"),
    "airds": lambda wheel: read_tunes(wheel, "airdsAirs"),
}
