from __future__ import annotations

import contextlib
import math
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.errors import DataError
from aurl.formats.protobuf import fields
from aurl.formats.wandb_file import entries
from aurl.lint.folders import logs_in
from aurl.lint.opening import open_log
from aurl.lint.readers.wandb_log import WandbLog, _numbers
from aurl.record import Kind
from tests.lint.files import DATA, records, rows, series

RUN = DATA / "run-first.wandb"
_HEADER = b":W&B" + struct.pack("<HB", 0xBEE1, 0)


def test_an_offline_run_of_the_real_client() -> None:
    log = WandbLog(RUN)
    found, skipped = rows(log)
    assert skipped == []
    assert [row.step for row in found] == [1, 2, 3, 4, 5, 6]
    assert found[1].values == {"train/loss": 1.5, "parts.recon": 0.5}
    assert math.isnan(found[2].values["val/kl"])
    assert found[0].time is not None
    assert found[0].time > 1.7e9
    assert log.config == {"lr": 1e-3, "model.d": 32}
    assert log.run["name"] == "first"
    assert log.run["tags"] == ["a"]


def test_lint_takes_the_file_and_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "wandb" / "offline-run-20261123_114323-first"
    folder.mkdir(parents=True)
    shutil.copy(RUN, folder)
    assert logs_in(tmp_path) == [folder]
    assert open_log(RUN).format == open_log(folder).format == "W&B run"
    assert open_log(folder).config == {"lr": 1e-3, "model.d": 32}
    assert series(records(folder, Kind.EVAL), "val/loss/total") == [(3, 3.1 / 3), (6, 3.1 / 6)]


def framed(*contents: bytes) -> bytes:
    """A file with these records, each small enough for its block."""
    data = bytearray(_HEADER)
    for content in contents:
        kinds = [1]
        for kind, part in zip(kinds, [content], strict=True):
            data += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
    return bytes(data)


def test_a_record_longer_than_a_block_is_put_together(tmp_path: Path) -> None:
    program = (
        "import sys, wandb\n"
        "run = wandb.init(mode='offline', dir=sys.argv[1], settings=wandb.Settings(console='off',"
        " x_disable_stats=True, x_disable_meta=True))\n"
        "run.log({'long': 'x' * 100_000, 'loss': 1.5}, step=1)\n"
        "run.log({'loss': 0.5}, step=2)\n"
        "run.finish()\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True)
    [path] = tmp_path.rglob("run-*.wandb")
    if path.is_symlink():
        path = path.resolve()
    found, skipped = rows(WandbLog(path))
    assert skipped == []
    assert [(row.step, row.values["loss"]) for row in found] == [(1, 1.5), (2, 0.5)]


@given(st.integers(0, 3000))
def test_a_file_cut_anywhere_gives_what_is_whole(cut: int) -> None:
    data = RUN.read_bytes()[:cut]
    path = RUN.parent / f".cut-{cut}.wandb"
    path.write_bytes(data)
    try:
        found, _ = rows(WandbLog(path))
    finally:
        path.unlink()
    whole, _ = rows(WandbLog(RUN))
    assert [row.values.get("train/loss") for row in found] == [
        row.values.get("train/loss") for row in whole[: len(found)]
    ]


def test_damage_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    data = bytearray(framed(b"first", b"second", b"third"))
    data[len(_HEADER) + 7 + 2] ^= 0xFF
    (tmp_path / "run-a.wandb").write_bytes(data)
    told: list[str] = []
    assert list(entries(tmp_path / "run-a.wandb", lambda _line, why: told.append(why))) == []
    assert told == ["a damaged block of 32 KiB is left out"]
    (tmp_path / "run-b.wandb").write_bytes(framed(b"first", b"second")[:-3])
    assert list(entries(tmp_path / "run-b.wandb", lambda _line, why: told.append(why))) == [b"first"]
    assert told[1] == "the last record is torn"


@given(st.binary(max_size=200))
def test_any_bytes_are_fields_or_a_clear_error(message: bytes) -> None:
    with contextlib.suppress(DataError):
        for number, value in fields(message):
            assert isinstance(number, int)
            assert isinstance(value, (int, float, bytes))


def test_a_file_that_only_begins_like_one_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "run-x.wandb").write_bytes(_HEADER)
    with pytest.raises(DataError, match="W&B run without any number in 0 rows"):
        open_log(tmp_path / "run-x.wandb")


@pytest.mark.parametrize(("text", "value"), [("NaN", math.nan), ("Infinity", math.inf), ("-Infinity", -math.inf)])
def test_numbers_that_json_has_not_are_read_from_their_names(text: str, value: float) -> None:
    [(name, found)] = _numbers("loss", {"total": text}).items()
    assert name == "loss.total"
    assert found == value or (math.isnan(value) and math.isnan(found))
    assert _numbers("loss", "nothing") == {}
