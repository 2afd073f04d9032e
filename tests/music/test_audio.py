from __future__ import annotations

import importlib.util
import sys
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from aurl.errors import ConfigError
from aurl.music.audio import PEAK, backend_name, open_synthesizer, render, soundfont, write_audio
from aurl.music.notes import Notes
from aurl.music.score import Instrument
from aurl.music.synthesizers import FluidSynth, SineWaves, Synthesizer, TinySoundFont

RATE = 22050
A4 = Notes.build([0], [24], [69])  # one second at 120 quarters a minute
PLAYERS = {"tinysoundfont": TinySoundFont, "fluidsynth": FluidSynth}


@pytest.fixture(params=["sine", "tinysoundfont", "fluidsynth"])
def synthesizer(request: pytest.FixtureRequest) -> Synthesizer:
    if request.param == "sine":
        return SineWaves(RATE)
    pytest.importorskip(request.param, exc_type=ImportError)
    return PLAYERS[request.param](RATE, soundfont())


def read_wav(path: Path) -> tuple[wave._wave_params, np.ndarray]:
    with wave.open(str(path), "rb") as file:
        return file.getparams(), np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_a_wav_of_the_right_form_level_and_length(tmp_path: Path, synthesizer: Synthesizer) -> None:
    path = tmp_path / "a.wav"
    write_audio(A4, path, synthesizer=synthesizer)
    form, sound = read_wav(path)
    assert (form.nchannels, form.sampwidth, form.framerate) == (1, 2, RATE)
    assert len(sound) == 2 * RATE  # the note, and a second to die away
    assert 20 * np.log10(np.abs(sound.astype(float)).max() / 32767) == pytest.approx(-1.0, abs=0.01)
    assert np.sqrt(np.mean((sound[:RATE] / 32767) ** 2)) > 0.05


@pytest.mark.parametrize(("pitch", "hertz"), [(69, 440.0), (57, 220.0), (72, 523.25)])
def test_pitches_sound_at_their_frequency(synthesizer: Synthesizer, pitch: int, hertz: float) -> None:
    sound = render(Notes.build([0], [48], [pitch]), synthesizer)
    spectrum = np.abs(np.fft.rfft(sound[:RATE]))  # a second: one bin is 1 Hz
    around = slice(round(hertz * 0.97), round(hertz * 1.03))  # half a semitone each way
    fundamental = spectrum[around].argmax() + around.start
    assert fundamental == pytest.approx(hertz, rel=0.006)
    assert spectrum[fundamental] > 0.3 * spectrum.max()


def test_notes_begin_and_end_in_time(synthesizer: Synthesizer) -> None:
    sound = np.abs(render(Notes.build([24, 72], [12, 12], [69, 69]), synthesizer))  # at 1 s and 3 s
    loudness = [float(sound[int(t * RATE) : int((t + 0.2) * RATE)].mean()) for t in (0.5, 1.0, 2.7, 3.0)]
    assert loudness[0] < 1e-3  # libfluidsynth dithers
    assert loudness[1] > 0.02
    assert loudness[2] < loudness[1] / 10
    assert loudness[3] > 0.02


def test_the_same_notes_give_the_same_sound_after_another_piece(synthesizer: Synthesizer) -> None:
    first = render(A4, synthesizer)
    render(Notes.build([0, 0], [480, 480], [40, 45]), synthesizer, seconds=0.3)  # cut while sounding
    assert np.array_equal(render(A4, synthesizer), first)


