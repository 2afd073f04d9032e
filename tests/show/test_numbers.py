"""Numbers on axes: told apart, short, and the same in Python and in the browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aurl.dashboard.app
import aurl.show
from aurl.show import svg
from aurl.show.chart import Chart, Line, draw
from aurl.show.numbers import tick_text, tick_texts

AXES = [
    [0.0, 0.2, 0.4], [10_000.0, 10_002.0, 10_004.0], [0.0, 5e-5, 1e-4], [0.001, 0.01, 0.1, 1.0], [123_456.0, 123_460.0],
    [-2.5, 0.0, 2.5], [1e9, 2e9], [1.0, 1.000_002], [1e-12, 2e-12], [1e20, 2e20], [25_000.0, 50_000.0], [0.003], [3.0],
    [1_234_567.0], [0.12345678], [2.5e-7, 5e-7], [-1e5, 0.0, 1e5], [0.1 + 0.2, 0.6], [9999.0, 10_000.0],
]  # fmt: skip


@pytest.mark.parametrize(
    ("ticks", "texts"),
    [
        ([0.0, 0.2, 0.4], ["0", "0.2", "0.4"]),
        ([10_000.0, 10_002.0, 10_004.0], ["10k", "10.002k", "10.004k"]),
        ([0.0, 5e-5, 1e-4], ["0", "5e-5", "0.0001"]),
        ([1.0, 1.000_002], ["1", "1.000002"]),
        ([0.003], ["0.003"]),
        ([1.5e6, 2e9], ["1.5M", "2G"]),
        ([0.1 + 0.2, 0.6], ["0.3", "0.6"]),
    ],
)
def test_what_an_axis_says(ticks: list[float], texts: list[str]) -> None:
    assert tick_texts(ticks) == texts


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=8), st.booleans())
def test_no_two_ticks_of_an_axis_read_alike(values: list[float], log: bool) -> None:
    texts = [words for _, words in svg.scale(map(abs, values) if log else values, 0, 500, log=log).labels()]
    assert texts
    assert len(set(texts)) == len(texts)
    assert max(map(len, texts)) < 20


def test_every_picture_writes_the_same_axis_for_the_same_values() -> None:
    """Ten values near ten thousand: the chart said 10.002k, the comparison's picture 1e+04 on every line."""
    values = np.linspace(10_000.0, 10_010.0, 10)
    chart = draw(Chart("loss", [Line("training", np.arange(10.0), values)]))
    for _, words in svg.scale(values.tolist(), 176, 12).labels():
        assert f">{words}</text>" in chart
    assert tick_text(10_002.0, 2.0) == "10.002k"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_browser_follows_the_same_rule(tmp_path: Path) -> None:
    script = (Path(aurl.dashboard.app.STATIC) / "js" / "format.js").read_text()
    program = tmp_path / "ticks.mjs"
    program.write_text(f"{script}\nconsole.log(JSON.stringify({json.dumps(AXES)}.map(ticks)));")
    told = subprocess.run(["node", str(program)], capture_output=True, text=True, check=True, timeout=30).stdout
    assert json.loads(told) == [tick_texts(axis) for axis in AXES]
