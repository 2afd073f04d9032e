"""Profiles: fitting, saving, scoring, and every bad input."""

from __future__ import annotations

import json
import math
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aurl.errors import DataError
from aurl.music.corpus import Corpus
from aurl.music.notes import Notes
from aurl.quality.metric import Measure, Metric, Values
from aurl.quality.metrics.pitch_range import PitchRange
from aurl.quality.reference.copying import CopyIndex
from aurl.quality.reference.overall_quality import OverallQuality
from aurl.quality.reference.profile import Profile, Scored, TooFewWindowsError
from aurl.quality.reference.selection import MetricSelection
from aurl.quality.reference.sources import shipped
from aurl.quality.reference.windows import first_bars, nearest_length, windows
from aurl.quality.sheet import Sheet
from tests.quality.conftest import SPOILS, changed
from tests.quality.test_sheet import some_notes

MIXED = shipped("mixed")


def same(a: Scored, b: Scored) -> bool:
    return json.dumps([a.metrics, a.raw, a.reasons]) == json.dumps([b.metrics, b.raw, b.reasons])


def test_real_music_scores_high_and_names_its_profile(profile: Profile, chorales: Corpus) -> None:
    scored = [profile.score(piece.window(0, 8)) for piece in chorales.validation]
    assert {one.profile_name for one in scored} <= {"sixty chorales, 8 bars", "sixty chorales, 4 bars"}
    assert np.mean([one.overall for one in scored]) > 0.85
    assert all(0 <= value <= 1 for one in scored for value in one.metrics.values() if not math.isnan(value))
    assert list(scored[0].metrics) == list(MetricSelection.preset().names)


@pytest.mark.parametrize("name", SPOILS)
def test_spoiled_music_scores_low(name: str, profile: Profile, chorales: Corpus) -> None:
    rng = np.random.default_rng(0)
    pieces = [piece.window(0, 8) for piece in chorales.validation[:16]]
    real = np.array([profile.score(piece).overall for piece in pieces])
    spoiled = np.array([profile.score(SPOILS[name](piece, rng)).overall for piece in pieces])
    assert (real[:, None] > spoiled).mean() > 0.99
    assert spoiled.mean() < real.mean() - 0.25


def test_random_velocities_never_beat_real_ones(chorales: Corpus) -> None:
    rng = np.random.default_rng(0)

    def phrased(piece: Notes) -> Notes:
        return changed(piece, velocity=np.rint(75 + 20 * np.sin(piece.onset / 30)))

    pieces = [phrased(piece) for piece in chorales.train[:40]]
    profile = Profile.fit(pieces, 8, most=40)
    for piece in map(phrased, chorales.validation[:8]):
        window = piece.window(0, 8)
        noisy = profile.score(changed(window, velocity=rng.integers(1, 128, len(window))))
        assert noisy.overall < profile.score(window).overall
        assert noisy.metrics["dynamic_range"] < 0.3


@settings(max_examples=20, deadline=None)
@given(piece=st.integers(0, 35), up=st.integers(-11, 11))
def test_transposition_changes_nothing_at_all(piece: int, up: int, profile: Profile, chorales: Corpus) -> None:
    notes = chorales.validation[piece]
    assert same(profile.score(notes), profile.score(changed(notes, pitch=notes.pitch + up)))


def test_moving_by_bars_changes_nothing(profile: Profile, chorales: Corpus) -> None:
    notes = chorales.validation[3]
    assert same(profile.score(notes), profile.score(replace(notes, onset=notes.onset + np.int32(500 * notes.bar))))


def test_a_saved_profile_scores_the_same(profile: Profile, chorales: Corpus, tmp_path: Path) -> None:
    profile.index = CopyIndex.of(chorales.train[:5])
    profile.save(tmp_path / "a.npz")
    loaded = Profile.load(tmp_path / "a.npz")
    loaded.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    for piece in chorales.validation[:5]:
        assert same(loaded.score(piece), profile.score(piece))
    assert loaded.name == "sixty chorales"
    assert loaded.index is not None
    assert np.array_equal(loaded.index.hashes, profile.index.hashes)
    assert repr(loaded.at(8).band) == repr(profile.at(8).band)
    profile.index = None


def test_fitting_is_deterministic(profile: Profile, chorales: Corpus) -> None:
    again = Profile.fit(chorales.train[:60], (4, 8), held_out=chorales.validation[:12], most=60)
    assert same(again.score(chorales.test[0]), profile.score(chorales.test[0]))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"{}"])
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"p\.npz: cannot be read as a profile .* `aurl profile DIR -o FILE`"):
        Profile.load(path)


def test_another_version_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", about=np.array('{"version": 99}'))
    with pytest.raises(DataError, match="version 99; this aurl reads 2"):
        Profile.load(tmp_path / "p.npz")


def test_too_few_windows(chorales: Corpus) -> None:
    with pytest.raises(TooFewWindowsError, match=r"few: a profile needs 20 windows, and there are 8 of 8 bars"):
        Profile.fit(chorales.train[:5], 8, name="few")


