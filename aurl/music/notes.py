"""Notes as arrays, on a grid of some ticks to the quarter note.

Twelve ticks hold sixteenths, eighth triplets and sixteenth triplets exactly, which covers the chorales and most notated
music; 24 hold 32nds, 48 64ths, and 60 and 120 quintuplets besides.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aurl.music.metre import BarMap, bar_ticks, longest, time_signature
from aurl.music.score import Instrument, Metre, Tempo, TempoMap

TICKS_PER_BEAT = 12
"""Ticks to the quarter note where nothing else is said."""
DEFAULT_BAR = 4 * TICKS_PER_BEAT
DEFAULT_VELOCITY = 80

IntArray: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Notes:
    """N notes sorted by onset, then pitch, then duration, then velocity, then track.

    Attributes:
        onset: int32 [N], ticks from the start, >= 0.
        duration: int32 [N], ticks, >= 1.
        pitch: int32 [N], MIDI pitch 0..127; of a drum track the drum.
        velocity: int32 [N], MIDI velocity 1..127.
        bar: ticks in a bar (48 in 4/4); of several metres that which lasts longest.
        tempo: quarter notes a minute; of several tempi their average over time.
        name: where the notes come from, for reports.
        resolution: ticks to the quarter note.
        metres: time signatures from tick 0, ascending. Empty where all bars have `bar` ticks and their plainest time
            signature.
        tempos: tempi from tick 0, ascending; empty where all of it is in `tempo`.
        track: int32 [N], index into `tracks`; None for one piano track.
        tracks: the instruments.
    """

    onset: IntArray
    duration: IntArray
    pitch: IntArray
    velocity: IntArray
    bar: int = DEFAULT_BAR
    tempo: float = 120.0
    name: str = field(default="", compare=False)
    resolution: int = TICKS_PER_BEAT
    metres: tuple[Metre, ...] = ()
    tempos: tuple[Tempo, ...] = ()
    track: IntArray | None = None
    tracks: tuple[Instrument, ...] = ()

    @classmethod
    def build(
        cls,
        onset: ArrayLike,
        duration: ArrayLike,
        pitch: ArrayLike,
        velocity: ArrayLike = DEFAULT_VELOCITY,
        *,
        bar: int | None = None,
        tempo: float = 120.0,
        name: str = "",
        resolution: int = TICKS_PER_BEAT,
        metres: tuple[Metre, ...] = (),
        tempos: tuple[Tempo, ...] = (),
        track: ArrayLike | None = None,
        tracks: tuple[Instrument, ...] = (),
    ) -> Notes:
        """Notes from any integer-like columns: cast to int32, broadcast and sorted.

        Args:
            bar: ticks in a bar; by default that of `metres`, or of 4/4.

        Raises:
            ValueError: columns of different lengths, or values outside the ranges above.
        """
        columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(c, np.int32)) for c in (onset, duration, pitch)))
        others = (velocity, 0 if track is None else track)
        speed, voice = (np.broadcast_to(np.asarray(c, np.int32), columns[0].shape) for c in others)
        on, dur, pit, vel = (*columns, speed)
        if bar is None:
            bar = _main_bar(metres, resolution, int((on + dur).max(initial=0))) if metres else 4 * resolution
        _check_ranges(on, dur, pit, vel, bar)
        _check_tracks(voice, tracks, track is not None)
        order = np.lexsort((voice, vel, dur, pit, on))
        return cls(
            on[order],
            dur[order],
            pit[order],
            vel[order],
            bar,
            tempo,
            name,
            resolution,
            _plain(metres, bar, resolution),
            tempos if len(tempos) > 1 else (),
            None if track is None else voice[order],
            tracks,
        )

    def __len__(self) -> int:
        return len(self.onset)

    @property
    def end(self) -> int:
        """The tick at which the last note ends; 0 without notes."""
        return int((self.onset + self.duration).max()) if len(self) else 0

    @property
    def bars(self) -> int:
        """How many bars the onsets span, counted from tick 0; 0 without notes."""
        return self.bar_of(int(self.onset[-1])) + 1 if len(self) else 0

    @property
    def seconds(self) -> float:
        """Playing time, at the piece's tempi."""
        if self.tempos:
            return float(TempoMap(self.tempos, self.resolution).seconds([self.end])[0])
        return self.end / self.resolution * 60.0 / self.tempo

    @property
    def metre(self) -> tuple[int, int]:
        """Numerator and denominator of the time signature that lasts longest."""
        if not self.metres:
            return time_signature(self.bar, self.resolution)
        return longest(self.metres, self.end)[1:]

    @property
    def metre_map(self) -> tuple[Metre, ...]:
        """The time signatures from tick 0 on, at least one."""
        return self.metres or (Metre(0, *time_signature(self.bar, self.resolution)),)

    @property
    def tempo_map(self) -> tuple[Tempo, ...]:
        """The tempi from tick 0 on, at least one."""
        return self.tempos or (Tempo(0, self.tempo),)

    def bar_of(self, tick: int) -> int:
        """The number of the bar in which a tick lies, counted from 0."""
        if len(self.metres) < 2:
            return tick // self.bar
        return int(BarMap(self.metres, self.resolution).index(tick))

    def bars_of(self, ticks: NDArray[np.integer]) -> NDArray[np.int64]:
        """The numbers of the bars in which ticks lie, int64 [len(ticks)]."""
        if len(self.metres) < 2:
            return np.asarray(ticks, np.int64) // self.bar
        return np.asarray(BarMap(self.metres, self.resolution).index(np.asarray(ticks, np.int64)), np.int64)

    def bar_start(self, bar: int) -> int:
        """The tick at which a bar begins."""
        if len(self.metres) < 2:
            return bar * self.bar
        return int(BarMap(self.metres, self.resolution).start(bar))

    def bar_lines(self) -> list[int]:
        """The ticks of the bars that sound, and that at which the last of them ends; at least one bar."""
        last = self.bar_of(max(self.end - 1, 0)) + 1
        if len(self.metres) < 2:
            return [bar * self.bar for bar in range(last + 1)]
        lines: list[int] = BarMap(self.metres, self.resolution).start(np.arange(last + 1)).tolist()
        return lines

    def window(self, first_bar: int, n_bars: int) -> Notes:
        """The notes that begin in `n_bars` bars from `first_bar`, moved to start at tick 0; tails are kept."""
        start, stop = self.bar_start(first_bar), self.bar_start(first_bar + n_bars)
        low, high = np.searchsorted(self.onset, (start, stop))
        cut = replace(
            self,
            onset=self.onset[low:high] - np.int32(start),
            duration=self.duration[low:high],
            pitch=self.pitch[low:high],
            velocity=self.velocity[low:high],
            track=None if self.track is None else self.track[low:high],
        )
        return _moved(cut, start, stop) if len(self.metres) > 1 or self.tempos else cut

    def select(self, kept: NDArray[np.bool_] | NDArray[np.integer]) -> Notes:
        """Some of the notes; everything else stays."""
        columns = {name: getattr(self, name)[kept] for name in ("onset", "duration", "pitch", "velocity")}
        return replace(self, **columns, track=None if self.track is None else self.track[kept])

    @property
    def drums(self) -> NDArray[np.bool_]:
        """Which notes are drums, bool [N]."""
        if self.track is None:
            return np.zeros(len(self), bool)
        return np.array([track.drum for track in self.tracks], bool)[self.track]

    def merged(self) -> Notes:
        """One track of all notes but drums; of notes with the same onset and pitch the longest stays."""
        if self.track is None:
            return self
        pitched = replace(self.select(~self.drums), track=None, tracks=())
        order = np.lexsort((pitched.velocity, pitched.duration, pitched.pitch, pitched.onset))
        pitched = pitched.select(order)
        again = (np.diff(pitched.onset, append=-1) == 0) & (np.diff(pitched.pitch, append=-1) == 0)
        return pitched.select(~again)

    def heard(self) -> Notes:
        """What measures of melody and harmony look at: one track without drums, 12 ticks to the quarter note."""
        return self.merged().at(TICKS_PER_BEAT)

    def at(self, resolution: int) -> Notes:
        """The same on another grid: onsets and durations rounded, these to at least one tick."""
        if resolution == self.resolution:
            return self
        scale = resolution / self.resolution
        metres = tuple(metre._replace(tick=round(metre.tick * scale)) for metre in self.metres)
        if not all(bar_ticks(metre, resolution) for metre in metres):
            metres = ()
        return Notes.build(
            np.rint(self.onset * scale),
            np.maximum(np.rint(self.duration * scale), 1),
            self.pitch,
            self.velocity,
            bar=max(1, round(self.bar * scale)),
            tempo=self.tempo,
            name=self.name,
            resolution=resolution,
            metres=metres,
            tempos=tuple(tempo._replace(tick=round(tempo.tick * scale)) for tempo in self.tempos),
            track=self.track,
            tracks=self.tracks,
        )

    def same_as(self, other: Notes) -> bool:
        """Whether both hold the same notes, tracks and metres (name and tempo aside)."""
        return (
            (self.bar, self.resolution, self.metres, self.tracks)
            == (other.bar, other.resolution, other.metres, other.tracks)
            and all(
                np.array_equal(getattr(self, column), getattr(other, column))
                for column in ("onset", "duration", "pitch", "velocity")
            )
            and _same(self.track, other.track)
        )


