"""The tables of the report. Every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aurl.compare.grouping import listed_values
from aurl.compare.insights.insight import named, number, percent
from aurl.compare.model import Comparison, Interval
from aurl.compare.statistics.pareto import Front
from aurl.show import svg
from aurl.show.markup import escaped
from aurl.show.naming import show_value

MOST_ROWS, _MOST_COLUMNS = 60, 8
_UNKNOWN = "-"


def groups_table(comparison: Comparison) -> str:
    """A row for each configuration, best mean first."""
    heads = ["configuration", "runs", "failed", "mean", "95 % interval", "median", "IQM"]
    rows = []
    for at, group in enumerate(comparison.groups[:MOST_ROWS]):
        name = f"<i></i>{escaped(named(group))}"
        cells = [name, *map(escaped, (str(group.n), _failed(group.failed, group.tried), _number(group.mean)))]
        cells += [_interval(group.ci), _number(group.median), _number(group.iqm)]
        kind = " best" if group.id in comparison.best_set else ""
        rows.append(_row(cells, f"group c{svg.colour(at)}{kind}", at))
    told = (
        "<p class='soft'>Bold: not shown to be worse than the best (Hsu's best set, 95 %).</p>"
        if comparison.best_set
        else ""
    )
    return _table(heads, rows, len(comparison.groups)) + told


def claims_table(comparison: Comparison) -> str:
    """A row for each difference that was tested; the others are counted below it."""
    tested = [claim for claim in comparison.claims if claim.p is not None]
    left = len(comparison.claims) - len(tested)
    few = (
        f"<p>{left} of {len(comparison.claims)} pairs were not tested: fewer than 3 counted runs on a side.</p>"
        * bool(left)
    )
    if not tested:
        return few
    heads = ["a", "b", "verdict", "difference", "95 % interval", "p", "p adjusted", "effect (g)", "n", "more"]
    rows = []
    for claim in tested[:MOST_ROWS]:
        names = [escaped(named(comparison.group(group))) for group in (claim.a, claim.b)]
        more = claim.reason or (f"{claim.seeds_needed} runs a side for power 0.8" if claim.seeds_needed else "")
        cells = [
            *names,
            escaped(claim.verdict),
            _number(claim.delta),
            _interval(claim.ci),
            _p(claim.p),
            _p(claim.p_adjusted),
        ]
        cells += [_number(claim.effect), f"{claim.n_a}, {claim.n_b}", escaped(more)]
        rows.append(_row(cells))
    return _table(heads, rows, len(tested)) + few


def impact_table(comparison: Comparison) -> str:
    """A row for each setting: its share, the cross-check's, the p of a grid."""
    found = comparison.impact
    heads = ["setting", "share", "95 % interval"]
    heads += ["cross-check"] * bool(found.cross) + ["p (Holm)"] * bool(found.tests)
    rows = []
    for row in found.rows[:MOST_ROWS]:
        name, ci = str(row["param"]), row["ci"]
        assert isinstance(ci, (list, tuple))
        cells = [
            escaped(name),
            percent(float(str(row["importance"])), 1),
            f"{percent(ci[0], 1)} to {percent(ci[1], 1)}",
        ]
        if found.cross:
            cells.append(percent(found.cross[name], 1) if name in found.cross else _UNKNOWN)
        if found.tests:
            cells.append(_p(found.tests.get(name)))
        rows.append(_row(cells))
    pairs = [
        f"<li>{escaped(' and '.join(map(str, listed_values(pair['params']))))} act together: "
        f"{percent(float(str(pair['strength'])), 1)} of the variance, p {_p(float(str(pair['p'])))} (Holm)</li>"
        for pair in found.interactions
    ]
    return _table(heads, rows, len(found.rows)) + (f"<ul>{''.join(pairs)}</ul>" if pairs else "")


