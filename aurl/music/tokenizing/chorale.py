"""Tokens of music in voices, such as chorales: which voice a note belongs to instead of how long it lasts.

A sequence is `BOS Metre Tempo (Metre? Bar (Position (Note | Rest)+)*)* EOS`. A note's token tells voice and pitch; it
lasts until the voice's next token, which is a Rest where the voice falls silent, or until the last bar ends. At each
position the outer voices come first: soprano, bass, then the inner ones from above, as in TonicNet (Peracha 2019,
arXiv:1911.11775). So a four-part chorale takes little more than one token a note, and harmony stands in one order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from aurl.music.grammar import REST, TokenGrammar, build_grammar
from aurl.music.notes import DEFAULT_VELOCITY, TICKS_PER_BEAT, IntArray, Notes
from aurl.music.score import Metre
from aurl.music.tokenizing.barred import BarredTokenizer, first_of, require
from aurl.music.tokenizing.barring import Bars, Signed, laid_out, read_metres
from aurl.music.tokenizing.voices import separate, voices
from aurl.music.tokens import BarTokens, Decoded
from aurl.music.vocabulary import Family, Ids, Vocabulary

_KINDS = REST + 1  # tokens of a voice: 128 pitches and a rest
_BAR, _POSITION, _VOICE = range(3)
_MARGIN = 4  # tokens that the voices of a window may take beyond those of the same bars in the whole piece
_FREE = np.isin(np.arange(len(Family)), [Family.EOS, Family.BAR])


class ChoraleTokenizer(BarredTokenizer):
    """Voices of one note at a time.

    Written exactly: onsets, durations and pitches of up to `voices` notes at a time, metres as by `RemiTokenizer`, one
    tempo of the geometric bins. Velocities are not written; they are read as 80. Which note belongs to which voice is
    told from the music, see `aurl.music.tokenizing.voices.separate`.

    Args:
        voices: notes at a time, 1..16; further ones are left out. The highest voice is 0, the lowest of the usual
            number 1, inner ones follow from above.
        max_bar, tempo_bins, tempo_low, tempo_high, resolution: as for `RemiTokenizer`.

    Raises:
        ConfigError: a value outside its range.
    """

    _layout = "chorale"

    def __init__(
        self,
        *,
        voices: int = 5,
        max_bar: int = 96,
        tempo_bins: int = 33,
        tempo_low: float = 30.0,
        tempo_high: float = 480.0,
        resolution: int = TICKS_PER_BEAT,
    ) -> None:
        require("voices", voices, 1, 16)
        settings = {"voices": voices, "max_bar": max_bar, "tempo_bins": tempo_bins}
        super().__init__({**settings, "tempo_low": tempo_low, "tempo_high": tempo_high}, resolution)
        self._voices = voices
        self.vocabulary = Vocabulary({**self._bar_values(), Family.PITCH: np.arange(voices * _KINDS)})

    def token_name(self, id: int) -> str:
        """Such as `BOS`, `Bar`, `Voice0_60` or `Voice0_Rest`; `Unknown_999` outside the vocabulary."""
        if not 0 <= id < self.vocab_size or self.vocabulary.family[id] != Family.PITCH:
            return super().token_name(id)
        voice, pitch = divmod(int(self.vocabulary.index[id]), _KINDS)
        return f"Voice{voice}_{'Rest' if pitch == REST else pitch}"

    def grammar(self) -> TokenGrammar:
        """What may follow what: the order in which `encode` writes."""
        return build_grammar(self.vocabulary, self._bars, voices=self._voices)

    def encode(self, notes: Notes, *, end: bool = True) -> IntArray:
        """Token ids, int32 [T]; without `end` notes end where the bar of the last onset does."""
        notes = notes.merged().at(self.resolution)
        bars = self._bars.bars(notes)
        head = self._header(bars.signed[0], notes.tempo)
        if not len(notes):
            return np.array([*head, *[self.eos] * end], np.int32)
        said = self._said(notes)
        starts = _until(bars, int(said.tick.max())) if end else bars.starts
        kept = said.tick < int(starts[-1]) + bars.signed[-1].length
        tick, index = said.tick[kept], said.token[kept]
        ids = self._sorted(starts, tick, index)
        return self._with_changes(np.concatenate([head, ids, [self.eos] * end]).astype(np.int32), bars.signed[1:])

    def bar_tokens(self, notes: Notes) -> BarTokens:
        """Counted as `encode` writes the whole; the voices of a window by itself may rest at other places."""
        count, bar_of = notes.bars, notes.at(self.resolution).bars_of
        heard = notes.merged().at(self.resolution)
        bars, said = self._bars.bars(heard), self._said(heard)
        inside = said.tick < int(bars.starts[-1]) + bars.signed[-1].length
        tokens = self._metre_tokens(bars, bar_of, count)
        for ticks in (bars.starts, np.unique(said.tick[inside]), said.tick[inside]):
            tokens += np.bincount(np.minimum(bar_of(ticks), count - 1), minlength=count)
        sounds = (np.bincount(bar_of(heard.onset), minlength=count) > 0).astype(np.uint32)
        return BarTokens(tokens.astype(np.int32), sounds, sounds, sounds, self._fixed(bars) + _MARGIN)

    def decode(self, ids: ArrayLike) -> Decoded:
        """Notes from any sequence of integers; what means nothing where it stands is counted and skipped.

        Headers and bars as for `RemiTokenizer`. A Position means something behind the one before it; a note behind a
        Position at which its voice has not spoken; a Rest so, where its voice sounds.
        """
        known = self.vocabulary.read(ids)
        family, index = self.vocabulary.family[known], self.vocabulary.index[known].astype(np.int64)
        bars = np.cumsum(family == Family.BAR)
        signed, metres = read_metres(family == Family.METRE, (index + 1) * self._bars.step, bars, self._bars)
        starts, lengths = laid_out(signed, max(1, int(bars[-1]) if len(bars) else 0))
        tempo = first_of(family, Family.TEMPO, before=bars == 0)
        valid = _FREE[family]
        for meant in (metres, tempo, np.flatnonzero(family[:1] == Family.BOS)):
            valid[meant] = True
        reader = _Reader(self._voices)
        for place in np.flatnonzero(np.isin(family, (Family.BAR, Family.POSITION, Family.PITCH))).tolist():
            kind, value, bar = int(family[place]), int(index[place]), int(bars[place]) - 1
            if kind == Family.BAR:
                reader.tick, reader.position = -1, -1
            elif kind == Family.POSITION:
                valid[place] = bar >= 0 and reader.position < value < lengths[bar]
                if valid[place]:
                    reader.position, reader.tick = value, int(starts[bar]) + value
            else:
                valid[place] = reader.takes(*divmod(value, _KINDS))
        notes = reader.ended(int(starts[-1] + lengths[-1]))
        last = max((onset for onset, _ in notes), default=0)
        used = [one for one in signed if one.bar < np.searchsorted(starts, last, side="right")]
        made = self._built(notes, used, self._bars.metres(Bars(used, starts)), tempo, index)
        return Decoded(made, len(known) - int(valid.sum()), len(known))

    def quantise(self, notes: Notes) -> Notes:
        """The nearest notes that can be written."""
        written = self.decode(self.encode(notes)).notes
        while not (again := self.decode(self.encode(written)).notes).same_as(written):
            written = again  # with fewer notes each time
        return replace(written, name=notes.name)

    def _said(self, notes: Notes) -> _Said:
        """What each voice says: its notes, and rests where it falls silent; in no order."""
        voice_of = separate(notes, self._voices)
        usual = min(voices(notes), self._voices)
        order = [*_written_order(usual), *range(usual, self._voices)]
        parts: list[tuple[Ids, Ids]] = []
        for voice in range(self._voices):
            mine = voice_of == voice
            onset = notes.onset[mine].astype(np.int64)
            end = onset + notes.duration[mine]
            silent = end < np.append(onset[1:], np.iinfo(np.int64).max)
            parts.append((onset, order[voice] * _KINDS + notes.pitch[mine].astype(np.int64)))
            parts.append((end[silent], np.full(int(silent.sum()), order[voice] * _KINDS + REST, np.int64)))
        tick, index = (np.concatenate(column) for column in zip(*parts, strict=True))
        return _Said(tick, index)

    def _sorted(self, starts: Ids, tick: Ids, index: Ids) -> Ids:
        first = self.vocabulary.first
        places = np.unique(tick)
        position = places - starts[np.searchsorted(starts, places, side="right") - 1]
        ticks = np.concatenate([starts, places, tick])
        kinds = np.repeat([_BAR, _POSITION, _VOICE], [len(starts), len(places), len(tick)])
        ids = np.concatenate(
            [np.full(len(starts), Family.BAR), first[Family.POSITION] + position, first[Family.PITCH] + index]
        )
        ordered: Ids = ids[np.lexsort((ids, kinds, ticks))].astype(np.int64)
        return ordered

    def _built(
        self, ends: dict[tuple[int, int], int], signed: list[Signed], metres: tuple[Metre, ...], tempo: Ids, index: Ids
    ) -> Notes:
        rows = [(onset, end - onset, pitch, DEFAULT_VELOCITY) for (onset, pitch), end in sorted(ends.items())]
        return Notes.build(
            *(zip(*rows, strict=True) if rows else ([], [], [], [])),
            bar=None if len(signed) > 1 else signed[0].length,
            metres=metres,
            tempo=float(self._tempi[index[tempo[0]]]) if len(tempo) else 120.0,
            resolution=self.resolution,
        )


class _Said(NamedTuple):
    tick: Ids
    token: Ids


class _Reader:
    """Follows the voices through a sequence of tokens."""

    def __init__(self, voices: int) -> None:
        self.tick, self.position = -1, -1
        self._began: list[tuple[int, int] | None] = [None] * voices
        self._spoke = [-1] * voices
        self._ends: dict[tuple[int, int], int] = {}

    def takes(self, voice: int, pitch: int) -> bool:
        """A token of a voice at the present tick; whether it means something."""
        sounding = self._began[voice]
        if self.tick < 0 or self._spoke[voice] == self.tick or (pitch == REST and sounding is None):
            return False
        self._end(voice, self.tick)
        self._spoke[voice] = self.tick
        self._began[voice] = None if pitch == REST else (self.tick, pitch)
        return True

    def ended(self, end: int) -> dict[tuple[int, int], int]:
        """Onset and pitch of all notes with their ends; those that still sound last until `end`."""
        for voice in range(len(self._began)):
            self._end(voice, end)
        return self._ends

    def _end(self, voice: int, tick: int) -> None:
        if (note := self._began[voice]) is not None:  # of two voices in unison the longer note stays
            self._ends[note] = max(tick, self._ends.get(note, 0))


def _written_order(voices: int) -> list[int]:
    """The number by which each voice, from the highest, is written: the lowest comes second."""
    inner = [voice + 1 for voice in range(1, voices - 1)]
    return [0, *inner, 1][:voices] if voices > 1 else [0]


def _until(bars: Bars, tick: int) -> Ids:
    """The starts of the bars, and of as many more as it takes to get behind a tick or end on it."""
    length, last = bars.signed[-1].length, int(bars.starts[-1])
    more = max(0, -(-(tick - last - length) // length))
    starts: Ids = np.append(bars.starts, last + length * np.arange(1, more + 1))
    return starts
