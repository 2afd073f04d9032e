"""The parts of a Markdown page that tests look at: links, code blocks, tables, inline code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")
_RULE = re.compile(r"^\|[-| ]+\|$")


@dataclass(frozen=True)
class Block:
    """A fenced code block, and the last line with text before it."""

    language: str
    text: str
    before: str


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[Block]:
    text = read(page)
    found = [
        Block(match["language"], match["text"], _line_before(text, match.start())) for match in _FENCE.finditer(text)
    ]
    return [block for block in found if block.language == language]


def links(page: Path) -> list[str]:
    return [match["target"] for match in _LINK.finditer(_prose(page))]


def inline_code(page: Path) -> list[str]:
    return [code.replace("\n", " ") for code in _CODE.findall(_prose(page))]


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    titles = (line.lstrip("#").strip() for line in _prose(page).splitlines() if line.startswith("#"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def rows(page: Path, *header: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row of the tables with this header."""
    inside = False
    for number, line in enumerate(read(page).splitlines()):
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells == list(header):
            inside = True
        elif inside and not _RULE.match(line):
            yield number, cells


def _prose(page: Path) -> str:
    return _FENCE.sub("", read(page))


def _line_before(text: str, end: int) -> str:
    lines = [line for line in text[:end].splitlines() if line.strip()]
    return lines[-1] if lines else ""
