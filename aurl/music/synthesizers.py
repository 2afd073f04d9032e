"""Three ways from notes to sound: two soundfont players, and sine waves where neither is installed."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.music.lanes import lanes
from aurl.music.midi_writer import PIANO, to_pretty_midi
from aurl.music.notes import Notes
from aurl.music.score import TempoMap

Waveform: TypeAlias = NDArray[np.float32]

_CHANNELS = [channel for channel in range(16) if channel != 9]  # 9 is the drums'
_OFF, _ON = 0, 1


class Synthesizer(Protocol):
    """Turns notes into a waveform; made for one sampling rate, used by one thread at a time.

    Attributes:
        name: how it is called in reports.
        rate: samples a second.
    """

    name: str
    rate: int

    def render(self, notes: Notes, samples: int) -> Waveform:
        """The first `samples` samples of the piece, mono float32 at any level."""
        ...


class _SoundfontPlayer(ABC):
    """Plays notes event by event; a subclass knows one library.

    Raises:
        RuntimeError, ValueError: the soundfont cannot be read, or has no piano.
    """

    name: str

    def __init__(self, rate: int, soundfont: Path) -> None:
        self.rate = rate
        self._soundfont = soundfont
        self._synth = self._start()

    def _start(self) -> Any:
        """The library's synthesizer with a piano on every channel."""
        synth = self._new_synth()
        font = synth.sfload(str(self._soundfont))
        if font < 0:  # libfluidsynth's way to say no; tinysoundfont raises RuntimeError
            raise ValueError(f"Could not load SoundFont file: {self._soundfont}")
        for channel in _CHANNELS:
            synth.program_select(channel, font, 0, PIANO.program)
        return synth

    def render(self, notes: Notes, samples: int) -> Waveform:
        wave = np.zeros(samples, np.float32)
        done = 0
        for at, what, channel, pitch, velocity in _events(notes, self.rate):
            if at >= samples:
                break
            if at > done:
                wave[done:at] = self._generate(at - done)
                done = at
            if what == _ON:
                self._synth.noteon(channel, pitch, velocity)
            else:
                self._synth.noteoff(channel, pitch)
        wave[done:] = self._generate(samples - done)
        self._silence()
        return wave

    @abstractmethod
    def _new_synth(self) -> Any: ...

    @abstractmethod
    def _generate(self, samples: int) -> Waveform:
        """The next samples, left and right averaged; never called with 0."""

    @abstractmethod
    def _silence(self) -> None:
        """Leave nothing of this piece in the next: the same notes give the same sound every time."""


class TinySoundFont(_SoundfontPlayer):
    """The `tinysoundfont` package: a C extension without further libraries."""

    name = "tinysoundfont"

    def _new_synth(self) -> Any:
        return importlib.import_module("tinysoundfont").Synth(samplerate=self.rate)

    def _generate(self, samples: int) -> Waveform:
        return _mono(np.frombuffer(self._synth.generate(samples), np.float32))

    def _silence(self) -> None:
        self._synth.sounds_off()
        self._generate(self.rate // 10)  # the player fades its voices out, which takes samples


class FluidSynth(_SoundfontPlayer):
    """libfluidsynth through the `pyfluidsynth` package: with reverb, and the most careful about soundfonts."""

    name = "fluidsynth"

    def _new_synth(self) -> Any:
        return importlib.import_module("fluidsynth").Synth(samplerate=float(self.rate))

    def _generate(self, samples: int) -> Waveform:
        return _mono(np.asarray(self._synth.get_samples(samples), np.float32))

    def _silence(self) -> None:
        self._synth.delete()  # its reset keeps the place within a block of 64 samples and some of the reverb
        self._synth = self._start()


class SineWaves:
    """`pretty_midi.synthesize`: decaying sines, which need nothing but numpy."""

    name = "sine"

    def __init__(self, rate: int) -> None:
        self.rate = rate

    def render(self, notes: Notes, samples: int) -> Waveform:
        wave = np.zeros(samples, np.float32)
        sound = to_pretty_midi(_begun_by(notes, samples / self.rate)).synthesize(fs=self.rate)[:samples]
        wave[: len(sound)] = sound
        return wave


def _mono(interleaved: Waveform) -> Waveform:
    """Left and right, [2 * samples] in turns, averaged to [samples]."""
    return (interleaved[::2] + interleaved[1::2]) * np.float32(0.5)


def _events(notes: Notes, rate: int) -> list[tuple[int, int, int, int, int]]:
    """(sample, off or on, channel, pitch, velocity) in playing order; at one sample the ends come first.

    Notes that overlap another of their pitch play on further channels; the sixteenth such note shares the first's.
    """
    clock = TempoMap(notes.tempo_map, notes.resolution)
    channel = np.array(_CHANNELS)[lanes(notes) % len(_CHANNELS)]
    starts, ends = (
        np.rint(clock.seconds(ticks) * rate).astype(np.int64) for ticks in (notes.onset, notes.onset + notes.duration)
    )
    kinds = np.repeat((_ON, _OFF), len(notes))
    doubled = (np.tile(column, 2) for column in (channel, notes.pitch, notes.velocity))
    columns = (np.concatenate([starts, ends]), kinds, *doubled)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def _begun_by(notes: Notes, seconds: float) -> Notes:
    """The notes that begin in the first `seconds`, each cut there: a long tail costs nothing."""
    limit = max(1, TempoMap(notes.tempo_map, notes.resolution).tick(seconds))
    kept = notes.select(notes.onset < limit)
    return replace(kept, duration=np.minimum(kept.duration, limit - kept.onset).astype(np.int32))
