"""Sentences about several objectives: the Pareto front, its knee, and copying from the training set."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aurl.compare.insights.insight import Insight, Picture, counted_runs, label, listed, named, percent
from aurl.compare.model import Comparison
from aurl.compare.statistics.best import best_group
from aurl.compare.statistics.estimates import mean_interval
from aurl.compare.statistics.pareto import Front, front

COPIED = "quality/mean/copied_fraction"
_MUCH_COPIED = 0.1


def tradeoffs(comparison: Comparison) -> Iterator[Insight]:
    """The front where it leaves anything to weigh, and a warning where the pick copies."""
    found = front(comparison)
    drawn = len(found.points) > 1 and comparison.metric in found.objectives
    if drawn:
        yield _front(comparison, found)
    yield from _copies(comparison, "pareto" if drawn else "groups")


def _front(comparison: Comparison, found: Front) -> Insight:
    names = listed([label(name) for name in found.objectives])
    kept, all_ = [point.group for point in found.best], len(found.points)
    text = f"Weighing {names}, {len(kept)} of {all_} configurations are on the Pareto front"
    text += (
        f" ({listed([named(comparison.group(group)) for group in kept])})"
        if len(kept) < all_
        else ": none is beaten in all of them beyond the noise"
    )
    text += f"; its knee is {named(comparison.group(found.knee))}" if found.knee is not None else ""
    caveats = ["with many objectives nearly everything is on the front"] if len(found.objectives) > 3 else []
    return Insight(
        text=f"{text}.",
        kind="front",
        weight=60,
        claim=False,
        metric=comparison.metric,
        configs=kept,
        n=[len(point.runs) for point in found.best],
        method="non-dominated means, beyond Welch's 95 % interval; knee: nearest to the ideal point",
        runs=[run for point in found.best for run in point.runs],
        picture="pareto",
        caveats=caveats if found.repeated else [*caveats, "no configuration was repeated, so the noise is not known"],
        more={"objectives": dict(found.objectives), "knee": found.knee},
    )


def _copies(comparison: Comparison, picture: Picture) -> Iterator[Insight]:
    chosen = best_group(comparison)
    shares = (
        [run.finals[COPIED] for run in chosen.runs if run.id in chosen.values and COPIED in run.finals]
        if chosen
        else []
    )
    if chosen is None or not shares or (share := float(np.mean(shares))) < _MUCH_COPIED:
        return
    ci = mean_interval(shares)
    text = f"{named(chosen)} copies: {percent(share)} of what it generates is found in the training set"
    text += f" (95 % CI {percent(max(0.0, ci[0]))} to {percent(ci[1])})" if ci is not None else ""
    yield Insight(
        text=f"{text}, so a good {label(comparison.metric)} may be memory rather than skill.",
        kind="copying",
        weight=78,
        claim=False,
        metric=COPIED,
        configs=[chosen.id],
        n=[len(shares)],
        diff=share,
        ci=ci,
        method="mean share of onsets in runs of 9 that the training set holds, in any key; Student's t",
        runs=counted_runs(comparison, chosen.id),
        picture=picture,
        caveats=["short or very regular pieces share runs of notes by chance"],
    )
