"""What a lower `anomaly.zscore` costs: false alarms on healthy curves against what is found on the others.

    python -m benchmarks.operating_curve --dir CURVES [MORE ...] [--picture docs/pictures/operating_curve.svg]

The folders are those of `benchmarks.real_logs`. Each point is one setting of all detectors: values of `anomaly.zscore`
and of `anomaly.iqr`, the rest as in the default preset, and the presets themselves.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aurl.show import svg
from benchmarks.real_logs import Log, add_up, read_logs, watch_all

ZSCORES = (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
IQRS = (4.0, 6.0)
PRESETS = ("strict", "calm", "light")
_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 300, 60, 500, 36, 250
_LEAST = 0.05  # false alarms in 10,000 rows that a logarithmic axis shows for none
_STYLE = (
    "text{font:11px sans-serif;fill:#333}.tick,.name{fill:#666}.grid{stroke:#e4e4e4}.curve{fill:none;stroke:#1f6fb4;"
    "stroke-width:1.5}.z{fill:#1f6fb4}.iqr{fill:#c26a00}.preset{fill:#333}"
)


class Point(NamedTuple):
    """One setting: its name and kind, typed recall, false episodes in 10,000 healthy rows, healthy runs alarmed, F1."""

    name: str
    kind: str
    recall: float
    false: float
    alarmed: float
    f1: float


def measure(logs: Sequence[Log], name: str, kind: str, setting: Any) -> Point:
    """The figures of a setting on these logs."""
    figures = add_up(logs, watch_all(logs, setting)[0]).figures()
    false, alarmed = figures["episodes_per_10k_rows"], figures["healthy_alarmed"]
    return Point(name, kind, figures["typed_recall"], false, alarmed, figures["f1"])


def draw(points: Sequence[Point]) -> str:
    """The curve through the z-scores, and the other settings beside it; an SVG file."""
    x = svg.Scale(_LEAST, 60.0, _LEFT, _RIGHT, log=True)
    y = svg.Scale(0.0, 1.0, _BOTTOM, _TOP)
    places = {point: (x(max(point.false, _LEAST)), y(point.recall)) for point in points}
    parts = [
        svg.below(x, _TOP, _BOTTOM, "false alarms in 10,000 healthy rows (none: at the left edge)"),
        svg.beside(y, _LEFT, _RIGHT, "share of the labelled anomalies that is told, by a right name"),
        svg.path([places[point] for point in points if point.kind == "z"], "curve"),
    ]
    for at, (point, (left, top)) in enumerate(places.items()):
        parts.append(svg.dot(left, top, point.kind, tip=f"{point.name}: {point.recall:.2f}, {point.false:.2f}"))
        below = point.kind != "z"
        parts.append(svg.text(left + 6, top + (14 + 11 * (at % 3) if below else -6), point.name, kind=point.kind))
    return svg.file(_HEIGHT, parts, title="Sensitivity: what is found, and what it costs", style=_STYLE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, nargs="+", required=True, help="folders of labelled curves")
    parser.add_argument("--picture", type=Path, help="an SVG file to write")
    arguments = parser.parse_args()
    logs = [log for folder in arguments.dir for log in read_logs(folder)]
    points = [measure(logs, f"zscore={z:g}", "z", {"zscore": z}) for z in ZSCORES]
    points += [measure(logs, f"iqr={iqr:g}", "iqr", {"iqr": iqr}) for iqr in IQRS]
    points += [measure(logs, name, "preset", name) for name in PRESETS]
    print("| setting | typed recall | F1 | false alarms in 10,000 healthy rows | healthy runs alarmed |")
    print("|---|---|---|---|---|")
    for point in points:
        print(
            f"| {point.name} | {point.recall:.2f} | {point.f1:.2f} | {point.false:.2f} | {100 * point.alarmed:.0f} % |"
        )
    if arguments.picture:
        arguments.picture.write_text(draw(points), encoding="utf-8")


if __name__ == "__main__":
    main()
