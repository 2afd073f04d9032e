from __future__ import annotations

import pytest

from aurl.scalars import _TABLE, KNOWN, describe


def test_known_names_say_unit_format_and_direction() -> None:
    loss = describe("val/loss/total")
    assert (loss.label, loss.better, loss.group) == ("Validation loss", "lower", "val")
    assert describe("throughput/tokens").show(12345.6) == "12346 tokens/s"
    assert describe("val/accuracy").show(0.5) == "50.00%"


def test_unknown_names_take_their_prefix_or_stand_for_themselves() -> None:
    assert describe("loss/aux_pitch").better == "lower"
    assert describe("loss/aux_pitch").label == "Loss: aux pitch"
    assert describe("quality/melodic_contour").better == "higher"
    plain = describe("my/own_number")
    assert (plain.label, plain.better, plain.unit) == ("Own number", "neither", "")
    assert describe("").label == ""


def test_every_entry_formats_any_number() -> None:
    for scalar in KNOWN.values():
        for value in (0.0, -1.5, 1e12, float("nan"), float("inf")):
            assert scalar.show(value)


def test_no_name_stands_twice() -> None:
    names = [scalar.name for scalar in _TABLE]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("prefix", sorted(name for name in KNOWN if name.endswith("/")))
def test_the_longest_prefix_wins(prefix: str) -> None:
    known, found = KNOWN[prefix], describe(f"{prefix}of_ones_own/x")
    assert (found.unit, found.format, found.better) == (known.unit, known.format, known.better)
    assert found.label == f"{known.label}: x"


def test_a_name_of_the_table_is_no_prefix_of_others() -> None:
    assert describe("lr/group_0").label == "Group 0"
    assert describe("accuracy_of_mine").label == "Accuracy of mine"