def points_table(comparison: Comparison, found: Front) -> str:
    """A row for each configuration, a column for each objective."""
    heads = ["configuration", *found.objectives, "on the front"]
    places = {group.id: at for at, group in enumerate(comparison.groups)}
    order = sorted(found.points, key=lambda point: (point.dominated_by is not None, places[point.group]))
    rows = []
    for point in order[:MOST_ROWS]:
        beaten = "" if point.dominated_by is None else f"no: {named(comparison.group(point.dominated_by))}"
        verdict = "yes, the knee" if point.group == found.knee else beaten or "yes"
        at = places[point.group]
        group = comparison.group(point.group)
        lost = f" <small>({_failed(group.failed, group.tried)} failed)</small>" if group.failed else ""
        cells = [f"<i></i>{escaped(named(group))}{lost}"]
        cells += [_mean(point.means[name], point.cis[name]) for name in found.objectives]
        rows.append(_row([*cells, escaped(verdict)], f"group c{svg.colour(at)}", at))
    return _table(heads, rows, len(found.points))


def failed_table(comparison: Comparison) -> str:
    """A row for each run that is in no mean, with its gravest alert."""
    lost = sorted((run for run in comparison.runs if run.fate != "counted"), key=lambda run: run.fate)
    rows = []
    for run in lost[:MOST_ROWS]:
        alert = next((alert for alert in run.alerts if alert.get("severity") in ("fatal", "critical")), None)
        found = (
            f"{alert.get('type')} at step {alert.get('onset_step', alert.get('step'))}: {alert.get('message')}"
            if alert
            else ""
        )
        cause = f" Probable cause: {alert['cause']}" if alert and alert.get("cause") else ""
        rows.append(_row([escaped(text) for text in (run.id, run.fate, run.why, found + cause)]))
    return _table(["run", "fate", "why", "gravest alert"], rows, len(lost))


def config_table(comparison: Comparison) -> list[str]:
    """A row for each varying key, a column for each leading configuration; what is rare in a row is marked."""
    groups = comparison.groups[:_MOST_COLUMNS]
    if not comparison.differences or len(groups) < 2:
        return []
    rows = []
    for key in list(comparison.differences)[:MOST_ROWS]:
        shown = [show_value(group.config.get(key)) for group in groups]
        common = max(shown, key=shown.count)
        cells = [f'<td class="{"odd" * (value != common)}">{escaped(value[:80])}</td>' for value in shown]
        rows.append(f"<tr><td><code>{escaped(key)}</code></td>{''.join(cells)}</tr>")
    heads = ["setting", *(f"{at + 1}." for at in range(len(groups)))]
    told = (
        f"The first {len(groups)} configurations by their mean; shaded where one differs from the commonest of a row."
    )
    return [_table(heads, rows, len(comparison.differences)), f"<p class='soft'>{told}</p>"]


def _table(heads: Sequence[str], rows: Sequence[str], count: int) -> str:
    top = "".join(f"<th>{escaped(head)}</th>" for head in heads)
    more = (
        f"<p class='soft'>{count - len(rows)} more rows: `aurl compare --json` has them all.</p>"
        if count > len(rows)
        else ""
    )
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>{more}'


def _row(cells: Iterable[str], kind: str = "", at: int | None = None) -> str:
    place = f' class="{kind.strip()}" data-group="{at}"' if at is not None else ""
    return f"<tr{place}>{''.join(f'<td{_numeric(cell)}>{cell}</td>' for cell in cells)}</tr>"


def _numeric(cell: str) -> str:
    return ' class="n"' if cell[:1].isdigit() or (cell[:1] in "-<" and cell[1:2].isdigit()) else ""


def _failed(failed: int, tried: int) -> str:
    return f"{failed} of {tried}" if failed else "0"


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else number(value)


def _interval(ci: Interval | None) -> str:
    return _UNKNOWN if ci is None else f"{number(ci[0])} to {number(ci[1])}"


def _mean(mean: float, ci: Interval | None) -> str:
    return number(mean) + (f" <small>({_interval(ci)})</small>" if ci is not None else "")


def _p(p: float | None) -> str:
    return _UNKNOWN if p is None else "&lt;0.0001" if p < 1e-4 else f"{p:.2g}"
