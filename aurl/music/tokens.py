"""What a tokenizer is: notes to token ids and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from numpy.typing import ArrayLike

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
