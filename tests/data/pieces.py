"""Small hand-made pieces and corpora."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aurl.music.corpus import Corpus
from aurl.music.notes import Notes


def piece(bars: int, *, pitch: int = 60, metre: int = 48) -> Notes:
    """One note at the start of every bar, its pitch counting the bars, so that a window tells where it was cut."""
    return Notes.build(np.arange(bars) * metre, 12, pitch + np.arange(bars) % 40, bar=metre, name=f"{bars} bars")


@dataclass
class Handmade:
    """A source of the pieces given."""

    train: Sequence[Notes]
    validation: Sequence[Notes] = (piece(9, pitch=40),)
    test: Sequence[Notes] = ()
    loads: int = 0

    def load(self) -> Corpus:
        self.loads += 1
        return Corpus("handmade", tuple(self.train), tuple(self.validation), tuple(self.test))
