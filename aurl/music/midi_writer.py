"""Notes to Standard MIDI Files."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from aurl.machine.files import replace_file
from aurl.music.instruments import instrument_name
from aurl.music.lanes import lanes
from aurl.music.metre import time_signature
from aurl.music.notes import IntArray, Notes
from aurl.music.score import Instrument, TempoMap

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

__all__ = ["RESOLUTION", "midi_bytes", "time_signature", "to_pretty_midi", "write_midi"]

RESOLUTION = 480
"""MIDI ticks to the quarter note in our files: the editors' usual value, and a whole multiple of our own grids."""

PIANO = Instrument(0, False, "Piano")
DRUM_CHANNEL = 9
_CHANNELS = [channel for channel in range(16) if channel != DRUM_CHANNEL]
_SLOWEST = 2**24 - 1  # microseconds a quarter: set_tempo has three bytes
_END_OF_TRACK = b"\x00\xff\x2f\x00"


def write_midi(notes: Notes, path: Path | str) -> None:
    """Write `notes` as a type 1 MIDI file that reads back as the same notes, replacing `path` in one step.

    The file has the tempi and time signatures, and a track with its program for each of the notes' tracks, a piano
    where they have none. Notes that overlap another of their track and pitch go to further tracks ("Piano 2", ...),
    each on a channel of its own, since one channel cannot tell their ends apart; drums share channel 10. No notes give
    a valid file without notes.

    Raises:
        ValueError: the tempo is not a positive number.
        OSError: the file cannot be written.
    """
    replace_file(Path(path), midi_bytes(notes))


def midi_bytes(notes: Notes) -> bytes:
    """The MIDI file of `notes`, as `write_midi` writes it."""
    scale = -(-RESOLUTION // notes.resolution)
    chunks = [_conductor(notes, scale)]
    for number, (track, chosen) in enumerate(_voices(notes)):
        channel = DRUM_CHANNEL if track.drum else _CHANNELS[number % len(_CHANNELS)]
        chunks.append(_track(notes, chosen, track, channel, scale))
    header = b"MThd" + struct.pack(">IHHH", 6, 1, len(chunks), notes.resolution * scale)
    return header + b"".join(b"MTrk" + struct.pack(">I", len(chunk)) + chunk for chunk in chunks)


def to_pretty_midi(notes: Notes) -> PrettyMIDI:
    """The same notes as a `pretty_midi.PrettyMIDI`, times in seconds at the piece's tempi."""
    import pretty_midi

    clock = TempoMap(notes.tempo_map, notes.resolution)
    piece = pretty_midi.PrettyMIDI(resolution=RESOLUTION, initial_tempo=notes.tempo_map[0].qpm)
    for tick, numerator, denominator in notes.metre_map:
        when = float(clock.seconds([tick])[0])
        piece.time_signature_changes.append(pretty_midi.TimeSignature(numerator, denominator, when))
    for track, chosen in _voices(notes):
        instrument = pretty_midi.Instrument(track.program, is_drum=track.drum, name=track.name)
        starts, ends = (clock.seconds(at[chosen]) for at in (notes.onset, notes.onset + notes.duration))
        columns = (notes.velocity[chosen].tolist(), notes.pitch[chosen].tolist(), starts.tolist(), ends.tolist())
        instrument.notes.extend(pretty_midi.Note(*row) for row in zip(*columns, strict=True))
        piece.instruments.append(instrument)
    return piece


def _voices(notes: Notes) -> list[tuple[Instrument, IntArray]]:
    """Each track, split into lanes, with the indices of its notes; a piano without notes where there are none."""
    lane_of = lanes(notes)
    tracks = notes.tracks if notes.track is not None else (PIANO,)
    owner = notes.track if notes.track is not None else np.zeros(len(notes), np.int32)
    found = []
    for number, track in enumerate(tracks):
        name = track.name or instrument_name(track)
        mine = np.flatnonzero(owner == number)
        count = int(lane_of[mine].max(initial=0)) + 1
        for lane in range(count):
            shown = track._replace(name=f"{name} {lane + 1}" if lane else name)
            found.append((shown, mine[lane_of[mine] == lane].astype(np.int32)))
    return found


def _conductor(notes: Notes, scale: int) -> bytes:
    events = [(tick, b"\xff\x51\x03" + _microseconds(qpm).to_bytes(3, "big")) for tick, qpm in notes.tempo_map]
    for tick, numerator, denominator in notes.metre_map:
        events.append((tick, bytes([0xFF, 0x58, 4, numerator, denominator.bit_length() - 1, 24, 8])))
    return _written(sorted((tick * scale, event) for tick, event in events))


def _microseconds(qpm: float) -> int:
    if not qpm > 0:
        raise ValueError(f"tempo={qpm}: needs a positive number of quarter notes a minute")
    return max(1, round(min(6e7 / qpm, _SLOWEST)))


def _track(notes: Notes, chosen: IntArray, track: Instrument, channel: int, scale: int) -> bytes:
    """A chunk: at one tick the ends come before the beginnings."""
    name = track.name.encode()
    events = [(0, b"\xff\x03" + _variable(len(name)) + name), (0, bytes([0xC0 | channel, track.program]))]
    starts = notes.onset[chosen].astype(np.int64) * scale
    ends = starts + notes.duration[chosen].astype(np.int64) * scale
    pitches, velocities = notes.pitch[chosen].tolist(), notes.velocity[chosen].tolist()
    played = [(tick, bytes([0x80 | channel, pitch, 0])) for tick, pitch in zip(ends.tolist(), pitches, strict=True)]
    begun = zip(starts.tolist(), pitches, velocities, strict=True)
    played += [(tick, bytes([0x90 | channel, pitch, velocity])) for tick, pitch, velocity in begun]
    return _written(events + sorted(played))


def _written(events: list[tuple[int, bytes]]) -> bytes:
    parts: list[bytes] = []
    now = 0
    for tick, event in events:
        parts += (_variable(tick - now), event)
        now = tick
    return b"".join(parts) + _END_OF_TRACK


def _variable(number: int) -> bytes:
    """A variable-length number: seven bits a byte, the highest bit set in all but the last."""
    if number < 128:
        return bytes([number])
    groups = [number & 127]
    while number := number >> 7:
        groups.append(128 | number & 127)
    return bytes(reversed(groups))
