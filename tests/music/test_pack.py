"""Packed pieces: exact round trips, and files that are not what they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.errors import DataError
from aurl.music.notes import Notes
from aurl.music.pack import read_pack, write_pack
from aurl.music.score import Metre
from tests.music.strategies import bands, notes

ROWS = st.lists(
    st.tuples(st.integers(0, 100_000), st.integers(1, 3000), st.integers(0, 127), st.integers(1, 127)), max_size=12
)
PIECES = st.lists(
    st.builds(
        lambda rows, bar, tempo, name: Notes.build(
            *np.array(rows, np.int64).reshape(-1, 4).T, bar=bar, tempo=tempo, name=name
        ),
        ROWS,
        st.integers(1, 500),
        st.floats(10, 1000),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    ),
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(PIECES)
def test_pieces_come_back_exactly(tmp_path_factory: pytest.TempPathFactory, pieces: list[Notes]) -> None:
    path = tmp_path_factory.mktemp("pack") / "pieces.npz"
    write_pack(path, pieces, label=[f"l{i}" for i in range(len(pieces))])
    read, columns = read_pack(path)
    assert len(read) == len(pieces)
    assert all(a.same_as(b) for a, b in zip(read, pieces, strict=True))
    assert [(p.tempo, p.name) for p in read] == [(p.tempo, p.name) for p in pieces]
    assert all(p.onset.dtype == p.duration.dtype == p.pitch.dtype == p.velocity.dtype == np.int32 for p in read)
    assert columns["label"].tolist() == [f"l{i}" for i in range(len(pieces))]


def test_equal_pieces_give_equal_bytes(tmp_path: Path) -> None:
    pieces = [Notes.build([0, 12], 12, [60, 64], name="a")]
    write_pack(tmp_path / "a.npz", pieces)
    write_pack(tmp_path / "b.npz", pieces)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_damaged_and_foreign_files_are_data_errors(tmp_path: Path) -> None:
    good = tmp_path / "good.npz"
    write_pack(good, [Notes.build(range(50), 12, 60)])
    whole = good.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    for content in (b"", b"text", whole[: len(whole) // 2], bytes(flipped)):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"bad\.npz: "):
            read_pack(tmp_path / "bad.npz")
    with pytest.raises(DataError, match="cannot be read"):
        read_pack(tmp_path / "missing.npz")


def test_another_version_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "future.npz", version=99)
    with pytest.raises(DataError, match="packed by version 99 of the format; this aurl reads version 2"):
        read_pack(tmp_path / "future.npz")


@pytest.mark.parametrize("column", ["count", "pitch", "bar", "name"])
def test_columns_that_do_not_fit_are_data_errors(tmp_path: Path, column: str) -> None:
    path = tmp_path / "pieces.npz"
    write_pack(path, [Notes.build([0, 12], 12, 60), Notes.build([0], 12, 60)])
    columns = dict(np.load(path))
    columns[column] = columns[column][:-1]
    np.savez(path, **columns)
    with pytest.raises(DataError, match="do not fit together"):
        read_pack(path)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(bands(24), notes()), max_size=4))
def test_tracks_metres_and_tempi_come_back_too(tmp_path_factory: pytest.TempPathFactory, pieces: list[Notes]) -> None:
    path = tmp_path_factory.mktemp("pack") / "pieces.npz"
    write_pack(path, pieces)
    read, _ = read_pack(path)
    assert all(a.same_as(b) and a.tempos == b.tempos for a, b in zip(read, pieces, strict=True))


def test_plain_pieces_are_written_as_before(tmp_path: Path) -> None:
    write_pack(tmp_path / "a.npz", [Notes.build([0], 12, 60)])
    assert int(np.load(tmp_path / "a.npz")["version"]) == 1
    write_pack(tmp_path / "a.npz", [Notes.build([0], 12, 60, metres=(Metre(0, 6, 8),))])
    assert int(np.load(tmp_path / "a.npz")["version"]) == 2
