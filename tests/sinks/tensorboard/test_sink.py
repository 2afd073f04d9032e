from __future__ import annotations

import math
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.util import tensor_util

from aurl.errors import ConfigError
from aurl.record import Kind, Record
from aurl.runs.codec import decode, encode
from aurl.runs.rundir import RunDirectory
from aurl.sinks.tensorboard.sink import TensorBoardSink
from tests.sinks import artifacts
from tests.sinks.conftest import NOON, step, whole_run
from tests.sinks.tensorboard.test_samples import recorded


def loss(number: int, value: float, **fields: int) -> Record:
    return Record(Kind.STEP, number, {"loss/total": value}, dict(fields), NOON + number)


def write(run: RunDirectory, records: list[Record]) -> None:
    sink = TensorBoardSink()
    sink.open(run)
    for record in records:
        sink.write(record)
    sink.close()


def read(run: RunDirectory) -> EventAccumulator:
    return EventAccumulator(str(run.events / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0}).Reload()


def points(run: RunDirectory, tag: str = "loss/total") -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in read(run).Scalars(tag)]


def texts(run: RunDirectory, tag: str) -> list[str]:
    return [tensor_util.make_ndarray(event.tensor_proto).item().decode() for event in read(run).Tensors(tag)]


def files(run: RunDirectory) -> list[Path]:
    return sorted((run.events / "tensorboard").iterdir())


def test_tensorboard_reads_the_same_values_steps_and_times(run: RunDirectory) -> None:
    records = [step(number) for number in range(1, 30)]
    write(run, records)
    reader = read(run)
    assert set(reader.Tags()["scalars"]) == set(records[0].scalars)
    for name in records[0].scalars:
        assert [(event.step, event.value, event.wall_time) for event in reader.Scalars(name)] == [
            (record.step, np.float32(record.scalars[name]), record.time) for record in records
        ]


def test_values_that_are_not_finite_are_kept(run: RunDirectory) -> None:
    write(run, [loss(1, math.inf), loss(2, -math.inf), loss(3, math.nan)])
    values = [value for _, value in points(run)]
    assert values[:2] == [math.inf, -math.inf]
    assert math.isnan(values[2])


@pytest.mark.parametrize("told", [True, False])
def test_a_resume_supersedes_what_was_written_after_its_checkpoint(run: RunDirectory, told: bool) -> None:
    write(run, [loss(number, number) for number in range(1, 11)])
    start = Record(Kind.START, 6, fields={"resumed_from": 6} if told else {}, time=NOON)
    write(run, [start, *(loss(number, 100 + number) for number in range(7, 13))])
    assert len(files(run)) == 2
    assert points(run) == [(n, n) for n in range(1, 7)] + [(n, 100 + n) for n in range(7, 13)]


def test_a_resume_that_leaves_no_gap_supersedes_nothing(run: RunDirectory) -> None:
    write(run, [loss(number, number) for number in range(1, 6)])
    write(run, [loss(number, number) for number in range(6, 9)])
    assert points(run) == [(n, n) for n in range(1, 9)]


def test_going_back_within_one_session_supersedes_too(run: RunDirectory) -> None:
    write(run, [*(loss(n, n) for n in range(1, 9)), *(loss(n, 100 + n) for n in range(4, 7))])
    assert points(run) == [(n, n) for n in range(1, 4)] + [(n, 100 + n) for n in range(4, 7)]


def test_two_records_of_one_step_are_both_kept(run: RunDirectory) -> None:
    write(run, [loss(1, 1), loss(2, 2), Record(Kind.STEP, 2, {"lr": 0.5}, {}, NOON)])
    assert points(run) == [(1, 1), (2, 2)]
    assert points(run, "lr") == [(2, 0.5)]


