from __future__ import annotations

import wave
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util import tensor_util

from aurl.music.audio import wav_bytes
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from aurl.record import Json, Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.show.pianoroll import write_piano_roll
from aurl.sinks.tensorboard.samples import png_size, sample
from tests.sinks.conftest import NOON

NOTES = Notes.build([0, 12, 48], [12] * 3, [60, 64, 67])


def recorded(run: RunDirectory, slot: int = 2) -> Record:
    """A sample with its files, as `SampleWriter` leaves them."""
    names = {kind: f"samples/000040_{slot}{suffix}" for kind, suffix in FILES.items()}
    write_midi(NOTES, run.path / names["path"])
    write_piano_roll(NOTES, run.path / names["image"])
    (run.path / names["audio"]).write_bytes(wav_bytes(np.zeros(2205, np.float32), 22050))
    fields: dict[str, Json] = {**names, "slot": slot, "seed": 7, "mode": "prior"}
    return Record(Kind.SAMPLE, 40, {"sample/notes": 3.0, "sample/seconds": 2.5}, fields, NOON)


FILES = {"path": ".mid", "image": ".png", "audio": ".wav"}


def values(record: Record, run: RunDirectory, **options: bool) -> dict[str, Summary.Value]:
    events = [Event.FromString(data) for data in sample(record, run, **{"images": True, "audio": True, **options})]
    assert {(event.step, event.wall_time) for event in events} <= {(40, NOON)}
    return {value.tag: value for event in events for value in event.summary.value}


def test_a_sample_is_a_picture_a_sound_and_a_text(run: RunDirectory) -> None:
    record = recorded(run)
    found = values(record, run)
    roll, sound = found["samples/2/piano_roll"].image, found["samples/2/audio"].audio
    pixels = image.imread(BytesIO(roll.encoded_image_string))
    assert pixels.shape[:2] == (roll.height, roll.width)
    assert (sound.sample_rate, sound.num_channels, sound.length_frames) == (22050, 1, 2205)
    with wave.open(BytesIO(sound.encoded_audio_string)) as file:
        assert file.getnframes() == 2205
    text = tensor_util.make_ndarray(found["samples/2/notes"].tensor).item().decode()
    assert text.splitlines()[0] == "prior, seed 7; notes in the sample 3 notes; length of the sample 2.5 s"
    assert "      1 | 1: C4  2: E4" in text.splitlines()


@pytest.mark.parametrize(("off", "gone"), [("images", "samples/2/piano_roll"), ("audio", "samples/2/audio")])
def test_pictures_and_sound_can_be_left_out(run: RunDirectory, off: str, gone: str) -> None:
    record = recorded(run)
    assert values(record, run).keys() - values(record, run, **{off: False}).keys() == {gone}


def test_files_that_are_not_there_are_left_out(run: RunDirectory) -> None:
    record = recorded(run)
    (run.path / str(record.fields["image"])).unlink()
    silent = Record(record.kind, record.step, record.scalars, {**record.fields, "audio": None}, record.time)
    assert list(values(silent, run)) == ["samples/2/notes"]


def test_a_sample_of_no_notes_is_told(run: RunDirectory) -> None:
    record = recorded(run)
    write_midi(Notes.build([], [], []), run.path / str(record.fields["path"]))
    text = tensor_util.make_ndarray(values(record, run)["samples/2/notes"].tensor).item().decode()
    assert "no notes" in text


def test_what_is_no_png_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no PNG"):
        png_size(b"GIF89a and more than enough bytes to read a header")
