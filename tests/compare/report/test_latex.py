from __future__ import annotations

import re
from dataclasses import replace

from aurl.compare.report.latex import latex, plain
from tests.compare.made import grid, made


def test_a_row_for_each_configuration() -> None:
    text = latex(made(grid(effect=1.0, fail=["b_0.001_0"])))
    rows = [line for line in text.splitlines() if "optim.lr=" in line]
    assert len(rows) == 4
    assert all(line.endswith(r" \\") and line.count("&") == 3 for line in rows)
    assert r"\mathbf" in rows[0]
    assert r"\pm" in rows[0]
    assert sum(r"\mathbf" in row for row in rows) < 4
    assert text.count(r"\begin{") == text.count(r"\end{")


def test_signs_are_escaped() -> None:
    assert plain("a_b & 5% #1 {x} \\ ~^$") == (
        r"a\_b \& 5\% \#1 \{x\} \textbackslash{} \textasciitilde{}\textasciicircum{}\$"
    )
    hostile = [replace(run, config={"model": r"\input{x}" if run.config["model"] == "a" else "b_c"}) for run in grid()]
    text = latex(made(hostile))
    assert r"\input" not in text
    assert not re.search(r"(?<!\\)_", text)


def test_nothing_to_compare() -> None:
    assert r"\begin{tabular}" in latex(made([]))