def test_a_torn_tail_is_left_out_and_the_resume_goes_on(run: RunDirectory) -> None:
    write(run, [loss(number, number) for number in range(1, 6)])
    (first,) = files(run)
    first.write_bytes(first.read_bytes()[:-7])
    assert points(run) == [(n, n) for n in range(1, 5)]
    write(run, [loss(number, number) for number in range(5, 8)])
    assert points(run) == [(n, n) for n in range(1, 8)]


def test_files_are_read_in_the_order_they_were_written_whatever_the_clock_says(run: RunDirectory) -> None:
    folder = run.events / "tensorboard"
    folder.mkdir()
    future = folder / f"events.out.tfevents.{int(time.time()) + 3600}.zz.1.0"
    write(run, [loss(1, 1)])
    files(run)[0].rename(future)
    write(run, [loss(2, 2)])
    assert files(run)[0] == future
    assert points(run) == [(1, 1), (2, 2)]


def test_names_that_share_a_step_are_told_apart(run: RunDirectory) -> None:
    write(
        run,
        [
            loss(4, 1.0),
            Record(Kind.EPOCH, 4, {"loss/total": 2.0}, {}, NOON),
            Record(Kind.SAMPLE, 4, {"sample/notes": 10.0}, {"slot": 0}, NOON),
            Record(Kind.SAMPLE, 4, {"sample/notes": 20.0}, {"slot": 1}, NOON),
            Record(Kind.QUALITY, 4, {"quality/overall": 0.5}, {}, NOON),
        ],
    )
    assert {tag: points(run, tag)[0][1] for tag in read(run).Tags()["scalars"]} == {
        "loss/total": 1.0,
        "epoch/loss/total": 2.0,
        "sample/notes/0": 10.0,
        "sample/notes/1": 20.0,
        "quality/overall": 0.5,
    }


def test_alerts_and_notes_are_texts_at_their_step(run: RunDirectory) -> None:
    alert = {"type": "loss_spike", "severity": "critical", "message": "loss is 9", "cause": "lr", "suggestions": ["a"]}
    note = {"message": "disk full", "level": "error", "module": "monitor"}
    write(
        run,
        [
            Record(Kind.ALERT, 7, fields=alert, time=NOON),
            Record(Kind.NOTE, 8, fields=note, time=NOON),
            Record(Kind.NOTE, 8, fields={**note, "message": "disk well"}, time=NOON),
        ],
    )
    assert texts(run, "alerts/loss_spike") == ["**critical**: loss is 9\n\nCause: lr\n\n- a"]
    assert read(run).Tensors("alerts/loss_spike")[0].step == 7
    assert texts(run, "notes/monitor")[-1] == "**error**: disk full\n\n**error**: disk well"
    assert read(run).SummaryMetadata("notes/monitor").plugin_data.plugin_name == "text"


def test_a_tag_is_described_once_with_its_unit_and_direction(run: RunDirectory) -> None:
    records = [Record(Kind.EVAL, n, {"val/loss/recon": 1.0, "val/loss/kl": 2.0}, {}, NOON) for n in (1, 2)]
    write(run, [*records, Record(Kind.EPOCH, 2, {"loss/recon": 1.0}, {}, NOON)])
    told = {tag: read(run).SummaryMetadata(tag) for tag in read(run).Tags()["scalars"]}
    assert {tag: (about.display_name, about.summary_description) for tag, about in told.items()} == {
        "val/loss/recon": (
            "Validation reconstruction loss (nats/token)",
            "Validation reconstruction loss (nats/token); lower is better",
        ),
        "val/loss/kl": ("Validation KL divergence (nats)", "Validation KL divergence (nats)"),
        "epoch/loss/recon": (
            "Reconstruction loss (nats/token)",
            "Reconstruction loss (nats/token), mean over an epoch; lower is better",
        ),
    }
    assert points(run, "val/loss/recon") == [(1, 1.0), (2, 1.0)]


