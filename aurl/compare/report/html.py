"""The comparison as one HTML file that needs nothing else: no network, no other file, no script but its own."""

from __future__ import annotations

from pathlib import Path

from aurl.compare.insights.insight import percent
from aurl.compare.model import Comparison
from aurl.compare.reading import where
from aurl.compare.report.html_sections import all_sections
from aurl.machine.files import replace_file
from aurl.show.markup import escaped
from aurl.show.page import page
from aurl.show.wording import counted


def write_html(comparison: Comparison, file: Path) -> None:
    """Write the report, complete or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    replace_file(file, html(comparison).encode())


def html(comparison: Comparison) -> str:
    """The report as text."""
    title = f"{comparison.metric}: {counted(len(comparison.groups), 'configuration')} compared"
    head = f'<h1>{escaped(title)}</h1><p class="lead">{_lead(comparison)}</p>'
    return page(title, head, all_sections(comparison))


def _lead(comparison: Comparison) -> str:
    fates = {fate: sum(run.fate == fate for run in comparison.runs) for fate in ("counted", "failed", "left out")}
    told = ", ".join(f"{count} {fate}" for fate, count in fates.items() if count)
    wanted = "lower" if comparison.mode == "min" else "higher"
    return escaped(
        f"{counted(len(comparison.runs), 'run')}: {told}. {comparison.metric}, {wanted} wanted, read "
        f"{where(comparison.reading)} (interquartile mean of the last {percent(comparison.share)}). Intervals are 95 %."
    )
