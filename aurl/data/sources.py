"""Where pieces come from. A new source is one class whose `load` gives a `Corpus`, and one yaml in `conf/data/`."""

from __future__ import annotations

from typing import Protocol

from aurl.data.midi_folder import MidiFolder
from aurl.data.synthetic import Synthetic
from aurl.music.corpus import Corpus, load_chorales

__all__ = ["Chorales", "MidiFolder", "Source", "Synthetic"]


class Source(Protocol):
    """Anything that can give a corpus."""

    def load(self) -> Corpus:
        """The pieces.

        Raises:
            DataError: they cannot be had; the message says what to do.
        """


class Chorales:
    """The chorales of J. S. Bach that ship with aurl."""

    def load(self) -> Corpus:
        """The pieces, in the splits that every aurl of this version uses."""
        return load_chorales()
