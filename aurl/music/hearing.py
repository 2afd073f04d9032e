"""What aurl hears in a file, as plain values: `aurl midi`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from aurl.music.grid import Lost, Pedal, Resolution, fitting_resolution, sounding_ends, to_notes
from aurl.music.metre import find_upbeat, longest
from aurl.music.score import FullScore


def describe_score(
    score: FullScore, *, resolution: Resolution | None = None, pedal: Pedal = "extend"
) -> dict[str, Any]:
    """One piece as JSON values; times are in quarter notes of the file.

    Args:
        resolution: the grid whose losses are counted; by default the coarsest that fits.
    """
    grid = fitting_resolution(score) if resolution is None else resolution
    notes, lost = to_notes(score, grid, pedal=pedal, tracks=True)
    end = int(sounding_ends(score, pedal).max())
    quarter = score.ticks_per_quarter
    upbeat = find_upbeat(score.metres, quarter, score.end)
    main = longest(upbeat.metres, score.end)
    counts = np.bincount(score.track, minlength=len(score.tracks)).tolist()
    return {
        "notes": len(score),
        "end": _quarters(end, quarter),
        "seconds": round(float(score.clock.seconds([end])[0]), 6),
        "metre": [main.numerator, main.denominator],
        "metres": [
            [_quarters(tick, quarter), numerator, denominator] for tick, numerator, denominator in upbeat.metres
        ],
        "first_bar": _quarters(upbeat.ticks, quarter),
        "tempo": round(score.tempo, 3),
        "tempos": [[_quarters(tick, quarter), round(qpm, 3)] for tick, qpm in score.tempos],
        "keys": [[_quarters(key.tick, quarter), key.sharps, "minor" if key.minor else "major"] for key in score.keys],
        "resolution": grid,
        "phase": round(score.phase / quarter, 6),
        "pedal": pedal if len(score.pedal) else None,
        "tracks": [
            {"name": track.name, "program": track.program, "drum": track.drum, "notes": count}
            for track, count in zip(score.tracks, counts, strict=True)
        ],
        "lost": asdict(lost),
        "repaired": {"never_ended": score.hung, "bytes_above_127": score.repaired},
        "bars": notes.bars,
    }


def lost_share(lost: Lost, notes: int) -> float:
    """Share of a score's notes that are no longer as they were, 0..1; each counts once for each way."""
    changed = lost.merged + lost.moved + lost.resized + lost.dropped + lost.drums
    return min(1.0, changed / notes) if notes else 0.0


def _quarters(ticks: int, quarter: int) -> float:
    return round(ticks / quarter, 6)
