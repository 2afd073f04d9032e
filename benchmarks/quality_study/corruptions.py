"""Ten ways to spoil music, each by any amount from 0 to 1, and five beside them: one whose notes are all
wrong, and four that only some metrics are meant to hear.

At 1 nothing is left of what the corruption is about: every note has a random pitch, every bar is out of its place, half
of the notes are gone, the tokens are those of a model that knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aurl.music.notes import TICKS_PER_BEAT, Notes
from aurl.music.tokenizer import RemiTokenizer

_TOKENIZER = RemiTokenizer()
_LOOP = 5  # notes, about ten tokens


class Spoiling(NamedTuple):
    """What a corruption may use.

    Attributes:
        rng: the only source of chance.
        level: how much is spoilt, 0..1.
        others: music of the same corpus.
    """

    rng: np.random.Generator
    level: float
    others: Sequence[Notes]

    def some(self, notes: Notes) -> NDArray[np.bool_]:
        """A share `level` of the notes, bool [N]."""
        return self.rng.random(len(notes)) < self.level


Corruption = Callable[[Notes, Spoiling], Notes]


def changed(notes: Notes, **columns: ArrayLike) -> Notes:
    """The same notes with some columns replaced; pitches and velocities clipped to their range."""
    new = {name: np.asarray(columns.get(name, getattr(notes, name))) for name in _COLUMNS}
    new["pitch"], new["velocity"] = np.clip(new["pitch"], 0, 127), np.clip(new["velocity"], 1, 127)
    return Notes.build(
        new["onset"], new["duration"], new["pitch"], new["velocity"], bar=notes.bar, tempo=notes.tempo, name=notes.name
    )


def random_pitch(notes: Notes, how: Spoiling) -> Notes:
    """Any pitch between the lowest and the highest."""
    pitch = how.rng.integers(notes.pitch.min(), notes.pitch.max() + 1, len(notes))
    return changed(notes, pitch=np.where(how.some(notes), pitch, notes.pitch))


def random_onset(notes: Notes, how: Spoiling) -> Notes:
    """Any tick of the piece."""
    onset = how.rng.integers(0, notes.bars * notes.bar, len(notes))
    return changed(notes, onset=np.where(how.some(notes), onset, notes.onset))


def shuffled_bars(notes: Notes, how: Spoiling) -> Notes:
    """Bars that change places among themselves."""
    order = np.arange(notes.bars)
    moved = how.rng.permutation(notes.bars)[: max(2, round(how.level * notes.bars))]
    order[moved] = how.rng.permutation(moved)
    bar = notes.onset // notes.bar
    return changed(notes, onset=notes.onset + (order[bar] - bar) * notes.bar)


def one_note(notes: Notes, how: Spoiling) -> Notes:
    """The same note on the beat, a beat long."""
    some = how.some(notes)
    beat = notes.onset // TICKS_PER_BEAT * TICKS_PER_BEAT
    return changed(
        notes,
        onset=np.where(some, beat, notes.onset),
        duration=np.where(some, TICKS_PER_BEAT, notes.duration),
        pitch=np.where(some, int(np.median(notes.pitch)), notes.pitch),
    )


def noise(notes: Notes, how: Spoiling) -> Notes:
    """Any tick, pitch and velocity, up to four beats long."""
    some, size, rng = how.some(notes), len(notes), how.rng
    return changed(
        notes,
        onset=np.where(some, rng.integers(0, notes.bars * notes.bar, size), notes.onset),
        duration=np.where(some, rng.integers(1, 4 * TICKS_PER_BEAT + 1, size), notes.duration),
        pitch=np.where(some, rng.integers(0, 128, size), notes.pitch),
        velocity=np.where(some, rng.integers(1, 128, size), notes.velocity),
    )


def transposed_notes(notes: Notes, how: Spoiling) -> Notes:
    """Each note moved by up to a tritone, either way."""
    return changed(notes, pitch=notes.pitch + np.where(how.some(notes), how.rng.integers(-6, 7, len(notes)), 0))


def semitone_slips(notes: Notes, how: Spoiling) -> Notes:
    """Each note at one of the three semitones around it, so that at level 1 nothing is left of which one it was."""
    return changed(notes, pitch=notes.pitch + np.where(how.some(notes), how.rng.integers(-1, 2, len(notes)), 0))


def wrong_notes(notes: Notes, how: Spoiling) -> Notes:
    """Each note moved by a semitone, either way: a share `level` of them is wrong.

    Worst at level 2/3 and not at 1: where every note moves, half of all pairs keep their distance, against a third of
    them where a third of the notes stays. What is the same in every key cannot fall steadily with it.
    """
    return changed(notes, pitch=notes.pitch + np.where(how.some(notes), how.rng.choice((-1, 1), len(notes)), 0))


def dropped_notes(notes: Notes, how: Spoiling) -> Notes:
    """Notes left out, half of them at level 1."""
    kept = how.rng.random(len(notes)) >= how.level / 2
    kept[:2] |= np.count_nonzero(kept) < 2
    return changed(notes, **{name: getattr(notes, name)[kept] for name in _COLUMNS})


def stuck(notes: Notes, how: Spoiling) -> Notes:
    """From some point on the five notes before it, again and again; from the fifth note on at level 1."""
    size = min(_LOOP, len(notes))
    stop = max(size, round((1 - how.level) * len(notes)))
    loop = slice(stop - size, stop)
    length = max(TICKS_PER_BEAT, int(notes.onset[stop - 1] - notes.onset[stop - size]) + TICKS_PER_BEAT)
    times = max(0, -(-int(notes.bars * notes.bar - notes.onset[stop - 1]) // length) - 1)
    shift = length * np.repeat(np.arange(1, times + 1), size)
    again = {name: np.tile(getattr(notes, name)[loop], times) for name in _COLUMNS}
    again["onset"] = again["onset"] + shift
    return changed(notes, **{name: np.append(getattr(notes, name)[:stop], again[name]) for name in _COLUMNS})


def random_tokens(notes: Notes, how: Spoiling) -> Notes:
    """Tokens replaced by any of the vocabulary; at level 1 what an untrained model writes."""
    tokens = np.array(_TOKENIZER.encode(notes))
    for _ in range(20):
        wrong = how.rng.integers(0, _TOKENIZER.vocab_size, len(tokens))
        decoded = _TOKENIZER.decode(np.where(how.rng.random(len(tokens)) < how.level, wrong, tokens)).notes
        if len(decoded) > 1:
            break
    return decoded


def jitter(notes: Notes, how: Spoiling) -> Notes:
    """Onsets moved by a normal deviation of up to a sixteenth note."""
    moved = notes.onset + np.rint(how.rng.normal(0, 3 * how.level, len(notes))).astype(int)
    return changed(notes, onset=np.maximum(0, moved))


def collage(notes: Notes, how: Spoiling) -> Notes:
    """Bars of other pieces in the same metre."""
    bars = [notes.window(bar, 1) for bar in range(notes.bars)]
    pool = [piece for piece in how.others if piece.bar == notes.bar]
    for bar in np.flatnonzero(how.rng.random(notes.bars) < how.level):
        other = pool[how.rng.integers(len(pool))]
        bars[bar] = other.window(int(how.rng.integers(other.bars)), 1)
    onsets = [bar.onset + place * notes.bar for place, bar in enumerate(bars)]
    columns = {name: np.concatenate([getattr(bar, name) for bar in bars]) for name in _COLUMNS}
    return changed(notes, **(columns | {"onset": np.concatenate(onsets)}))


def random_velocity(notes: Notes, how: Spoiling) -> Notes:
    """Any velocity."""
    return changed(notes, velocity=np.where(how.some(notes), how.rng.integers(1, 128, len(notes)), notes.velocity))


def one_velocity(notes: Notes, how: Spoiling) -> Notes:
    """All notes equally loud."""
    return changed(notes, velocity=np.where(how.some(notes), 80, notes.velocity))


_COLUMNS = ("onset", "duration", "pitch", "velocity")
TEN: dict[str, Corruption] = {
    "random pitch": random_pitch,
    "random onset": random_onset,
    "shuffled bars": shuffled_bars,
    "one note": one_note,
    "noise": noise,
    "each note transposed": transposed_notes,
    "semitone slips": semitone_slips,
    "half of the notes": dropped_notes,
    "a loop": stuck,
    "untrained model": random_tokens,
}
FURTHER: dict[str, Corruption] = {"each note off by one": wrong_notes, "jitter": jitter, "collage": collage}
LOUDNESS: dict[str, Corruption] = {"random velocity": random_velocity, "one velocity": one_velocity}
ALL: Mapping[str, Corruption] = TEN | FURTHER | LOUDNESS
LEVELS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
RESPONSIBLE: Mapping[str, tuple[str, ...]] = {
    "rhythm_consistency": ("random onset", "jitter"),
    "rhythm_diversity": ("random onset",),
    "harmonic_coherence": ("random pitch", "each note transposed", "semitone slips", "each note off by one"),
    "melodic_contour": ("random pitch", "one note"),
    "dynamic_range": ("random velocity", "one velocity"),
    "note_density": ("half of the notes",),
    "pitch_range": ("one note", "noise"),
    "repetition_score": ("a loop", "noise"),
    "structural_coherence": ("shuffled bars", "collage", "noise"),
}
"""What each metric is there to hear."""
