"""Sentences about settings: what matters, what hardly does, what acts together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aurl.compare.grouping import listed_values
from aurl.compare.insights.insight import Insight, counted_runs, doubts, label, listed, p_value, percent, upper_first
from aurl.compare.model import Comparison
from aurl.compare.statistics.anova import LEVEL
from aurl.record import Json

NEGLIGIBLE = 0.05
"""A share of the variance that hardly matters."""
_MOST_SENTENCES = 3


def settings(comparison: Comparison) -> Iterator[Insight]:
    """What the impact of the settings supports; one sentence that says so where it supports nothing."""
    rows = comparison.impact.rows
    if not rows:
        yield from _nothing(comparison)
        return
    matter = [row for row in rows if _matters(comparison, row)]
    for at, row in enumerate(matter[:_MOST_SENTENCES]):
        yield _share(comparison, row, 80 - at)
    hardly = [row for row in rows if _ci(row)[1] < NEGLIGIBLE and row not in matter]
    if hardly:
        yield _negligible(comparison, hardly)
    for at, pair in enumerate(comparison.impact.interactions[:2]):
        yield _together(comparison, pair, 72 - at)


def _matters(comparison: Comparison, row: Mapping[str, Json]) -> bool:
    """Of a grid: its F test, for a share worth a word; of a surrogate: its interval lies above what hardly matters."""
    p = comparison.impact.tests.get(str(row["param"]))
    return _ci(row)[0] > NEGLIGIBLE if p is None else p < LEVEL and float(str(row["importance"])) >= NEGLIGIBLE


def _share(comparison: Comparison, row: Mapping[str, Json], weight: float) -> Insight:
    name, ci = str(row["param"]), _ci(row)
    p = comparison.impact.tests.get(name)
    text = (
        f"{name} matters: it accounts for {_percent(row['importance'])} of the variance of {label(comparison.metric)}"
    )
    text += f" over the settings tried, alone or with others (95 % CI {percent(ci[0])} to {percent(ci[1])}; "
    text += f"{_basis(comparison, p)})"
    return _insight(comparison, f"{text}.", row, kind="importance", weight=weight, names=[name], claim=True, p=p)


def _negligible(comparison: Comparison, rows: Sequence[Mapping[str, Json]]) -> Insight:
    names = [str(row["param"]) for row in rows]
    most = max(_ci(row)[1] for row in rows)
    each = "each accounts" if len(names) > 1 else "it accounts"
    text = f"{listed(names)} hardly {'matter' if len(names) > 1 else 'matters'} over the settings tried: {each} for at "
    text += f"most {percent(most, 1)} of the variance of {label(comparison.metric)} (upper end of the 95 % CI)."
    return _insight(comparison, text, rows[0], kind="negligible", weight=45, names=names, claim=False, p=None)


def _together(comparison: Comparison, pair: Mapping[str, Json], weight: float) -> Insight:
    names = [str(name) for name in listed_values(pair["params"])]
    ci, p = _ci(pair), float(str(pair["p"]))
    text = f"{names[0]} and {names[1]} act together: {_percent(pair['strength'])} of the variance of "
    text += (
        f"{label(comparison.metric)} comes from their combination alone (95 % CI {percent(ci[0])} to {percent(ci[1])}; "
    )
    text += f"{p_value(p)}), so neither should be tuned with the other held fixed."
    return _insight(comparison, text, pair, kind="interaction", weight=weight, names=names, claim=True, p=p)


def _nothing(comparison: Comparison) -> Iterator[Insight]:
    told = next((note for note in comparison.impact.notes if note.startswith("Importance:")), "")
    if told and len(comparison.differences) > 0:
        text = f"How much each setting matters cannot be said. {upper_first(told.removeprefix('Importance: '))}"
        yield _insight(
            comparison,
            text,
            {},
            kind="no importance",
            weight=40,
            names=[*comparison.differences],
            claim=False,
            p=None,
        )


def _insight(
    comparison: Comparison,
    text: str,
    row: Mapping[str, Json],
    *,
    kind: str,
    weight: float,
    names: Sequence[str],
    claim: bool,
    p: float | None,
) -> Insight:
    runs = counted_runs(comparison)
    share = row.get("importance", row.get("strength"))
    return Insight(
        text=text,
        kind=kind,
        weight=weight,
        claim=claim,
        metric=comparison.metric,
        configs=names,
        n=[len(runs)],
        diff=float(share) if isinstance(share, float) else None,
        ci=_ci(row) if "ci" in row else None,
        p=p,
        method=str(row.get("method", "leave-one-out R2 of a surrogate, or ANOVA of a grid")),
        runs=runs,
        picture="effects" if kind == "interaction" else "importance",
        caveats=[*comparison.impact.notes, *doubts(comparison)],
        more={"r2": comparison.impact.r2},
    )


def _basis(comparison: Comparison, p: float | None) -> str:
    n = f"n = {len(counted_runs(comparison))}"
    if p is not None:
        return f"ANOVA, {p_value(p)}, {n}"
    return f"surrogate with leave-one-out R2 {min(comparison.impact.r2 or 0.0, 0.99):.2f}, {n}"


def _percent(share: Json) -> str:
    return percent(float(str(share)))


def _ci(row: Mapping[str, Json]) -> tuple[float, float]:
    low, high = listed_values(row["ci"])
    return float(low), float(high)
