"""Pictures in whole small runs."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

from aurl.errors import AurlError
from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.rundir import RunDirectory
from aurl.sinks.tensorboard.sink import TensorBoardSink
from aurl.train.pictures.landscape import Landscape
from tests.conftest import Trainer

ALL = ("pictures=[all]", "pictures.landscape.points=3", "pictures.landscape.every=1", "pictures.attention.every=2")


def of_kind(run: Path, *kinds: Kind) -> list[Record]:
    return [record for record in read_records(run) if record.kind in kinds]


def curve(run: Path) -> list[tuple[int, dict[str, float]]]:
    """Everything that training and evaluation measured, times apart."""
    return [
        (record.step, {name: value for name, value in record.scalars.items() if not name.startswith(("time", "thr"))})
        for record in of_kind(run, Kind.STEP, Kind.EVAL)
    ]


def drawn(run: Path) -> list[tuple[int, str]]:
    notes = of_kind(run, Kind.NOTE)
    return [(note.step, note.fields["artifact"]["type"]) for note in notes if "artifact" in note.fields]  # type: ignore[call-overload, index]


def test_a_run_with_all_pictures_trains_as_one_without(train: Trainer) -> None:
    plain = train("plain", "trainer.epochs=2")
    shown = train("shown", "trainer.epochs=2", *ALL)
    assert shown.status == "done"
    assert curve(shown.folder) == curve(plain.folder)
    found = drawn(shown.folder)
    assert set(found) == {
        (0, "graph"), *((step, "histograms") for step in (5, 10)), *((step, "landscape") for step in (5, 10)),
        (10, "attention"), (10, "embedding"),
    }  # fmt: skip
    assert len(found) == len(set(found))


def test_the_event_log_writes_tensorboard_again_as_it_was(train: Trainer, tmp_path: Path) -> None:
    run = train("run", "trainer.epochs=1", "logging=[tensorboard]", "sample.image=true", *ALL).folder
    copy = RunDirectory(tmp_path / "copy")
    shutil.copytree(run, copy.path, ignore=shutil.ignore_patterns("tensorboard", "checkpoints"))
    sink = TensorBoardSink()
    sink.open(copy)
    for record in read_records(copy.path):
        sink.write(record)
    sink.close()
    [first], [again] = (list((each / "events" / "tensorboard").glob("events.*")) for each in (run, copy.path))
    live, replayed = (list(RawEventFileLoader(str(path)).Load())[1:] for path in (first, again))
    assert len(live) > 20
    assert live == replayed


def test_updates_are_those_of_the_step_before_each_evaluation(train: Trainer) -> None:
    run = train("run", "trainer.epochs=2", "pictures=[histograms]").folder
    for path in sorted((run / "artifacts").glob("*.npz")):
        arrays = np.load(path, allow_pickle=False)
        updates = [row for row, name in enumerate(arrays["names"]) if name.startswith("updates/encoder")]
        assert updates
        assert all(arrays["stats"][row, 4] > 0 for row in updates)


def test_a_resumed_run_draws_at_the_same_evaluations_and_no_graph_again(train: Trainer) -> None:
    every = ("trainer.epochs=2", "pictures=[graph,histograms]", "pictures.histograms.every=2", "checkpoint.every=5")
    train("run", *every)
    folder = train.folder / "run"
    train("run", *every, f"resume='{folder}/checkpoints/step_00000005'")
    assert drawn(folder) == [(0, "graph"), (10, "histograms"), (10, "histograms")]


def test_a_picture_that_fails_is_a_warning_and_training_goes_on(
    train: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, engine: object, data: object) -> Iterable[object]:
        raise AurlError("the paper is out")

    plain = train("plain", "trainer.epochs=2")
    monkeypatch.setattr(Landscape, "draw", fail)
    broken = train("broken", "trainer.epochs=2", "pictures=[landscape,histograms]", "pictures.landscape.every=1")
    assert (broken.status, curve(broken.folder)) == ("done", curve(plain.folder))
    messages = [str(note.fields["message"]) for note in of_kind(broken.folder, Kind.NOTE)]
    assert [text for text in messages if "the paper is out" in text] == [
        "picture landscape failed: AurlError: the paper is out. It is switched off, the run goes on"
    ]
    assert drawn(broken.folder) == [(5, "histograms"), (10, "histograms")]


def test_a_model_without_latents_gets_a_warning_not_an_error(train: Trainer) -> None:
    run = train("run", "trainer.epochs=1", "model=transformer", "pictures=[embedding]")
    assert run.status == "done"
    notes = [str(note.fields["message"]) for note in of_kind(run.folder, Kind.NOTE)]
    assert any("Transformer has no latent space" in note for note in notes)


def test_numbers_out_of_range_end_a_run_before_it_trains(train: Trainer) -> None:
    run = train("run", "trainer.epochs=1", "pictures=[landscape]", "pictures.landscape.points=4")
    assert (run.status, run.exit_code) == ("failed", 2)
    assert run.message.startswith("pictures.landscape.points=4: needs an odd number")
