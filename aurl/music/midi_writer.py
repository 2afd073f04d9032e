"""Notes to Standard MIDI Files, through pretty_midi."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from aurl.machine.files import replace_file
from aurl.music.lanes import lanes
from aurl.music.notes import TICKS_PER_BEAT, IntArray, Notes

if TYPE_CHECKING:
    from pretty_midi import Instrument, PrettyMIDI

RESOLUTION = 480
"""MIDI ticks to the quarter note in our files: the editors' usual value, and a whole multiple of our own grid."""

PIANO = 0
_SLOWEST = 2**24 - 1  # microseconds a quarter: set_tempo has three bytes


def write_midi(notes: Notes, path: Path | str) -> None:
    """Write `notes` as a type 1 MIDI file that reads back as the same notes, replacing `path` in one step.

    The file has a tempo, a time signature and a piano track. Notes that overlap another of their pitch go to further
    piano tracks ("Piano 2", ...), each on a channel of its own, since one channel cannot tell their ends apart.
    No notes give a valid file without notes.

    Raises:
        ValueError: the tempo is not a positive number.
        OSError: the file cannot be written.
    """
    replace_file(Path(path), midi_bytes(notes))


def midi_bytes(notes: Notes) -> bytes:
    """The MIDI file of `notes`, as `write_midi` writes it."""
    buffer = BytesIO()
    to_pretty_midi(notes).write(buffer)
    return buffer.getvalue()


def to_pretty_midi(notes: Notes) -> PrettyMIDI:
    """The same notes as a `pretty_midi.PrettyMIDI`, times in seconds at the piece's tempo."""
    import pretty_midi

    microseconds = _microseconds_per_quarter(notes.tempo)
    # pretty_midi truncates to whole microseconds when it writes; the quarter keeps rounding noise from taking one away.
    piece = pretty_midi.PrettyMIDI(resolution=RESOLUTION, initial_tempo=6e7 / (microseconds + 0.25))
    piece.time_signature_changes.append(pretty_midi.TimeSignature(*time_signature(notes.bar), 0.0))
    seconds_per_tick = (microseconds + 0.25) / 1e6 / TICKS_PER_BEAT
    piece.instruments.extend(_instruments(notes, lanes(notes), seconds_per_tick))
    return piece


def time_signature(bar: int) -> tuple[int, int]:
    """Numerator and denominator of a bar of `bar` ticks (48: 4/4, 36: 3/4, 18: 3/8).

    The largest unit from quarter to sixteenth that divides the bar; longer units where the numerator would not fit
    its byte. Bars that no power of two divides (a bar of 10 ticks) get the nearest number of sixteenths.
    """
    for denominator in (4, 8, 16, 2, 1):
        unit = 4 * TICKS_PER_BEAT // denominator
        if bar % unit == 0 and bar // unit <= 255:
            return bar // unit, denominator
    return min(255, max(1, round(bar * 4 / TICKS_PER_BEAT))), 16


def _microseconds_per_quarter(tempo: float) -> int:
    if not tempo > 0:
        raise ValueError(f"tempo={tempo}: needs a positive number of quarter notes a minute")
    return max(1, round(min(6e7 / tempo, _SLOWEST)))


def _instruments(notes: Notes, lane_of: IntArray, seconds_per_tick: float) -> list[Instrument]:
    import pretty_midi

    count = int(lane_of.max(initial=0)) + 1
    tracks = [pretty_midi.Instrument(PIANO, name=f"Piano {lane + 1}" if lane else "Piano") for lane in range(count)]
    starts = (notes.onset * seconds_per_tick).tolist()
    ends = ((notes.onset + notes.duration) * seconds_per_tick).tolist()
    columns = zip(lane_of.tolist(), notes.velocity.tolist(), notes.pitch.tolist(), starts, ends, strict=True)
    for lane, velocity, pitch, start, end in columns:
        tracks[lane].notes.append(pretty_midi.Note(velocity, pitch, start, end))
    return tracks
