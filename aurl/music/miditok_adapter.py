"""The tokenizers of the optional package miditok (Fradet et al. 2021, arXiv:2310.17202) behind our protocol."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aurl.errors import ConfigError, did_you_mean
from aurl.music.metre import bar_ticks
from aurl.music.notes import IntArray, Notes
from aurl.music.score import Metre
from aurl.music.tokens import Decoded, Tokenizer

KINDS = ("REMI", "TSD", "MIDILike")  # those that write a track as one sequence of single tokens, metre included
_EIGHTHS = (1, 3, 5, 6, 7, 9, 11, 12, 13, 15)


class MidiTokTokenizer(Tokenizer):
    """One of miditok's tokenizers, set to our grid.

    Onsets, pitches and durations up to `max_beats` are written exactly, bars of a multiple of an eighth up to 8
    quarter notes, velocities exactly where `num_velocities` is 127. It takes milliseconds for a window where
    `aurl.music.tokenizer.RemiTokenizer` takes microseconds, and almost twice as many tokens.

    Args:
        kind: `REMI`, `TSD` or `MIDILike`.
        num_velocities: number of evenly spaced velocities, 1..127.
        max_beats: longest duration in quarter notes.
        resolution: ticks to the quarter note.

    Raises:
        ConfigError: miditok is not installed, or a value is outside its range.
    """

    def __init__(
        self, kind: str = "REMI", num_velocities: int = 127, max_beats: int = 16, resolution: int = 12
    ) -> None:
        if kind not in KINDS:
            raise ConfigError(f"tokenizer.kind='{kind}': needs one of {', '.join(KINDS)}.{did_you_mean(kind, KINDS)}")
        for name, value, high in (("num_velocities", num_velocities, 127), ("max_beats", max_beats, 400)):
            if not 1 <= value <= high:
                raise ConfigError(f"tokenizer.{name}={value}: needs a whole number from 1 to {high}")
        self.resolution = resolution
        self._settings = (kind, num_velocities, max_beats)
        self._tokenizer = _build(kind, num_velocities, max_beats, resolution)
        self._kind = kind
        self._names: dict[int, str] = {number: name for name, number in self._tokenizer.vocab.items()}

    @property
    def vocab_size(self) -> int:
        return len(self._tokenizer)

    @property
    def pad(self) -> int:
        return int(self._tokenizer["PAD_None"])

    @property
    def bos(self) -> int:
        return int(self._tokenizer["BOS_None"])

    @property
    def eos(self) -> int:
        return int(self._tokenizer["EOS_None"])

    @property
    def fingerprint(self) -> str:
        """A hash of the kind and of every token with its id, 16 hexadecimal digits."""
        return hashlib.sha256(json.dumps([self._kind, self._names]).encode()).hexdigest()[:16]

    def token_name(self, id: int) -> str:
        """miditok's name, such as `Pitch_60`, or `Unknown_999`."""
        return self._names.get(id, f"Unknown_{id}").removesuffix("_None")

    def at(self, resolution: int) -> MidiTokTokenizer:
        """The tokenizer of the same settings for another grid."""
        return MidiTokTokenizer(*self._settings, resolution=resolution)

    def grammar(self) -> None:
        """Not known: miditok's own rules allow what does not mean anything here."""
        return

    def encode(self, notes: Notes, *, end: bool = True) -> IntArray:
        """Token ids, int32 [T]; miditok's own rounding gives what cannot be written exactly."""
        notes = notes.merged().at(self.resolution)
        written = self._tokenizer.encode(_to_score(notes)) if len(notes) else []
        ids = written[0].ids if written else []
        return np.array([self.bos, *ids, *[self.eos] * end], np.int32)

    def decode(self, ids: ArrayLike) -> Decoded:
        """Notes from any sequence of integers. Invalid are unknown ids, special tokens within the piece, and what
        miditok's `tokens_errors` counts: tokens of a kind that cannot follow the one before, and steps back in time.
        """
        read = [int(token) for token in np.asarray(ids).ravel().tolist() if token != self.pad]
        ended = self.eos in read
        read = read[: read.index(self.eos)] if ended else read
        begun = read[:1] == [self.bos]
        special = {self.pad, self.bos, self.eos}
        known = [token for token in read[begun:] if token in self._names and token not in special]
        errors = len(read) - begun - len(known) + self._grammar_errors(known)
        total = len(read) + ended
        return Decoded(self._notes(known), min(errors, total), total)

    def quantise(self, notes: Notes) -> Notes:
        """The notes as they come back from miditok."""
        return replace(self.decode(self.encode(notes)).notes, name=notes.name)

    def _grammar_errors(self, ids: list[int]) -> int:
        return round(self._tokenizer.tokens_errors([ids])[0] * len(ids)) if ids else 0

    def _notes(self, ids: list[int]) -> Notes:
        score = self._tokenizer.decode([ids])
        ticks = score.ticks_per_quarter
        metre, tempo = score.time_signatures[0], float(score.tempos[0].qpm)
        said: dict[str, Any] = {"resolution": self.resolution, "tempo": tempo}
        if (bar := bar_ticks(Metre(0, metre.numerator, metre.denominator), self.resolution)) is not None:
            said |= {"bar": bar, "metres": (Metre(0, metre.numerator, metre.denominator),)}
        if not score.tracks:
            return Notes.build([], [], [], **said)
        columns = score.tracks[0].notes.numpy()
        onset, duration = (columns[key].astype(np.int64) * self.resolution // ticks for key in ("time", "duration"))
        said["tempo"] = round(tempo, 3)
        return Notes.build(onset, np.maximum(duration, 1), columns["pitch"], columns["velocity"], **said)


def _build(kind: str, num_velocities: int, max_beats: int, resolution: int) -> Any:
    try:
        import miditok
    except ImportError:
        raise ConfigError(
            "tokenizer: aurl.music.miditok_adapter needs the package miditok, which is not installed. "
            "Run `pip install 'aurl[tokenizers]'`, or use aurl's own tokenizer, aurl.music.tokenizer.RemiTokenizer"
        ) from None
    config = miditok.TokenizerConfig(
        pitch_range=(0, 127),
        beat_res={(0, max_beats): resolution},
        num_velocities=num_velocities,
        special_tokens=["PAD", "BOS", "EOS"],
        use_tempos=True,
        tempo_range=(30, 480),
        num_tempos=33,
        log_tempos=True,
        use_time_signatures=True,
        time_signature_range={4: list(range(1, 9)), 8: list(_EIGHTHS)},
        use_programs=False,
        use_pitchdrum_tokens=False,
    )
    return getattr(miditok, kind)(config)


def _to_score(notes: Notes) -> Any:
    symusic: Any = import_module("symusic")  # its type stubs lack the attributes used here
    score, track = symusic.Score(notes.resolution), symusic.Track()
    columns = (notes.onset, notes.duration, notes.pitch, notes.velocity)
    for onset, duration, pitch, velocity in zip(*(column.tolist() for column in columns), strict=True):
        track.notes.append(symusic.Note(onset, duration, pitch, velocity))
    score.tracks.append(track)
    score.tempos.append(symusic.Tempo(0, notes.tempo))
    score.time_signatures.append(symusic.TimeSignature(0, *_metre(notes)))
    return score


def _metre(notes: Notes) -> tuple[int, int]:
    """The metre, or the nearest over 4 or 8 of at most 8 quarter notes that miditok is set to."""
    numerator, denominator = notes.metre
    if (denominator == 4 and numerator <= 8) or (denominator == 8 and numerator in _EIGHTHS):
        return numerator, denominator
    eighths = min(max(round(notes.bar / notes.resolution * 2), 1), 16)
    return (eighths // 2, 4) if eighths % 2 == 0 else (eighths, 8)
