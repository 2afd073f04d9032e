"""The token ids of `aurl.music.tokenizer`: families of tokens, each with a row of values."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ids = NDArray[np.int64]


class Family(IntEnum):
    """What a token speaks of. The order is that of the ids; the first four families have one token each."""

    PAD = 0
    BOS = 1
    EOS = 2
    BAR = 3
    METRE = 4
    TEMPO = 5
    POSITION = 6
    VELOCITY = 7
    DURATION = 8
    PITCH = 9
    UNKNOWN = 10
    PROGRAM = 11
    TRACK = 12


class Vocabulary:
    """Ids laid out family after family.

    Args:
        values: the ascending values of the families from METRE on (ticks, quarter notes a minute, MIDI values).

    Attributes:
        size: number of ids, without the place for unknown ones.
        family: int8 [size + 1], the family of each id; the last entry, which index -1 finds, is UNKNOWN.
        index: int32 [size + 1], the place of each id in its family's row of values.
        first: the first id of each family.
    """

    def __init__(self, values: Mapping[Family, NDArray[np.generic]]) -> None:
        rows = {family: np.zeros(1) for family in (Family.PAD, Family.BOS, Family.EOS, Family.BAR)} | dict(values)
        sizes = [len(row) for row in rows.values()]
        self.values = rows
        self.size = sum(sizes)
        self.family = np.append(np.repeat(np.array(list(rows), np.int8), sizes), np.int8(Family.UNKNOWN))
        self.index = np.append(np.concatenate([np.arange(size) for size in sizes]), 0).astype(np.int32)
        self.first = dict(zip(rows, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))

    def nearest_ids(self, family: Family, top: int) -> NDArray[np.int32]:
        """int32 [top + 1]: for each whole number 0..top the id of the family's nearest value, the lower of two."""
        row = self.values[family].astype(np.int64)
        middles = (row[:-1] + row[1:]) / 2
        nearest = np.searchsorted(middles, np.arange(top + 1)).astype(np.int32)
        return nearest + np.int32(self.first[family])

    def read(self, ids: ArrayLike) -> Ids:
        """The ids that a reader sees: flattened, unknown ones as -1, no padding, cut after the first EOS."""
        known = self._known(ids)
        read: Ids = known[known != Family.PAD]
        ends = np.flatnonzero(read == Family.EOS)
        return read[: int(ends[0]) + 1] if len(ends) else read

    def name(self, id: int) -> str:
        """Such as `BOS`, `Bar` or `Pitch_60`; `Unknown_999` outside the vocabulary."""
        if not 0 <= id < self.size:
            return f"Unknown_{id}"
        family = Family(int(self.family[id]))
        if family < Family.BAR:
            return family.name
        if family == Family.BAR:
            return "Bar"
        if family == Family.PROGRAM and self.index[id] >= 128:
            return f"Drums_{self.index[id] - 128}"
        return f"{family.name.capitalize()}_{self.values[family][self.index[id]]:g}"

    def _known(self, ids: ArrayLike) -> Ids:
        array = np.asarray(ids).ravel()
        if array.dtype == object:  # whole numbers beyond 64 bits
            array = np.array([token if 0 <= token < self.size else -1 for token in array], np.int64)
        known = array.astype(np.int64)
        known[(known < 0) | (known >= self.size)] = -1
        return known
