"""Standard MIDI Files to scores, as a player reads them, and without crashing on damaged ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from aurl.music.reading.chunks import Chunks, MidiError, read_chunks
from aurl.music.reading.events import TrackEvents, read_track
from aurl.music.reading.pairing import pair
from aurl.music.score import COMMON_TIME, DEFAULT_TEMPO, FullScore, Instrument, KeySignature, Metre, Tempo, Ticks

MAX_NOTES = 200_000
MAX_TICK = 10_000_000
MAX_BEATS = 100_000
DRUM_CHANNEL = 9
_SLOWEST, _FASTEST = 10.0, 1000.0
_NAME, _TEMPO, _METRE, _KEY = 0x03, 0x51, 0x58, 0x59
_LONGEST_BAR, _FINEST = 64, 64  # quarter notes; a denominator


def parse_scores(data: bytes, *, name: str = "") -> tuple[FullScore, ...]:
    """The pieces of a file's bytes: one, or in a type 2 file one for each track that has notes.

    Raises:
        MidiError: not MIDI, damaged, without notes, over 200,000 notes, or longer than 10 million of its ticks or
            100,000 quarter notes; the reason alone.
    """
    chunks = read_chunks(data)
    tracks = [_events(number, track) for number, track in enumerate(chunks.tracks, 1)]
    if chunks.cut and tracks and not tracks[-1].closed:
        raise MidiError(f"damaged: the file ends within track {len(tracks)}")
    notes = sum(len(track.ticks) for track in tracks) // 2
    if notes > MAX_NOTES:
        raise MidiError(f"{notes} notes, at most {MAX_NOTES} are read")
    if chunks.format == 2:
        pieces = [_score(chunks, [track], name) for track in tracks if _begins_a_note(track)]
        if not pieces:
            raise MidiError("no notes")
        return tuple(pieces)
    return (_score(chunks, tracks, name),)


def _events(number: int, track: bytes) -> TrackEvents:
    try:
        return read_track(track)
    except IndexError:
        raise MidiError(f"damaged: track {number} ends within an event") from None
    except ValueError as error:
        raise MidiError(f"damaged: {error}") from None


def _begins_a_note(track: TrackEvents) -> bool:
    return any(code >= 0x900000 and code & 127 for code in track.codes)


class _Voices(NamedTuple):
    """Notes of all chunks: onset, duration, pitch, velocity, index of their track; and the tracks.

    Attributes:
        owner: (chunk, channel) of each track.
    """

    columns: Ticks
    tracks: list[Instrument]
    owner: list[tuple[int, int]]
    hung: int
    empty: int


def _score(chunks: Chunks, tracks: Sequence[TrackEvents], name: str) -> FullScore:
    ticks_per_quarter, timed = _division(chunks.division)
    length = max((track.end for track in tracks), default=0)
    voices = _voices(tracks, ticks_per_quarter, named=chunks.format != 0)
    columns = _checked(voices, ticks_per_quarter)
    metas = [meta for track in tracks for meta in track.metas]
    onset, duration, pitch, velocity, track = columns
    return FullScore(
        onset,
        duration,
        pitch,
        velocity,
        track,
        tracks=tuple(voices.tracks),
        ticks_per_quarter=ticks_per_quarter,
        tempos=_tempos(metas, timed),
        metres=(COMMON_TIME,) if timed else _metres(metas),
        keys=_keys(metas),
        pedal=_pedal(tracks, voices.owner, length),
        timed=timed,
        length=max(length, int((columns[0] + columns[1]).max())),
        name=name,
        hung=voices.hung,
        empty=voices.empty,
        repaired=sum(track.repaired for track in tracks),
    )


def _division(division: int) -> tuple[int, bool]:
    """Ticks to the quarter note; those of clock time are as quarters of half a second, which is 120 a minute."""
    if division < 0x8000:
        if not division:
            raise MidiError("0 ticks to the quarter note")
        return division, False
    frames, ticks = 256 - (division >> 8), division & 255
    second = round((30_000 / 1001 if frames == 29 else frames) * ticks)
    if second < 2:
        raise MidiError(f"damaged: {second} ticks a second")
    return max(1, second // 2), True


def _voices(tracks: Sequence[TrackEvents], ticks_per_quarter: int, *, named: bool) -> _Voices:
    """The notes of each chunk and channel, with the program that holds when they begin."""
    programs = _channel_programs(tracks)
    parts, instruments, owner = [np.zeros((5, 0), np.int64)], list[Instrument](), list[tuple[int, int]]()
    hung = empty = 0
    for number, track in enumerate(tracks):
        if not track.ticks:
            continue
        paired = pair(track.ticks, track.codes, track.end, ticks_per_quarter)
        hung += paired.hung
        empty += int((paired.duration == 0).sum())
        title = _title(track) if named else ""
        for channel in np.unique(paired.channel).tolist():
            mine = (paired.channel == channel) & (paired.duration > 0)
            if not mine.any():
                continue
            onset = paired.onset[mine]
            sounding = _programs_at(onset, programs[channel].get(number) or programs[channel].get(-1, []))
            numbers, index = np.unique(sounding, return_inverse=True)
            base = len(instruments)
            instruments += [Instrument(program, channel == DRUM_CHANNEL, title) for program in numbers.tolist()]
            owner += [(number, channel)] * len(numbers)
            parts.append(
                np.array([onset, paired.duration[mine], paired.pitch[mine], paired.velocity[mine], base + index])
            )
    columns = np.concatenate(parts, axis=1)
    return _Voices(columns[:, np.lexsort(columns[[1, 2, 4, 0]])], instruments, owner, hung, empty)


def _channel_programs(tracks: Sequence[TrackEvents]) -> list[dict[int, list[tuple[int, int]]]]:
    """By channel, the (tick, program) that each chunk sets itself, and under -1 what all of them set."""
    found: list[dict[int, list[tuple[int, int]]]] = [{} for _ in range(16)]
    for number, track in enumerate(tracks):
        for tick, channel, program in track.programs:
            found[channel].setdefault(number, []).append((tick, program))
            found[channel].setdefault(-1, []).append((tick, program))
    for changes in found:
        changes.get(-1, []).sort(key=lambda change: change[0])
    return found


def _programs_at(onset: Ticks, changes: Sequence[tuple[int, int]]) -> Ticks:
    """The program of each onset: 0 before the first change, but the first one where it is set after the notes."""
    if not changes:
        return np.zeros(len(onset), np.int64)
    ticks, programs = (np.array(column, np.int64) for column in zip(*changes, strict=True))
    return programs[np.maximum(np.searchsorted(ticks, onset, side="right") - 1, 0)]


def _checked(voices: _Voices, ticks_per_quarter: int) -> Ticks:
    columns = voices.columns
    if columns.shape[1] > MAX_NOTES:
        raise MidiError(f"{columns.shape[1]} notes, at most {MAX_NOTES} are read")
    if not columns.size:
        raise MidiError("no note has a length" if voices.empty else "no notes")
    end = int((columns[0] + columns[1]).max())
    if end >= MAX_TICK or end >= MAX_BEATS * ticks_per_quarter:
        raise MidiError(f"ends at tick {end}, under {MAX_TICK} and under {MAX_BEATS} quarter notes is allowed")
    return columns


def _title(track: TrackEvents) -> str:
    text = next((content for _, kind, content in track.metas if kind == _NAME), b"")
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        decoded = text.decode("latin-1")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in decoded).split())


def _last_of_each_tick(events: Iterable[tuple[int, tuple[float, ...]]]) -> list[tuple[int, tuple[float, ...]]]:
    """In order of ticks; of those of one tick the last in the file, as a player obeys one after the other."""
    return sorted(dict(sorted(events, key=lambda event: event[0])).items())


def _tempos(metas: Sequence[tuple[int, int, bytes]], timed: bool) -> tuple[Tempo, ...]:
    found = [] if timed else [(tick, content) for tick, kind, content in metas if kind == _TEMPO and len(content) >= 3]
    heard = []
    for tick, content in found:
        microseconds = int.from_bytes(content[:3], "big")
        if microseconds and _SLOWEST <= (qpm := 6e7 / microseconds) <= _FASTEST:
            heard.append((tick, (qpm,)))
    return tuple(Tempo(tick, qpm) for tick, (qpm,) in _from_start(_last_of_each_tick(heard), (DEFAULT_TEMPO,)))


def _metres(metas: Sequence[tuple[int, int, bytes]]) -> tuple[Metre, ...]:
    found = []
    for tick, kind, content in metas:
        if kind == _METRE and len(content) >= 2:
            numerator, power = content[0], content[1]
            if numerator and 2**power <= _FINEST and numerator * 4 <= _LONGEST_BAR * 2**power:
                found.append((tick, (numerator, 2**power)))
    whole = _from_start(_last_of_each_tick(found), (4, 4))
    return tuple(Metre(tick, int(numerator), int(denominator)) for tick, (numerator, denominator) in whole)


def _keys(metas: Sequence[tuple[int, int, bytes]]) -> tuple[KeySignature, ...]:
    found = []
    for tick, kind, content in metas:
        if kind == _KEY and len(content) >= 2 and -7 <= (sharps := (content[0] + 128) % 256 - 128) <= 7:
            found.append((tick, (sharps, content[1] & 1)))
    return tuple(KeySignature(tick, int(sharps), bool(minor)) for tick, (sharps, minor) in _last_of_each_tick(found))


def _from_start(
    events: list[tuple[int, tuple[float, ...]]], default: tuple[float, ...]
) -> list[tuple[int, tuple[float, ...]]]:
    return events if events and events[0][0] == 0 else [(0, default), *events]


def _pedal(tracks: Sequence[TrackEvents], owner: Sequence[tuple[int, int]], length: int) -> Ticks:
    """(track, down, up) in order; a channel's pedal holds for its notes in all chunks."""
    presses: dict[int, list[tuple[int, int]]] = {}
    for channel in range(16):
        events = [(tick, value >= 64) for track in tracks for tick, of, value in track.controls if of == channel]
        events.sort(key=lambda event: event[0])
        down = -1
        for tick, pressed in events:
            if pressed and down < 0:
                down = tick
            elif not pressed and down >= 0:
                presses.setdefault(channel, []).append((down, tick))
                down = -1
        if down >= 0:
            presses.setdefault(channel, []).append((down, length))
    rows = [(number, *press) for number, (_, channel) in enumerate(owner) for press in presses.get(channel, ())]
    return np.array(rows, np.int64).reshape(-1, 3)
