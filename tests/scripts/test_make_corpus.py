"""The script that makes the chorales, on a wheel with a few made-up scores."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from aurl.music.pack import read_pack
from scripts.make_corpus import choose_splits, make_corpus, read_wheel, why_not
from scripts.tunes import Tune
from tests.scripts.test_musicxml import METRE, document, note

NAMES = "CDEFGAB"


def chorale(seed: int, *, bars: int = 10, parts: int = 4, metre: tuple[int, int] = (4, 4), long_bar: int = -1) -> str:
    rng = np.random.default_rng(seed)

    def measure(octave: int, bar: int) -> str:
        beats = metre[0] + (bar == long_bar)
        return "".join(note(f"{NAMES[rng.integers(7)]}{octave}", 2) for _ in range(beats))

    lines = [[measure(octave, bar) for bar in range(bars)] for octave in range(parts + 1, 1, -1)]
    return document(*lines, metre=METRE.format(*metre))


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    scores = {f"bwv{seed}": chorale(seed) for seed in range(12)}
    scores |= {
        "bwv20": chorale(20, metre=(3, 4)),
        "bwv21": chorale(21, parts=5),
        "bwv22": chorale(0),
        "bwv30": chorale(30, parts=3),
        "bwv31": chorale(31, metre=(3, 8)),
        "bwv32": chorale(32, bars=7),
        "bwv33": chorale(33, long_bar=4),
    }
    path = tmp_path / "music21.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in scores.items():
            archive.writestr(f"music21/corpus/bach/{name}.xml", text)
        archive.writestr("music21/corpus/handel/hwv1.xml", chorale(99))
        archive.writestr("music21/corpus/bach/bwv1.krn", "**kern")
    return path


def test_scores_are_filtered_split_and_packed(wheel: Path, tmp_path: Path) -> None:
    left_out = make_corpus(wheel, tmp_path / "made.npz")
    pieces, columns = read_pack(tmp_path / "made.npz")
    assert left_out == {
        "not 4 or 5 parts": 1,
        "not in one metre of 4/4 or 3/4": 1,
        "under 8 bars": 1,
        "a bar that is too long or too short": 1,
        "the same notes as another one": 1,
    }
    assert {piece.name for piece in pieces} == {*(f"bwv{i}" for i in range(12)), "bwv20", "bwv21"}
    assert Counter(piece.bar for piece in pieces) == {48: 13, 36: 1}
    assert {piece.tempo for piece in pieces} == {96.0}
    counts = Counter(columns["split"].tolist())
    assert counts["train"] >= 10
    assert counts["validation"] >= 1
    assert counts["test"] >= 1


def test_the_same_wheel_gives_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    make_corpus(wheel, tmp_path / "a.npz")
    make_corpus(wheel, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_reasons_name_the_first_fault(wheel: Path) -> None:
    scores = dict(read_wheel(wheel))
    assert why_not(scores["bwv0"]) == ""
    assert why_not(scores["bwv33"]) == "a bar that is too long or too short"


def test_families_stay_together_and_shares_are_kept() -> None:
    families = [3, 1, 1, 2, 5, 1, 1, 1, 4, 1] * 10
    tunes = [Tune(frozenset({b"%d" % index}), frozenset()) for index, size in enumerate(families) for _ in range(size)]
    splits = choose_splits([f"p{index}" for index in range(len(tunes))], tunes)
    by_family: dict[Tune, set[str]] = {}
    for piece, split in zip(tunes, splits, strict=True):
        by_family.setdefault(piece, set()).add(split)
    assert all(len(found) == 1 for found in by_family.values())
    counts = Counter(splits)
    assert counts["train"] == pytest.approx(160, abs=5)
    assert counts["validation"] == pytest.approx(20, abs=5)
    assert counts["test"] == pytest.approx(20, abs=5)
