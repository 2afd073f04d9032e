"""The gist of a run as Markdown, for a pull request or a lab book."""

from __future__ import annotations

import re
import time

from aurl.report.sections import KEY, label
from aurl.report.story import Story
from aurl.scalars import describe
from aurl.show.markup import plain
from aurl.show.wording import duration

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")


def markdown(story: Story) -> str:
    """Status, results, alerts with their advice, and the commands to go on with."""
    run, document = story.run, story.run.document
    took = run.duration(time.time())
    facts = [run.status, f"{run.step:,} steps", duration(took) if took is not None else "", document.get("message")]
    lines = [f"# {_plain(run.name)} {_plain(run.id)}", "", ", ".join(_plain(fact) for fact in facts if fact), ""]
    rows = [row for name in KEY if (row := _row(story, name))]
    if rows:
        lines += ["| | last | best |", "|---|---|---|", *rows, ""]
    if story.alerts:
        lines += ["## Alerts", ""]
        for alert in story.alerts:
            fields = alert.fields
            lines.append(f"- **{_plain(fields.get('severity'))}** {_plain(fields.get('type'))} at step {alert.step}: "
                         f"{_plain(fields.get('message'))}")  # fmt: skip
            advice = fields.get("suggestions")
            lines += [f"  - {_plain(item)}" for item in (advice if isinstance(advice, (list, tuple)) else ())]
        lines.append("")
    argv = document.get("argv")
    if isinstance(argv, list):
        lines += ["## Command", "", "```", " ".join(map(str, argv)).replace("`", "'"), "```", ""]
    return "\n".join(lines)


def _row(story: Story, name: str) -> str:
    found = story.run.summary.get(name)
    if not found or not isinstance(found.get("last"), (int, float)):
        return ""
    told, best = describe(name), found.get("best")
    shown = ""
    if told.better != "neither" and isinstance(best, (int, float)):
        shown = f"{told.show(best)} at step {found.get('best_step')}"
    return f"| {_plain(label(story, name))} | {told.show(found['last'])} | {shown} |"


def _plain(value: object) -> str:
    """One line of text, markup signs escaped."""
    return _MARKUP.sub(r"\\\1", " ".join(plain(value).split()))
