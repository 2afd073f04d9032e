"""A score as its file tells it: tracks, tempi, metres, keys and pedal, at the file's own fineness of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ticks: TypeAlias = NDArray[np.int64]

DEFAULT_TEMPO = 120.0
_STEADY = 0.9
"""Length of the mean of the onsets as directions within a sixteenth, from which on they keep a steady pulse."""


class Metre(NamedTuple):
    """A time signature, and the tick from which it holds."""

    tick: int
    numerator: int
    denominator: int

    @property
    def quarters(self) -> float:
        """Length of a bar in quarter notes."""
        return self.numerator * 4 / self.denominator


class Tempo(NamedTuple):
    """A tempo, and the tick from which it holds."""

    tick: int
    qpm: float


class KeySignature(NamedTuple):
    """Sharps (flats below 0), whether the key is minor, and the tick from which it holds."""

    tick: int
    sharps: int
    minor: bool


class Instrument(NamedTuple):
    """An instrument.

    Attributes:
        program: General MIDI program 0..127; of drums the kit.
        drum: whether its pitches are drums.
        name: as the file calls it, or "".
    """

    program: int = 0
    drum: bool = False
    name: str = ""


COMMON_TIME = Metre(0, 4, 4)


@dataclass(frozen=True)
class FullScore:
    """N notes sorted by onset, then track, and everything beside them. Ticks are the file's own.

    Attributes:
        onset, duration: int64 [N], ticks, >= 0 and >= 1.
        pitch, velocity: int64 [N], MIDI values.
        track: int64 [N], index into `tracks`.
        tracks: the instruments that have notes.
        ticks_per_quarter: ticks to the quarter note; to half a second where `timed` is true.
        tempos, metres, keys: ascending in tick, one a tick. `tempos` and `metres` begin at tick 0.
        pedal: int64 [P, 3], sorted: the tracks' sustain pedal as (track, down, up).
        timed: ticks are of the clock (SMPTE): there are no beats.
        length: the tick at which the file ends, at least the end of the last note.
        hung: notes that were never ended; they last to the end of their track.
        empty: notes without length, which are left out.
        repaired: notes with values above 127, which were taken as 127.
    """

    onset: Ticks
    duration: Ticks
    pitch: Ticks
    velocity: Ticks
    track: Ticks
    tracks: tuple[Instrument, ...]
    ticks_per_quarter: int
    tempos: tuple[Tempo, ...] = (Tempo(0, DEFAULT_TEMPO),)
    metres: tuple[Metre, ...] = (COMMON_TIME,)
    keys: tuple[KeySignature, ...] = ()
    pedal: Ticks = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    timed: bool = False
    length: int = 0
    name: str = ""
    hung: int = 0
    empty: int = 0
    repaired: int = 0

    def __len__(self) -> int:
        return len(self.onset)

    @property
    def end(self) -> int:
        """The tick at which the last note ends; 0 without notes."""
        return int((self.onset + self.duration).max()) if len(self) else 0

    @cached_property
    def clock(self) -> TempoMap:
        """Ticks to seconds."""
        return TempoMap(self.tempos, self.ticks_per_quarter)

    @property
    def seconds(self) -> float:
        """Playing time until the last note ends."""
        return float(self.clock.seconds([self.end])[0])

    @cached_property
    def tempo(self) -> float:
        """The piece's tempo as one number: see `TempoMap.typical`."""
        return self.clock.typical(self.end)

    @cached_property
    def tolerance(self) -> float:
        """Quarter notes within which a note lies on a grid: 1/200, or half a tick of the file where that is more."""
        return max(1 / 200, 0.5 / self.ticks_per_quarter) + 1e-9

    @cached_property
    def phase(self) -> float:
        """How late all notes are beside the beat, in ticks, >= 0 and below a quarter; 0 on the beat, or unsteady.

        Exports of audio and of transcriptions begin at any moment, so that all notes are off the grid by the same
        amount. Of the four sixteenths that would fit, that one is the beat on which most notes begin.
        """
        if self.timed or len(self) < 16:
            return 0.0
        at = self.onset / self.ticks_per_quarter
        if (np.abs(at * 12 - np.rint(at * 12)) <= 12 * self.tolerance).mean() > 0.5:
            return 0.0
        mean = np.exp(2j * np.pi * 4 * at).mean()
        if abs(mean) < _STEADY:
            return 0.0
        phase = float(np.angle(mean) / (2 * np.pi) % 1.0) / 4
        beats = [(np.abs((at - phase - k / 4 + 0.5) % 1.0 - 0.5) < 0.05).sum() for k in range(4)]
        return float((phase + int(np.argmax(beats)) / 4) % 1.0 * self.ticks_per_quarter)


class TempoMap:
    """When a tick sounds, in seconds.

    Args:
        tempos: from tick 0, ascending.
    """

    def __init__(self, tempos: Sequence[Tempo], ticks_per_quarter: int) -> None:
        self._ticks = np.array([tempo.tick for tempo in tempos], np.int64)
        self._qpm = np.array([tempo.qpm for tempo in tempos])
        self._second = 60.0 / self._qpm / ticks_per_quarter
        self._begins = np.concatenate(([0.0], np.cumsum(np.diff(self._ticks) * self._second[:-1])))
        self._per_quarter = ticks_per_quarter

    def seconds(self, ticks: NDArray[np.integer] | Sequence[int]) -> NDArray[np.float64]:
        """Seconds from tick 0, float64 [N]."""
        at = np.asarray(ticks, np.int64)
        place = np.searchsorted(self._ticks, at, side="right") - 1
        when: NDArray[np.float64] = self._begins[place] + (at - self._ticks[place]) * self._second[place]
        return when

    def tick(self, seconds: float) -> int:
        """The first tick that does not sound before so many seconds."""
        place = int(np.searchsorted(self._begins, seconds, side="right")) - 1
        return int(self._ticks[place] + np.ceil((seconds - self._begins[place]) / self._second[place]))

    def mean(self, start: int, end: int) -> float:
        """The steady tempo that takes as long from tick `start` to `end`: the average over time."""
        if end <= start:
            return float(self._qpm[np.searchsorted(self._ticks, start, side="right") - 1])
        low, high = self.seconds([start, end])
        return float((end - start) / self._per_quarter * 60.0 / (high - low))

    def typical(self, end: int) -> float:
        """The tempo that most of the piece is in, if one holds for more than half of it; else the average over time.

        A last bar at half the speed, or an opening, does not change what tempo a piece has.
        """
        if end <= 0:
            return float(self._qpm[0])
        ends = np.minimum(np.append(self._ticks[1:], end), end)
        held = np.maximum(ends - np.minimum(self._ticks, end), 0)
        values, which = np.unique(self._qpm.round(3), return_inverse=True)
        shares = np.bincount(which, weights=held, minlength=len(values))
        most = int(shares.argmax())
        return float(values[most]) if 2 * shares[most] > end else self.mean(0, end)
