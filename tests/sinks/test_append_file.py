from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aurl.sinks.append_file import AppendFile


@contextmanager
def full_disk_after(size: int) -> Iterator[None]:
    """No file of this process can grow beyond `size` bytes: a write that crosses it is cut short, the next fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_it_appends_and_counts(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old\n")
    file = AppendFile(path)
    file.write(b"new\n")
    assert path.read_bytes() == b"old\nnew\n"  # before any close
    assert file.size == 8
    file.close()


def test_what_a_full_disk_cut_short_is_completed_later(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = AppendFile(path)
    with full_disk_after(10):
        with pytest.raises(OSError, match="File too large"):
            file.write(b"first message\n")
        with pytest.raises(OSError, match="File too large"):
            file.write(b"second\n")
        assert path.read_bytes() == b"first mess"
    file.write(b"third\n")
    file.close()
    assert path.read_bytes() == b"first message\nsecond\nthird\n"


def test_closing_tries_once_more_and_lets_go_of_the_file(tmp_path: Path) -> None:
    file = AppendFile(tmp_path / "log")
    with full_disk_after(3):
        with pytest.raises(OSError, match="File too large"):
            file.write(b"message\n")
        with pytest.raises(OSError, match="File too large"):
            file.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.close()


@pytest.mark.parametrize(("found", "then"), [(b"", b"x\n"), (b"whole\n", b"whole\nx\n"), (b"torn", b"torn\nx\n")])
def test_a_torn_last_line_is_ended(tmp_path: Path, found: bytes, then: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(found)
    file = AppendFile(path)
    file.end_torn_line()
    file.write(b"x\n")
    file.close()
    assert path.read_bytes() == then
