"""Logs in which a word in the row, not the column's name, says that its metrics are of held-out data."""

from __future__ import annotations

from collections.abc import Iterable

from aurl.anomaly.statistics.roles import role_of
from aurl.lint.readers.columns import AXES, HELD_OUT

MARKS = frozenset({"split", "phase", "mode", "stage", "subset", "set", "dataset", "type", "prefix", "tag"})
"""Names under which such a word stands."""


def marked(values: dict[str, float], texts: Iterable[str]) -> dict[str, float]:
    """The row's values, with `val/` before each metric if one of its texts is such a word: `{"mode": "val", ...}`."""
    if not any(text.strip().lower() in HELD_OUT for text in texts):
        return values
    return {name if role_of(name) in AXES else f"val/{name}": value for name, value in values.items()}
