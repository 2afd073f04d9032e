"""Files that nobody would call a piece of music: each gets numbers, or null with a reason, or a clear error."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import mido
import pytest

from aurl.quality.files import FileScore, FileScorer
from aurl.quality.reference.sources import shipped

QUARTER = 480


def write(path: Path, notes: list[tuple[int, int, int]], *events: mido.MetaMessage, channel: int = 0) -> None:
    """Notes as (onset, duration, pitch) in ticks of 480 to the quarter, after meta messages at the times they carry."""
    timed = [(event.time, 1, event) for event in events]
    for onset, duration, pitch in notes:
        timed.append((onset, 2, mido.Message("note_on", note=pitch, velocity=80, channel=channel)))
        timed.append((onset + duration, 0, mido.Message("note_off", note=pitch, channel=channel)))
    track = mido.MidiTrack()
    now = 0
    for time, _, message in sorted(timed, key=lambda entry: entry[:2]):
        track.append(message.copy(time=time - now))
        now = time
    mido.MidiFile(ticks_per_beat=QUARTER, tracks=[track]).save(path)


def scale(step: int, count: int = 40) -> list[tuple[int, int, int]]:
    return [(step * place, step, 60 + (0, 2, 4, 5, 7, 9, 11)[place % 7]) for place in range(count)]


def metre(over: int, under: int, time: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("time_signature", numerator=over, denominator=under, time=time)


ODD: dict[str, Callable[[Path], None]] = {
    "one note": lambda path: write(path, [(0, QUARTER, 60)]),
    "one chord": lambda path: write(path, [(0, QUARTER, pitch) for pitch in (60, 64, 67)]),
    "all at once": lambda path: write(path, [(0, QUARTER, pitch) for pitch in range(30, 90)]),
    "no tempo and no metre": lambda path: write(path, scale(240)),
    "five eighths": lambda path: write(path, scale(240), metre(5, 8)),
    "changing metres": lambda path: write(path, scale(240), metre(4, 4), metre(7, 16, 1920), metre(3, 4, 3840)),
    "no beat grid": lambda path: write(path, [(int(217.3 * n + n % 5 * 31), 190, 50 + n % 24) for n in range(80)]),
    "a note at beat 10,000": lambda path: write(path, [*scale(240), (10_000 * QUARTER, QUARTER, 60)]),
    "a note of a million ticks": lambda path: write(path, [*scale(240), (0, 1_000_000, 40)]),
    "the shortest notes": lambda path: write(path, [(240 * n, 1, 60 + n % 12) for n in range(40)]),
}
USELESS: dict[str, tuple[Callable[[Path], object], str]] = {
    "drums alone": (lambda path: write(path, scale(240), channel=9), "drums only"),
    "no notes": (lambda path: write(path, [], metre(4, 4)), "no notes"),
    "only notes of no length": (lambda path: write(path, [(0, 0, 60), (480, 0, 62)]), "no note"),
    "nothing": (lambda path: path.touch(), "empty file"),
    "text": (lambda path: path.write_text("not music"), "not a MIDI file"),
    "a picture": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100)), "not a MIDI file"),
    "a folder": (lambda path: path.mkdir(), "not a regular file"),
    "nowhere": (lambda path: None, "No such file"),
    "a note beyond all measure": (lambda path: write(path, [(0, 2**27, 60)]), "ends at tick"),
}


@pytest.fixture(scope="module")
def scorer() -> FileScorer:
    return FileScorer(shipped("chorales"), published=True)


def told(result: FileScore) -> dict[str, float | None]:
    """The document's metrics, all finite or null with a reason."""
    document = result.to_json()
    assert result.error == ""
    for group in ("metrics", "raw"):
        for name, value in document[group].items():
            assert (value is None) == (name in document["reasons"]), name
            assert value is None or math.isfinite(value)
    metrics: dict[str, float | None] = document["metrics"]
    return metrics


@pytest.mark.parametrize("name", ODD)
def test_odd_music_gets_numbers_and_reasons(name: str, tmp_path: Path, scorer: FileScorer) -> None:
    path = tmp_path / "odd.mid"
    ODD[name](path)
    overall = told(scorer(path))["overall_quality"]
    assert overall is not None
    assert 0 <= overall < 0.8  # nothing of this is a chorale


@pytest.mark.parametrize("name", USELESS)
def test_what_is_no_music_gets_a_reason(name: str, tmp_path: Path, scorer: FileScorer) -> None:
    path = tmp_path / "useless.mid"
    make, reason = USELESS[name]
    make(path)
    result = scorer(path)
    assert result.scored is None
    assert reason in result.error
    assert str(path) in result.error


def test_a_file_cut_short_gives_its_notes_or_a_reason(tmp_path: Path, scorer: FileScorer) -> None:
    path = tmp_path / "short.mid"
    write(path, scale(240))
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        result = scorer(path)
        assert (result.scored is None) == bool(result.error)
        if result.scored is not None:
            told(result)
