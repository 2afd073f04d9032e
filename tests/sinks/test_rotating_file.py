from __future__ import annotations

import gzip
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.sinks import rotating_file
from aurl.sinks.append_file import AppendFile
from aurl.sinks.rotating_file import RotatingFile, pack
from tests.sinks.test_append_file import full_disk_after

PATIENT = settings(max_examples=15, deadline=None)


def everything(log: Path) -> bytes:
    """All that was kept, oldest first, read as a person would: `zcat log.*.gz; cat log`."""
    backups = sorted(log.parent.glob(f"{log.name}.*.gz"), key=lambda file: -int(file.name.split(".")[-2]))
    return b"".join(gzip.decompress(file.read_bytes()) for file in backups) + log.read_bytes()


def lines(first: int, last: int) -> list[bytes]:
    """Lines of 40 bytes, so that 25 fill a file of `write`'s size."""
    return [b"line %05d %s\n" % (number, b"x" * 28) for number in range(first, last)]


def write(log: Path, messages: list[bytes], *, max_bytes: int = 1000, backups: int = 1000) -> None:
    file = RotatingFile(log, max_bytes, backups)
    for message in messages:
        file.write(message)
    file.check()
    file.close()


def names(log: Path) -> set[str]:
    return {file.name for file in log.parent.iterdir()}


@PATIENT
@given(sizes=st.lists(st.integers(1, 300), max_size=60), max_bytes=st.integers(1, 400))
def test_rotation_loses_no_message(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], max_bytes: int) -> None:
    log = tmp_path_factory.mktemp("logs") / "train.log"
    messages = [bytes([65 + place % 26]) * size + b"\n" for place, size in enumerate(sizes)]
    write(log, messages, max_bytes=max_bytes)
    assert everything(log) == b"".join(messages)
    assert log.stat().st_size <= max(max_bytes, max(sizes, default=0) + 1)


def test_only_so_many_backups_are_kept_and_the_youngest_is_1(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    write(log, lines(0, 400), backups=3)
    assert names(log) == {"train.log", "train.log.1.gz", "train.log.2.gz", "train.log.3.gz"}
    assert b"".join(lines(0, 400)).endswith(everything(log))
    assert len(everything(log)) > 3000


def test_a_single_backup_holds_the_part_before_this_one(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    write(log, lines(0, 400), backups=1)
    assert names(log) == {"train.log", "train.log.1.gz"}
    assert b"".join(lines(0, 400)).endswith(everything(log))
    assert len(everything(log)) > 1000


def test_a_resumed_log_is_gone_on_with_and_counted_from_its_size(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    write(log, lines(0, 20))
    assert log.stat().st_size == 800
    write(log, lines(20, 50))
    assert everything(log) == b"".join(lines(0, 50))
    assert log.stat().st_size <= 1000


def interrupt(log: Path, moment: str) -> None:
    """Leave the folder as a kill at this moment of a rotation leaves it."""
    full, packed = log.with_name("train.log.1"), log.with_name("train.log.1.gz")
    if packed.exists():
        packed.replace(log.with_name("train.log.2.gz"))
    if moment == "backups shifted":
        return
    log.rename(full)
    if moment == "half packed":
        packed.with_name("train.log.1.gz.tmp").write_bytes(b"\x1f\x8b half")
    if moment == "plain copy not yet removed":
        kept = full.with_name("kept")
        shutil.copy(full, kept)
        pack(full)
        kept.rename(full)


@pytest.mark.parametrize("moment", ["backups shifted", "renamed", "half packed", "plain copy not yet removed"])
def test_an_interrupted_rotation_is_finished_at_the_next_start(tmp_path: Path, moment: str) -> None:
    log = tmp_path / "train.log"
    write(log, lines(0, 30))
    assert names(log) == {"train.log", "train.log.1.gz"}
    interrupt(log, moment)
    write(log, lines(30, 200))
    assert everything(log) == b"".join(lines(0, 200))
    assert not {"train.log.1", "train.log.1.gz.tmp"} & names(log)


def test_a_backup_that_cannot_be_packed_is_told_once_and_tried_again(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    obstacle = tmp_path / "train.log.1.gz.tmp"
    obstacle.mkdir()
    file = RotatingFile(log, 1000, 1000)
    for message in lines(0, 30):
        file.write(message)
    file._wait()
    with pytest.raises(IsADirectoryError):
        file.check()
    file.check()
    obstacle.rmdir()
    for message in lines(30, 100):
        file.write(message)
    file.check()
    file.close()
    assert everything(log) == b"".join(lines(0, 100))


def test_a_rotation_that_fails_loses_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "train.log"
    file = RotatingFile(log, 1000, 1000)

    def no_handles(path: Path) -> AppendFile:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(rotating_file, "AppendFile", no_handles)
    failures = 0
    for message in lines(0, 40):
        try:
            file.write(message)
        except OSError:
            failures += 1
    assert failures > 0
    monkeypatch.undo()
    for message in lines(40, 80):
        file.write(message)
    file.close()
    assert everything(log) == b"".join(lines(0, 80))


def test_a_disk_that_is_full_at_a_rotation_loses_no_message(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    file = RotatingFile(log, 1000, 1000)
    for message in lines(0, 24):
        file.write(message)
    with full_disk_after(970):
        for message in lines(24, 28):
            with pytest.raises(OSError, match="File too large"):
                file.write(message)
    for message in lines(28, 100):
        file.write(message)
    file.close()
    assert everything(log) == b"".join(lines(0, 100))


WRITER = """
import itertools, sys
from pathlib import Path
from aurl.sinks.rotating_file import RotatingFile
file = RotatingFile(Path(sys.argv[1]), 3000, 100_000)
for number in itertools.count():
    file.write(b"line %d\\n" % number)
    print(number, flush=True)
"""


@pytest.mark.two_process
def test_a_killed_writer_has_lost_no_acknowledged_line(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    for kill_after in (150, 700):
        command = [sys.executable, "-c", WRITER, str(log)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                acknowledged = int(line)
                if acknowledged >= kill_after:
                    process.send_signal(signal.SIGKILL)
                    break
        write(log, [b"resumed\n"], max_bytes=3000, backups=100_000)
        told = re.findall(rb"line (\d+)\n", everything(log).split(b"resumed\n")[-2])
        assert [int(number) for number in told] == list(range(len(told)))
        assert len(told) > acknowledged
