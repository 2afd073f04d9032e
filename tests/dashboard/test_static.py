"""The files of the pages: nothing from elsewhere, nothing inline, colours that can be read."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import aurl.dashboard

STATIC = Path(aurl.dashboard.__file__).parent / "static"
VENDORED = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""uPlot 1.6.32 as npm has it."""
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
STYLES = sorted((STATIC / "css").glob("*.css"))


@pytest.mark.parametrize("name", VENDORED)
def test_what_is_vendored_is_what_was_published(name: str) -> None:
    assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == VENDORED[name]
    assert "MIT" in (STATIC / "vendor" / "uPlot.LICENSE.txt").read_text()


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style|\sstyle=|\son\w+=|https?://", page)
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        assert (STATIC / address.removeprefix("/static/")).is_file(), address


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_no_html_of_strings(path: Path) -> None:
    text = path.read_text()
    assert not re.search(
        r"innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", text
    )
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert len(text.splitlines()) < 330
    for imported in re.findall(r"""(?:from|import\() ?"\./([^"]+)""", text):
        assert (path.parent / imported).is_file(), imported


def test_styles_load_nothing() -> None:
    for path in STYLES:
        assert not re.search(r"url\(|@import", path.read_text()), path.name


def themes() -> list[dict[str, str]]:
    text = (STATIC / "css" / "base.css").read_text()
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", text)
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in blocks]
    return [theme for theme in found if theme]


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", themes(), ids=["light", "dark", "dark by the system"])
def test_text_and_lines_stand_out(theme: dict[str, str]) -> None:
    for ground in ("paper", "panel", "sunk"):
        for ink in ("ink", "soft", "faint", "accent", "info", "warning", "critical", "fatal", "good", "copied"):
            assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)
        for number in range(8):
            assert contrast(theme[f"line-{number}"], theme[ground]) >= 3.0, (number, ground)


def test_both_dark_themes_are_the_same() -> None:
    _, chosen, by_system = themes()
    assert chosen == by_system
