"""MusicXML, ABC and Humdrum **kern to scores, through music21 (the extra `notation`).

Repeats are not played: the score is read as it is written. Tied notes are one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from aurl.errors import ConfigError
from aurl.music.reading.chunks import MidiError
from aurl.music.score import DEFAULT_TEMPO, FullScore, Instrument, KeySignature, Metre, Tempo

NOTATION = frozenset({".musicxml", ".xml", ".mxl", ".abc", ".krn", ".kern"})
_FORMATS = {".abc": "abc", ".krn": "humdrum", ".kern": "humdrum"}
_QUARTER = 10_080  # ticks that hold 64ths, and triplets, quintuplets and septuplets of them, exactly
_VELOCITY = 80


def read_notation(path: Path) -> FullScore:
    """The score of a file of notation, named after it.

    Raises:
        ConfigError: music21 is not installed.
        MidiError: the file is damaged, or holds no notes; the reason alone.
    """
    try:
        from music21 import converter
        from music21.exceptions21 import Music21Exception
    except ImportError:
        raise ConfigError(
            f"{path}: notation needs the package music21, which is not installed. Run `pip install 'aurl[notation]'`, "
            "or export the file as MIDI"
        ) from None
    try:
        stream = converter.parse(path, format=_FORMATS.get(path.suffix.lower(), "musicxml"), forceSource=True)
        return _score(stream.stripTies(), path.name)
    except (
        Music21Exception,
        OSError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        TypeError,
        SyntaxError,
    ) as error:
        reason = " ".join(str(error).split())[:200]  # music21 raises nearly anything on damaged files
        raise MidiError(f"damaged: {type(error).__name__}: {reason}") from None


def _score(stream: Any, name: str) -> FullScore:
    from music21 import key, meter, tempo
    from music21 import stream as streams

    parts = list(stream.getElementsByClass(streams.Part)) or [stream]
    rows: list[tuple[int, int, int, int, int]] = []
    tracks: list[Instrument] = []
    for part in parts:
        found = _notes(part, len(tracks))
        if found:
            rows += found
            tracks.append(_instrument(part))
    if not rows:
        raise MidiError("no notes")
    columns = np.array(rows, np.int64).T
    columns = columns[:, np.lexsort(columns[[1, 2, 4, 0]])]
    flat = parts[0].flatten()
    tempos = {
        _ticks(mark.offset): mark.getQuarterBPM() for mark in stream.flatten().getElementsByClass(tempo.MetronomeMark)
    }
    keys = {_ticks(sign.offset): sign for sign in flat.getElementsByClass(key.KeySignature)}
    signs = {_ticks(sign.offset): sign for sign in flat.getElementsByClass(meter.TimeSignature)}
    metres = {tick: (sign.numerator, sign.denominator) for tick, sign in signs.items()}
    onset, duration, pitch, velocity, track = columns
    return FullScore(
        onset,
        duration,
        pitch,
        velocity,
        track,
        tracks=tuple(tracks),
        ticks_per_quarter=_QUARTER,
        tempos=tuple(Tempo(tick, float(qpm)) for tick, qpm in sorted(({0: DEFAULT_TEMPO} | tempos).items()) if qpm),
        metres=tuple(
            Metre(tick, *sign) for tick, sign in sorted(({0: (4, 4)} | metres | _upbeat(parts[0], metres)).items())
        ),
        keys=tuple(
            KeySignature(tick, sign.sharps, getattr(sign, "mode", "") == "minor") for tick, sign in sorted(keys.items())
        ),
        length=int((onset + duration).max()),
        name=name,
    )


def _notes(part: Any, track: int) -> list[tuple[int, int, int, int, int]]:
    """Onset, duration, pitch, velocity and track of every note; grace notes, which take no time, are left out."""
    found = []
    for element in part.flatten().notes:
        length = _ticks(element.duration.quarterLength)
        loud = element.volume.velocity or _VELOCITY
        if length:
            found += [(_ticks(element.offset), length, pitch.midi, int(loud), track) for pitch in element.pitches]
    return [row for row in found if 0 <= row[2] <= 127]


def _instrument(part: Any) -> Instrument:
    played = part.getInstrument(returnDefault=False)
    program = getattr(played, "midiProgram", None)
    drum = getattr(played, "midiChannel", None) == 9
    return Instrument(program if program is not None and not drum else 0, drum, str(part.partName or ""))


def _upbeat(part: Any, metres: dict[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """The first metre again where the first full bar begins, if the first bar is short: so `find_upbeat` sees it."""
    from music21 import stream as streams

    bars = list(part.getElementsByClass(streams.Measure))
    if len(bars) < 2:
        return {}
    begins = _ticks(bars[1].offset)
    numerator, denominator = metres.get(0, (4, 4))
    short = 0 < begins < numerator * 4 * _QUARTER // denominator
    return {begins: metres.get(begins, (numerator, denominator))} if short else {}


def _ticks(quarters: Any) -> int:
    return round(float(quarters) * _QUARTER)
