"""Every source gives a corpus; the made-up one is music of a kind."""

from __future__ import annotations

import numpy as np
import pytest

from aurl.data.sources import Chorales, MidiFolder, Source, Synthetic
from aurl.errors import ConfigError
from aurl.music.corpus import Corpus, load_chorales


def pieces(corpus: Corpus) -> list[str]:
    return sorted(piece.name for piece in corpus.train + corpus.validation + corpus.test)


def test_chorales_are_the_shipped_ones() -> None:
    source: Source = Chorales()
    assert source.load().fingerprint == load_chorales().fingerprint
    assert isinstance(MidiFolder("x"), MidiFolder)


def test_synthetic_music_is_deterministic() -> None:
    first, again, other = (Synthetic(pieces=12, bars=8, seed=seed).load() for seed in (0, 0, 1))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert len(pieces(first)) == 12
    fewer = {piece.name: piece for piece in Synthetic(pieces=4, bars=8).load().train}
    assert all(piece.same_as(fewer[piece.name]) for piece in first.train if piece.name in fewer)


@pytest.mark.parametrize("bars", [1, 2, 16, 33])
def test_synthetic_music_is_well_formed(bars: int) -> None:
    corpus = Synthetic(pieces=8, bars=bars).load()
    for piece in corpus.train + corpus.validation + corpus.test:
        assert piece.bars == bars
        assert piece.end == bars * 48
        pairs = np.stack([piece.onset, piece.pitch])
        assert len(np.unique(pairs, axis=1).T) == len(piece)


def test_synthetic_music_has_form_and_key() -> None:
    for piece in Synthetic(pieces=8, bars=17).load().train:
        first, second, third, last = (piece.window(start, 4) for start in (0, 4, 8, 12))
        assert first.same_as(second)
        assert first.same_as(last)
        assert not first.same_as(third)
        weights = np.bincount(piece.pitch % 12, weights=piece.duration, minlength=12)
        scale = max(sum(weights[(key + step) % 12] for step in (0, 2, 4, 5, 7, 9, 11)) for key in range(12))
        assert scale == weights.sum()


def test_synthetic_values_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"data\.bars=0: needs at least 1"):
        Synthetic(bars=0)
    with pytest.raises(ConfigError, match=r"data\.pieces=-3: needs at least 1"):
        Synthetic(pieces=-3)
