"""Which grid a folder needs, and what it is told of the notes that the grid could not keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from aurl.music.grid import MILLISECONDS, MOST_MOVED, RESOLUTIONS, Lost, Resolution, is_performance, misfit
from aurl.music.midi import MidiError, read_bytes, scores_of

SURVEYED = 256
_SAYS = {
    "moved": "begin at another time than written",
    "resized": "have another length than written",
    "merged": "are left out because another one of the same onset and pitch is there",
    "dropped": "are left out because they have no length",
    "drums": "are drums, which are left out (data.tracks=true keeps them)",
}


class ChosenGrid(NamedTuple):
    """The grid for a folder, and why, as a sentence for its user; "" where nothing is remarkable."""

    resolution: Resolution
    why: str


def choose_grid(paths: Sequence[Path]) -> ChosenGrid:
    """The coarsest grid that moves at most 1 % of the notes, "ms" where most are of performances without beats.

    Looks at 256 files at most, evenly spaced over the list.
    """
    notes = played = 0
    moved = dict.fromkeys(RESOLUTIONS, 0.0)
    for path in paths[:: max(1, -(-len(paths) // SURVEYED))]:
        for count, performance, shares in _look(path):
            notes += count
            played += count * performance
            for resolution, share in zip(RESOLUTIONS, shares, strict=False):
                moved[resolution] += share * count
    if played > notes / 2:
        return ChosenGrid(MILLISECONDS, _chosen("ticks of 10 ms", "most of the notes keep no beat"))
    on_grid = max(notes - played, 1)
    best = min(RESOLUTIONS, key=lambda one: (moved[one] / on_grid > MOST_MOVED, one))
    if best == RESOLUTIONS[0]:
        return ChosenGrid(best, "")
    coarser = RESOLUTIONS[RESOLUTIONS.index(best) - 1]
    return ChosenGrid(
        best, _chosen(f"{best} ticks to the quarter note", f"{coarser} move {moved[coarser] / on_grid:.0%} of them")
    )


def _look(path: Path) -> Iterator[tuple[int, bool, list[float]]]:
    try:
        scores = scores_of(path, read_bytes(path))
    except MidiError:
        return
    for score in scores:
        performance = is_performance(score)
        yield len(score), performance, [] if performance else [misfit(score, one) for one in RESOLUTIONS]


def _chosen(grid: str, why: str) -> str:
    return f"Notes lie on a grid of {grid}, because {why}; data.resolution=12 or another number chooses otherwise."


def loss_warnings(lost: Lost, notes: int) -> list[str]:
    """A sentence for each way in which more than 1 % of the notes changed."""
    found = []
    for name, what in _SAYS.items():
        share = getattr(lost, name) / max(notes, 1)
        if share > 0.01:
            finer = ", so a finer data.resolution keeps more" if name in ("moved", "resized") else ""
            found.append(f"{share:.0%} of the notes {what}{finer}.")
    if lost.metres:
        found.append(f"{lost.metres} time signatures do not fit the grid and are changed, or moved to the next tick.")
    return found
