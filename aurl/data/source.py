"""What a source of music is. A new one is one class in one file and one yaml in `conf/data/`."""

from __future__ import annotations

from abc import ABC, abstractmethod

from aurl.music.corpus import Corpus


class Source(ABC):
    """Gives a corpus."""

    @abstractmethod
    def load(self) -> Corpus:
        """The pieces.

        Raises:
            DataError: they cannot be had; the message says what to do.
        """
