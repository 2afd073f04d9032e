"""A page in one file: no request leaves it, and only its own style and script may act in it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aurl.show.markup import escaped
from aurl.show.player import SCRIPT

_HERE = Path(__file__).parent
PALETTE = _HERE / "palette.css"
_STYLES = (PALETTE, _HERE / "page.css")
_SCRIPTS = (SCRIPT, _HERE / "page.js")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page with its heading.

    Attributes:
        title: the heading, plain text.
        content: HTML.
        count: how many things the part is about, shown beside the heading.
        anchor: what links lead to; made from the title where it is empty.
    """

    title: str
    content: str
    count: int | None = None
    anchor: str = ""

    @property
    def id(self) -> str:
        return self.anchor or re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


def page(title: str, head: str, sections: Iterable[Section], *, footer: str = "") -> str:
    """The whole document.

    Its content security policy allows nothing but the style sheet and the script that are in it, known by their
    hashes, so that a name in a run which would get past the escaping could still do nothing.

    Args:
        title: of the window, plain text.
        head: HTML above the parts, with the `<h1>`.
        sections: the parts; those without content are left out.
        footer: HTML below them.
    """
    style, script = _joined(_STYLES), _joined(_SCRIPTS)
    shown = [section for section in sections if section.content]
    links = "".join(f'<a href="#{section.id}">{escaped(section.title)}</a>' for section in shown)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escaped(title)}</title>\n<style>{style}</style></head>\n"
        f'<body><header>{head}</header>\n<nav aria-label="Parts of this page">{links}</nav>\n'
        f"<main>{''.join(map(_drawn, shown))}</main>\n{f'<footer>{footer}</footer>' * bool(footer)}\n"
        f'<script type="module">{script}</script></body></html>\n'
    )


def _drawn(section: Section) -> str:
    number = f" <small>{section.count}</small>" if section.count is not None else ""
    return f'<section id="{section.id}"><h2>{escaped(section.title)}{number}</h2>{section.content}</section>\n'


def _joined(files: Iterable[Path]) -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
