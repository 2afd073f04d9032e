"""What tokenizers share that write bars: a header of metre and tempo, Bar and Position tokens, changes of metre.

A metre is the ticks of a bar; where its time signature is not the plainest one, a second Metre follows at once that
tells the ticks of its unit. Before a Bar inside the piece, Metre means that the metre changes there.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aurl.errors import ConfigError
from aurl.music.grammar import TokenGrammar, build_grammar
from aurl.music.notes import TICKS_PER_BEAT, IntArray
from aurl.music.tokenizing.barring import Alphabet, Bars, Signed
from aurl.music.tokens import Tokenizer
from aurl.music.vocabulary import Family, Ids, Vocabulary


class BarredTokenizer(Tokenizer):
    """The bars of a sequence. A subclass says which families of tokens there are besides.

    Args:
        settings: of the tokenizer, as its constructor takes them; `max_bar`, `tempo_bins`, `tempo_low` and `tempo_high`
            among them.
        resolution: ticks to the quarter note of the notes that are written.

    Raises:
        ConfigError: a value outside its range.
    """

    pad = int(Family.PAD)
    bos = int(Family.BOS)
    eos = int(Family.EOS)
    vocabulary: Vocabulary
    _layout: str

    def __init__(self, settings: Mapping[str, Any], resolution: int) -> None:
        require("max_bar", settings["max_bar"], 3, 960)
        require("tempo_bins", settings["tempo_bins"], 2, 256)
        require("resolution", resolution, 4, 480)
        low, high = settings["tempo_low"], settings["tempo_high"]
        if not 0.0 < low < high < math.inf:
            raise ConfigError(f"tokenizer.tempo_low={low}, tempo_high={high}: needs 0 < low < high")
        self._settings = dict(settings)
        self.resolution = resolution
        self._bars = Alphabet.of(resolution, settings["max_bar"] * resolution // TICKS_PER_BEAT)
        self._tempi = np.geomspace(low, high, settings["tempo_bins"]).round(6)

    def _bar_values(self) -> dict[Family, NDArray[Any]]:
        """The rows of values of the families that bars need, see `Vocabulary`."""
        return {
            Family.METRE: np.arange(self._bars.step, self._bars.longest + 1, self._bars.step),
            Family.TEMPO: self._tempi,
            Family.POSITION: np.arange(self._bars.longest),
        }

    def at(self, resolution: int) -> Self:
        """The tokenizer of the same settings for another grid."""
        settings: dict[str, Any] = self._settings
        return type(self)(**settings, resolution=resolution)

    @property
    def vocab_size(self) -> int:
        """Number of ids; 396 of `RemiTokenizer` with the default settings."""
        return self.vocabulary.size

    @property
    def fingerprint(self) -> str:
        """A hash of the settings and of the version of the layout, 16 hexadecimal digits."""
        grid = [] if self.resolution == TICKS_PER_BEAT else [self.resolution]
        return hashlib.sha256(json.dumps([self._layout, 1, *self._settings.values(), *grid]).encode()).hexdigest()[:16]

    def token_name(self, id: int) -> str:
        """Such as `BOS`, `Bar` or `Pitch_60`; `Unknown_999` outside the vocabulary."""
        return self.vocabulary.name(id)

    def grammar(self) -> TokenGrammar:
        """What may follow what: the order in which `encode` writes."""
        return build_grammar(self.vocabulary, self._bars)

    def _fixed(self, bars: Bars) -> int:
        """Tokens of the longest header and of the end."""
        return 4 + any(signed.unit for signed in bars.signed)

    def _metre_tokens(self, bars: Bars, bar_of: Callable[[Ids], Ids], count: int) -> NDArray[np.float64]:
        """Tokens that change the metre, by bar of the piece."""
        changes = bars.signed[1:]
        at = bar_of(bars.starts[np.array([change.bar for change in changes], np.int64)])
        lengths = np.array([len(self._metre(change)) for change in changes], float)
        return np.bincount(at, lengths, count)[:count].astype(np.float64)

    def _header(self, signed: Signed, tempo: float) -> list[int]:
        return [self.bos, *self._metre(signed), self.vocabulary.first[Family.TEMPO] + self._tempo_bin(tempo)]

    def _metre(self, signed: Signed) -> list[int]:
        lengths = (signed.length, signed.unit) if signed.unit else (signed.length,)
        return [self.vocabulary.first[Family.METRE] + length // self._bars.step - 1 for length in lengths]

    def _with_changes(self, ids: IntArray, changes: Sequence[Signed]) -> IntArray:
        if not changes:
            return ids
        bars = np.flatnonzero(ids == Family.BAR)
        metres = [self._metre(change) for change in changes]
        places = np.repeat(bars[[change.bar for change in changes]], [len(metre) for metre in metres])
        return np.insert(ids, places, np.concatenate(metres)).astype(np.int32)

    def _tempo_bin(self, tempo: float) -> int:
        low, high = float(self._tempi[0]), float(self._tempi[-1])
        inside = min(max(low, tempo), high)
        return round(math.log(inside / low) / math.log(high / low) * (len(self._tempi) - 1))


def require(name: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"tokenizer.{name}={value}: needs a whole number from {low} to {high}")


def steps(values: NDArray[np.integer]) -> NDArray[np.integer]:
    """Difference of each value to the one before, which for the first is -1."""
    return np.diff(values, prepend=np.array(-1, values.dtype))


def first_of(family: NDArray[np.int8], wanted: Family, before: NDArray[np.bool_]) -> Ids:
    """The place of the first token of the family within `before`: one or none."""
    return np.flatnonzero((family == wanted) & before)[:1]


def latest(where: NDArray[np.bool_]) -> Ids:
    """For each place the last one up to it at which `where` holds, or -1."""
    return np.maximum.accumulate(np.where(where, np.arange(len(where)), -1))
