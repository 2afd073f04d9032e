"""The comparison as one HTML file that needs nothing else: no network, no other file, no script but its own.

A content security policy allows the style sheet and the script of this file alone; every text of a run is escaped.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path

from aurl.compare.insights.insight import counted, percent
from aurl.compare.model import Comparison
from aurl.compare.report import html_sections as sections
from aurl.machine.files import replace_file

_HERE = Path(__file__).parent


def write_html(comparison: Comparison, file: Path) -> None:
    """Write the report, complete or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    replace_file(file, html(comparison).encode())


def html(comparison: Comparison) -> str:
    """The report as text."""
    style, script = ((_HERE / name).read_text() for name in ("report.css", "report.js"))
    parts = [(anchor, heading, body) for anchor, heading, body in sections.all_sections(comparison) if body]
    title = f"{comparison.metric}: {counted(len(comparison.groups), 'configuration')} compared"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escape(title)}</title><style>{style}</style></head><body><main>",
            f"<h1>{escape(title)}</h1>",
            f'<p class="lead">{_lead(comparison)}</p>',
            f"<nav>{''.join(_link(anchor, heading) for anchor, heading, _ in parts)}</nav>",
            *(_section(anchor, heading, body) for anchor, heading, body in parts),
            f"</main><script>{script}</script></body></html>",
            "",
        ]
    )


def _lead(comparison: Comparison) -> str:
    fates = {fate: sum(run.fate == fate for run in comparison.runs) for fate in ("counted", "failed", "left out")}
    told = ", ".join(f"{count} {fate}" for fate, count in fates.items() if count)
    wanted = "lower" if comparison.mode == "min" else "higher"
    return escape(
        f"{counted(len(comparison.runs), 'run')}: {told}. {comparison.metric}, {wanted} wanted: interquartile mean "
        f"over the last {percent(comparison.share)} of the first {comparison.budget:,} steps. Intervals are 95 %."
    )


def _link(anchor: str, heading: str) -> str:
    return f'<a href="#{anchor}">{escape(heading)}</a>'


def _section(anchor: str, heading: str, body: Sequence[str]) -> str:
    return f'<section id="{anchor}"><h2>{escape(heading)}</h2>{"".join(body)}</section>'


def _policy(style: str, script: str) -> str:
    allowed = {"style-src": style, "script-src": script}
    hashes = (
        f"{name} 'sha256-{b64encode(hashlib.sha256(of.encode()).digest()).decode()}'" for name, of in allowed.items()
    )
    return "; ".join(["default-src 'none'", *hashes, "base-uri 'none'", "form-action 'none'"])
