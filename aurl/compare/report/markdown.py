"""The comparison as Markdown: for a pull request, an issue, or a page of notes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from aurl.compare.insights.insight import interval, number, percent
from aurl.compare.model import Comparison
from aurl.compare.report.methods import methods
from aurl.compare.statistics.pareto import front
from aurl.show.wording import counted

_MOST_ROWS = 30
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~&])")


def markdown(comparison: Comparison) -> str:
    """The report as text; what a run wrote is escaped, so that it is neither markup nor a table's border."""
    parts = [
        f"# {plain(comparison.metric)}: {counted(len(comparison.groups), 'configuration')} compared",
        "## What the runs say",
        "\n".join(f"{at}. {plain(str(insight['text']))}" for at, insight in enumerate(comparison.insights, 1))
        or "Nothing.",
        "## Configurations",
        _groups(comparison),
        *_titled("## Differences", _claims(comparison)),
        *_titled("## What mattered", _importance(comparison)),
        *_titled("## Several objectives", _objectives(comparison)),
        *_titled("## What to bear in mind", _list(comparison.warnings)),
        "## How this was computed",
        _list(methods(comparison)),
    ]
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """The text with Markdown's signs escaped, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _insights(comparison: Comparison) -> str:
    lines = [f"{at}. {plain(str(insight['text']))}" for at, insight in enumerate(comparison.insights, 1)]
    return "\n".join(lines) or "The runs support no statement."


def _groups(comparison: Comparison) -> str:
    heads = ["configuration", "runs", "failed", "mean", "95 % interval", "median", "IQM"]
    rows = []
    for group in comparison.groups[:_MOST_ROWS]:
        name = f"**{plain(group.id)}**" if group.id in comparison.best_set else plain(group.id)
        ci = f"{number(group.ci[0])} to {number(group.ci[1])}" if group.ci is not None else "-"
        numbers = ["-" if value is None else number(value) for value in (group.mean, group.median, group.iqm)]
        rows.append([name, str(group.n), str(group.failed), numbers[0], ci, *numbers[1:]])
    told = "\n\nBold: not shown to be worse than the best (Hsu's best set, 95 %)." if comparison.best_set else ""
    return _table(heads, rows, len(comparison.groups)) + told


def _claims(comparison: Comparison) -> str:
    tested = [claim for claim in comparison.claims if claim.ci is not None and claim.delta is not None]
    rows = [
        [
            *map(plain, (claim.a, claim.b, claim.verdict)),
            number(claim.delta or 0.0),
            interval(claim.ci or ()).removeprefix("95 % CI "),
            "-" if claim.p_adjusted is None else f"{claim.p_adjusted:.2g}",
            f"{claim.n_a}, {claim.n_b}",
        ]
        for claim in tested[:_MOST_ROWS]
    ]
    heads = ["a", "b", "a is", "difference", "95 % interval", "p adjusted", "n"]
    return _table(heads, rows, len(tested)) if rows else ""


def _importance(comparison: Comparison) -> str:
    rows = []
    for row in comparison.impact.rows[:_MOST_ROWS]:
        low, high = (float(str(end)) for end in row["ci"])  # type: ignore[union-attr]
        share = percent(float(str(row["importance"])), 1)
        rows.append([plain(str(row["param"])), share, f"{percent(low, 1)} to {percent(high, 1)}"])
    table = _table(["setting", "share of variance", "95 % interval"], rows, len(comparison.impact.rows)) if rows else ""
    return "\n\n".join(filter(None, [table, _list(comparison.impact.notes)]))


def _objectives(comparison: Comparison) -> str:
    found = front(comparison)
    if len(found.points) < 2:
        return ""
    rows = [
        [
            plain(point.group),
            *(number(point.means[name]) for name in found.objectives),
            "knee" if point.group == found.knee else "yes" if point.dominated_by is None else "no",
        ]
        for point in found.points[:_MOST_ROWS]
    ]
    heads = ["configuration", *(f"{plain(name)} ({mode})" for name, mode in found.objectives.items()), "on the front"]
    return _table(heads, rows, len(found.points))


def _titled(heading: str, body: str) -> Iterator[str]:
    if body:
        yield heading
        yield body


def _list(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {plain(sentence)}" for sentence in sentences)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], count: int) -> str:
    lines = [list(heads), ["---"] * len(heads), *map(list, rows)]
    more = f"\n\n{count - len(rows)} more rows are left out." if count > len(rows) else ""
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + more
