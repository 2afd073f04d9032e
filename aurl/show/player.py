"""Samples to look at and listen to: a piano roll, and its notes for the one player (player.js) to sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aurl.errors import AurlError
from aurl.music.midi import read_midi
from aurl.music.notes import TICKS_PER_BEAT, Notes
from aurl.show.markup import escaped

SCRIPT = Path(__file__).with_name("player.js")
MOST_NOTES = 4000
"""Notes of one sample that a page in one file carries; its caption says so where there are more."""


def music_json(notes: Notes, most: int | None = None) -> dict[str, Any]:
    """What the player is given: `notes` as rows `[onset, duration, pitch, velocity]`, times in ticks.

    Args:
        notes: the piece.
        most: only its first so many notes.
    """
    columns = (notes.onset, notes.duration, notes.pitch, notes.velocity)
    return {
        "ticks_per_beat": TICKS_PER_BEAT,
        "bar": notes.bar,
        "tempo": notes.tempo,
        "seconds": notes.seconds,
        "bars": notes.bars,
        "notes": [list(note) for note in zip(*(column[:most].tolist() for column in columns), strict=True)],
    }


def sample_notes(folder: Path, relative: object) -> Notes | str:
    """A sample of the run in this folder, or why it cannot be shown."""
    place = folder / str(relative)
    try:
        if not place.resolve().is_relative_to(folder.resolve()):
            return f"{relative}: lies outside of the run"
        return read_midi(place)
    except (AurlError, OSError, ValueError) as error:
        return f"{relative}: {error}"


def sample_figure(notes: Notes | str, title: str, where: str) -> str:
    """A sample with its title, its roll and a Play button.

    Args:
        notes: the piece, or why there is none.
        title: what sample it is.
        where: which file it is, and what else is to be said of it.
    """
    heading = f"<figcaption>{escaped(title)}</figcaption>"
    if isinstance(notes, str):
        return f'<figure class="sample">{heading}<p>{escaped(notes)}</p></figure>'
    count = f"{len(notes)} notes" if len(notes) <= MOST_NOTES else f"the first {MOST_NOTES} of {len(notes)} notes"
    content = json.dumps(music_json(notes, MOST_NOTES), separators=(",", ":"))
    return (
        f'<figure class="sample" data-notes="{escaped(content)}">{heading}<div class="roll"></div>'
        f'<button type="button">Play</button><small>{escaped(where)}, {count}, {notes.seconds:.0f} s</small></figure>'
    )
