"""The whole report as one HTML file: no request leaves it, and only its own script may run in it."""

from __future__ import annotations

import base64
import hashlib
import time
from pathlib import Path

from aurl import __version__
from aurl.report import sections
from aurl.report.music import music
from aurl.report.story import Story
from aurl.show.markup import escaped

_HERE = Path(__file__).parent


def page(story: Story) -> str:
    """The report of a run.

    Its content security policy allows nothing but the style and the one script that are in it, known by its hash, so
    that a name in a run which would get past the escaping could still do nothing.
    """
    style, script = (_HERE.joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "player.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    parts = [
        sections.header(story),
        sections.results(story),
        sections.alerts(story),
        music(story),
        sections.curves(story),
        sections.data(story),
        sections.notes(story),
        sections.config(story),
        sections.environment(story),
    ]
    made = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    damaged = f" {story.skipped} damaged lines of the event log were left out." if story.skipped else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(story.run.name)} {escaped(story.run.id)}</title><style>{style}</style></head><body>"
        f"<main>{''.join(parts)}</main>"
        f"<footer>aurl {__version__}, written {made} from events/records.jsonl.{damaged}</footer>"
        f"<script>{script}</script></body></html>\n"
    )
