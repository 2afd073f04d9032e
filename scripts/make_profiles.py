"""Make the reference profiles that ship with aurl, from its chorales and the scores in music21's wheel.

    pip download --no-deps music21==10.5.1 -d wheels
    python scripts/make_profiles.py wheels/music21-10.5.1-py3-none-any.whl

`chorales` is fitted on the chorales' training split; `mixed` on equal shares of it, of classical movements and of the
fiddle tunes of Ryan's Mammoth Collection. A profile holds statistics of windows and no notes. Validation and test
pieces serve the band of real scores only; pieces of one work, and tunes that are alike, are in one split.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import re
import sys
import zipfile
from collections.abc import Collection, Iterator
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from aurl.errors import DataError
from aurl.music.corpus import load_chorales
from aurl.music.notes import TICKS_PER_BEAT, Notes
from aurl.quality.reference.profile import LENGTHS, Profile
from aurl.quality.reference.reference import Reference
from aurl.quality.reference.windows import windows
from scripts.make_corpus import choose_splits
from scripts.musicxml import parse_musicxml, unpack_mxl
from scripts.tunes import tune

ROOT = PurePosixPath("music21/corpus")
CLASSICAL = ("haydn", "mozart", "beethoven", "corelli", "schumann_clara", "schumann_robert", "joplin", "monteverdi")
TUNES = "ryansMammoth"
FOLDER = Path("aurl/quality/reference/profiles")
MOST = 240
SHORTEST = 8


class Split(NamedTuple):
    """One corpus: what the profile is fitted on, and what only the band of real scores is made of."""

    train: list[Notes]
    held_out: list[Notes]


def read_movements(wheel: Path) -> Iterator[Notes]:
    """The classical movements."""
    return read_scores(wheel, CLASSICAL)


def read_scores(wheel: Path, folders: Collection[str]) -> Iterator[Notes]:
    """The MusicXML scores of some folders without those that state rights of their own."""
    with zipfile.ZipFile(wheel) as archive:
        for inside in sorted(archive.namelist()):
            path = PurePosixPath(inside)
            if path.suffix in {".mxl", ".xml"} and path.is_relative_to(ROOT) and path.parts[2] in folders:
                data = archive.read(inside)
                xml = unpack_mxl(data) if path.suffix == ".mxl" else data
                with contextlib.suppress(DataError):
                    if b"<rights" not in xml:
                        yield parse_musicxml(xml).notes(tempo=100.0, name=str(path.relative_to(ROOT)))


def read_tunes(wheel: Path, folder: str = TUNES) -> Iterator[Notes]:
    """The ABC tunes of a folder, one or many in a file, repeats expanded, pickups padded."""
    from symusic.core import ScoreTick

    with zipfile.ZipFile(wheel) as archive, _quiet():
        for inside in sorted(archive.namelist()):
            path = PurePosixPath(inside)
            if path.suffix == ".abc" and path.is_relative_to(ROOT / folder):
                texts = re.split(r"^(?=X:)", archive.read(inside).decode("utf-8", "replace"), flags=re.MULTILINE)[1:]
                for number, text in enumerate(texts, 1):
                    score = ScoreTick.from_abc(text)
                    columns = [track.notes.numpy() for track in score.tracks if len(track.notes)]
                    if columns:
                        name = path.name if len(texts) == 1 else f"{path.name}#{number}"
                        yield _on_bars(text, columns[0], score.ticks_per_quarter, name)


def _on_bars(text: str, columns: dict[str, np.ndarray], resolution: int, name: str) -> Notes:
    bar = abc_bar(text)
    shift = (bar - abc_pickup(text)) % bar
    scale = TICKS_PER_BEAT / resolution
    onset = np.rint(columns["time"] * scale) + float(shift * 4 * TICKS_PER_BEAT)
    duration = np.maximum(1, np.rint(columns["duration"] * scale))
    return Notes.build(onset, duration, columns["pitch"], bar=int(bar * 4 * TICKS_PER_BEAT), name=name)


def abc_bar(text: str) -> Fraction:
    """Length of a bar in whole notes, from the field M: of an ABC tune; 4/4 where it names none."""
    found = re.search(r"^M:\s*(C\||C|\d+/\d+)", text, re.MULTILINE)
    metre = found.group(1) if found else "C"
    return Fraction(1) if metre.startswith("C") else Fraction(metre)


def abc_pickup(text: str) -> Fraction:
    """Length of a tune's first bar in whole notes; the ABC standard 2.1, without the rarer forms of notes."""
    found = re.search(r"^L:\s*(\d+/\d+)", text, re.MULTILINE)
    unit = Fraction(found.group(1)) if found else Fraction(1, 16 if abc_bar(text) < Fraction(3, 4) else 8)
    body = re.split(r"^K:.*$", text, maxsplit=1, flags=re.MULTILINE)[-1]
    body = re.sub(r'"[^"]*"|!\w*!|\{[^}]*\}|\[[A-Z]:[^\]]*\]|^[A-Za-z]:.*$|%.*$', "", body, flags=re.MULTILINE)
    total, tuplet, left = Fraction(0), Fraction(1), 0
    for token in re.finditer(r"\(3|\||\[[^\]|]*\](?P<after>\d*/*\d*)|[\^_=]*[A-Ga-gzx][,']*(?P<note>\d*/*\d*)", body):
        if token.group() == "|":
            if total:
                break
        elif token.group() == "(3":
            tuplet, left = Fraction(2, 3), 3
        else:
            length = token.group("note")
            inside = re.search(r"[A-Ga-gzx][,']*(\d*/*\d*)", token.group()) if length is None else None
            length = token.group("after") or (inside.group(1) if inside else "") if length is None else length
            total += unit * _multiple(length) * (tuplet if left > 0 else 1)
            left -= 1
    return total


