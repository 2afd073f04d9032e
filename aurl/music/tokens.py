"""What a tokenizer is: notes to token ids and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aurl.music.grammar import TokenGrammar
from aurl.music.notes import IntArray, Notes


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a sequence of token ids says.

    Attributes:
        notes: the notes that could be read.
        invalid: tokens outside the vocabulary or without meaning where they stand.
        total: tokens read, invalid ones and the end token included; padding and what follows the end are not read.
    """

    notes: Notes
    invalid: int
    total: int

    @property
    def valid_share(self) -> float:
        """The share of tokens that mean something, 0..1; 0 where nothing was read."""
        return 1.0 - self.invalid / self.total if self.total else 0.0


class BarTokens(NamedTuple):
    """What each of the bars of a piece adds to a sequence, so that any window's length is known without writing it.

    A window of some bars has at most `fixed` tokens, those of its bars, and for each track that sounds in it `program`,
    and one each where the track's first bar in it does not state its velocity or its duration.

    Attributes:
        tokens: int32 [bars], of the notes that begin in it.
        sounds, loud, long: uint32 [bars], bit r for track r: it has a note there; its first one there states a
            velocity; a duration. Tracks from 31 on share a bit.
        fixed: tokens of the header and of the end.
        program: tokens that declare a track.
    """

    tokens: IntArray
    sounds: NDArray[np.uint32]
    loud: NDArray[np.uint32]
    long: NDArray[np.uint32]
    fixed: int
    program: int = 0


class Tokenizer(ABC):
    """Notes to token ids and back. A new one is one class in one file and one yaml.

    Attributes:
        resolution: ticks to the quarter note of the notes that it reads; other notes are moved to that grid first.
    """

    resolution: int

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """Ids run from 0 to vocab_size - 1."""

    @property
    @abstractmethod
    def pad(self) -> int:
        """The id that fills a batch; means nothing."""

    @property
    @abstractmethod
    def bos(self) -> int:
        """The id that begins every sequence."""

    @property
    @abstractmethod
    def eos(self) -> int:
        """The id that ends a piece."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of the settings: sequences of tokenizers with the same fingerprint mean the same."""

    @abstractmethod
    def at(self, resolution: int) -> Tokenizer:
        """The tokenizer of the same settings for another grid."""

    def grammar(self) -> TokenGrammar | None:
        """What may follow what, for sampling without invalid tokens; None where that is not known."""
        return None

    @abstractmethod
    def encode(self, notes: Notes, *, end: bool = True) -> IntArray:
        """Token ids, int32 [T], from the begin token on; `end` adds the end token.

        Notes that cannot be written exactly are written as `quantise` gives them.
        """

    @abstractmethod
    def decode(self, ids: ArrayLike) -> Decoded:
        """Read any sequence of integers; never raises on their values."""

    @abstractmethod
    def quantise(self, notes: Notes) -> Notes:
        """The nearest notes that survive encode and decode unchanged."""

    @abstractmethod
    def token_name(self, id: int) -> str:
        """The token as people read it, such as `Pitch_60`."""

    def bar_tokens(self, notes: Notes) -> BarTokens:
        """What each bar adds to the length of a sequence; by writing bar after bar where nothing better is known."""
        empty = len(self.encode(notes.select(np.zeros(0, np.int64)).window(0, 1)))
        alone = [notes.window(bar, 1) for bar in range(notes.bars)]
        tokens = np.array([len(self.encode(bar)) - empty if len(bar) else 1 for bar in alone], np.int32)
        states = np.array([len(bar) > 0 for bar in alone], np.uint32)
        return BarTokens(np.maximum(tokens, 0), states, states, states, empty)
