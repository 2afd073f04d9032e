"""The comparison on a terminal: groups, what is shown and what is not, sentences, warnings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aurl.compare.model import Claim, Comparison, Group, Interval
from aurl.compare.reading import where
from aurl.scalars import describe
from aurl.show.wording import duration, printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

_MOST_GROUPS = 20
_MOST_CLAIMS = 15
_MOST_WARNINGS = 20
_COLUMNS = ("group", "n", "mean", "95% interval", "median", "IQM", "best run*", "failed", "to target", "best set")
_STYLES = {"better": "bold green", "worse": "bold red"}


def screen(comparison: Comparison) -> Iterator[RenderableType]:
    """The parts, top to bottom."""
    yield _line(("bold", comparison.metric), ("", f", {_direction(comparison)}. {_extent(comparison)}"))
    answer = comparison.best.get("answer")
    for line in answer if isinstance(answer, list) else []:
        head, _, rest = str(line).partition(": ")
        yield _line(("bold", f"{head}: "), ("", rest))
    yield _line(("", ""))
    yield from _groups(comparison)
    yield from _claims(comparison)
    if comparison.impact.rows:
        yield _line(("bold", "\nWhat the settings account for"))
        yield _importance(comparison)
    if comparison.insights:
        yield _line(("bold", "\nWhat the data say"))
    yield from (_line(("", f"- {insight['text']}")) for insight in comparison.insights)
    if comparison.best.get("group"):
        best = comparison.best
        yield _line(("bold", "\nBest configuration: "), ("", f"{best['group']}. {best.get('why', '')}"))
    if comparison.warnings:
        yield _line(("bold", "\nBefore you rely on it"))
    yield from (_line(("yellow", "- "), ("", warning)) for warning in comparison.warnings[:_MOST_WARNINGS])
    if len(comparison.warnings) > _MOST_WARNINGS:
        yield _line(("", f"- and {len(comparison.warnings) - _MOST_WARNINGS} more: --json lists them all"))


def _direction(comparison: Comparison) -> str:
    return "lower is better" if comparison.mode == "min" else "higher is better"


def _extent(comparison: Comparison) -> str:
    counted = sum(run.fate == "counted" for run in comparison.runs)
    return (
        f"{counted} of {len(comparison.runs)} runs in {len(comparison.groups)} groups, read {where(comparison.reading)}"
        f"{'' if comparison.reading.kind == 'best' else f' (interquartile mean of the last {comparison.share:.0%})'}."
    )


def _groups(comparison: Comparison) -> Iterator[RenderableType]:
    table = _table(
        "group", "n", "mean", "95% interval", "median", "IQM", "best run*", "failed", "to target", "best set"
    )
    for group in comparison.groups[:_MOST_GROUPS]:
        in_set = "" if group.n < 3 else "yes" if group.id in comparison.best_set else "no"
        baseline = " (baseline)" if group.id == comparison.baseline else ""
        table.add_row(
            _text(printable(group.id) + baseline),
            str(group.n),
            *(_number(comparison, value) for value in (group.mean,)),
            _interval(comparison, group.ci),
            *(_number(comparison, value) for value in (group.median, group.iqm)),
            _best(comparison, group),
            f"{group.failed} of {group.tried}" if group.failed else "",
            _to_target(group),
            in_set,
        )
    yield table
    if len(comparison.groups) > _MOST_GROUPS:
        yield _line(("", f"and {len(comparison.groups) - _MOST_GROUPS} more groups: --json lists them all"))
    chosen = [run.best for group in comparison.groups for run in group.runs if run.best is not None]
    if chosen:
        optimism = [best.optimism for best in chosen if best.optimism is not None]
        bias = ""
        if optimism:
            bias = f", better than their neighbours by {_number(comparison, sum(optimism) / len(optimism))} on average"
        yield _line(
            ("dim", f"* the best of up to {max(best.chosen_from for best in chosen)} evaluations a run"),
            ("dim", f"{bias}: chosen for being good, so do not compare by it"),
        )
    if comparison.target is not None:
        yield _line(("dim", f"  target: {_number(comparison, comparison.target)}; median step and seconds of the runs"))


def _claims(comparison: Comparison) -> Iterator[RenderableType]:
    shown = [claim for claim in comparison.claims if claim.verdict in _STYLES]
    silent = [claim for claim in comparison.claims if claim.verdict == "no evidence"]
    if shown:
        yield _line(("bold", "\nShown differences"))
        yield _claim_table(comparison, shown[:_MOST_CLAIMS])
        yield _line(("dim", f"  {shown[0].test}"))
    if silent:
        yield _line(
            ("bold", "\nNo evidence of a difference"), ("", f" in {len(silent)} of {len(comparison.claims)} pairs")
        )
        yield _claim_table(comparison, silent[:_MOST_CLAIMS])
    more = max(0, len(shown) - _MOST_CLAIMS) + max(0, len(silent) - _MOST_CLAIMS)
    if more:
        yield _line(("", f"  and {more} more pairs: --json lists them all"))


def _claim_table(comparison: Comparison, claims: list[Claim]) -> Table:
    table = _table("a", "", "b", "difference", "95% interval", "Hedges g", "p family", "p pair", "runs for power .8")
    for claim in claims:
        silent = "practically equal to" if claim.equivalent else "against"
        word = {"better": "better than", "worse": "worse than"}.get(claim.verdict, silent)
        table.add_row(
            _text(printable(claim.a)),
            _text(word, _STYLES.get(claim.verdict, "")),
            _text(printable(claim.b)),
            _number(comparison, claim.delta),
            _interval(comparison, claim.ci),
            "" if claim.effect is None else f"{claim.effect:.2f}",
            _p(claim.p_adjusted),
            _p(claim.p),
            "" if claim.seeds_needed is None else f"{claim.seeds_needed} a side",
        )
    return table


def _importance(comparison: Comparison) -> Table:
    table = _table("setting", "importance", "95% interval", "method")
    for row in comparison.impact.rows[:_MOST_CLAIMS]:
        ends = row.get("ci")
        interval = f"{ends[0]:.2f} to {ends[1]:.2f}" if isinstance(ends, (list, tuple)) else ""
        importance = row.get("importance")
        table.add_row(
            _text(printable(str(row.get("param")))),
            f"{importance:.2f}" if isinstance(importance, (int, float)) else "",
            interval,
            _text(printable(str(row.get("method", "")))),
        )
    return table


def _best(comparison: Comparison, group: Group) -> str:
    values = [run.best.value for run in group.runs if run.best is not None and run.fate == "counted"]
    if not values:
        return ""
    return _number(comparison, min(values) if comparison.mode == "min" else max(values))


def _to_target(group: Group) -> str:
    reached = [run for run in group.runs if run.fate == "counted" and run.target_step is not None]
    if not reached:
        return "never" if group.n else ""
    middle = sorted(reached, key=lambda run: run.target_step or 0)[len(reached) // 2]
    missed = f", {group.n - len(reached)} never" if len(reached) < group.n else ""
    return f"{middle.target_step} ({duration(middle.target_seconds or 0.0)}){missed}"


def _interval(comparison: Comparison, ends: Interval | None) -> str:
    return "" if ends is None else f"{_number(comparison, ends[0])} to {_number(comparison, ends[1])}"


def _number(comparison: Comparison, value: float | None) -> str:
    return "" if value is None else format(value, describe(comparison.metric).format)


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.0001" if value < 0.0001 else f"{value:.2g}"


def _table(*titles: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for at, title in enumerate(titles):
        is_text = at == 0 or title in {"", "b", "method", "best set"}
        table.add_column(title, justify="left" if is_text else "right", overflow="fold")
    return table


def _line(*parts: tuple[str, str]) -> Text:
    from rich.text import Text

    return Text.assemble(*((_lines(text), style) for style, text in parts))


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style)


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n")) if text.startswith("\n") else printable(text)
