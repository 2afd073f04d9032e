"""What the terminal shows first, and what of the tables."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from aurl.compare.comparing import Conclusion, conclude
from aurl.compare.model import Comparison
from aurl.compare.report.screen import screen
from aurl.compare.run_data import Readout
from tests.compare.made import grid, made


def shown(comparison: Comparison) -> str:
    console = Console(width=220, file=io.StringIO(), highlight=False, markup=False, emoji=False)
    for part in screen(comparison):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_answer_stands_in_three_lines_before_the_table() -> None:
    lines = [line.strip() for line in shown(made(grid(effect=1.0))).splitlines()]
    assert lines[0].startswith("val/loss/total, lower is better. 20 of 20 runs in 4 groups, read at step 1000")
    assert [line.partition(":")[0] for line in lines[1:4]] == ["Best", "How sure", "Next"]
    assert lines[1].startswith("Best: model=a, optim.lr=")
    assert lines[5].startswith("group")


def test_a_share_of_variance_is_shown_with_its_interval() -> None:
    comparison = made(grid(effect=1.0))
    [row] = [row for row in comparison.impact.rows if row["param"] == "model"]
    low, high = row["ci"]  # type: ignore[misc]
    assert f"{low:.2f} to {high:.2f}" in shown(comparison)


def test_what_was_read_early_says_so_in_the_first_line() -> None:
    runs = grid(effect=1.0)
    asked = Conclusion("val/loss/total", "min", Readout("budget", 1000, 4000), 0.1)
    first = shown(conclude(runs, asked)).splitlines()[1]
    assert "read at step 1000, most runs having 4000 steps" in first
    rested = replace(asked, reading=Readout("budget", 1000, 1000, (runs[0].id,)))
    assert "1 that came to rest earlier at their own end." in shown(conclude(runs, rested)).splitlines()[1]
