"""The chorales that ship, and what a corpus says of itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aurl.errors import DataError
from aurl.music.corpus import CHORALES, Corpus, digest, load_chorales
from aurl.music.notes import Notes
from scripts.tunes import families, top_line, tune


@pytest.fixture(scope="module")
def chorales() -> Corpus:
    return load_chorales()


def test_the_chorales_are_complete(chorales: Corpus) -> None:
    splits = (chorales.train, chorales.validation, chorales.test)
    pieces = [piece for split in splits for piece in split]
    assert [len(split) for split in splits] == [297, 36, 36]
    assert sum(map(len, pieces)) == 84_717
    assert len({piece.name for piece in pieces}) == len({digest(piece) for piece in pieces}) == 369
    assert CHORALES.stat().st_size < 130_000
    assert CHORALES.with_name("CHORALES.md").exists()


def test_every_chorale_is_well_formed(chorales: Corpus) -> None:
    for piece in chorales.train + chorales.validation + chorales.test:
        assert piece.bar in {36, 48}
        assert piece.bars >= 8
        assert 0 <= piece.onset[0] < piece.bar
        assert 60 <= piece.tempo <= 180
        assert piece.pitch.min() >= 33
        assert piece.pitch.max() <= 91
        on_beat = float(np.mean(piece.onset % 12 == 0))
        assert on_beat > 0.4, piece.name


def test_chords_fall_on_bar_lines(chorales: Corpus) -> None:
    """A hymn's phrases end and begin with chords on the first beat: a bar line off by a beat would lose this."""
    share = dict.fromkeys(range(4), 0.0)
    pieces = [piece for piece in chorales.train if piece.bar == 48]
    for piece in pieces:
        lines = np.arange(48, piece.end, 48)
        for beat in share:
            share[beat] += float(np.mean(np.isin(lines + 12 * beat, piece.onset))) / len(pieces)
    assert share[0] > 0.97
    assert share[0] == max(share.values())


def test_no_tune_is_in_two_splits(chorales: Corpus) -> None:
    pieces = chorales.train + chorales.validation + chorales.test
    split = ["train"] * 297 + ["validation"] * 36 + ["test"] * 36
    groups = families([tune([piece]) for piece in pieces])
    assert len(groups) < 250  # most tunes were set more than once
    spread = [[pieces[index].name for index in group] for group in groups if len({split[i] for i in group}) > 1]
    assert spread == []


def test_a_known_chorale_is_right(chorales: Corpus) -> None:
    """BWV 66.6: a pickup of two quavers, and a soprano that begins C sharp, B, A, B, C sharp, E, C sharp."""
    piece = next(p for p in chorales.train + chorales.validation + chorales.test if p.name == "bwv66.6")
    assert (piece.bar, piece.onset[0]) == (48, 36)
    assert top_line(piece)[:7].tolist() == [73, 71, 69, 71, 73, 76, 73]


def test_a_chorale_file_of_another_version_says_what_to_do(tmp_path: Path) -> None:
    np.savez(tmp_path / "chorales.npz", version=7)
    with pytest.raises(DataError) as error:
        load_chorales(tmp_path / "chorales.npz")
    assert str(error.value) == (
        f"The chorales could not be loaded. {tmp_path}/chorales.npz: packed by version 7 of the format; this aurl reads"
        " version 2. Install aurl again, or run scripts/make_corpus.py."
    )


def test_the_fingerprint_is_of_the_content() -> None:
    a, b = Notes.build([0], 12, 60, name="a"), Notes.build([0], 12, 61, name="b")
    whole = Corpus("x", (a,), (b,))
    assert whole.fingerprint == Corpus("y", (replace(a, name="z"),), (b,), warnings=("w",)).fingerprint
    others = [
        Corpus("x", (b,), (a,)),
        Corpus("x", (a,), (), (b,)),
        Corpus("x", (a,), (b, b)),
        Corpus("x", (replace(a, tempo=60.0),), (b,)),
        Corpus("x", (replace(a, bar=36),), (b,)),
    ]
    assert len({whole.fingerprint, *(other.fingerprint for other in others)}) == 6
    assert Corpus("x", (), (), fingerprint="given").fingerprint == "given"
