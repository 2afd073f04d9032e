"""aurl beside MusPy on the same files, one after the other: the same ten metrics, and the time that all take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from aurl.music.midi import read_midi
from aurl.music.midi_writer import to_pretty_midi, write_midi
from aurl.music.notes import Notes
from aurl.quality.metrics.muspy_metrics import NAMES, muspy_metrics
from aurl.quality.reference.profile import Profile
from benchmarks.quality_study.corruptions import changed

OWN, SAME, MUSPY = "aurl: its ten metrics and their scores", "aurl: MusPy's ten metrics", "MusPy: its ten metrics"
JOBS = ("aurl: reading the file", OWN, SAME, "MusPy: reading the file", MUSPY)
_COLUMNS = ("onset", "duration", "pitch", "velocity")


def beside_muspy(profile: Profile, paths: Sequence[Path], rounds: int) -> Mapping[str, float]:
    """Median CPU milliseconds of each job. MusPy works at the file's own resolution, as it does by default."""
    import muspy

    spent: dict[str, list[float]] = {}
    for path in paths:
        notes, music = read_midi(path), muspy.read_midi(path)
        jobs: Sequence[tuple[Callable[[], object], int]] = (
            (partial(read_midi, path), 5),
            (partial(profile.score, notes), 5),
            (partial(muspy_metrics, notes), 5),
            (partial(muspy.read_midi, path), 1),
            (partial(_ten, muspy, music, notes.bar), 1),
        )
        for _ in range(rounds):
            for name, (job, times) in zip(JOBS, jobs, strict=True):
                job()  # what the job before left in the caches is not its fault
                for _ in range(times):
                    began = time.process_time()
                    job()
                    spent.setdefault(name, []).append(1e3 * (time.process_time() - began))
    return {name: median(values) for name, values in spent.items()}


def largest_difference(paths: Iterable[Path]) -> float:
    """Between MusPy's ten metrics by MusPy and by aurl, at aurl's resolution, at which MusPy counts the same ticks."""
    import muspy

    apart = 0.0
    for path in paths:
        notes, music = read_midi(path), muspy.read_midi(path)
        ours = muspy_metrics(notes)
        music.adjust_resolution(12)
        apart = max(apart, *(abs(value - ours[name]) for name, value in _ten(muspy, music, notes.bar).items()))
    return apart


def write_pieces(pieces: Iterable[Notes], folder: Path) -> list[Path]:
    """MIDI files of one track."""
    return [_write(piece, folder / f"{index}.mid", write_midi) for index, piece in enumerate(pieces)]


def write_voices(pieces: Iterable[Notes], folder: Path) -> list[Path]:
    """MIDI files with a track for each voice: the lowest notes of all chords, the second lowest, and so on."""
    return [_write(piece, folder / f"{index}_voices.mid", _in_voices) for index, piece in enumerate(pieces)]


def write_bytes(files: Iterable[tuple[str, bytes]], folder: Path) -> list[Path]:
    """Files as they are."""
    paths = []
    for name, data in files:
        paths.append(folder / name)
        paths[-1].write_bytes(data)
    return paths


def _write(piece: Notes, path: Path, how: Callable[[Notes, Path], None]) -> Path:
    how(piece, path)
    return path


def _in_voices(piece: Notes, path: Path) -> None:
    place = np.arange(len(piece)) - np.searchsorted(piece.onset, piece.onset)
    whole = to_pretty_midi(piece)
    whole.instruments = []
    for rank in range(int(place.max()) + 1):
        voice = {name: getattr(piece, name)[place == rank] for name in _COLUMNS}
        whole.instruments += to_pretty_midi(changed(piece, **voice)).instruments
    whole.write(str(path))


def _ten(muspy: Any, music: Any, bar: int) -> dict[str, float]:
    measure = bar * music.resolution // 12
    return {name: getattr(muspy, name)(music, *([measure] if name == "groove_consistency" else [])) for name in NAMES}
