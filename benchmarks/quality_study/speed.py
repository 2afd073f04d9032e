"""aurl beside MusPy on the same files, one after the other: the same ten metrics, and the time that all take."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from aurl.music.midi import read_midi
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from aurl.quality.muspy_metrics import NAMES, muspy_metrics
from aurl.quality.profile import Profile


def beside_muspy(profile: Profile, pieces: Sequence[Notes], rounds: int) -> tuple[Mapping[str, float], float]:
    """Median CPU milliseconds of each job, and the largest difference between MusPy's ten metrics by MusPy and by aurl.

    MusPy's default resolution is the file's: 480 ticks a quarter note here.
    """
    import muspy

    spent: dict[str, list[float]] = {}
    apart = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for index, piece in enumerate(pieces):
            path = Path(folder) / f"{index}.mid"
            write_midi(piece, path)
            notes, music = read_midi(path), muspy.read_midi(path)
            apart = max(apart, *_differences(muspy, music, notes))
            jobs: Mapping[str, tuple[Callable[[], object], int]] = {
                "aurl: reading the file": (partial(read_midi, path), 5),
                "aurl: its ten metrics and their scores": (partial(profile.score, notes), 5),
                "aurl: MusPy's ten metrics": (partial(muspy_metrics, notes), 5),
                "MusPy: reading the file": (partial(muspy.read_midi, path), 1),
                "MusPy: its ten metrics": (partial(_ten, muspy, music, notes.bar), 1),
            }
            for _ in range(rounds):
                for name, (job, times) in jobs.items():
                    job()  # what the job before left in the caches is not its fault
                    for _ in range(times):
                        began = time.process_time()
                        job()
                        spent.setdefault(name, []).append(1e3 * (time.process_time() - began))
    return {name: median(values) for name, values in spent.items()}, apart


def _ten(muspy: Any, music: Any, bar: int) -> dict[str, float]:
    measure = bar * music.resolution // 12
    return {name: getattr(muspy, name)(music, *([measure] if name == "groove_consistency" else [])) for name in NAMES}


def _differences(muspy: Any, music: Any, notes: Notes) -> list[float]:
    """By MusPy at our own resolution, at which it counts the same ticks."""
    ours = muspy_metrics(notes)
    music = music.deepcopy()
    music.adjust_resolution(12)
    return [abs(value - ours[name]) for name, value in _ten(muspy, music, notes.bar).items()]
