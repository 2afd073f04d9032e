from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretty_midi import PrettyMIDI
from symusic import Score

from aurl.machine.files import replace_file
from aurl.music.lanes import lanes
from aurl.music.midi_writer import RESOLUTION, midi_bytes, time_signature, write_midi
from aurl.music.notes import TICKS_PER_BEAT, Notes

SCALE = RESOLUTION // TICKS_PER_BEAT

NOTE = st.tuples(
    st.integers(0, 400), st.integers(1, 100), st.integers(58, 62) | st.integers(0, 127), st.integers(1, 127)
)


def notes_of(rows: list[tuple[int, int, int, int]], **settings: float) -> Notes:
    columns = np.array(rows, np.int32).reshape(-1, 4).T
    return Notes.build(*columns, **settings)


def read_back(data: bytes) -> Notes:
    score = Score.from_midi(data)
    assert score.ticks_per_quarter == RESOLUTION
    found = [
        (note.start / SCALE, note.duration / SCALE, note.pitch, note.velocity)
        for track in score.tracks
        for note in track.notes
    ]
    assert all(value == int(value) for row in found for value in row)
    signature = score.time_signatures[0]
    bar = signature.numerator * 4 * TICKS_PER_BEAT // signature.denominator
    return notes_of(found, bar=bar, tempo=score.tempos[0].qpm)


@settings(max_examples=60, deadline=None)
@given(st.lists(NOTE, max_size=40), st.integers(1, 60).map(lambda n: 3 * n), st.floats(4.0, 400.0))
def test_a_file_reads_back_as_the_same_notes(rows: list[tuple[int, int, int, int]], bar: int, tempo: float) -> None:
    notes = notes_of(rows, bar=bar, tempo=tempo)
    back = read_back(midi_bytes(notes))
    assert back.same_as(notes)
    assert back.tempo == pytest.approx(tempo, rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.lists(NOTE, min_size=1, max_size=25))
def test_another_reader_finds_the_same_notes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, ...]]
) -> None:
    notes = notes_of(rows)  # 120 quarters a minute: a tick is 1/24 s
    path = tmp_path_factory.mktemp("midi") / "a.mid"
    write_midi(notes, path)
    found = [note for track in PrettyMIDI(str(path)).instruments for note in track.notes]
    columns = [(n.start * 24, (n.end - n.start) * 24, n.pitch, n.velocity) for n in found]
    assert notes_of([tuple(round(value) for value in row) for row in columns]).same_as(notes)


def test_tempo_and_metre_are_exact_in_the_file() -> None:
    for tempo in (60.0, 96.0, 120.0, 133.0, 500.0 / 3):
        written = Score.from_midi(midi_bytes(Notes.build([0], [12], [60], tempo=tempo))).tempos[0]
        assert written.mspq == round(6e7 / tempo)
    assert Score.from_midi(midi_bytes(Notes.build([0], [12], [60], tempo=0.5))).tempos[0].mspq == 2**24 - 1


def test_one_piano_track_unless_a_pitch_overlaps_itself() -> None:
    touching = Notes.build([0, 12, 12, 0], [12, 12, 6, 48], [60, 60, 64, 48])
    score = Score.from_midi(midi_bytes(touching))
    assert [(track.name, track.program, track.is_drum) for track in score.tracks] == [("Piano", 0, False)]
    nested = Notes.build([0, 6, 6], [24, 6, 6], [60, 60, 60])
    assert [track.name for track in Score.from_midi(midi_bytes(nested)).tracks] == ["Piano", "Piano 2", "Piano 3"]


def test_no_notes_give_a_valid_file_with_tempo_and_metre() -> None:
    score = Score.from_midi(midi_bytes(Notes.build([], [], [], bar=36, tempo=90.0)))
    assert score.note_num() == 0
    assert (score.time_signatures[0].numerator, score.time_signatures[0].denominator) == (3, 4)
    assert score.tempos[0].qpm == pytest.approx(90.0, abs=1e-3)


@pytest.mark.parametrize(
    ("bar", "signature"),
    [(48, (4, 4)), (36, (3, 4)), (24, (2, 4)), (18, (3, 8)), (42, (7, 8)), (3, (1, 16)), (10, (3, 16)), (1, (1, 16))],
)
def test_time_signature(bar: int, signature: tuple[int, int]) -> None:
    assert time_signature(bar) == signature


def test_a_very_long_bar_still_fits_its_byte() -> None:
    assert time_signature(256 * 12) == (128, 2)
    assert time_signature(10**6)[0] == 255


@pytest.mark.parametrize("tempo", [0.0, -1.0, float("nan")])
def test_a_tempo_that_is_none(tempo: float) -> None:
    with pytest.raises(ValueError, match=r"tempo=.*positive"):
        midi_bytes(Notes.build([0], [12], [60], tempo=tempo))


@given(st.lists(NOTE, max_size=40))
def test_no_two_notes_of_a_pitch_overlap_in_a_lane(rows: list[tuple[int, int, int, int]]) -> None:
    notes = notes_of(rows)
    lane_of = lanes(notes)
    for lane in set(lane_of.tolist()):
        for pitch in set(notes.pitch[lane_of == lane].tolist()):
            chosen = (lane_of == lane) & (notes.pitch == pitch)
            assert (notes.onset[chosen][1:] >= (notes.onset + notes.duration)[chosen][:-1]).all()


def test_writing_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "samples" / "a.mid"
    write_midi(Notes.build([0], [12], [60]), path)
    write_midi(Notes.build([0], [12], [72]), path)
    assert [note.pitch for note in Score(path).tracks[0].notes] == [72]
    assert [file.name for file in path.parent.iterdir()] == ["a.mid"]


def test_a_failed_write_keeps_the_old_file_and_no_partial_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(b"old")

    def full(self: Path, data: bytes) -> int:
        self.open("wb").write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
