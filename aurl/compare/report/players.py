"""Samples to look at and listen to: a piano roll each, and the notes for the browser to play."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from aurl.compare.insights.insight import named
from aurl.compare.model import Comparison, Group, RunData
from aurl.compare.statistics.best import typical_run
from aurl.errors import DataError
from aurl.music.midi import read_midi
from aurl.music.notes import TICKS_PER_BEAT, Notes
from aurl.show import svg

MOST = 8
_SECONDS, _MOST_NOTES = 40.0, 1200
_WIDTH, _HEIGHT = 330, 96


def players(comparison: Comparison) -> list[str]:
    """A figure for the last readable sample of a typical run of each leading group."""
    shown: list[str] = []
    for at, group in enumerate(comparison.groups):
        if len(shown) < MOST and group.n and (found := _sample(typical_run(group))) is not None:
            shown.append(_figure(at, group, *found))
    return shown


def _sample(run: RunData) -> tuple[str, Notes] | None:
    """The latest sample that is there and holds notes."""
    for relative in reversed(run.samples):
        file = (run.path / relative).resolve()
        if not file.is_relative_to(run.path.resolve()):
            continue
        try:
            notes = read_midi(file)
        except (DataError, OSError):
            continue
        if len(notes):
            return f"{run.id}/{relative}", notes
    return None


def _figure(at: int, group: Group, where: str, notes: Notes) -> str:
    seconds = min(_SECONDS, notes.seconds)
    played = json.dumps(_events(notes), separators=(",", ":"))
    return (
        f'<figure class="player"><div class="c{svg.colour(at)}">{_roll(notes, seconds)}</div>'
        f'<figcaption><button type="button" data-notes="{escape(played)}">Play</button> '
        f"<b>{escape(named(group))}</b><br><small>{escape(where)}</small></figcaption></figure>"
    )


def _events(notes: Notes) -> list[list[float]]:
    """Onset and duration in seconds, pitch and velocity of each note in the first 40 seconds."""
    second = 60.0 / notes.tempo / TICKS_PER_BEAT
    columns: Any = zip(
        (notes.onset * second).round(3).tolist(),
        (notes.duration * second).round(3).tolist(),
        notes.pitch.tolist(),
        notes.velocity.tolist(),
        strict=True,
    )
    return [list(event) for event in columns if event[0] < _SECONDS][:_MOST_NOTES]


def _roll(notes: Notes, seconds: float) -> str:
    """Time from left to right, pitch upwards; as one path."""
    events = _events(notes)
    low, high = min(event[2] for event in events) - 1, max(event[2] for event in events) + 2
    row = (_HEIGHT - 4) / (high - low)
    scale = (_WIDTH - 4) / max(seconds, 0.1)
    bars = []
    for onset, duration, pitch, _ in events:
        width = max(1.0, min(duration, seconds - onset) * scale)
        corner = f"M{2 + onset * scale:.1f} {2 + (high - 1 - pitch) * row:.1f}"
        bars.append(f"{corner}h{width:.1f}v{max(1.5, row - 0.5):.1f}h{-width:.1f}z")
    marks = [f'<path class="notes" d="{"".join(bars)}"/>', f'<line class="head" x1="2" x2="2" y1="0" y2="{_HEIGHT}"/>']
    return svg.picture(_HEIGHT, marks, title="Piano roll", width=_WIDTH)
