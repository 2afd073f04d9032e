"""Real music and one profile of it, made once; music without what the metrics look for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from aurl.music.corpus import Corpus, load_chorales
from aurl.music.notes import Notes
from aurl.quality.reference.profile import Profile


@pytest.fixture(scope="session")
def chorales() -> Corpus:
    return load_chorales()


@pytest.fixture(scope="session")
def profile(chorales: Corpus) -> Profile:
    """Fitted on 60 chorales, at 4 and 8 bars."""
    return Profile.fit(chorales.train[:60], (4, 8), name="sixty chorales", held_out=chorales.validation[:12], most=60)


def changed(notes: Notes, **columns: object) -> Notes:
    """The same notes with some columns replaced."""
    old = {name: getattr(notes, name) for name in ("onset", "duration", "pitch", "velocity")}
    return Notes.build(**(old | columns), bar=notes.bar, tempo=notes.tempo, name=notes.name)  # type: ignore[arg-type]


Spoil = Callable[[Notes, np.random.Generator], Notes]


def random_pitch(notes: Notes, rng: np.random.Generator) -> Notes:
    return changed(notes, pitch=rng.integers(notes.pitch.min(), notes.pitch.max() + 1, len(notes)))


def random_onset(notes: Notes, rng: np.random.Generator) -> Notes:
    return changed(notes, onset=rng.integers(0, notes.bars * notes.bar, len(notes)))


def one_note(notes: Notes, rng: np.random.Generator) -> Notes:
    onset = 12 * np.arange(len(notes))
    return changed(notes, onset=onset, duration=12, pitch=60)


def noise(notes: Notes, rng: np.random.Generator) -> Notes:
    n = len(notes)
    return changed(
        notes,
        onset=rng.integers(0, notes.bars * notes.bar, n),
        duration=rng.integers(1, 49, n),
        pitch=rng.integers(0, 128, n),
        velocity=rng.integers(1, 128, n),
    )


def half_dropped(notes: Notes, rng: np.random.Generator) -> Notes:
    kept = rng.permutation(len(notes))[: len(notes) // 2]
    return changed(notes, **{c: getattr(notes, c)[kept] for c in ("onset", "duration", "pitch", "velocity")})


def loop(notes: Notes, rng: np.random.Generator) -> Notes:
    times = notes.bars * 2
    onset = (notes.onset[:5] - notes.onset[0] + 24 * np.arange(times)[:, None]).ravel()
    return changed(
        notes,
        onset=onset,
        **{c: np.tile(getattr(notes, c)[:5], times) for c in ("duration", "pitch", "velocity")},
    )


SPOILS: dict[str, Spoil] = {
    spoil.__name__: spoil for spoil in (random_pitch, random_onset, one_note, noise, half_dropped, loop)
}
