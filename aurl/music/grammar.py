"""Which token may follow which: what every sequence of our tokenizers keeps to, for sampling without invalid tokens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from aurl.music.tokenizing.barring import Alphabet
from aurl.music.vocabulary import Family, Vocabulary

Flags = NDArray[np.bool_]
REST = 128
"""What stands in the place of a pitch where a voice falls silent; voices have 129 tokens each."""


class Phase(IntEnum):
    """What a sequence has just told. `OPENING_*` is the metre of the beginning, `NEW_*` one inside the piece."""

    START = 0
    OPENING_BAR = 1
    OPENING_UNIT = 2
    HEADER = 3
    INSTRUMENTS = 4
    BAR = 5
    NEW_BAR = 6
    NEW_UNIT = 7
    POSITION = 8
    TEMPO = 9
    VOICE = 10
    VELOCITY = 11
    DURATION = 12
    NOTE = 13
    END = 14


_END_OF_POSITION = (Family.POSITION, Family.BAR, Family.METRE, Family.EOS)
_SOUND = (Family.VELOCITY, Family.DURATION, Family.PITCH)
_FOLLOWS: dict[Phase, tuple[Family, ...]] = {
    Phase.START: (Family.METRE,),
    Phase.OPENING_BAR: (Family.METRE, Family.TEMPO),
    Phase.OPENING_UNIT: (Family.TEMPO,),
    Phase.HEADER: (Family.BAR,),
    Phase.BAR: _END_OF_POSITION,
    Phase.NEW_BAR: (Family.METRE, Family.BAR),
    Phase.NEW_UNIT: (Family.BAR,),
    Phase.POSITION: _SOUND,
    Phase.VELOCITY: (Family.DURATION, Family.PITCH),
    Phase.DURATION: (Family.PITCH,),
    Phase.NOTE: (*_SOUND, *_END_OF_POSITION),
    Phase.END: (Family.EOS,),
}
_BAND: dict[Phase, tuple[Family, ...]] = {
    Phase.HEADER: (Family.PROGRAM,),
    Phase.INSTRUMENTS: (Family.PROGRAM, Family.BAR),
    Phase.POSITION: (Family.TEMPO, Family.TRACK),
    Phase.TEMPO: (Family.TRACK, *_END_OF_POSITION),
    Phase.VOICE: _SOUND,
    Phase.NOTE: (*_SOUND, Family.TRACK, *_END_OF_POSITION),
}
_LEADS: dict[Family, Phase] = {
    Family.BAR: Phase.BAR,
    Family.POSITION: Phase.POSITION,
    Family.VELOCITY: Phase.VELOCITY,
    Family.DURATION: Phase.DURATION,
    Family.PITCH: Phase.NOTE,
    Family.EOS: Phase.END,
    Family.PROGRAM: Phase.INSTRUMENTS,
    Family.TRACK: Phase.VOICE,
}


@dataclass(frozen=True)
class TokenGrammar:
    """The rules as tables, for a sampler that follows many sequences at once.

    Besides the tables: positions of a bar ascend and stay below its length, tracks of a position ascend and have their
    program, a unit makes a time signature of its bar, and a track's first note has a velocity and a duration.

    Attributes:
        family, index: of each token, int64 [V].
        follows: bool [phases, families], what may come.
        leads: int64 [phases, families], the phase that a token leads to.
        bar: ticks that a Metre token stands for, int64 [V]; 0 for others.
        units: bool [bars, bars], whether a unit (second) fits a bar (first), by the index of their tokens.
        tracks: tracks that a sequence may declare; 0 where it declares none.
        voices: voices that notes are told by, each with 129 tokens of the family PITCH; 0 where notes are told by
            velocity, duration and pitch. Those of a position ascend, and only one that sounds may rest.
    """

    family: NDArray[np.int64]
    index: NDArray[np.int64]
    follows: Flags
    leads: NDArray[np.int64]
    bar: NDArray[np.int64]
    units: Flags
    tracks: int
    voices: int = 0


def build_grammar(vocabulary: Vocabulary, bars: Alphabet, tracks: int = 0, voices: int = 0) -> TokenGrammar:
    """The rules of a tokenizer; `tracks` and `voices` as for `TokenGrammar`."""
    kinds = len(Family)
    follows, leads = np.zeros((len(Phase), kinds), bool), np.zeros((len(Phase), kinds), np.int64)
    for phase, families in (_FOLLOWS | (_BAND if tracks else {})).items():
        follows[phase, list(families)] = True
        for family in families:
            leads[phase, family] = _lead(phase, family)
    kind = vocabulary.family[:-1].astype(np.int64)
    index = vocabulary.index[:-1].astype(np.int64)
    lengths = vocabulary.values[Family.METRE].astype(np.int64).tolist()
    units = np.array([[bars.means(length, unit) for unit in lengths] for length in lengths], bool)
    bar = np.where(kind == Family.METRE, (index + 1) * bars.step, 0)
    return TokenGrammar(kind, index, follows, leads, bar, units, tracks, voices)


def _lead(phase: Phase, family: Family) -> Phase:
    if family == Family.METRE:
        pairs: dict[Phase, Phase] = {
            Phase.START: Phase.OPENING_BAR,
            Phase.OPENING_BAR: Phase.OPENING_UNIT,
            Phase.NEW_BAR: Phase.NEW_UNIT,
        }
        return pairs.get(phase, Phase.NEW_BAR)
    if family == Family.TEMPO:
        return Phase.TEMPO if phase == Phase.POSITION else Phase.HEADER
    return _LEADS[family]
