"""The pictures of groups: their values, their curves, and the differences between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aurl.compare.insights.insight import label, named, number
from aurl.compare.model import Band, Claim, Comparison, Group
from aurl.show import svg
from aurl.show.arrays import Floats
from aurl.show.robust import robust_range

MOST = 24
"""Groups, claims or rows that one picture holds; the caption tells of the others."""
_LEFT, _ROW = 14, 38
_VERDICTS = {"better": "claimed", "worse": "claimed", "no evidence": "open", "too few runs": "open"}


def values(comparison: Comparison) -> str:
    """A row for each group: its runs as dots, its mean with the 95 % interval; empty without values."""
    groups = [group for group in comparison.groups if group.n][:MOST]
    if not groups:
        return ""
    x = svg.scale(_value_ends(groups), _LEFT, svg.WIDTH - 14)
    bottom = 16 + _ROW * len(groups)
    parts = [svg.below(x, 8, bottom, label(comparison.metric))]
    parts += [svg.of_group(at, _value_row(group, x, 8 + _ROW * (at + 0.7))) for at, group in enumerate(groups)]
    return svg.picture(bottom + 40, parts, title=f"Values of {comparison.metric} by configuration")


def curves(comparison: Comparison) -> str:
    """The mean curve of each group with its 95 % band; empty where no run logged the metric over time."""
    bands = [(at, group) for at, group in enumerate(comparison.groups) if group.band is not None][: svg.COLOURS]
    if not bands:
        return ""
    shown = [group.band for _, group in bands if group.band is not None]
    ends = robust_range([np.concatenate(_settled(band)) for band in shown])
    x = svg.scale(np.concatenate([band.steps for band in shown]).tolist(), 56, svg.WIDTH - 12, pad=0.0)
    y = svg.scale(ends or (), 286, 30)
    parts = [svg.below(x, 30, 286, "step"), svg.beside(y, 56, svg.WIDTH - 12, label(comparison.metric))]
    parts += [svg.of_group(at, _band(group, x, y)) for at, group in reversed(bands)]
    return svg.picture(324, parts, title=f"Curves of {comparison.metric}")


def forest(comparison: Comparison) -> str:
    """A row for each tested difference: its estimate and family-adjusted interval beside zero."""
    tested = forest_claims(comparison)
    if not tested:
        return ""
    ends = [end for claim in tested for end in claim.ci or ()]
    x = svg.scale([0.0, -comparison.rope, comparison.rope, *ends], _LEFT, svg.WIDTH - 14)
    bottom = 16 + _ROW * len(tested)
    parts = [svg.box(x(-comparison.rope), 8, x(comparison.rope) - x(-comparison.rope), bottom - 8, kind="rope")]
    parts = parts * (comparison.rope > 0) + [svg.below(x, 8, bottom, f"difference in {label(comparison.metric)}")]
    parts.append(svg.line(x(0.0), 8, x(0.0), bottom, "zero"))
    for at, claim in enumerate(tested):
        parts += _claim_row(comparison, claim, x, 8 + _ROW * (at + 0.7))
    return svg.picture(bottom + 40, parts, title="Differences between configurations with 95 % intervals")


def forest_claims(comparison: Comparison) -> list[Claim]:
    """The claims that the picture shows: those that say something first, then by the size of the difference."""
    tested = [claim for claim in comparison.claims if claim.ci is not None and claim.delta is not None]
    order = sorted(tested, key=lambda claim: (_VERDICTS[claim.verdict] == "open", -abs(claim.delta or 0.0)))
    return order[:MOST]


def legend(comparison: Comparison, groups: Sequence[Group]) -> str:
    """Names of groups in their colours; pointing at one lights it up in every picture."""
    places = {group.id: at for at, group in enumerate(comparison.groups)}
    return svg.legend((places[group.id], named(group)) for group in groups)


def _value_ends(groups: Sequence[Group]) -> tuple[float, ...]:
    """Where the runs lie, and the intervals of groups none of whose runs lies far outside."""
    found = robust_range([np.array([value]) for group in groups for value in group.values.values()])
    if found is None:
        return ()
    low, high = found
    inside = [group for group in groups if all(low <= value <= high for value in group.values.values())]
    return (*found, *(end for group in inside for end in group.ci or ()))


def _value_row(group: Group, x: svg.Scale, y: float) -> list[str]:
    parts = [svg.text(4, y - 12, named(group), most=70)]
    if group.ci is not None:
        parts.append(svg.line(x(group.ci[0]), y, x(group.ci[1]), y, "whisker"))
    parts += [
        svg.dot(x(value), y, "run", tip=f"{run_id}: {number(value)}")
        for run_id, value in group.values.items()
        if x.low <= value <= x.high
    ]
    if group.mean is not None and x.low <= group.mean <= x.high:
        parts.append(svg.line(x(group.mean), y - 8, x(group.mean), y + 8, "mean"))
    beyond = [value for value in group.values.values() if not x.low <= value <= x.high]
    return [
        *parts,
        *(svg.beyond(x(value), y, value > x.high, f"{number(value)}, beyond this picture") for value in beyond),
    ]


def _band(group: Group, x: svg.Scale, y: svg.Scale) -> list[str]:
    band = group.band
    assert band is not None
    inside = np.isfinite(band.mean) & (band.mean >= y.low) & (band.mean <= y.high)
    steps = [x(step) for step in band.steps[inside].tolist()]
    low, mean, high = ([y(v) for v in line[inside].tolist()] for line in (band.low, band.mean, band.high))
    outline = [*zip(steps, high, strict=True), *reversed(list(zip(steps, low, strict=True)))]
    area = svg.path(outline, "band", closed=True) if group.n > 1 else ""
    return [area, svg.path(list(zip(steps, mean, strict=True)), "curve", named(group))]


def _settled(band: Band) -> list[Floats]:
    """What the vertical axis has to hold: the mean after a tenth of the steps, and its band where it is narrow."""
    late = np.isfinite(band.mean) & (band.steps >= band.steps[0] + 0.1 * (band.steps[-1] - band.steps[0]))
    mean, low, high = band.mean[late], band.low[late], band.high[late]
    if not len(mean):
        return [band.mean[np.isfinite(band.mean)]]
    room = 0.25 * float(np.ptp(mean))
    return [mean, np.maximum(low, mean.min() - room), np.minimum(high, mean.max() + room)]


def _claim_row(comparison: Comparison, claim: Claim, x: svg.Scale, y: float) -> list[str]:
    assert claim.ci is not None
    assert claim.delta is not None
    kind = _VERDICTS[claim.verdict]
    names = [named(comparison.group(group)) for group in (claim.a, claim.b)]
    tip = f"{names[0]} minus {names[1]}: {number(claim.delta)}; {claim.test}"
    return [
        svg.text(4, y - 11, f"{names[0]} minus {names[1]}", most=76),
        svg.line(x(claim.ci[0]), y, x(claim.ci[1]), y, f"whisker {kind}"),
        svg.dot(x(claim.delta), y, kind, radius=4.5, tip=tip),
    ]
