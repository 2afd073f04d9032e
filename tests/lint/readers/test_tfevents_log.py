from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aurl.formats.tfrecord import _masked_crc, begins_with_frame, frame, frames
from aurl.lint.readers.tfevents_log import EventFile, TfeventsLog
from aurl.sinks.tensorboard import events as tfevents
from tests.lint.files import rows, write


def log_of(*paths: Path) -> TfeventsLog:
    return TfeventsLog(paths[0], [EventFile(path) for path in paths], "")


def event(step: int, value: float, tag: str = "loss", time: float | None = None) -> bytes:
    return frame(tfevents.scalars(float(step) if time is None else time, step, [(tag, value)]))


def tensor_event(step: int, tag: str, tensor: dict[str, Any], plugin: str = "scalars") -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event

    made = Event(wall_time=float(step), step=step)
    value = made.summary.value.add(tag=tag, tensor=tensor)
    value.metadata.plugin_data.plugin_name = plugin
    return frame(made.SerializeToString())


def test_scalars_with_their_steps_and_times(tmp_path: Path) -> None:
    found, skipped = rows(log_of(write(tmp_path / "e", event(1, 0.5, time=100.25) + event(2, 0.25, "lr", 101.5))))
    assert [(row.step, row.time, row.values) for row in found] == [(1, 100.25, {"loss": 0.5}), (2, 101.5, {"lr": 0.25})]
    assert [row.number for row in found] == [1, 2]
    assert skipped == []


@pytest.mark.parametrize(
    "tensor",
    [
        {"dtype": 1, "float_val": [0.5]},
        {"dtype": 2, "double_val": [0.5]},
        {"dtype": 1, "tensor_content": struct.pack("<f", 0.5)},
        {"dtype": 2, "tensor_content": struct.pack("<d", 0.5)},
    ],
)
def test_scalars_as_tensors(tmp_path: Path, tensor: dict[str, Any]) -> None:
    (row,), _ = rows(log_of(write(tmp_path / "e", tensor_event(1, "loss", tensor))))
    assert row.values == {"loss": 0.5}


def test_other_tensors_are_no_scalars(tmp_path: Path) -> None:
    data = (
        tensor_event(1, "weights", {"dtype": 1, "float_val": [0.5]}, plugin="histograms")
        + tensor_event(2, "words", {"dtype": 7, "string_val": [b"0.5"]}, plugin="scalars")
        + tensor_event(3, "cut", {"dtype": 2, "tensor_content": b"\0\0"})
        + frame(tfevents.text(1.0, 1, "note", "0.5"))
    )
    assert rows(log_of(write(tmp_path / "e", data))) == ([], [])


def test_files_of_one_run_are_read_by_time(tmp_path: Path) -> None:
    first = write(tmp_path / "1", b"".join(event(step, 1.0, "a", time=step) for step in (1, 3)))
    second = write(tmp_path / "2", b"".join(event(step, 1.0, "b", time=step) for step in (2, 4)))
    assert [row.step for row in rows(log_of(first, second))[0]] == [1, 2, 3, 4]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, 200))
def test_a_file_cut_anywhere_gives_its_whole_events(tmp_path: Path, cut: int) -> None:
    whole = [event(step, 0.5) for step in range(5)]
    data = b"".join(whole)[:cut]
    found, skipped = rows(log_of(write(tmp_path / "e", data)))
    sizes = [sum(map(len, whole[: at + 1])) for at in range(5)]
    complete = sum(size <= cut for size in sizes)
    assert len(found) == complete
    assert bool(skipped) == (cut not in {0, *sizes} and cut < sizes[-1])


def test_one_damaged_event_is_left_out(tmp_path: Path) -> None:
    whole = [event(step, 0.5) for step in range(3)]
    broken = bytearray(whole[1])
    broken[15] ^= 0xFF
    found, skipped = rows(log_of(write(tmp_path / "e", whole[0] + bytes(broken) + whole[2])))
    assert [row.step for row in found] == [0, 2]
    assert skipped == [(2, "an event with a wrong checksum")]


def test_after_a_damaged_length_nothing_is_guessed(tmp_path: Path) -> None:
    whole = [event(step, 0.5) for step in range(3)]
    found, skipped = rows(log_of(write(tmp_path / "e", whole[0] + b"\x55" * 12 + whole[2])))
    assert [row.step for row in found] == [0]
    assert skipped == [(2, "damaged here; what follows cannot be read")]


def test_a_frame_that_is_no_event(tmp_path: Path) -> None:
    found, skipped = rows(log_of(write(tmp_path / "e", frame(b"\xff\xff\xff") + event(1, 0.5))))
    assert len(found) == 1
    assert skipped == [(1, "not an event")]


def test_a_length_beyond_the_file_is_not_read_into_memory(tmp_path: Path) -> None:
    huge = struct.pack("<QI", 2**60, _masked_crc(struct.pack("<Q", 2**60)))
    skipped: list[tuple[int, str]] = []
    path = write(tmp_path / "e", huge + b"abc")
    assert list(frames(path, lambda at, why: skipped.append((at, why)))) == []
    assert skipped == [(1, "the last event is torn")]


@given(st.binary(max_size=64))
def test_chance_bytes_are_no_frame(data: bytes) -> None:
    assert not begins_with_frame(data)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=5))
def test_framed_bytes_of_any_kind_never_crash(tmp_path: Path, contents: list[bytes]) -> None:
    rows(log_of(write(tmp_path / "e", b"".join(map(frame, contents)))))