def test_windows_are_full_and_taken_evenly(chorales: Corpus) -> None:
    all_of_them = windows(chorales.train, 4, most=10**6)
    some = windows(chorales.train, 4, most=100)
    assert len(some) == 100
    assert {id(w.name) for w in some} <= {id(w.name) for w in all_of_them}
    assert len({window.name for window in some}) > 80
    assert all(Sheet(window).bars >= 3 and len(window) >= 4 for window in all_of_them)
    assert windows([Notes.build([0], [1], [60])], 4, most=9) == []


def test_the_nearest_length_serves() -> None:
    assert [nearest_length(bars, (16, 4, 8)) for bars in (0, 3, 5, 6, 11, 12, 999)] == [4, 4, 4, 8, 8, 16, 16]
    assert len(first_bars(Notes.build([100, 150, 200], 5, 60), 2)) == 2


def test_overlong_samples_are_cut_to_the_longest_windows(profile: Profile, chorales: Corpus) -> None:
    piece = max(chorales.train, key=lambda notes: notes.bars)
    assert piece.bars > 20
    scored = profile.score(piece)
    assert scored.bars == 8
    assert same(scored, profile.score(first_bars(piece, 8)))


def test_nothing_and_one_note_are_not_music() -> None:
    for notes in (Notes.build([], [], []), Notes.build([5], [5], [60])):
        scored = MIXED.score(notes)
        assert scored.overall == 0
        assert all(math.isnan(value) for name, value in scored.metrics.items() if name != "overall_quality")
        assert scored.reasons["pitch_range"] == "fewer than 2 notes"


def test_one_chord_gets_numbers_and_reasons() -> None:
    scored = MIXED.score(Notes.build([0, 0, 0], 48, [60, 64, 67]))
    assert scored.metrics["pitch_range"] > 0
    assert math.isnan(scored.metrics["rhythm_diversity"])
    assert scored.reasons["rhythm_diversity"] == "fewer than 3 onsets"
    assert scored.reasons["structural_coherence"] == "fewer than 4 bars"
    assert 0 < scored.overall < 0.35  # what it is too small for counts against it


@settings(max_examples=60, deadline=None)
@given(some_notes(most=12))
@example(Notes.build(np.zeros(200), 1_000_000, np.arange(200) % 128))
@example(Notes.build([0, 120_000], [12, 12], [60, 61]))
@example(Notes.build([0, 1, 2, 3], [1, 1, 1, 1], [0, 127, 0, 127], bar=1))
@example(Notes.build(np.arange(40) * 30, 30, np.arange(40) + 40, bar=30))
@example(Notes.build(np.arange(500) * 12_240, 12, np.arange(500) % 128, bar=12_240))
def test_any_notes_get_a_number_or_a_reason(notes: Notes) -> None:
    scored = MIXED.score(notes)
    assert 0 <= scored.overall <= 1
    for name, value in (*scored.metrics.items(), *scored.raw.items()):
        assert math.isfinite(value) != (name in scored.reasons), name


def test_a_million_notes_take_little_memory() -> None:
    rng = np.random.default_rng(0)
    onset, pitch = rng.integers(0, 128 * 48, 10**6), rng.integers(0, 128, 10**6)
    notes = Notes.build(onset, rng.integers(1, 10**6, 10**6), pitch)
    tracemalloc.start()
    scored = MIXED.score(notes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0 <= scored.overall < 0.5
    assert peak < 200e6


class NoteCount(Metric):
    """A metric of a user's own."""

    name = "note_count"
    measures = (Measure("notes", "both", 1.0),)

    def measure(self, sheet: Sheet) -> Values:
        return {"notes": float(len(sheet))}


def test_a_metric_of_ones_own(chorales: Corpus) -> None:
    mine = MetricSelection([PitchRange(), NoteCount(weight=2.0)], OverallQuality())
    profile = Profile.fit(chorales.train[:40], 8, mine, most=40)
    scored = profile.score(chorales.test[0].window(0, 8))
    assert set(scored.metrics) == {"pitch_range", "note_count", "overall_quality"}
    assert scored.metrics["note_count"] > 0.5
    few = profile.score(Notes.build([0, 100, 300], 12, [50, 60, 85]))
    assert few.metrics["note_count"] < scored.metrics["note_count"]


def test_a_metric_that_the_profile_does_not_know(profile: Profile, tmp_path: Path, chorales: Corpus) -> None:
    profile.save(tmp_path / "p.npz")
    both = Profile.load(tmp_path / "p.npz", MetricSelection([PitchRange(), NoteCount()], OverallQuality()))
    scored = both.score(chorales.test[0])
    assert math.isnan(scored.metrics["note_count"])
    assert scored.reasons["note_count"].startswith("does not apply to this reference")
    assert scored.overall > 0


def test_the_band_is_of_held_out_music(profile: Profile) -> None:
    low, middle, high = profile.at(8).band["overall_quality"]
    assert 0.6 < low < middle < high <= 1
    assert math.isnan(profile.at(8).band["dynamic_range"][0])
