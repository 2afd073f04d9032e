"""Writes the report of a run into its directory."""

from __future__ import annotations

from pathlib import Path

from aurl.machine.files import replace_file
from aurl.report.markdown import markdown
from aurl.report.page import report
from aurl.report.story import read_story


def write_report(run: Path, target: Path | None = None) -> Path:
    """Write `report.html`, and `report.md` beside it; a run that failed, was killed or still goes on has one too.

    Args:
        run: the run's directory.
        target: the HTML file; `report.html` in the run by default.

    Raises:
        RunError: there is no run in this directory.
        OSError: the files cannot be written.
    """
    story = read_story(run)
    target = target or run / "report.html"
    replace_file(target, report(story).encode("utf-8"))
    replace_file(target.with_suffix(".md"), markdown(story).encode("utf-8"))
    return target
