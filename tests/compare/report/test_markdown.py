from __future__ import annotations

from dataclasses import replace

from aurl.compare.report.markdown import markdown, plain
from tests.compare.made import grid, made, searched

_VALUES = {"a": "x\ny", "b": "<b>"}


def test_tables_are_whole_whatever_a_setting_is_called() -> None:
    runs = [
        replace(run, config={**run.config, "a|b": "x\ny" if run.config["model"] == "a" else "<b>"}) for run in grid()
    ]
    text = markdown(made(runs))
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if lines and lines[0].startswith("|"):
            assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert "<b>" not in text
    assert text.count("## ") >= 5


def test_the_pick_is_bold_and_the_sentences_are_numbered() -> None:
    text = markdown(made(grid(effect=1.0)))
    assert "| **model=a, optim.lr=0.001** |" in text
    assert "\n1. model=a" in text


def test_long_tables_are_cut_with_a_word() -> None:
    assert "10 more rows are left out" in markdown(searched())


def test_nothing_to_compare() -> None:
    assert "Nothing." in markdown(made([]))


def test_signs_are_escaped() -> None:
    assert plain("a_b*c|d\n e") == r"a\_b\*c\|d e"