def test_velocity_is_heard(synthesizer: Synthesizer) -> None:
    sound = np.abs(render(Notes.build([0, 48], [12, 12], [69, 69], [20, 120]), synthesizer))
    assert sound[: RATE // 2].max() < 0.7 * sound[2 * RATE : 2 * RATE + RATE // 2].max()


class Hum:
    """A synthesizer that never falls silent by itself."""

    name, rate = "hum", RATE

    def render(self, notes: Notes, samples: int) -> np.ndarray:
        return np.full(samples, 0.25, np.float32)


@pytest.mark.parametrize("seconds", [0.25, 1.5])
def test_a_long_piece_is_faded_out_at_the_cap(seconds: float) -> None:
    sound = render(Notes.build([0], [9_000], [60]), Hum(), seconds=seconds)
    assert len(sound) == round(seconds * RATE)
    fade = round(0.05 * RATE)
    assert np.allclose(sound[:-fade], PEAK)
    assert np.allclose(sound[-fade:], np.linspace(PEAK, 0, fade), atol=1e-6)


def test_sines_of_a_long_tail_are_cut_before_they_cost_memory() -> None:
    far = Notes.build([0, 10_000_000], [10_000_000, 10_000_000], [60, 64])
    assert len(render(far, SineWaves(RATE), seconds=0.25)) == round(0.25 * RATE)


def test_no_notes_give_a_short_silence(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    write_audio(Notes.build([], [], []), path)
    form, sound = read_wav(path)
    assert form.nframes == RATE // 2
    assert not sound.any()


@dataclass
class Recorder:
    """A soundfont library that writes down what it is told."""

    told: list[tuple[object, ...]] = field(default_factory=list)

    def noteon(self, *what: int) -> None:
        self.told.append(("on", *what))

    def noteoff(self, *what: int) -> None:
        self.told.append(("off", *what))

    def sfload(self, path: str) -> int:
        return 3

    def program_select(self, *what: int) -> None:
        assert what[1:] == (3, 0, 0)

    def generate(self, samples: int) -> bytes:
        self.told.append(("wait", samples))
        return bytes(8 * samples)

    def sounds_off(self) -> None:
        self.told.append(("silence",))


def test_overlapping_notes_of_a_pitch_play_on_channels_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Recorder()
    monkeypatch.setattr(TinySoundFont, "_new_synth", lambda self: library)
    notes = Notes.build([0, 12, 24], [24, 24, 12], [60, 60, 60], [70, 71, 72], tempo=60.0)  # 12 ticks a second
    TinySoundFont(100, Path("a.sf2")).render(notes, 450)
    assert library.told == [
        ("on", 0, 60, 70),
        ("wait", 100),
        ("on", 1, 60, 71),
        ("wait", 100),
        ("off", 0, 60),
        ("on", 0, 60, 72),
        ("wait", 100),
        ("off", 0, 60),
        ("off", 1, 60),
        ("wait", 150),
        ("silence",),
        ("wait", 10),
    ]


def test_the_best_installed_backend_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    here = next((name for name in PLAYERS if importlib.util.find_spec(name)), "sine")
    assert backend_name() == here
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    assert backend_name() == "sine"
    assert isinstance(open_synthesizer(44100), SineWaves)


def test_sixteen_overlapping_notes_avoid_the_drum_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Recorder()
    monkeypatch.setattr(TinySoundFont, "_new_synth", lambda self: library)
    TinySoundFont(100, Path("a.sf2")).render(Notes.build([0] * 16, [12] * 16, [60] * 16), 100)
    channels = [told[1] for told in library.told if told[0] == "on"]
    assert sorted(channels) == sorted([*range(9), *range(10, 16), 0])


def test_settings_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="sampling rate 8000: allowed are 22050 and 44100"):
        open_synthesizer(8000)
    with pytest.raises(ConfigError, match="preview of 0 seconds"):
        render(A4, SineWaves(RATE), seconds=0)
    monkeypatch.setenv("AURL_SOUNDFONT", str(tmp_path / "none.sf2"))
    with pytest.raises(ConfigError, match=r"AURL_SOUNDFONT=.*none\.sf2: no such file"):
        soundfont()


def test_a_soundfont_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if backend_name() == "sine":
        pytest.skip("sine waves use no soundfont")
    font = tmp_path / "noise.sf2"
    font.write_bytes(b"noise" * 100)
    monkeypatch.setenv("AURL_SOUNDFONT", str(font))
    with pytest.raises(ConfigError, match=r"noise\.sf2 .*AURL_SOUNDFONT"):
        open_synthesizer()


def test_a_chosen_soundfont_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = soundfont()
    font = tmp_path / "mine.sf2"
    font.symlink_to(bundled)
    monkeypatch.setenv("AURL_SOUNDFONT", str(font))
    assert soundfont() == font
    assert np.array_equal(render(A4, open_synthesizer()), render(A4, open_synthesizer()))


def test_a_band_is_heard_as_a_piano_and_drums_alone_are_silent() -> None:
    tracks = (Instrument(33), Instrument(0, True))
    band = Notes.build([0, 0, 12], 12, [40, 36, 36], track=[0, 1, 1], tracks=tracks)
    player = SineWaves(22050)
    assert np.abs(render(band, player)).max() == pytest.approx(PEAK)
    drums = band.select(band.drums)
    assert not render(drums, player).any()