def _multiple(length: str) -> Fraction:
    """`3/2` is 3/2, `/` 1/2, `//` 1/4, `2` 2, and nothing 1."""
    over, slashes, under = re.fullmatch(r"(\d*)(/*)(\d*)", length).groups()  # type: ignore[union-attr]  # always fits
    below = int(under) if under else 2 ** len(slashes)
    return Fraction(int(over) if over else 1, below)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what symusic's ABC reader prints about the finer points of the notation."""
    sys.stdout.flush()
    kept = {stream: os.dup(stream) for stream in (1, 2)}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in kept:
        os.dup2(nowhere, stream)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)  # C's own buffer, before the streams are put back
        for stream, original in kept.items():
            os.dup2(original, stream)
            os.close(original)
        os.close(nowhere)


def split(pieces: list[Notes]) -> Split:
    """A corpus' pieces of 8 bars or more, those of one work or of like tunes together."""
    kept = [piece for piece in pieces if piece.bars >= SHORTEST and len(piece) >= 2 * SHORTEST]
    works = sorted({_work(piece.name) for piece in kept})
    by_work = [[piece for piece in kept if _work(piece.name) == work] for work in works]
    chosen = choose_splits(works, [tune(pieces) for pieces in by_work])
    train = [piece for pieces, where in zip(by_work, chosen, strict=True) if where == "train" for piece in pieces]
    held_out = [piece for pieces, where in zip(by_work, chosen, strict=True) if where != "train" for piece in pieces]
    return Split(train, held_out)


def _work(name: str) -> str:
    """What the movements of one work share: their folder, or the file's name before the movement."""
    return re.split(r"[/_.-]?(?:movement|mvt)\w*\.", name)[0]


def mixed(corpora: list[Split]) -> Profile:
    """A profile of equal shares of the corpora at every length."""
    share = MOST // len(corpora)
    references: list[Reference] = []
    for length in LENGTHS:
        train = [window for corpus in corpora for window in windows(corpus.train, length, most=share)]
        held_out = [window for corpus in corpora for window in windows(corpus.held_out, length, most=share // 2)]
        references += Profile.fit(train, length, name="mixed", held_out=held_out, most=MOST).references.values()
    return Profile("mixed", references)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="music21's wheel, as pip downloads it")
    parser.add_argument("-o", "--output", type=Path, default=FOLDER, help="folder; default: %(default)s")
    arguments = parser.parse_args()
    chorales = load_chorales()
    bach = Split(list(chorales.train), [*chorales.validation, *chorales.test])
    corpora = [bach, split(list(read_movements(arguments.wheel))), split(list(read_tunes(arguments.wheel)))]
    for name, corpus in zip(("chorales", "movements", "tunes"), corpora, strict=True):
        notes = sum(map(len, corpus.train + corpus.held_out))
        print(f"{name}: {len(corpus.train)} pieces to fit, {len(corpus.held_out)} held out, {notes} notes")
    for profile in (
        Profile.fit(bach.train, name="chorales", held_out=bach.held_out, most=MOST),
        mixed(corpora),
    ):
        path = arguments.output / f"{profile.name}.npz"
        profile.save(path)
        print(f"{path}: {path.stat().st_size} bytes")
        for length, reference in profile.references.items():
            band = ", ".join(f"{value:.2f}" for value in reference.band["overall_quality"])
            print(f"  {length} bars: {len(reference.real)} and {len(reference.held_out)} windows, real music {band}")


if __name__ == "__main__":
    main()
