"""A REMI-style tokenizer (Huang & Yang 2020, arXiv:2002.00212) on the grid of `aurl.music.notes`.

A sequence is `BOS Metre Tempo (Bar (Position (Velocity? Duration? Pitch)+)*)* EOS`. Unlike in REMI, Velocity and
Duration hold until they change, so that four-part chorales take about two tokens a note instead of more than three.

A metre is the ticks of a bar; where its time signature is not the plainest one, a second Metre follows at once that
tells the ticks of its unit: 3/4 is `Metre_36`, 6/8 is `Metre_36 Metre_6`. Before a Bar inside the piece, Metre means
that the metre changes there. So plain metres are written as if there were no others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aurl.music.notes import DEFAULT_VELOCITY, TICKS_PER_BEAT, IntArray, Notes
from aurl.music.tokenizing.barred import BarredTokenizer, first_of, latest, require, steps
from aurl.music.tokenizing.barring import Bars, laid_out, read_metres
from aurl.music.tokens import BarTokens, Decoded
from aurl.music.vocabulary import Family, Vocabulary

_ANYWHERE = np.isin(np.arange(len(Family)), [Family.EOS, Family.BAR, Family.VELOCITY, Family.DURATION])


class RemiTokenizer(BarredTokenizer):
    """Bar, Position, Velocity, Duration and Pitch tokens after a header of Metre and Tempo.

    Written exactly: onsets and pitches; durations of 1..48 ticks, then every 3 up to 96, then every 12; velocities
    `velocity_step` apart, of which 80 is one; all time signatures down to sixteenths (32nds and 64ths on finer grids)
    and their changes; one tempo, of the geometric bins. Figures in ticks are those of 12 to the quarter note.

    Args:
        velocity_step: distance of the velocity bins, 1..64.
        max_duration: longest duration in ticks (192 is 16 quarter notes); longer notes are cut to it.
        max_bar: longest bar in ticks (96 is 8 quarter notes); longer bars are divided evenly.
        tempo_bins: number of tempi, spaced geometrically from `tempo_low` to `tempo_high` quarter notes a minute. By
            default they are an eighth of an octave apart and 60 and 120 are among them.
        resolution: ticks to the quarter note of the notes that are written; all lengths in ticks grow with it.

    Raises:
        ConfigError: a value outside its range.
    """

    _layout = "remi"

    def __init__(
        self,
        *,
        velocity_step: int = 4,
        max_duration: int = 192,
        max_bar: int = 96,
        tempo_bins: int = 33,
        tempo_low: float = 30.0,
        tempo_high: float = 480.0,
        resolution: int = TICKS_PER_BEAT,
    ) -> None:
        require("velocity_step", velocity_step, 1, 64)
        require("max_duration", max_duration, 1, 4800)
        settings = {
            "velocity_step": velocity_step,
            "max_duration": max_duration,
            "max_bar": max_bar,
            "tempo_bins": tempo_bins,
            "tempo_low": tempo_low,
            "tempo_high": tempo_high,
        }
        super().__init__(settings, resolution)
        self._max_duration = max_duration * resolution // TICKS_PER_BEAT
        self.vocabulary = self._build_vocabulary(velocity_step)
        self._durations = self.vocabulary.values[Family.DURATION].astype(np.int32)
        self._velocities = self.vocabulary.values[Family.VELOCITY].astype(np.int32)
        self._duration_ids = self.vocabulary.nearest_ids(Family.DURATION, self._max_duration)
        self._velocity_ids = self.vocabulary.nearest_ids(Family.VELOCITY, 127)

    def encode(self, notes: Notes, *, end: bool = True) -> IntArray:
        """Token ids, int32 [T]; notes outside the alphabets are written as `quantise` gives them."""
        notes = notes.merged().at(self.resolution)
        first = self.vocabulary.first
        bars = self._bars.bars(notes)
        bar_index, position = bars.place(notes.onset.astype(np.int64))
        duration = self._duration_ids[np.minimum(notes.duration, self._max_duration)]
        velocity = self._velocity_ids[notes.velocity]
        new_bars = steps(bar_index)
        new_position = (new_bars > 0) | (steps(position) != 0)
        new_velocity = steps(velocity) != 0
        new_duration = steps(duration) != 0

        # Each note's tokens end with its pitch; counting back from there places the others, and bars fill the rest.
        head = self._header(bars.signed[0], notes.tempo)
        at = np.cumsum(new_bars + new_position + new_velocity + new_duration + 1) + (len(head) - 1)
        out = np.full((int(at[-1]) + 1 if len(at) else len(head)) + end, Family.BAR, np.int32)
        out[: len(head)] = head
        out[at] = first[Family.PITCH] + notes.pitch
        at -= new_duration
        out[at[new_duration]] = duration[new_duration]
        at -= new_velocity
        out[at[new_velocity]] = velocity[new_velocity]
        at -= new_position
        out[at[new_position]] = first[Family.POSITION] + position[new_position]
        if end:
            out[-1] = self.eos
        return self._with_changes(out, bars.signed[1:])

    def bar_tokens(self, notes: Notes) -> BarTokens:
        """Counted as `encode` writes them; a window is a token or two shorter where metres change or bars are empty."""
        count, notes = notes.bars, notes.merged().at(self.resolution)
        bars = self._bars.bars(notes)
        bar_index, position = bars.place(notes.onset.astype(np.int64))
        new_position = (steps(bar_index) != 0) | (steps(position) != 0)
        loud = steps(self._velocity_ids[notes.velocity]) != 0
        long = steps(self._duration_ids[np.minimum(notes.duration, self._max_duration)]) != 0
        bar = notes.bars_of(notes.onset)
        tokens = self._metre_tokens(bars, notes.bars_of, count)
        tokens += np.bincount(bar, 1 + new_position + loud + long, count)
        tokens += np.bincount(notes.bars_of(bars.starts), minlength=count)[:count]
        first = np.flatnonzero(steps(bar) != 0)
        masks = np.zeros((3, count), np.uint32)
        masks[0, bar[first]], masks[1, bar[first]], masks[2, bar[first]] = 1, loud[first], long[first]
        sounds, states_velocity, states_duration = masks
        return BarTokens(tokens.astype(np.int32), sounds, states_velocity, states_duration, self._fixed(bars))

    def decode(self, ids: ArrayLike) -> Decoded:
        """Notes from any sequence of integers; what means nothing where it stands is counted and skipped.

        BOS means something at the start; one Metre, with its unit, and one Tempo before the first Bar (4/4 and 120
        where they are missing), and Metres right before a Bar; a Position after a Bar and within it; a Pitch after its
        bar's Position and after any Velocity and Duration. Reading stops at EOS; PAD is passed over. Positions may go
        back.
        """
        known = self.vocabulary.read(ids)
        family = self.vocabulary.family[known]
        index = self.vocabulary.index[known]
        bars = np.cumsum(family == Family.BAR)
        signed, metres = read_metres(
            family == Family.METRE, (index + 1).astype(np.int64) * self._bars.step, bars, self._bars
        )
        tempo = first_of(family, Family.TEMPO, before=bars == 0)
        starts, lengths = laid_out(signed, max(1, int(bars[-1]) if len(bars) else 0))

        bar = np.maximum(bars - 1, 0)
        position_fits = (family == Family.POSITION) & (bars > 0) & (index < lengths[bar])
        position, velocity, duration = (
            latest(where) for where in (position_fits, family == Family.VELOCITY, family == Family.DURATION)
        )
        placed = (position > latest(family == Family.BAR)) & (velocity >= 0) & (duration >= 0)
        note = np.flatnonzero((family == Family.PITCH) & placed)

        valid = _ANYWHERE[family] | position_fits
        for meant in (metres, tempo, note, np.flatnonzero(family[:1] == Family.BOS)):
            valid[meant] = True
        used = [one for one in signed if one.bar <= (bar[note[-1]] if len(note) else 0)]
        notes = Notes.build(
            starts[bar[note]] + index[position[note]],
            self._durations[index[duration[note]]],
            index[note],
            self._velocities[index[velocity[note]]],
            bar=None if len(used) > 1 else used[0].length,
            metres=self._bars.metres(Bars(used, starts)),
            tempo=float(self._tempi[index[tempo[0]]]) if len(tempo) else 120.0,
            resolution=self.resolution,
        )
        return Decoded(notes, len(known) - int(valid.sum()), len(known))

    def quantise(self, notes: Notes) -> Notes:
        """The nearest notes that can be written: durations, velocities, metres and tempo as in the alphabets."""
        notes = notes.merged().at(self.resolution)
        bars = self._bars.bars(notes)
        duration = self._duration_ids[np.minimum(notes.duration, self._max_duration)]
        velocity = self._velocity_ids[notes.velocity]
        return Notes.build(
            notes.onset,
            self._durations[self.vocabulary.index[duration]],
            notes.pitch,
            self._velocities[self.vocabulary.index[velocity]],
            bar=None if len(bars.signed) > 1 else bars.signed[0].length,
            metres=self._bars.metres(bars),
            tempo=float(self._tempi[self._tempo_bin(notes.tempo)]),
            name=notes.name,
            resolution=self.resolution,
        )

    def _build_vocabulary(self, velocity_step: int) -> Vocabulary:
        return Vocabulary(
            {
                **self._bar_values(),
                Family.VELOCITY: np.arange(DEFAULT_VELOCITY % velocity_step or velocity_step, 128, velocity_step),
                Family.DURATION: duration_alphabet(self._max_duration, self.resolution),
                Family.PITCH: np.arange(128),
            }
        )


def duration_alphabet(longest: int, resolution: int) -> NDArray[np.int64]:
    """Every tick up to 4 quarter notes, then sixteenths up to 8, then quarters."""
    quarter, sixteenth = resolution, max(1, resolution // 4)
    fine, middle = np.arange(1, 4 * quarter + 1), np.arange(4 * quarter + sixteenth, 8 * quarter + 1, sixteenth)
    ticks = np.concatenate([fine, middle, np.arange(9 * quarter, longest + 1, quarter)])
    return np.union1d(ticks[ticks <= longest], longest)
