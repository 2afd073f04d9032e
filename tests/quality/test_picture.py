"""The picture of scores is well-formed SVG that says what it compares with."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

from aurl.quality.picture import draw_scores

SVG = "{http://www.w3.org/2000/svg}"


def test_rows_dots_and_bars() -> None:
    samples = [{"pitch_range": value / 10, "dynamic_range": math.nan} for value in range(10)]
    band = {"pitch_range": (0.5, 0.8, 1.0), "dynamic_range": (math.nan,) * 3}
    root = ET.fromstring(draw_scores(samples, band, "<mine> & yours, 8 bars"))  # type: ignore[arg-type]
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert "10 samples against <mine> & yours, 8 bars" in texts
    assert "n/a" in texts
    assert "0.45" in texts
    assert len(list(root.iter(f"{SVG}circle"))) == 2 + 10  # two in the legend
    bars = [rect for rect in root.iter(f"{SVG}rect") if rect.get("class") == "real"]
    assert [float(bar.get("width", "")) for bar in bars] == [26.0, 250.0]  # the legend's first


def test_many_samples_are_thinned_out() -> None:
    svg = draw_scores([{"pitch_range": 0.5}] * 10_000, {"pitch_range": (0.1, 0.2, 0.3)}, "mixed")
    assert len(svg) < 60_000
