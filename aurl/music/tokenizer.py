"""A REMI-style tokenizer (Huang & Yang 2020, arXiv:2002.00212) on the grid of `aurl.music.notes`.

A sequence is `BOS Metre Tempo (Bar (Position (Velocity? Duration? Pitch)+)*)* EOS`. Unlike in REMI, Velocity and
Duration hold until they change, so that four-part chorales take about two tokens a note instead of more than three.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aurl.errors import ConfigError
from aurl.music.notes import DEFAULT_BAR, DEFAULT_VELOCITY, IntArray, Notes
from aurl.music.tokens import Decoded
from aurl.music.vocabulary import Family, Ids, Vocabulary

METRE_STEP = 3  # a sixteenth note: the bar of every metre down to n/16 is a multiple of it
HEADER = 3  # BOS Metre Tempo
_ANYWHERE = np.isin(np.arange(len(Family)), [Family.EOS, Family.BAR, Family.VELOCITY, Family.DURATION])


class RemiTokenizer:
    """Bar, Position, Velocity, Duration and Pitch tokens after a header of Metre and Tempo.

    Written exactly: onsets and pitches; durations of 1..48 ticks, then every 3 up to 96, then every 12; velocities
    `velocity_step` apart, of which 80 is one; bars of a multiple of 3 ticks; the tempi of the geometric bins.

    Args:
        velocity_step: distance of the velocity bins, 1..64.
        max_duration: longest duration in ticks (192 is 16 quarter notes); longer notes are cut to it.
        max_bar: longest bar in ticks (96 is 8 quarter notes); longer bars are divided evenly.
        tempo_bins: number of tempi, spaced geometrically from `tempo_low` to `tempo_high` quarter notes a minute. By
            default they are an eighth of an octave apart and 60 and 120 are among them.

    Raises:
        ConfigError: a value outside its range.
    """

    pad = int(Family.PAD)
    bos = int(Family.BOS)
    eos = int(Family.EOS)

    def __init__(
        self,
        *,
        velocity_step: int = 4,
        max_duration: int = 192,
        max_bar: int = 96,
        tempo_bins: int = 33,
        tempo_low: float = 30.0,
        tempo_high: float = 480.0,
    ) -> None:
        _require("velocity_step", velocity_step, 1, 64)
        _require("max_duration", max_duration, 1, 4800)
        _require("max_bar", max_bar, METRE_STEP, 960)
        _require("tempo_bins", tempo_bins, 2, 256)
        if not 0.0 < tempo_low < tempo_high < math.inf:
            raise ConfigError(f"tokenizer.tempo_low={tempo_low}, tempo_high={tempo_high}: needs 0 < low < high")
        self._settings = [velocity_step, max_duration, max_bar, tempo_bins, tempo_low, tempo_high]
        self._max_bar = max_bar // METRE_STEP * METRE_STEP
        self._max_duration = max_duration
        self._tempi = np.geomspace(tempo_low, tempo_high, tempo_bins).round(6)
        self.vocabulary = self._build_vocabulary(velocity_step)
        self._durations = self.vocabulary.values[Family.DURATION].astype(np.int32)
        self._velocities = self.vocabulary.values[Family.VELOCITY].astype(np.int32)
        self._duration_ids = self.vocabulary.nearest_ids(Family.DURATION, max_duration)
        self._velocity_ids = self.vocabulary.nearest_ids(Family.VELOCITY, 127)

    @property
    def vocab_size(self) -> int:
        """Number of ids; 396 with the default settings."""
        return self.vocabulary.size

    @property
    def fingerprint(self) -> str:
        """A hash of the settings and of the version of the layout, 16 hexadecimal digits."""
        return hashlib.sha256(json.dumps(["remi", 1, *self._settings]).encode()).hexdigest()[:16]

    def token_name(self, id: int) -> str:
        """Such as `BOS`, `Bar` or `Pitch_60`; `Unknown_999` outside the vocabulary."""
        return self.vocabulary.name(id)

    def encode(self, notes: Notes, *, end: bool = True) -> IntArray:
        """Token ids, int32 [T]; notes outside the alphabets are written as `quantise` gives them."""
        first = self.vocabulary.first
        bar = self._nearest_metre(notes.bar)
        bar_index, position = np.divmod(notes.onset, bar)
        duration = self._duration_ids[np.minimum(notes.duration, self._max_duration)]
        velocity = self._velocity_ids[notes.velocity]
        new_bars = _steps(bar_index)
        new_position = (new_bars > 0) | (_steps(position) != 0)
        new_velocity = _steps(velocity) != 0
        new_duration = _steps(duration) != 0

        # Each note's tokens end with its pitch; counting back from there places the others, and bars fill the rest.
        at = np.cumsum(new_bars + new_position + new_velocity + new_duration + 1) + (HEADER - 1)
        out = np.full((int(at[-1]) + 1 if len(at) else HEADER) + end, Family.BAR, np.int32)
        out[0] = self.bos
        out[1] = first[Family.METRE] + bar // METRE_STEP - 1
        out[2] = first[Family.TEMPO] + self._tempo_bin(notes.tempo)
        out[at] = first[Family.PITCH] + notes.pitch
        at -= new_duration
        out[at[new_duration]] = duration[new_duration]
        at -= new_velocity
        out[at[new_velocity]] = velocity[new_velocity]
        at -= new_position
        out[at[new_position]] = first[Family.POSITION] + position[new_position]
        if end:
            out[-1] = self.eos
        return out

    def decode(self, ids: ArrayLike) -> Decoded:
        """Notes from any sequence of integers; what means nothing where it stands is counted and skipped.

        BOS means something at the start; one Metre and one Tempo before the first Bar (48 ticks and 120 where they
        are missing); a Position after a Bar and within it; a Pitch after its bar's Position and after any Velocity
        and Duration. Reading stops at EOS; PAD is passed over. Positions may go back.
        """
        known = self.vocabulary.read(ids)
        family = self.vocabulary.family[known]
        index = self.vocabulary.index[known]
        bars = np.cumsum(family == Family.BAR)
        metre = _first(family, Family.METRE, before=bars == 0)
        tempo = _first(family, Family.TEMPO, before=bars == 0)
        bar = (int(index[metre[0]]) + 1) * METRE_STEP if len(metre) else DEFAULT_BAR

        position_fits = (family == Family.POSITION) & (bars > 0) & (index < bar)
        position, velocity, duration = (
            _latest(where) for where in (position_fits, family == Family.VELOCITY, family == Family.DURATION)
        )
        placed = (position > _latest(family == Family.BAR)) & (velocity >= 0) & (duration >= 0)
        note = np.flatnonzero((family == Family.PITCH) & placed)

        valid = _ANYWHERE[family] | position_fits
        for meant in (metre, tempo, note, np.flatnonzero(family[:1] == Family.BOS)):
            valid[meant] = True
        notes = Notes.build(
            (bars[note] - 1) * bar + index[position[note]],
            self._durations[index[duration[note]]],
            index[note],
            self._velocities[index[velocity[note]]],
            bar=bar,
            tempo=float(self._tempi[index[tempo[0]]]) if len(tempo) else 120.0,
        )
        return Decoded(notes, len(known) - int(valid.sum()), len(known))

    def quantise(self, notes: Notes) -> Notes:
        """The nearest notes that can be written: durations, velocities, metre and tempo as in the alphabets."""
        duration = self._duration_ids[np.minimum(notes.duration, self._max_duration)]
        velocity = self._velocity_ids[notes.velocity]
        nearest = Notes.build(
            notes.onset,
            self._durations[self.vocabulary.index[duration]],
            notes.pitch,
            self._velocities[self.vocabulary.index[velocity]],
            bar=self._nearest_metre(notes.bar),
            tempo=float(self._tempi[self._tempo_bin(notes.tempo)]),
        )
        return replace(nearest, name=notes.name)

    def _build_vocabulary(self, velocity_step: int) -> Vocabulary:
        return Vocabulary(
            {
                Family.METRE: np.arange(METRE_STEP, self._max_bar + 1, METRE_STEP),
                Family.TEMPO: self._tempi,
                Family.POSITION: np.arange(self._max_bar),
                Family.VELOCITY: np.arange(DEFAULT_VELOCITY % velocity_step or velocity_step, 128, velocity_step),
                Family.DURATION: _duration_alphabet(self._max_duration),
                Family.PITCH: np.arange(128),
            }
        )

    def _nearest_metre(self, bar: int) -> int:
        if bar <= self._max_bar:
            return max(METRE_STEP, (bar + METRE_STEP // 2) // METRE_STEP * METRE_STEP)
        even = (bar // parts for parts in range(2, 65) if bar % (parts * METRE_STEP) == 0)
        return next((part for part in even if part <= self._max_bar), self._max_bar)

    def _tempo_bin(self, tempo: float) -> int:
        low, high = float(self._tempi[0]), float(self._tempi[-1])
        inside = min(max(low, tempo), high)
        return round(math.log(inside / low) / math.log(high / low) * (len(self._tempi) - 1))


def _require(name: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"tokenizer.{name}={value}: needs a whole number from {low} to {high}")


def _duration_alphabet(longest: int) -> NDArray[np.int64]:
    ticks = np.concatenate([np.arange(1, 49), np.arange(51, 97, 3), np.arange(108, longest + 1, 12)])
    return np.union1d(ticks[ticks <= longest], longest)


def _steps(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Difference of each value to the one before, which for the first is -1."""
    steps = values + np.int32(1)
    steps[1:] = values[1:] - values[:-1]
    return steps


def _first(family: NDArray[np.int8], wanted: Family, before: NDArray[np.bool_]) -> Ids:
    """The place of the first token of the family within `before`: one or none."""
    return np.flatnonzero((family == wanted) & before)[:1]


def _latest(where: NDArray[np.bool_]) -> Ids:
    """For each place the last one up to it at which `where` holds, or -1."""
    return np.maximum.accumulate(np.where(where, np.arange(len(where)), -1))
