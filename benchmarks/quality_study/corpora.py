"""Real music to test the scores with: the chorales that aurl ships, and scores of music21's wheel.

The scores were tuned on the first three corpora. `trecento` (Italian songs of the 14th century), `oneills` (dance tunes
of Ireland) and `airds` (songs and dances, 1782) were looked at only to see whether that carries over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from aurl.music.corpus import load_chorales
from aurl.music.notes import Notes
from aurl.music.pack import read_pack, write_pack
from scripts.make_profiles import Split, read_movements, read_scores, read_tunes, split

KNOWN = ("chorales", "movements", "ryans")
UNSEEN = ("trecento", "oneills", "airds")
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


_READERS: Mapping[str, Callable[[Path], Iterator[Notes]]] = {
    "movements": read_movements,
    "ryans": read_tunes,
    "trecento": lambda wheel: read_scores(wheel, ("trecento",)),
    "oneills": lambda wheel: read_tunes(wheel, "oneills1850"),
    "airds": lambda wheel: read_tunes(wheel, "airdsAirs"),
}