def test_a_whole_run_is_on_every_page_of_tensorboard(run: RunDirectory) -> None:
    write(run, [*whole_run()[:-1], recorded(run), *artifacts.everything(run), whole_run()[-1]])
    reader = read(run)
    tags = reader.Tags()
    assert set(tags["images"]) == {"samples/2/piano_roll", "pictures/landscape", "pictures/attention"}
    assert tags["audio"] == ["samples/2/audio"]
    assert set(tags["histograms"]) == {"weights/a", "updates/a"}
    assert [node.name for node in reader.Graph().node] == [node["name"] for node in artifacts.NODES]
    plugins = {reader.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags["tensors"]}
    assert plugins == {"text", "hparams", "custom_scalars", "mesh"}
    assert (run.events / "tensorboard" / "projector_config.pbtxt").is_file()
    assert reader.Histograms("weights/a")[0].histogram_value.bucket == [2.0, 3.0]
    assert {"best/val/loss/total", "best/val/accuracy", "best/quality/mean/overall"} <= set(tags["scalars"])


def test_the_event_log_writes_the_same_again(run: RunDirectory, tmp_path: Path) -> None:
    records = [*whole_run()[:-1], recorded(run), *artifacts.everything(run), whole_run()[-1]]
    write(run, records)
    copy = RunDirectory(tmp_path / "copy")
    shutil.copytree(run.path, copy.path, ignore=shutil.ignore_patterns("tensorboard"))
    write(copy, [decode(encode(record).rstrip(b"\n")) for record in records])
    first, again = (list(RawEventFileLoader(str(events_of(each))).Load()) for each in (run, copy))
    assert first[1:] == again[1:], "but for the file's own first event"
    for name in ("projector_config.pbtxt", "projector/000040_vectors.tsv", "projector/000040_metadata.tsv"):
        assert (run.events / "tensorboard" / name).read_bytes() == (copy.events / "tensorboard" / name).read_bytes()


def events_of(run: RunDirectory) -> Path:
    return next((run.events / "tensorboard").glob("events.*"))


def test_after_a_failed_opening_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("a file where the folder should be")
    sink = TensorBoardSink()
    with pytest.raises(OSError, match="events"):
        sink.open(RunDirectory(tmp_path))
    for record in whole_run():
        sink.write(record)
    sink.close()


def test_steps_wait_for_the_flush_interval_and_rare_records_do_not(run: RunDirectory) -> None:
    sink = TensorBoardSink(flush_seconds=3600)
    sink.open(run)
    empty = files(run)[0].stat().st_size
    assert empty > 0
    sink.write(loss(1, 1))
    sink.flush()
    assert files(run)[0].stat().st_size == empty
    sink.write(Record(Kind.EVAL, 1, {"val/loss/total": 1.0}, {}, NOON))
    sink.flush()
    assert points(run) == [(1, 1)]
    sink.close()


def test_without_an_interval_each_flush_writes(run: RunDirectory) -> None:
    sink = TensorBoardSink(flush_seconds=0)
    sink.open(run)
    for number in range(1, 4):
        sink.write(loss(number, number))
        sink.flush()
        assert len(points(run)) == number
    sink.close()


def test_a_negative_interval_is_refused() -> None:
    with pytest.raises(ConfigError, match="flush_seconds=-1: needs at least 0"):
        TensorBoardSink(flush_seconds=-1)


def test_a_folder_that_cannot_be_made_raises_and_the_sink_can_be_closed(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("a file where the folder should be")
    sink = TensorBoardSink()
    with pytest.raises(OSError, match="events"):
        sink.open(RunDirectory(tmp_path))
    sink.write(loss(1, 1))
    sink.flush()
    sink.close()


@pytest.mark.two_process
def test_the_sink_loads_neither_tensorboard_nor_protobuf() -> None:
    code = "import sys, aurl.sinks.tensorboard.sink as m; m.TensorBoardSink(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"tensorboard", "google.protobuf", "torch", "numpy"} & set(loaded)
