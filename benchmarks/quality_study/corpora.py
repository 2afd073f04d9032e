"""Real music to test the scores with: the chorales that aurl ships, music21's wheel, the MIDI files miditok tests with.

Formulas and weights were found on the first three corpora. `trecento` (Italian songs of the 14th century), `oneills`
(dance tunes of Ireland) and `airds` (songs and dances, 1782) were looked at when measures were chosen among others.
Nobody had looked at `folk` (songs and dances of Northumbria, tunes of American fifers) and `pop` (16 songs of several
tracks, four of them from POP909) before metrics, weights and profiles were final. Left out are the performances from
Maestro beside those songs, which have no beat grid, and music21's pieces by Josquin, of which only 8 windows of 16 bars
would be held out.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from aurl.music.corpus import load_chorales
from aurl.music.midi import parse_midi
from aurl.music.notes import Notes
from aurl.music.pack import read_pack, write_pack
from benchmarks.quality_study.corruptions import changed
from scripts.make_profiles import Split, read_movements, read_scores, read_tunes, split

KNOWN = ("chorales", "movements", "ryans")
CHECKED = ("trecento", "oneills", "airds")
UNSEEN = ("folk", "pop")
ALL = (*KNOWN, *CHECKED, *UNSEEN)
MOST_PIECES = 500
"""Of a book of tunes, taken evenly; the others are as like each other as these."""


def load(name: str, archive: Path, cache: Path) -> Split:
    """A corpus' pieces to fit a profile on, and those held out: other works and other tunes.

    What is read is kept in `cache`.

    Args:
        archive: miditok's source distribution for `pop`, music21's wheel for all others but the chorales.

    Raises:
        OSError: the archive cannot be read, or the cache not be written.
    """
    if name == "chorales":
        chorales = load_chorales()
        return Split(list(chorales.train), [*chorales.validation, *chorales.test])
    path = cache / f"{name}.npz"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        pieces = list(_READERS[name](archive))
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


def songs(sdist: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the songs in several tracks among the MIDI files that miditok tests with."""
    with tarfile.open(sdist) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            path = PurePosixPath(member.name)
            content = archive.extractfile(member) if path.suffix == ".mid" else None
            if content is not None and (path.parent.name == "MIDIs_multitrack" or path.name.startswith("POP909")):
                yield path.name, content.read()


def read_songs(sdist: Path) -> Iterator[Notes]:
    """The same as notes; drums are left out, as in all MIDI files."""
    for name, data in songs(sdist):
        yield parse_midi(data, name=name)


_READERS: Mapping[str, Callable[[Path], Iterator[Notes]]] = {
    "movements": read_movements,
    "ryans": read_tunes,
    "trecento": lambda wheel: read_scores(wheel, ("trecento",)),
    "oneills": lambda wheel: read_tunes(wheel, "oneills1850"),
    "airds": lambda wheel: read_tunes(wheel, "airdsAirs"),
    "folk": lambda wheel: read_tunes(wheel, "miscFolk"),
    "pop": read_songs,
}
