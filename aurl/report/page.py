"""The whole report of a run as one HTML file."""

from __future__ import annotations

import time

from aurl import __version__
from aurl.report import sections
from aurl.report.music import music
from aurl.report.story import Story
from aurl.show.page import page


def report(story: Story) -> str:
    """The report of a run, as text."""
    parts = [
        *sections.results(story),
        *sections.alerts(story),
        *music(story),
        *sections.curves(story),
        *sections.data(story),
        *sections.notes(story),
        *sections.config(story),
        *sections.environment(story),
    ]
    made = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    damaged = f" {story.skipped} damaged lines of the event log were left out." if story.skipped else ""
    footer = f"aurl {__version__}, written {made} from events/records.jsonl.{damaged}"
    return page(f"{story.run.name} {story.run.id}", sections.header(story), parts, footer=footer)
