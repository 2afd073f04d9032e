"""Notes as arrays, on a grid of 12 ticks to the quarter note.

Twelve ticks hold sixteenths, eighth triplets and sixteenth triplets exactly, which covers the chorales and nearly
all notated music.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

TICKS_PER_BEAT = 12
DEFAULT_BAR = 4 * TICKS_PER_BEAT
DEFAULT_VELOCITY = 80

IntArray: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Notes:
    """N notes sorted by onset, then pitch, then duration, then velocity.

    Attributes:
        onset: int32 [N], ticks from the start, >= 0.
        duration: int32 [N], ticks, >= 1.
        pitch: int32 [N], MIDI pitch 0..127.
        velocity: int32 [N], MIDI velocity 1..127.
        bar: ticks in a bar (48 in 4/4); one metre a piece.
        tempo: quarter notes a minute.
        name: where the notes come from, for reports.
    """

    onset: IntArray
    duration: IntArray
    pitch: IntArray
    velocity: IntArray
    bar: int = DEFAULT_BAR
    tempo: float = 120.0
    name: str = field(default="", compare=False)

    @classmethod
    def build(
        cls,
        onset: ArrayLike,
        duration: ArrayLike,
        pitch: ArrayLike,
        velocity: ArrayLike = DEFAULT_VELOCITY,
        *,
        bar: int = DEFAULT_BAR,
        tempo: float = 120.0,
        name: str = "",
    ) -> Notes:
        """Notes from any integer-like columns: cast to int32, broadcast and sorted.

        Raises:
            ValueError: columns of different lengths, or values outside the ranges above.
        """
        columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(c, np.int32)) for c in (onset, duration, pitch)))
        speed = np.broadcast_to(np.asarray(velocity, np.int32), columns[0].shape)
        on, dur, pit, vel = (*columns, speed)
        _check_ranges(on, dur, pit, vel, bar)
        order = np.lexsort((vel, dur, pit, on))
        return cls(on[order], dur[order], pit[order], vel[order], bar, tempo, name)

    def __len__(self) -> int:
        return len(self.onset)

    @property
    def end(self) -> int:
        """The tick at which the last note ends; 0 without notes."""
        return int((self.onset + self.duration).max()) if len(self) else 0

    @property
    def bars(self) -> int:
        """How many bars the onsets span, counted from tick 0; 0 without notes."""
        return int(self.onset[-1]) // self.bar + 1 if len(self) else 0

    @property
    def seconds(self) -> float:
        """Playing time at the piece's tempo."""
        return self.end / TICKS_PER_BEAT * 60.0 / self.tempo

    def window(self, first_bar: int, n_bars: int) -> Notes:
        """The notes that begin in `n_bars` bars from `first_bar`, moved to start at tick 0; tails are kept."""
        start = first_bar * self.bar
        low, high = np.searchsorted(self.onset, (start, start + n_bars * self.bar))
        return replace(
            self,
            onset=self.onset[low:high] - np.int32(start),
            duration=self.duration[low:high],
            pitch=self.pitch[low:high],
            velocity=self.velocity[low:high],
        )

    def same_as(self, other: Notes) -> bool:
        """Whether both hold the same notes and metre (name and tempo aside)."""
        return self.bar == other.bar and all(
            np.array_equal(getattr(self, column), getattr(other, column))
            for column in ("onset", "duration", "pitch", "velocity")
        )


def _check_ranges(onset: IntArray, duration: IntArray, pitch: IntArray, velocity: IntArray, bar: int) -> None:
    if bar < 1:
        raise ValueError(f"bar={bar}: needs at least 1 tick")
    if not len(onset):
        return
    for name, column, low, high in (
        ("onset", onset, 0, None),
        ("duration", duration, 1, None),
        ("pitch", pitch, 0, 127),
        ("velocity", velocity, 1, 127),
    ):
        if column.min() < low or (high is not None and column.max() > high):
            raise ValueError(f"{name} from {column.min()} to {column.max()}: allowed is {low} to {high or 'any'}")
