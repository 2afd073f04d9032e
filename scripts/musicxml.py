"""Scores in MusicXML, plain or in the compressed `.mxl` container, with nothing but the standard library.

Positions and lengths are in quarter notes from the start of the score, repeats are not expanded, grace notes and
unpitched notes are left out, and tied notes are joined. Written against MusicXML 4.0, https://www.w3.org/2021/06/musicxml40/.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, zip_longest
from typing import NamedTuple
from xml.etree import ElementTree as ET

from aurl.errors import DataError
from aurl.music.notes import TICKS_PER_BEAT, Notes

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class ScoreNote(NamedTuple):
    """One sounding note: onset and duration in quarter notes, MIDI pitch."""

    onset: float
    duration: float
    pitch: int


class Measure(NamedTuple):
    """Where a measure starts and how long it is, in quarter notes."""

    start: float
    length: float


@dataclass(frozen=True, slots=True)
class Score:
    """A score of P parts.

    Attributes:
        title: movement or work title, or an empty string.
        parts: the notes of each part, top part first, in the order of the file.
        measures: all measures; parts share them.
        metres: the distinct time signatures in order of appearance, such as (3, 4).
        tempo: quarter notes a minute where the file says so.
    """

    title: str
    parts: tuple[tuple[ScoreNote, ...], ...]
    measures: tuple[Measure, ...]
    metres: tuple[tuple[int, int], ...]
    tempo: float | None

    @property
    def bar(self) -> float:
        """Quarter notes in a bar of the first metre; 4 where the file names none."""
        beats, beat_type = self.metres[0] if self.metres else (4, 4)
        return beats * 4 / beat_type

    @property
    def pickup(self) -> float:
        """Quarter notes of an incomplete first measure; 0 where it is complete."""
        length = self.measures[0].length if self.measures else 0.0
        return length if 0 < length < self.bar else 0.0

    @property
    def padding(self) -> float:
        """The silence, in quarter notes, that puts the measure after a pickup on a bar line."""
        return self.bar - self.pickup if self.pickup else 0.0

    @property
    def aligned(self) -> bool:
        """Whether every measure of a bar or more starts on a bar line once the pickup is padded."""
        return all(
            (measure.start + self.padding) % self.bar == 0 for measure in self.measures if measure.length >= self.bar
        )

    def notes(self, *, tempo: float, name: str = "", parts: Iterable[int] | None = None) -> Notes:
        """All parts, or those with the given indices, as one on the tick grid, the pickup padded.

        Where two parts sing in unison, one note is left, the longer.

        Args:
            tempo: quarter notes a minute where the file names none.
        """
        chosen = self.parts if parts is None else [self.parts[index] for index in parts]
        longest: dict[tuple[int, int], int] = {}
        for note in (note for part in chosen for note in part):
            key = round((note.onset + self.padding) * TICKS_PER_BEAT), note.pitch
            longest[key] = max(longest.get(key, 1), round(note.duration * TICKS_PER_BEAT))
        return Notes.build(
            [onset for onset, _ in longest],
            list(longest.values()),
            [pitch for _, pitch in longest],
            bar=round(self.bar * TICKS_PER_BEAT),
            tempo=self.tempo or tempo,
            name=name,
        )


def unpack_mxl(data: bytes) -> bytes:
    """The score inside a compressed `.mxl` file.

    Raises:
        DataError: not a zip, or without a score inside.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            scores = [name for name in archive.namelist() if name.endswith((".xml", ".musicxml"))]
            return archive.read(next(name for name in scores if not name.startswith("META-INF")))
    except (zipfile.BadZipFile, StopIteration) as error:
        raise DataError(f"not an .mxl file: {error}. Give a zip that holds one MusicXML score.") from None


