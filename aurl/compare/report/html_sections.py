"""The sections of the report: each a list of HTML pieces, empty where there is nothing to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aurl.compare.insights.insight import label, named
from aurl.compare.model import Comparison
from aurl.compare.report import pictures, pictures_settings, pictures_tradeoffs
from aurl.compare.report.html_tables import (
    claims_table,
    config_table,
    failed_table,
    groups_table,
    impact_table,
    points_table,
)
from aurl.compare.report.methods import methods
from aurl.compare.report.players import players
from aurl.compare.statistics.best import best_group, rerun, typical_run
from aurl.compare.statistics.pareto import front
from aurl.record import Json
from aurl.show import svg
from aurl.show.markup import escaped
from aurl.show.page import Section
from aurl.show.wording import counted, shortened

_MOST_EFFECTS = 8


def all_sections(comparison: Comparison) -> Iterator[Section]:
    """Anchor, heading and body of every section, in the order in which they are read."""
    yield _section("insights", "What the runs say", _insights(comparison))
    yield _section("warnings", "What to bear in mind", _warnings(comparison))
    yield _section("groups", "Configurations", _groups(comparison))
    yield _section("claims", "Differences", _claims(comparison))
    yield _section("curves", "Curves", _curves(comparison))
    yield _section("importance", "What mattered", _importance(comparison))
    yield _section("effects", "How settings act", _effects(comparison))
    yield _section("parallel", "All settings at once", _parallel(comparison))
    yield _section("pareto", "Several objectives", _pareto(comparison))
    yield _section("failures", "What failed", _failures(comparison))
    yield _section("alerts", "Alerts", _alerts(comparison))
    yield _section("samples", "Samples", _samples(comparison))
    yield _section("config", "What differs", config_table(comparison))
    yield _section("methods", "How this was computed", _methods(comparison))


def _section(anchor: str, title: str, body: Sequence[str]) -> Section:
    return Section(title, "".join(body), anchor=anchor)


def _insights(comparison: Comparison) -> list[str]:
    items = [_insight(insight) for insight in comparison.insights]
    return [f'<ol class="insights">{"".join(items)}</ol>'] if items else ["<p>The runs support no statement.</p>"]


def _insight(insight: Mapping[str, Json]) -> str:
    evidence = insight["evidence"]
    assert isinstance(evidence, Mapping)
    tag = '<span class="tag claimed">tested</span>' if evidence["claim"] else '<span class="tag">told</span>'
    runs = [str(run) for run in evidence["runs"]]
    shown = shortened(runs, 12)
    caveats = "".join(f"<br>Caveat: {escaped(str(caveat))}." for caveat in evidence["caveats"]).replace("..", ".")
    return (
        f'<li>{tag}{escaped(str(insight["text"]))} <a href="#{escaped(str(evidence["picture"]))}">picture</a>'
        f"<details><summary>evidence</summary>Method: {escaped(str(evidence['method']))}.{caveats}"
        f"<br>Runs: {escaped(shown)}</details></li>"
    )


def _warnings(comparison: Comparison) -> list[str]:
    if not comparison.warnings:
        return []
    return [f"<ul>{''.join(f'<li>{escaped(warning)}</li>' for warning in comparison.warnings)}</ul>"]


def _groups(comparison: Comparison) -> list[str]:
    body = [_picture(pictures.values(comparison))]
    body.append(
        "<p class='soft'>Dots are runs, bars means, lines 95 % intervals of the mean, triangles runs far outside."
    )
    body.append(_rest(len([group for group in comparison.groups if group.n]), pictures.MOST, "configurations") + "</p>")
    body.append(groups_table(comparison))
    chosen = best_group(comparison)
    if chosen is not None:
        body.append(f"<h3>{escaped(named(chosen))}</h3><p>{escaped(_why(comparison))}</p>")
        if command := rerun(typical_run(chosen)):
            body.append(f"<pre>{escaped(command)}</pre>")
    return body


def _why(comparison: Comparison) -> str:
    """Why it is picked; the command follows by itself."""
    return str(comparison.best.get("why") or "").partition(" Run it again:")[0]


def _claims(comparison: Comparison) -> list[str]:
    if not comparison.claims:
        return []
    body = [_picture(pictures.forest(comparison))]
    if body[0]:
        body.append(
            "<p class='soft'>Intervals hold for all pairs together. Green: a difference is claimed, for which the "
            "family's test and the pair's own both need p &lt; 0.05; grey: not distinguishable."
        )
        tested = sum(claim.ci is not None for claim in comparison.claims)
        body.append(_rest(tested, pictures.MOST, "differences") + "</p>")
    return [*body, claims_table(comparison)]


def _curves(comparison: Comparison) -> list[str]:
    drawn = pictures.curves(comparison)
    if not drawn:
        return []
    banded = [group for group in comparison.groups if group.band is not None]
    told = "Mean of each configuration, smoothed, with the 95 % interval of that mean as a band. What lies above "
    told += "or below the values after the first tenth of the steps is not drawn."
    rest = _rest(len(banded), svg.COLOURS, "configurations")
    return [_picture(drawn), pictures.legend(comparison, banded[: svg.COLOURS]), f"<p class='soft'>{told}{rest}</p>"]


def _importance(comparison: Comparison) -> list[str]:
    found = comparison.impact
    if not found.rows and not found.notes:
        return []
    body = []
    if found.rows:
        basis = f"leave-one-out R2 {min(found.r2, 0.99):.2f}" if found.r2 is not None else "analysis of variance"
        body.append(f"<h3>Share of the variance of {escaped(label(comparison.metric))} ({basis})</h3>")
        body.append(_picture(pictures_settings.importance(comparison)))
        mark = " The upright mark is the cross-check by the other surrogate." if found.cross else ""
        body.append(f"<p class='soft'>A setting with all that it takes part in; lines are 95 % intervals.{mark}</p>")
        body.append(impact_table(comparison))
    return [*body, *(f"<p>{escaped(note)}</p>" for note in found.notes)]


def _effects(comparison: Comparison) -> list[str]:
    names = [str(row["param"]) for row in comparison.impact.rows if row["param"] in comparison.impact.effects]
    names += [name for name in comparison.impact.effects if name not in names]
    drawn = [pictures_settings.effect(comparison, name) for name in names[:_MOST_EFFECTS]]
    maps = [pictures_settings.surface(comparison, pair) for pair in comparison.impact.interactions]
    if not drawn:
        return []
    what = f"{label(comparison.metric)}, the other settings averaged over what was tried, with 95 % intervals"
    surfaces = [one for one in maps if one]
    checks = "by two checks that agree" if comparison.impact.r2 is not None else "by analysis of variance"
    told = f"<p class='soft'>Pairs that act together, {checks}:</p>" if surfaces else ""
    return [f"<p class='soft'>{escaped(what)}.</p>", _small(drawn), told, _small(surfaces)]


def _parallel(comparison: Comparison) -> list[str]:
    drawn = pictures_settings.parallel(comparison)
    return [_picture(drawn), "<p class='soft'>One line a run, in its configuration's colour.</p>"] if drawn else []


def _pareto(comparison: Comparison) -> list[str]:
    found = front(comparison)
    if len(found.points) < 2 or comparison.metric not in found.objectives:
        return []
    others = [name for name in found.objectives if name != comparison.metric]
    drawn = [pictures_tradeoffs.tradeoff(comparison, found, other) for other in others]
    told = "Filled: on the front of all objectives together. Hollow: another configuration has a mean at least as good "
    told += "in each, and beyond the noise in one. The dashed ring is the knee."
    unsure = (
        "" if found.repeated else " No configuration was repeated, so the noise is not known and plain values count."
    )
    return [_small(drawn), f"<p class='soft'>{told}{unsure}</p>", points_table(comparison, found)]


def _failures(comparison: Comparison) -> list[str]:
    failed = [run for run in comparison.runs if run.fate != "counted"]
    return [failed_table(comparison)] if failed else []


def _alerts(comparison: Comparison) -> list[str]:
    drawn = pictures_tradeoffs.timeline(comparison)
    if not drawn:
        return []
    hit = sum(bool(run.alerts) for run in comparison.runs)
    told = (
        "A mark where each alert began: blue info, yellow warning, red critical, red with a rim fatal. Red bars failed."
    )
    return [_picture(drawn), f"<p class='soft'>{told}{_rest(hit, pictures_tradeoffs.MOST_RUNS, 'runs')}</p>"]


def _samples(comparison: Comparison) -> list[str]:
    found = players(comparison)
    told = "The last sample of the run nearest to each configuration's median, played by plain oscillators. One sample "
    told += "says little about a configuration."
    return [f"<p class='soft'>{told}</p><div class='samples'>{''.join(found)}</div>"] if found else []


def _methods(comparison: Comparison) -> list[str]:
    return [f"<ul>{''.join(f'<li>{escaped(line)}</li>' for line in methods(comparison))}</ul>"]


def _picture(drawn: str) -> str:
    return f'<div class="picture">{drawn}</div>' if drawn else ""


def _small(drawn: Sequence[str]) -> str:
    return f'<div class="small">{"".join(drawn)}</div>' if drawn else ""


def _rest(count: int, shown: int, what: str) -> str:
    return f" {counted(count - shown, f'further {what[:-1]}')} not drawn." if count > shown else ""
