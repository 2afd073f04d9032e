"""The events of one track of a Standard MIDI File."""

from __future__ import annotations

from typing import NamedTuple

SUSTAIN = 64
_META, _SYSEX, _ESCAPE = 0xFF, 0xF0, 0xF7
_END, _NAME, _TEMPO, _METRE, _KEY = 0x2F, 0x03, 0x51, 0x58, 0x59
_KEPT = frozenset({_NAME, _TEMPO, _METRE, _KEY})
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # should not stand in files; what their data bytes are is certain


class TrackEvents(NamedTuple):
    """What a track holds.

    Attributes:
        ticks, codes: of each note event its tick, and `status << 16 | pitch << 8 | velocity`.
        controls: (tick, channel, value) of the sustain pedal.
        programs: (tick, channel, program).
        metas: (tick, type, bytes) of names, tempi, metres and keys.
        end: the tick at which the track ends.
        repaired: notes with values above 127, which were taken as 127.
        closed: whether the end-of-track event stands there.
    """

    ticks: list[int]
    codes: list[int]
    controls: list[tuple[int, int, int]]
    programs: list[tuple[int, int, int]]
    metas: list[tuple[int, int, bytes]]
    end: int
    repaired: int
    closed: bool


def read_track(data: bytes) -> TrackEvents:
    """The events of a track chunk, up to the end-of-track event.

    Running status goes on after system and meta events, as sloppy writers expect.

    Raises:
        IndexError: the bytes end within an event.
        ValueError: a track that does not begin with a status.
    """
    # One flat loop: a call for each event would double the half microsecond that an event takes.
    found = TrackEvents([], [], [], [], [], 0, 0, False)
    add_tick, add_code = found.ticks.append, found.codes.append
    pos, end = 0, len(data)
    tick = status = repaired = 0
    closed = False
    while pos < end:
        byte = data[pos]
        pos += 1
        if byte < 128:
            tick += byte
        else:
            delta, pos = _number(data, pos - 1)
            tick += delta
        byte = data[pos]
        if byte >= 0xF0:
            pos = _system_event(data, pos, tick, found.metas)
            if not pos:
                closed = True
                break
            continue
        if byte >= 128:
            status = byte
            pos += 1
        if 0x80 <= status < 0xA0:
            pitch, velocity = data[pos], data[pos + 1]
            pos += 2
            if pitch > 127 or velocity > 127:
                pitch, velocity = min(pitch, 127), min(velocity, 127)
                repaired += 1
            add_tick(tick)
            add_code(status << 16 | pitch << 8 | velocity)
        else:
            pos = _channel_event(data, pos, tick, status, found)
    if pos > end:
        raise IndexError
    return found._replace(end=tick, repaired=repaired, closed=closed)


def _channel_event(data: bytes, pos: int, tick: int, status: int, found: TrackEvents) -> int:
    """Where the event ends that begins at `pos` behind its status."""
    if status >> 4 == 0xC:
        found.programs.append((tick, status & 15, min(data[pos], 127)))
    elif status >> 4 == 0xB and data[pos] == SUSTAIN:
        found.controls.append((tick, status & 15, data[pos + 1]))
    elif not status:
        raise ValueError("a track that begins without a status")
    return pos + (1 if status >> 4 in (0xC, 0xD) else 2)


def _system_event(data: bytes, pos: int, tick: int, metas: list[tuple[int, int, bytes]]) -> int:
    """Where the system or meta event at `pos` ends; 0 for the end of the track."""
    kind = data[pos]
    if kind == _META:
        kind = data[pos + 1]
        length, pos = _number(data, pos + 2)
        if kind == _END:
            return 0
        if kind in _KEPT:
            metas.append((tick, kind, data[pos : pos + length]))
    elif kind in (_SYSEX, _ESCAPE):
        length, pos = _number(data, pos + 1)
    else:
        length, pos = _SYSTEM_BYTES.get(kind, 0), pos + 1
    if pos + length > len(data):
        raise IndexError
    return pos + length


def _number(data: bytes, pos: int) -> tuple[int, int]:
    """A variable-length number, and where it ends."""
    value = 0
    while True:
        byte = data[pos]
        pos += 1
        value = value << 7 | byte & 127
        if byte < 128:
            return value, pos