def parse_musicxml(data: bytes) -> Score:
    """The score of an uncompressed MusicXML document, given as bytes because its XML header names the encoding.

    Raises:
        DataError: not XML, or not a part-wise score with the numbers MusicXML asks for.
    """
    try:
        root = ET.fromstring(data)
        if root.tag != "score-partwise":
            raise DataError(f"<{root.tag}> is not a part-wise MusicXML score. Export it as 'score-partwise'.")
        return _score(root)
    except (ET.ParseError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise DataError(f"not a readable MusicXML score: {error}. Check the file in a notation program.") from None


class _Event(NamedTuple):
    note: ScoreNote
    tied_from: bool
    tied_on: bool


@dataclass(slots=True)
class _PartReader:
    """Reads the measures of one part; holds what carries over from one measure to the next."""

    divisions: float = 1.0
    transposition: int = 0
    cursor: float = 0.0
    chord_onset: float = 0.0
    length: float = 0.0
    events: list[_Event] = field(default_factory=list)

    def read(self, measure: ET.Element) -> tuple[float, list[_Event]]:
        """The measure's length and its notes, counted from its own start."""
        self.cursor = self.chord_onset = self.length = 0.0
        self.events = []
        for element in measure:
            if element.tag == "attributes":
                self._attributes(element)
            elif element.tag == "note" and element.find("grace") is None:
                self._note(element)
            elif element.tag in {"backup", "forward"}:
                self._move(self._duration(element) * (-1 if element.tag == "backup" else 1))
        return self.length, self.events

    def _attributes(self, element: ET.Element) -> None:
        if (divisions := element.findtext("divisions")) is not None:
            self.divisions = float(divisions)
        if (transpose := element.find("transpose")) is not None:
            chromatic = float(transpose.findtext("chromatic", "0"))
            self.transposition = round(chromatic) + 12 * int(transpose.findtext("octave-change", "0"))

    def _note(self, element: ET.Element) -> None:
        duration = self._duration(element)
        if element.find("chord") is None:
            self.chord_onset = self.cursor
            self._move(duration)
        if (pitch := element.find("pitch")) is not None:
            ties = {tie.get("type") for tie in element.findall("tie")}
            note = ScoreNote(self.chord_onset, duration, _midi_pitch(pitch) + self.transposition)
            self.events.append(_Event(note, "stop" in ties, "start" in ties))

    def _duration(self, element: ET.Element) -> float:
        return float(element.findtext("duration", "0")) / self.divisions

    def _move(self, quarters: float) -> None:
        self.cursor += quarters
        self.length = max(self.length, self.cursor)


def _score(root: ET.Element) -> Score:
    parts = []
    for part in root.findall("part"):
        reader = _PartReader()
        parts.append([reader.read(measure) for measure in part.findall("measure")])
    lengths = [max(length for length, _ in row) for row in zip_longest(*parts, fillvalue=(0.0, []))]
    starts = [0.0, *accumulate(lengths)]
    return Score(
        title=(root.findtext("movement-title") or root.findtext("work/work-title") or "").strip(),
        parts=tuple(tuple(_join_ties(starts, [events for _, events in part])) for part in parts),
        measures=tuple(Measure(start, length) for start, length in zip(starts, lengths, strict=False)),
        metres=tuple(dict.fromkeys(_metres(root))),
        tempo=next((float(sound.get("tempo", "")) for sound in root.iter("sound") if sound.get("tempo")), None),
    )


def _metres(root: ET.Element) -> Iterator[tuple[int, int]]:
    for time in root.iter("time"):
        beats, beat_type = time.findtext("beats", ""), time.findtext("beat-type", "")
        if beats.isdecimal() and beat_type.isdecimal():  # senza-misura has neither; 3+2 is beyond this reader
            yield int(beats), int(beat_type)


def _midi_pitch(pitch: ET.Element) -> int:
    octave, alter = int(pitch.findtext("octave", "")), float(pitch.findtext("alter", "0"))
    return 12 * (octave + 1) + _SEMITONES[pitch.findtext("step", "")] + round(alter)


def _join_ties(starts: list[float], measures: list[list[_Event]]) -> list[ScoreNote]:
    """A note that a tie leads to lengthens the one it comes from, where that one ends just there."""
    joined: list[ScoreNote] = []
    open_ties: dict[int, int] = {}
    for start, events in zip(starts, measures, strict=False):
        for (onset, duration, pitch), tied_from, tied_on in events:
            index = open_ties.pop(pitch, None) if tied_from else None
            if index is not None and abs(joined[index].onset + joined[index].duration - (start + onset)) < 1e-6:
                joined[index] = joined[index]._replace(duration=joined[index].duration + duration)
            else:
                index = len(joined)
                joined.append(ScoreNote(start + onset, duration, pitch))
            if tied_on:
                open_ties[pitch] = index
    return joined
