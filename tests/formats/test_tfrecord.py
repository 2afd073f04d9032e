"""Frames as TensorFlow writes and reads them, and as TensorBoard's own reader takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.formats.tfrecord import begins_with_frame, frame, frames


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("frames") / "events"
    path.write_bytes(b"".join(map(frame, contents)))
    assert list(frames(path, lambda _at, why: pytest.fail(why))) == contents
    assert begins_with_frame(path.read_bytes())


def test_the_frame_of_another_writer(tmp_path: Path) -> None:
    from tensorboard.summary.writer.record_writer import RecordWriter

    with (tmp_path / "theirs").open("wb") as file:
        RecordWriter(file).write(b"abc")
    assert (tmp_path / "theirs").read_bytes() == frame(b"abc")


@pytest.mark.parametrize(
    ("at", "found", "told"),
    [
        (3, [], ["damaged here; what follows cannot be read"]),
        (13, [b"second"], ["an event with a wrong checksum"]),
        (-1, [b"first"], ["an event with a wrong checksum"]),
    ],
)
def test_damage_is_told(tmp_path: Path, at: int, found: list[bytes], told: list[str]) -> None:
    data = bytearray(frame(b"first") + frame(b"second"))
    data[at] ^= 1
    (tmp_path / "events").write_bytes(data)
    heard: list[str] = []
    assert list(frames(tmp_path / "events", lambda _at, why: heard.append(why))) == found
    assert heard == told
