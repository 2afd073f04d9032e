"""Pieces of HTML, and values as text in them. Whatever comes from a run is escaped; nothing of it is ever markup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from aurl.machine.numbers import valid_text
from aurl.runs.settings import flatten


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain text, the first column as row headings."""
    titles = "".join(f'<th scope="col">{escaped(name)}</th>' for name in head)
    top = f"<thead><tr>{titles}</tr></thead>" if any(head) else ""
    body = "".join(
        f'<tr><th scope="row">{escaped(first)}</th>{"".join(f"<td>{escaped(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return f'<div class="wide"><table>{top}<tbody>{body}</tbody></table></div>'


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values by the words that lead to them; empty ones are left out."""
    return {name: value for name, value in flatten(values, " ").items() if value not in (None, [], {}, "")}


def plain(value: object) -> str:
    """A JSON value as people read it."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(plain, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(item)}" for name, item in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def escaped(value: object) -> str:
    """Text for HTML, in quoted attributes too; lone surrogates become question marks."""
    return escape(valid_text(value), quote=True)
