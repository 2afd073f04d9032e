"""Corpora that many papers use, as they lie on disk after unpacking: which files count, and how they are split.

None is downloaded: their licences ask to be read. Paths are those that each corpus documents; a folder above or below
the usual root serves as well.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aurl.data.midi_folder import MidiFolder
from aurl.data.split import Splits, split_pieces
from aurl.errors import ConfigError, did_you_mean
from aurl.music.notes import Notes

_SPLIT_FOLDERS = {"train": "train", "training": "train", "valid": "validation", "validation": "validation"} | {
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True, slots=True)
class CorpusLayout:
    """What is known of a corpus.

    Attributes:
        title: what it is.
        home: where to get it.
        licence: its terms, to be read there.
        files: a regular expression that the path of a wanted file ends with, `/` between its parts; case aside.
        song: how many of the path's last parts do not tell songs apart: pieces that share the others share a split.
        table: a CSV file at the root that gives each file's split, with its columns of the path and of the split.
    """

    title: str
    home: str
    licence: str
    files: str
    song: int = 0
    table: tuple[str, str, str] | None = None


_ANY = r"[^/]+\.midi?"
CORPORA = {
    "lakh": CorpusLayout(
        "the Lakh MIDI dataset (lmd_full, lmd_matched or clean_midi)",
        "https://colinraffel.com/projects/lmd/",
        "CC BY 4.0",
        _ANY,
        song=1,
    ),
    "maestro": CorpusLayout(
        "MAESTRO: piano performances with pedal",
        "https://magenta.tensorflow.org/datasets/maestro",
        "CC BY-NC-SA 4.0",
        rf"\d{{4}}/{_ANY}",
        table=("maestro-*.csv", "midi_filename", "split"),
    ),
    "pop909": CorpusLayout(
        "POP909: piano arrangements of 909 pop songs, without their alternative versions",
        "https://github.com/music-x-lab/POP909-Dataset",
        "MIT",
        r"(\d{3})/\1\.mid",
    ),
    "nottingham": CorpusLayout(
        "the Nottingham folk tunes, with chords",
        "https://github.com/jukedeck/nottingham-dataset",
        "see there",
        rf"(midi|train|valid|test)/{_ANY}",
    ),
    "jsb": CorpusLayout(
        "the JSB chorales of Boulanger-Lewandowski et al. 2012 in their splits",
        "http://www-ens.iro.umontreal.ca/~boulanni/icml2012",
        "see there",
        rf"(train|valid|test)/{_ANY}",
    ),
    "asap": CorpusLayout(
        "ASAP: the scores of classical piano music",
        "https://github.com/fosfrancesco/asap-dataset",
        "CC BY-NC-SA 4.0",
        r"midi_score\.mid",
        song=1,
    ),
    "vgmidi": CorpusLayout(
        "VGMIDI: piano arrangements of music from video games",
        "https://github.com/lucasnfe/vgmidi",
        "see there",
        rf"(labelled|unlabelled|midi|train|test)(/[^/]+)*/{_ANY}",
    ),
    "gigamidi": CorpusLayout(
        "GigaMIDI in its splits",
        "https://huggingface.co/datasets/Metacreation/GigaMIDI",
        "CC BY-NC 4.0",
        _ANY,
    ),
}


class KnownCorpus(MidiFolder):
    """A local copy of a published corpus.

    Its own splits are used where it has some: a table, or folders that are called train, valid or test. Otherwise
    pieces are split by a hash, those of one song together.

    Args:
        corpus: lakh, maestro, pop909, nottingham, jsb, asap, vgmidi or gigamidi.
        root: the folder in which it was unpacked.
        options: as for `MidiFolder`.

    Raises:
        ConfigError: no such corpus, or a value outside its range.
    """

    def __init__(self, corpus: str, root: str | Path, **options: Any) -> None:
        if corpus not in CORPORA:
            raise ConfigError(
                f"data.source.corpus={corpus}: needs one of {', '.join(CORPORA)}.{did_you_mean(corpus, CORPORA)}"
            )
        super().__init__(root, **options)
        self.layout = CORPORA[corpus]
        self._wanted = f"no file of {self.layout.title}; get it from {self.layout.home} ({self.layout.licence})"

    def _chosen(self, root: Path, paths: list[Path]) -> list[Path]:
        whole = root.resolve()  # so that a folder within the corpus serves as root
        wanted = re.compile(f"(?:.*/)?{self.layout.files}", re.IGNORECASE)
        return [path for path in paths if wanted.fullmatch((whole / path.relative_to(root)).as_posix())]

    def _split(self, root: Path, pieces: Sequence[Notes]) -> Splits:
        table = self._table(root)
        split = {piece.name: table.get(_file(piece)) or _of_folder(piece.name) for piece in pieces}
        if not any(split.values()):
            return split_pieces(pieces, self.validation, self.test, self._song)
        return self._own_splits(pieces, split)

    def _own_splits(self, pieces: Sequence[Notes], split: dict[str, str | None]) -> Splits:
        """The corpus' own splits; one without validation gives some of its training pieces for it."""
        parts = {
            name: [piece for piece in pieces if split[piece.name] == name] for name in ("train", "validation", "test")
        }
        others = len(pieces) - sum(map(len, parts.values()))
        warnings = [f"{others} pieces are in none of the corpus' own splits and are left out."] if others else []
        if parts["validation"] or not self.validation:
            return Splits(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]), tuple(warnings))
        lent = split_pieces(parts["train"], self.validation, 0.0, self._song)
        warnings.append("The corpus has no validation split of its own: some of its training pieces serve.")
        return Splits(lent.train, lent.validation, tuple(parts["test"]), (*warnings, *lent.warnings))

    def _table(self, root: Path) -> dict[str, str]:
        """Split by file name, as the corpus' table gives it; empty without one."""
        if self.layout.table is None:
            return {}
        name, path_column, split_column = self.layout.table
        found = sorted([*root.glob(name), *root.glob(f"*/{name}")])
        if not found:
            return {}
        with found[0].open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {row[path_column].rsplit("/", 1)[-1]: row[split_column] for row in rows if row.get(path_column)}

    def _song(self, piece: Notes) -> bytes:
        parts = piece.name.split(" #")[0].split("/")
        song = "/".join(parts[: -self.layout.song] if len(parts) > self.layout.song > 0 else parts)
        song = piece.name if re.fullmatch(r"(.*/)?[0-9a-f]", song) else song  # lmd_full: a folder is no song
        return hashlib.blake2b(song.encode(), digest_size=16).digest()


def _file(piece: Notes) -> str:
    return piece.name.split(" #")[0].rsplit("/", 1)[-1]


def _of_folder(name: str) -> str | None:
    """The split that a folder of the path is called after, such as `valid` or `test-V1.1-10%`."""
    words = (re.split(r"[^a-z]", part.lower())[0] for part in name.split("/")[:-1])
    return next((_SPLIT_FOLDERS[word] for word in words if word in _SPLIT_FOLDERS), None)
