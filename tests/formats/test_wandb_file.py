"""The bytes of a `.wandb` file: whole, cut, damaged anywhere; the two who read it are told the same."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.errors import DataError
from aurl.formats.protobuf import nested, string
from aurl.formats.wandb_file import HISTORY, entries, last_history
from aurl.lint.readers.wandb_log import WandbLog
from aurl.sinks.wandb.session import reached
from tests.lint.files import rows

HEADER = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
BLOCK = 32 * 1024


def chunk(kind: int, data: bytes, *, damaged: bool = False) -> bytes:
    return struct.pack("<IHB", zlib.crc32(bytes([kind]) + data) ^ damaged, len(data), kind) + data


def logged(*contents: bytes) -> bytes:
    """A whole file of these records, long ones in pieces, as LevelDB's writer makes it."""
    data = bytearray(HEADER)
    for content in contents:
        begun, rest = False, content
        while True:
            left = BLOCK - len(data) % BLOCK
            if left < 7:
                data += bytes(left)
                continue
            part, rest = rest[: left - 7], rest[left - 7 :]
            data += chunk((3 if rest else 4) if begun else (2 if rest else 1), part)
            begun = True
            if not rest:
                break
    return bytes(data)


def history(step: int, time: float, loss: float) -> bytes:
    values = {"_step": str(step), "_timestamp": str(time), "loss": str(loss)}
    return nested(HISTORY, b"".join(nested(1, string(2, name) + wide(value)) for name, value in values.items()))


def wide(value: str) -> bytes:
    return b"\x82\x01" + bytes([len(value)]) + value.encode()  # field 16 takes two bytes


def read(path: Path, first_block: int = 0) -> tuple[list[bytes], list[str]]:
    told: list[str] = []
    found = list(entries(path, lambda _at, why: told.append(why), first_block=first_block))
    return found, told


def test_a_wrong_checksum_ends_its_block_for_everyone(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    path.write_bytes(HEADER + chunk(1, b"one") + chunk(1, b"two", damaged=True) + chunk(1, b"three"))
    assert read(path) == ([b"one"], ["a damaged block of 32 KiB is left out"])


def test_lint_and_the_sink_know_the_same_rows_of_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "wandb" / "run-1" / "run-a.wandb"
    path.parent.mkdir(parents=True)
    whole = [chunk(1, history(step, 100.0 + step, 1.0)) for step in (1, 2, 3)]
    damaged = chunk(1, history(2, 102.0, 1.0), damaged=True)
    path.write_bytes(HEADER + whole[0] + damaged + whole[2])
    found, skipped = rows(WandbLog(path))
    assert [row.step for row in found] == [1]
    assert len(skipped) == 1
    assert reached(tmp_path) == (101.0, 2)  # the sink goes on after row 1, and writes what was lost again


def test_a_record_whose_middle_is_damaged_is_not_put_together_without_it(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    data = bytearray(logged(b"first", b"x" * 80_000, b"last"))
    data[BLOCK + 7] ^= 1  # in the middle chunk, which fills the second block
    path.write_bytes(data)
    assert read(path) == ([b"first", b"last"], ["a damaged block of 32 KiB is left out"])


def test_a_length_beyond_its_block_costs_that_block_only(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    data = bytearray(logged(b"first", b"x" * BLOCK, b"last"))
    data[7 + 4 : 7 + 6] = b"\xff\xff"
    path.write_bytes(data)
    assert read(path) == ([b"last"], ["a damaged block of 32 KiB is left out"])


def test_the_last_rows_are_found_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "run-a.wandb"
    early = [history(step, float(step), 0.5) for step in range(2000)]
    path.write_bytes(logged(*early, b"x" * 500_000))  # nothing but one long record at the end
    assert path.stat().st_size > 15 * BLOCK
    assert last_history(path, pytest.fail)[-1] == {"_step": 1999, "_timestamp": 1999.0, "loss": 0.5}
    found, told = read(path, first_block=1)
    assert told == []
    assert len(found) < 2001


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_damage_costs_records_but_invents_none(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    contents = [bytes([number]) * size for number, size in enumerate((5, 40_000, 3, 70_000, 9, 9))]
    whole = bytearray(logged(*contents))
    for at in data.draw(st.lists(st.integers(7, len(whole) - 1), max_size=3)):
        whole[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(7, len(whole)))
    path = tmp_path_factory.mktemp("wandb") / "run-a.wandb"
    path.write_bytes(whole[:cut])
    found, told = read(path)
    left = iter(contents)
    assert all(any(content == one for one in left) for content in found)  # in order, and each as it was written
    assert told or found == contents or cut < len(whole)


def test_what_is_no_such_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "run-a.wandb").write_bytes(b"step,loss\n")
    with pytest.raises(DataError, match=r"run-a\.wandb: not a file of Weights & Biases"):
        read(tmp_path / "run-a.wandb")