def _same(one: IntArray | None, other: IntArray | None) -> bool:
    return one is other if one is None or other is None else np.array_equal(one, other)


def _main_bar(metres: tuple[Metre, ...], resolution: int, end: int) -> int:
    return bar_ticks(longest(metres, end), resolution) or 1


def _plain(metres: tuple[Metre, ...], bar: int, resolution: int) -> tuple[Metre, ...]:
    """No metres where there is only the plainest one of the bar."""
    return () if len(metres) == 1 and metres[0][1:] == time_signature(bar, resolution) else metres


def _moved(notes: Notes, start: int, stop: int) -> Notes:
    """The metres and tempi of a window, whose notes have been moved already."""
    span = _within([metre.tick for metre in notes.metres], start, stop)
    metres = tuple(metre._replace(tick=max(0, metre.tick - start)) for metre in notes.metres[span])
    span = _within([tempo.tick for tempo in notes.tempos], start, stop)
    tempos = tuple(tempo._replace(tick=max(0, tempo.tick - start)) for tempo in notes.tempos[span])
    bar = _main_bar(metres, notes.resolution, stop - start) if metres else notes.bar
    length = max(notes.end, stop - start)
    tempo = TempoMap(tempos, notes.resolution).mean(0, length) if tempos else notes.tempo
    return replace(
        notes,
        bar=bar,
        metres=_plain(metres, bar, notes.resolution),
        tempo=tempo,
        tempos=tempos if len(tempos) > 1 else (),
    )


def _within(ticks: Sequence[int], start: int, stop: int) -> slice:
    """Which of some events hold somewhere from `start` to `stop`."""
    return slice(max(0, bisect_right(ticks, start) - 1), bisect_left(ticks, stop))


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


def _check_tracks(track: IntArray, tracks: tuple[Instrument, ...], given: bool) -> None:
    if given and len(track) and not 0 <= track.min() <= track.max() < len(tracks):
        raise ValueError(f"track from {track.min()} to {track.max()}: there are {len(tracks)}")
