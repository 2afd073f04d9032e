"""Audio previews: notes to a WAV file, with the best synthesizer that this machine has."""

from __future__ import annotations

import os
import wave
from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from pathlib import Path

import numpy as np

from aurl.errors import ConfigError
from aurl.machine.files import replace_file
from aurl.music.notes import Notes
from aurl.music.synthesizers import FluidSynth, SineWaves, Synthesizer, TinySoundFont, Waveform

RATES = (22050, 44100)
PEAK = 10 ** (-1 / 20)
"""-1 dBFS as a share of full scale: headroom for players that resample."""

SOUNDFONT_VARIABLE = "AURL_SOUNDFONT"

_RELEASE = 1.0  # seconds after the last note, in which it dies away
_SILENCE = 0.5  # seconds for a piece without notes
_FADE = 0.05  # seconds at the end of every preview, so that none ends with a click

_PLAYERS: dict[str, Callable[[int, Path], Synthesizer]] = {
    TinySoundFont.name: TinySoundFont,
    FluidSynth.name: FluidSynth,
}


def backend_name() -> str:
    """The synthesizer that previews use here: "tinysoundfont", "fluidsynth" or "sine".

    The first whose package can be imported; sine waves need none.
    """
    return next((name for name in _PLAYERS if _importable(name)), SineWaves.name)


def open_synthesizer(rate: int = RATES[0]) -> Synthesizer:
    """A synthesizer of the kind that `backend_name` names, its soundfont loaded.

    The soundfont is the file that the environment variable AURL_SOUNDFONT names, or the one pretty_midi ships.

    Raises:
        ConfigError: a rate other than 22050 or 44100, or a soundfont that cannot be read.
    """
    if rate not in RATES:
        raise ConfigError(f"sampling rate {rate}: allowed are {RATES[0]} and {RATES[1]} samples a second.")
    name = backend_name()
    return _open_player(name, rate, soundfont()) if name in _PLAYERS else SineWaves(rate)


def soundfont() -> Path:
    """The soundfont file that previews use.

    Raises:
        ConfigError: AURL_SOUNDFONT names no file.
    """
    chosen = os.environ.get(SOUNDFONT_VARIABLE)
    if not chosen:
        import pretty_midi

        return Path(pretty_midi.__file__).with_name("TimGM6mb.sf2")
    path = Path(chosen).expanduser()
    if not path.is_file():
        raise ConfigError(f"{SOUNDFONT_VARIABLE}={chosen}: no such file. Name a .sf2 file or unset the variable.")
    return path


def write_audio(
    notes: Notes,
    path: Path | str,
    *,
    seconds: float = 60.0,
    rate: int = RATES[0],
    synthesizer: Synthesizer | None = None,
) -> None:
    """Write a 16-bit mono WAV of `notes`, its loudest sample at -1 dBFS, replacing `path` in one step.

    Args:
        notes: what to play; no notes give half a second of silence.
        path: the file to write.
        seconds: the longest preview; a longer piece is faded out there.
        rate: samples a second, 22050 or 44100; unused where a synthesizer is given.
        synthesizer: one from `open_synthesizer`, to be used again; by default one is opened for this file.

    Raises:
        ConfigError: a length, rate or soundfont that cannot be used.
        OSError: the file cannot be written.
    """
    player = synthesizer or open_synthesizer(rate)
    replace_file(Path(path), wav_bytes(render(notes, player, seconds=seconds), player.rate))


def render(notes: Notes, synthesizer: Synthesizer, *, seconds: float = 60.0) -> Waveform:
    """The preview as float32 in -1..1, its peak at -1 dBFS (or all zero); arguments as in `write_audio`.

    All tracks are played as one piano, without drums.
    """
    if not seconds > 0:
        raise ConfigError(f"preview of {seconds} seconds: needs a positive length. Turn audio off to have none.")
    length = min(seconds, notes.seconds + _RELEASE if len(notes) else _SILENCE)
    samples = max(1, round(length * synthesizer.rate))
    notes = notes.merged()
    if not len(notes):
        return np.zeros(samples, np.float32)
    sound = synthesizer.render(notes, samples)
    fade = min(samples, round(_FADE * synthesizer.rate))
    sound[samples - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    loudest = float(np.abs(sound).max())
    return sound * np.float32(PEAK / loudest) if loudest else sound


def wav_bytes(sound: Waveform, rate: int) -> bytes:
    """A 16-bit mono WAV file of a waveform in -1..1."""
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(sound * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def _importable(package: str) -> bool:
    """Whether the package loads with the C library it needs: a missing one shows as any of these three."""
    try:
        return hasattr(import_module(package), "Synth")
    except (ImportError, OSError, AttributeError):
        return False


def _open_player(name: str, rate: int, font: Path) -> Synthesizer:
    try:
        return _PLAYERS[name](rate, font)
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"{error} ({name}). Name a .sf2 file with a piano in {SOUNDFONT_VARIABLE}.") from error
