"""Scores of files as tables for people."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aurl.quality.reference.profile import Scored, usual_bars
from aurl.quality.reference.table import mean

if TYPE_CHECKING:
    from rich.table import Table

    from aurl.quality.files import FileScore
    from aurl.quality.reference.profile import Profile
    from aurl.quality.sets import SetScore

OVERALL = "overall_quality"


def file_table(results: Sequence[FileScore]) -> Table:
    """One line a file: overall quality, the lowest metric, the share copied, and what it was compared with."""
    from rich.table import Table

    table = Table(title="1 is like the reference, 0 is not", title_justify="left")
    table.add_column("file", overflow="fold")
    table.add_column("overall", justify="right")
    table.add_column("lowest metric")
    table.add_column("copied", justify="right")
    table.add_column("compared with")
    names = _short_names([result.path for result in results])
    for name, result in zip(names, results, strict=True):
        if (scored := result.scored) is not None:
            copied = "-" if math.isnan(result.copied) else f"{result.copied:.0%}"
            table.add_row(name, _number(scored.overall), _lowest(scored), copied, scored.profile_name)
    return table


def metric_table(results: Sequence[FileScore], profile: Profile) -> Table:
    """One line a metric: the mean of the files beside what real music of the profile scores."""
    from rich.table import Table

    scored = [result.scored for result in results if result.scored is not None]
    band = profile.at(usual_bars(scored)).band
    what = f"{results[0].path}" if len(results) == 1 else f"Mean of {len(results)} files"
    table = Table(title=f"{what}, against {profile_names(scored)}", title_justify="left")
    table.add_column("metric")
    table.add_column("score", justify="right")
    table.add_column("real music, 5-95 %", justify="right")
    table.add_column("undefined")
    for name in scored[0].metrics:
        values = [one.metrics[name] for one in scored]
        low, _, high = band.get(name, (math.nan,) * 3)
        usual = "-" if math.isnan(low) else f"{low:.2f} - {high:.2f}"
        reasons = Counter(one.reasons[name] for one in scored if name in one.reasons)
        why = "; ".join(f"{count}: {reason}" for reason, count in reasons.most_common(2))
        table.add_row(name.replace("_", " "), _number(mean(values)), usual, why)
    copied = mean([result.copied for result in results])
    table.add_row("copied fraction", "-" if math.isnan(copied) else f"{copied:.1%}", "", _no_index(copied))
    return table


def set_table(path: Path, score: SetScore) -> Table:
    """One line a measure: how far the files of a folder, as a set, are spread like real music of the profile."""
    from rich.table import Table

    low, high = (_number(bound) for bound in score.frechet_real)
    usual = "" if low == "-" else f" (real music of that size: {low} - {high})"
    title = f"{path}: {score.size} files as a set, against {score.profile}"
    table = Table(title=title, title_justify="left", caption=f"Frechet distance {_number(score.frechet)}{usual}")
    table.add_column("measure")
    table.add_column("overlap, 1 is equal", justify="right")
    table.add_column("KL divergence, nats", justify="right")
    for name, found in score.overlaps.items():
        table.add_row(name, _number(found.area), _number(found.divergence))
    table.add_row("mean", _number(score.overlap), _number(score.divergence), style="bold")
    return table


def _short_names(paths: Sequence[Path]) -> list[str]:
    """The paths without the folder that they share."""
    absolute = [path.absolute() for path in paths]
    common = os.path.commonpath([path.parent for path in absolute])
    return [os.path.relpath(path, common) for path in absolute]


def _lowest(scored: Scored) -> str:
    known = {name: v for name, v in scored.metrics.items() if name != OVERALL and not math.isnan(v)}
    if not known:
        return next(iter(scored.reasons.values()), "-")
    name = min(known, key=lambda key: known[key])
    return f"{known[name]:.2f} {name.replace('_', ' ')}"


def profile_names(scored: Sequence[Scored]) -> str:
    """What samples were compared with, the most frequent first."""
    return " or ".join(name for name, _ in Counter(one.profile_name for one in scored).most_common())


def _no_index(copied: float) -> str:
    return "the reference holds no n-grams to compare with" if math.isnan(copied) else ""


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
