"""From a score to notes on a grid, and what that loses.

A note counts as moved where its onset changes by more than 1/200 of a quarter note (2.5 ms at 120 a minute), or by more
than half a tick of its file where these are coarser. Its length counts as changed from 1/32 of a quarter note and a
tenth of the length on: the end of a note is heard less exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.music.metre import bar_ticks, find_upbeat, on_grid
from aurl.music.notes import Notes
from aurl.music.score import FullScore, Tempo, Ticks

RESOLUTIONS = (12, 24, 48, 60, 120)
"""Ticks to the quarter note, from coarse to fine."""
MILLISECONDS: Final = "ms"
_PER_SECOND = 100
CLOCK_RESOLUTION = _PER_SECOND // 2
"""Ticks to the half second, which is the quarter of 120 a minute, of notes that are placed by the clock."""
Resolution: TypeAlias = int | Literal["ms"]
Pedal: TypeAlias = Literal["extend", "ignore"]
Reals: TypeAlias = NDArray[np.floating[Any]]

_LENGTH_TOLERANCE, _LENGTH_SHARE = 1 / 32, 0.1
MOST_MOVED = 0.01 + 1e-9
_ON_A_GRID, _TELLING = 0.5, 0.8


@dataclass(frozen=True, slots=True)
class Lost:
    """How many notes a grid could not keep as they were.

    Attributes:
        merged: left out, because a longer note of the same track, onset and pitch is there.
        moved: begin at another time.
        resized: have another length.
        dropped: left out for another reason: without length.
        drums: left out, because drums were not asked for.
        metres: time signatures, not notes, that had to be changed or moved.
    """

    merged: int = 0
    moved: int = 0
    resized: int = 0
    dropped: int = 0
    drums: int = 0
    metres: int = 0

    @property
    def left_out(self) -> int:
        """Notes that are not there any more."""
        return self.merged + self.dropped + self.drums

    def counts(self) -> list[int]:
        """The numbers, in the order of the attributes."""
        return [getattr(self, field.name) for field in fields(Lost)]

    def __add__(self, other: Lost) -> Lost:
        return Lost(*(one + more for one, more in zip(self.counts(), other.counts(), strict=True)))


def to_notes(
    score: FullScore, resolution: Resolution = 12, *, pedal: Pedal = "extend", tracks: bool = False
) -> tuple[Notes, Lost]:
    """The notes of a score on a grid.

    Args:
        resolution: ticks to the quarter note; "ms" places notes by the clock, in ticks of 10 ms.
        pedal: "extend" lets notes sound as long as the sustain pedal holds them, at most until their pitch begins
            again; "ignore" ends them where their key is let go.
        tracks: keep tracks and drums; otherwise drums are left out and all tracks are one.
    """
    ends = sounding_ends(score, pedal)
    if resolution == MILLISECONDS or score.timed:
        return _by_clock(score, ends, tracks)
    if not isinstance(resolution, int):
        raise ValueError(f"resolution={resolution}: needs a whole number or 'ms'")
    upbeat = find_upbeat(score.metres, score.ticks_per_quarter, score.end)
    shift, metres, altered = on_grid(upbeat, score.ticks_per_quarter, resolution)
    scale = resolution / score.ticks_per_quarter
    if score.phase > score.onset[0]:
        shift += bar_ticks(metres[0], resolution) or 0
    onset: Reals = (score.onset - score.phase) * scale
    duration: Reals = (ends - score.onset) * scale
    columns, lost = _rounded(score, onset, duration, resolution, tracks)
    whole = Notes.build(
        columns.onset + shift,
        *columns[1:4],
        metres=metres,
        tempo=score.clock.mean(0, score.end),
        tempos=_tempos(score, scale, shift),
        resolution=resolution,
        name=score.name,
        track=columns.track if tracks else None,
        tracks=score.tracks if tracks else (),
    )
    return whole, replace(lost, metres=altered)


def sounding_ends(score: FullScore, pedal: Pedal) -> Ticks:
    """The tick at which each note stops sounding, int64 [N]; `pedal` as for `to_notes`."""
    ends = score.onset + score.duration
    if pedal == "ignore":
        return ends
    for track in np.unique(score.pedal[:, 0]).tolist():
        down, up = score.pedal[score.pedal[:, 0] == track, 1:].T
        mine = np.flatnonzero(score.track == track)
        press = np.searchsorted(down, ends[mine], side="right") - 1
        held = (press >= 0) & (ends[mine] < up[press])
        again = _next_onset_of_pitch(score.onset[mine], score.pitch[mine])
        ends[mine[held]] = np.maximum(ends[mine], np.minimum(up[press], again))[held]
    return ends


def _next_onset_of_pitch(onset: Ticks, pitch: Ticks) -> Ticks:
    order = np.lexsort((onset, pitch))
    following = np.full(len(onset), np.iinfo(np.int64).max)
    same = pitch[order[:-1]] == pitch[order[1:]]
    following[order[:-1][same]] = onset[order[1:][same]]
    return following


def fitting_resolution(score: FullScore) -> Resolution:
    """The coarsest grid that moves at most 1 % of the notes and holds the bars, or "ms" where there are no beats."""
    if is_performance(score):
        return MILLISECONDS
    return min(RESOLUTIONS, key=lambda one: (misfit(score, one) > MOST_MOVED, one))


def misfit(score: FullScore, resolution: int) -> float:
    """Share of the notes that a grid moves; all, where it cannot hold the bars."""
    if not all(bar_ticks(metre, resolution) for metre in score.metres if metre.tick < score.end):
        return 1.0
    return moved_share(score, resolution)


def moved_share(score: FullScore, resolution: int) -> float:
    """Share of the notes whose onset lies off the grid, 0..1."""
    return 1.0 - _on_grid(score, resolution, score.tolerance)


def _on_grid(score: FullScore, resolution: int, tolerance: float) -> float:
    onset = (score.onset - score.phase) / score.ticks_per_quarter * resolution
    return float((np.abs(onset - np.rint(onset)) <= resolution * tolerance).mean())


def is_performance(score: FullScore) -> bool:
    """Whether onsets lie on no grid: less than half of them beyond what chance puts there, on the best one.

    On the finest grids chance puts them all within the usual tolerance, so there they have to lie exactly.
    """
    if score.timed:
        return True
    if len(np.unique(score.onset)) < 16:
        return False
    exactly = 0.75 / score.ticks_per_quarter
    for resolution, tolerance in (
        (12, score.tolerance),
        (24, score.tolerance),
        (60, exactly),
        (48, exactly),
        (84, exactly),  # septuplets
        (120, exactly),
    ):
        chance = 2 * tolerance * resolution
        if chance < _TELLING and (_on_grid(score, resolution, tolerance) - chance) / (1 - chance) >= _ON_A_GRID:
            return False
    return True


class _Columns(NamedTuple):
    """Notes in ticks of a grid, int64 [N] each."""

    onset: Ticks
    duration: Ticks
    pitch: Ticks
    velocity: Ticks
    track: Ticks


def _by_clock(score: FullScore, ends: Ticks, tracks: bool) -> tuple[Notes, Lost]:
    begin, stop = score.clock.seconds(score.onset) * _PER_SECOND, score.clock.seconds(ends) * _PER_SECOND
    columns, lost = _rounded(score, begin, stop - begin, CLOCK_RESOLUTION, tracks)
    notes = Notes.build(
        *columns[:4],
        name=score.name,
        resolution=CLOCK_RESOLUTION,
        track=columns.track if tracks else None,
        tracks=score.tracks if tracks else (),
    )
    return notes, replace(lost, moved=0, resized=0)  # 5 ms at most, which nobody hears


def _rounded(score: FullScore, onset: Reals, duration: Reals, resolution: int, tracks: bool) -> tuple[_Columns, Lost]:
    """The notes in ticks of a grid, the longest of each track, onset and pitch, and what was lost."""
    drums = np.array([track.drum for track in score.tracks], bool)[score.track]
    begin, length = np.rint(onset).astype(np.int64), np.maximum(np.rint(duration), 1).astype(np.int64)
    voice = score.track if tracks else np.zeros_like(score.track)
    order = np.lexsort((score.velocity, length, voice, score.pitch, begin))
    if not tracks:
        order = order[~drums[order]]
    keys = np.array([begin, score.pitch, voice])[:, order]
    kept = order[(np.diff(keys, append=-1) != 0).any(axis=0)]
    moved = np.abs(onset - begin)[kept] / resolution > score.tolerance
    change = np.abs(duration - length)[kept] / resolution
    resized = (change > _LENGTH_TOLERANCE) & (change > _LENGTH_SHARE * duration[kept] / resolution) & ~drums[kept]
    lost = Lost(
        merged=len(order) - len(kept),
        moved=int(moved.sum()),
        resized=int(resized.sum()),
        dropped=score.empty,
        drums=0 if tracks else int(drums.sum()),
    )
    return _Columns(begin[kept], length[kept], score.pitch[kept], score.velocity[kept], voice[kept]), lost


def _tempos(score: FullScore, scale: float, shift: int) -> tuple[Tempo, ...]:
    """The tempi that hold within the piece, each at a tick of its own and other than the one before."""
    within = [tempo for tempo in score.tempos if tempo.tick < max(score.end, 1)]
    by_tick = {round(tick * scale) + shift * (tick > 0): qpm for tick, qpm in within}
    kept: list[Tempo] = []
    for tick, qpm in by_tick.items():
        if not kept or abs(qpm - kept[-1].qpm) > 1e-6:
            kept.append(Tempo(tick, qpm))
    return tuple(kept)
