from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from symusic import Score

import aurl.train.samples
from aurl.errors import ConfigError, EventLogError
from aurl.music.notes import Notes
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.train.samples import SampleWriter

CHORD = Notes.build([0, 0, 0, 48], [48, 48, 48, 24], [60, 64, 67, 72])


@dataclass(frozen=True)
class Piece:
    """What the tokenizer decodes to."""

    notes: Notes = CHORD
    invalid: int = 3
    total: int = 12


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    directory = RunDirectory(tmp_path / "run")
    directory.create()
    return directory


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "aurl-samples"]


def written(run: RunDirectory, records: list[Record], **settings: object) -> SampleWriter:
    """A writer that has finished one sample."""
    writer = SampleWriter(run, records.append, **settings)  # type: ignore[arg-type]
    writer.submit(400, 0, Piece(), seed=7, mode="prior", epoch=2)
    writer.close()
    return writer


def test_a_sample_is_three_files_and_one_record_after_them(run: RunDirectory) -> None:
    records: list[Record] = []
    there: list[list[str]] = []

    def write(record: Record) -> None:
        there.append(sorted(file.name for file in run.samples.iterdir()))
        records.append(record)

    writer = SampleWriter(run, write)
    writer.submit(400, 0, Piece(), seed=7, mode="prior", epoch=2)
    writer.close()
    assert there == [["000400_0.mid", "000400_0.png", "000400_0.wav"]]
    (record,) = records
    assert (record.kind, record.step) == (Kind.SAMPLE, 400)
    assert record.time > 1.7e9
    assert dict(record.scalars) == {
        "sample/notes": 4.0,
        "sample/bars": 2.0,
        "sample/valid_tokens": 0.75,
        "sample/seconds": 3.0,
    }
    assert dict(record.fields) == {
        "path": "samples/000400_0.mid",
        "image": "samples/000400_0.png",
        "audio": "samples/000400_0.wav",
        "digest": "e92888d4c64a45a7",
        "slot": 0,
        "seed": 7,
        "mode": "prior",
        "invalid_tokens": 3,
        "tokens": 12,
        "epoch": 2,
    }
    assert Score(run.path / "samples/000400_0.mid").note_num() == 4
    assert (run.samples / "000400_0.png").read_bytes().startswith(b"\x89PNG")
    assert (run.samples / "000400_0.wav").read_bytes().startswith(b"RIFF")


def test_pictures_and_sound_can_be_turned_off(run: RunDirectory) -> None:
    records: list[Record] = []
    written(run, records, image=False, audio=False)
    assert [file.name for file in run.samples.iterdir()] == ["000400_0.mid"]
    assert (records[0].fields["image"], records[0].fields["audio"]) == (None, None)


def test_a_sample_without_notes_or_tokens(run: RunDirectory) -> None:
    records: list[Record] = []
    writer = SampleWriter(run, records.append)
    writer.submit(1, 0, Piece(Notes.build([], [], []), 0, 0), seed=0, mode="prior")
    writer.close()
    assert dict(records[0].scalars) == {
        "sample/notes": 0.0,
        "sample/bars": 0.0,
        "sample/valid_tokens": 1.0,
        "sample/seconds": 0.0,
    }
    assert "epoch" not in records[0].fields
    assert len(list(run.samples.iterdir())) == 3


def failing(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("function", "field", "advice"),
    [
        ("write_midi", "path", "free space"),
        ("write_piano_roll", "image", "sample.image=false"),
        ("write_audio", "audio", "sample.audio=false"),
    ],
)
def test_a_file_that_fails_is_null_and_noted(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, function: str, field: str, advice: str
) -> None:
    monkeypatch.setattr(aurl.train.samples, function, failing(OSError(28, "No space left on device")))
    records: list[Record] = []
    written(run, records)
    note, sample = records
    assert (note.kind, note.step, note.fields["level"], note.fields["module"]) == (Kind.NOTE, 400, "warning", "samples")
    message = str(note.fields["message"])
    suffix = {"path": "mid", "image": "png", "audio": "wav"}[field]
    assert message.startswith(
        f"samples/000400_0.{suffix} was not written: OSError: [Errno 28] No space left on device."
    )
    assert advice in message
    assert sample.kind is Kind.SAMPLE
    missing = {name for name in ("path", "image", "audio") if sample.fields[name] is None}
    assert missing == {field}
    assert sample.scalars["sample/notes"] == 4.0


def test_a_place_that_cannot_be_written_loses_files_but_no_record(run: RunDirectory) -> None:
    run.samples.rmdir()
    run.samples.write_text("a file where the folder should be")  # holds for root too, unlike permissions
    records: list[Record] = []
    written(run, records)
    assert [record.kind for record in records] == [Kind.NOTE, Kind.NOTE, Kind.NOTE, Kind.SAMPLE]
    assert all("samples/000400_0" in str(record.fields["message"]) for record in records[:3])
    assert [records[3].fields[name] for name in ("path", "image", "audio")] == [None, None, None]


def test_a_removed_folder_is_made_again(run: RunDirectory) -> None:
    run.samples.rmdir()
    records: list[Record] = []
    written(run, records, audio=False)
    assert records[0].fields["path"] == "samples/000400_0.mid"
    assert len(list(run.samples.iterdir())) == 2


