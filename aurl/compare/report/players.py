"""Samples of the leading configurations, to look at and listen to."""

from __future__ import annotations

from aurl.compare.insights.insight import named
from aurl.compare.model import Comparison
from aurl.compare.run_data import RunData
from aurl.compare.statistics.best import typical_run
from aurl.music.notes import Notes
from aurl.show import svg
from aurl.show.player import sample_figure, sample_notes

MOST = 8


def players(comparison: Comparison) -> list[str]:
    """A figure for the last readable sample of a typical run of each leading group."""
    shown: list[str] = []
    for at, group in enumerate(comparison.groups):
        if len(shown) < MOST and group.n and (found := _sample(typical_run(group))) is not None:
            where, notes = found
            shown.append(svg.html_of_group(at, sample_figure(notes, named(group), where)))
    return shown


def _sample(run: RunData) -> tuple[str, Notes] | None:
    """The latest sample that is there and holds notes."""
    for relative in reversed(run.samples):
        notes = sample_notes(run.path, relative)
        if isinstance(notes, Notes) and len(notes):
            return f"{run.id}/{relative}", notes
    return None
