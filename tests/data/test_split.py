"""Splits by content: stable, complete, never empty where they could be filled."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.data.split import split_pieces
from aurl.music.notes import Notes


def piece(number: int, name: str = "") -> Notes:
    return Notes.build([0, 12 + number], 12, [60, 64], name=name or f"{number}")


def names(pieces: tuple[Notes, ...]) -> set[str]:
    return {piece.name for piece in pieces}


def test_fractions_are_met_over_many_pieces() -> None:
    splits = split_pieces([piece(n) for n in range(1000)], 0.1, 0.2)
    assert len(splits.validation) == pytest.approx(100, abs=30)
    assert len(splits.test) == pytest.approx(200, abs=40)
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 1000
    assert splits.warnings == ()


def test_a_piece_keeps_its_split_when_files_come_go_or_move() -> None:
    few = split_pieces([piece(n) for n in range(100)], 0.1, 0.1)
    many = split_pieces([piece(n) for n in reversed(range(300))], 0.1, 0.1)
    assert names(few.validation) <= names(many.validation)
    assert names(few.test) <= names(many.test)
    assert names(few.train) <= names(many.train)


@settings(max_examples=80, deadline=None)
@given(st.sets(st.integers(0, 10_000), min_size=3, max_size=12), st.sampled_from([0.01, 0.1, 0.45, 0.9]))
def test_with_three_pieces_no_split_is_empty(numbers: set[int], validation: float) -> None:
    pieces = [piece(n) for n in sorted(numbers)]
    splits = split_pieces(pieces, validation, 0.05)
    assert splits.train
    assert splits.validation
    assert splits.test
    assert sorted(names(splits.train) | names(splits.validation) | names(splits.test)) == sorted(names(tuple(pieces)))
    assert len(splits.train) + len(splits.validation) + len(splits.test) == len(pieces)


def test_a_fraction_of_zero_stays_empty() -> None:
    splits = split_pieces([piece(n) for n in range(5)], 0.2, 0.0)
    assert splits.test == ()
    assert len(splits.train) + len(splits.validation) == 5


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_pieces_are_trained_and_validated_on(count: int) -> None:
    pieces = tuple(piece(n) for n in range(count))
    splits = split_pieces(pieces, 0.1, 0.1)
    assert splits.train == splits.validation == pieces
    assert splits.test == ()
    assert splits.warnings == (
        f"{count} different piece(s) cannot be split: validation measures the training pieces, test is empty.",
    )
    assert split_pieces(pieces, 0.0, 0.1).validation == ()


def test_copies_share_a_split() -> None:
    pieces = [piece(n, f"{n} {copy}") for n in range(40) for copy in "ab"]
    splits = split_pieces(pieces, 0.3, 0.3)
    for split in splits[:3]:
        assert {n.split()[0] for n in names(split) if n.endswith("a")} == {
            n.split()[0] for n in names(split) if n.endswith("b")
        }
    assert splits.warnings == ("40 of 80 pieces hold the same notes as another one; copies share a split.",)


def test_many_copies_of_one_piece_count_as_one() -> None:
    splits = split_pieces([replace(piece(1), name=str(copy)) for copy in range(20)], 0.1, 0.1)
    assert len(splits.train) == len(splits.validation) == 20
    assert len(splits.warnings) == 2
