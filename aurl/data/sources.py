"""Where pieces come from: the sources that `conf/data/` names."""

from __future__ import annotations

from aurl.data.midi_folder import MidiFolder
from aurl.data.source import Source
from aurl.data.synthetic import Synthetic
from aurl.music.corpus import Corpus, load_chorales

__all__ = ["Chorales", "MidiFolder", "Source", "Synthetic"]


class Chorales(Source):
    """The chorales of J. S. Bach that ship with aurl."""

    def load(self) -> Corpus:
        """The pieces, in the splits that every aurl of this version uses."""
        return load_chorales()