def test_drain_waits_for_everything_submitted(run: RunDirectory) -> None:
    records: list[Record] = []
    writer = SampleWriter(run, records.append, audio=False)
    for slot in range(5):
        writer.submit(10, slot, Piece(), seed=slot, mode="prior")
    assert writer.drain()
    assert [record.fields["slot"] for record in records] == [0, 1, 2, 3, 4]
    assert writer.drain(timeout=0.0)
    writer.close()


def test_a_full_queue_holds_submit_back_and_drain_times_out(run: RunDirectory) -> None:
    go, records = threading.Event(), list[Record]()

    def write(record: Record) -> None:
        assert go.wait(10)
        records.append(record)

    writer = SampleWriter(run, write, image=False, audio=False, queue_size=1)
    feeder = threading.Thread(
        target=lambda: [writer.submit(1, slot, Piece(), seed=0, mode="prior") for slot in range(4)], daemon=True
    )
    feeder.start()
    feeder.join(0.1)
    assert feeder.is_alive()
    assert not writer.drain(timeout=0.01)
    go.set()
    feeder.join(10)
    writer.close()
    assert [record.fields["slot"] for record in records] == [0, 1, 2, 3]


def test_what_the_record_writer_raises_reaches_the_caller_once(run: RunDirectory) -> None:
    writer = SampleWriter(run, failing(EventLogError("the log is gone")), image=False, audio=False)
    writer.submit(1, 0, Piece(), seed=0, mode="prior")
    with pytest.raises(EventLogError, match="the log is gone"):
        writer.drain()
    writer.submit(2, 0, Piece(), seed=0, mode="prior")
    with pytest.raises(EventLogError):
        writer.close()
    writer.close()


def test_what_the_record_writer_raises_stops_the_next_submits(run: RunDirectory) -> None:
    writer = SampleWriter(run, failing(EventLogError("the log is gone")), image=False, audio=False, queue_size=1)

    def submit_four() -> None:  # the third finds room only when the first has failed
        for slot in range(4):
            writer.submit(1, slot, Piece(), seed=0, mode="prior")

    with pytest.raises(EventLogError, match="the log is gone"):
        submit_four()
    with suppress(EventLogError):  # what still waited fails the same way, unless it was skipped
        writer.close()


def test_after_close_nothing_can_be_submitted(run: RunDirectory) -> None:
    writer = written(run, [], image=False, audio=False)
    with pytest.raises(RuntimeError, match=r"sample 1 of step 500 came after .*close"):
        writer.submit(500, 1, Piece(), seed=0, mode="prior")


def test_observers_see_every_sample_on_the_writers_thread_and_may_fail(run: RunDirectory) -> None:
    seen: list[tuple[int, object, int, str]] = []

    def observe(sample: Record, notes: Notes) -> None:
        seen.append((sample.step, sample.fields["slot"], len(notes), threading.current_thread().name))

    records: list[Record] = []
    broken = failing(ValueError("no score\nfor this"))
    written(run, records, image=False, audio=False, on_sample=[broken, observe])
    assert seen == [(400, 0, 4, "aurl-samples")]
    assert [record.kind for record in records] == [Kind.SAMPLE, Kind.NOTE]
    assert "failed on a sample of step 400: ValueError: no score for this. The run goes on." in str(
        records[1].fields["message"]
    )


def test_a_round_ends_after_its_last_sample_and_unkept_samples_leave_nothing(run: RunDirectory) -> None:
    events: list[object] = []
    writer = SampleWriter(
        run,
        lambda record: events.append(record.kind),
        image=False,
        audio=False,
        on_sample=[lambda sample, notes: events.append(sample.fields["slot"])],
        on_round=[lambda step: events.append(f"round {step}")],
    )
    for slot, keep in ((0, True), (1, False)):
        writer.submit(400, slot, Piece(), seed=slot, mode="prior", keep=keep)
    writer.end_round(400)
    writer.close()
    assert events == [Kind.SAMPLE, 0, 1, "round 400"]
    assert [file.name for file in run.samples.iterdir()] == ["000400_0.mid"]


def test_a_synthesizer_is_opened_once_and_again_after_a_failure(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    outcomes = iter([None, RuntimeError("broken"), None])

    def write_audio(*_: object, **__: object) -> None:
        if error := next(outcomes):
            raise error

    monkeypatch.setattr(aurl.train.samples, "open_synthesizer", lambda: opened.append(1) or object())
    monkeypatch.setattr(aurl.train.samples, "write_audio", write_audio)
    records: list[Record] = []
    writer = SampleWriter(run, records.append, image=False)
    for slot in range(3):
        writer.submit(1, slot, Piece(), seed=0, mode="prior")
    writer.close()
    assert len(opened) == 2
    assert [record.fields["audio"] is None for record in records if record.kind is Kind.SAMPLE] == [False, True, False]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"audio_seconds": 0.0}, "sample.audio_seconds=0.0"), ({"queue_size": 0}, "sample.queue_size=0")],
)
def test_settings_that_cannot_be_used(run: RunDirectory, settings: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SampleWriter(run, failing(AssertionError()), **settings)  # type: ignore[arg-type]
