from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.errors import ConfigError
from aurl.music.corpus import load_chorales
from aurl.music.notes import Notes
from aurl.music.tokenizing.chorale import ChoraleTokenizer
from aurl.music.tokenizing.voices import separate
from tests.music.strategies import notes

CHORALE = ChoraleTokenizer()
PIECES = load_chorales().validation


def names(piece: Notes, *, end: bool = True) -> list[str]:
    return [CHORALE.token_name(one) for one in CHORALE.encode(piece, end=end).tolist()]


def test_outer_voices_come_first_and_notes_last_until_the_next() -> None:
    piece = Notes.build([0, 0, 0, 0, 12, 24], [24, 24, 12, 24, 6, 24], [72, 67, 60, 48, 62, 74])
    written = ["Voice0_72", "Voice1_48", "Voice2_67", "Voice3_60", "Position_12", "Voice3_62"]
    silent = ["Position_18", "Voice3_Rest", "Position_24", "Voice0_74", "Voice1_Rest", "Voice2_Rest"]
    assert names(piece)[4:] == ["Position_0", *written, *silent, "EOS"]
    assert CHORALE.decode(CHORALE.encode(piece)).notes.same_as(piece)


def test_what_sounds_behind_the_last_bar_is_told_at_the_end_of_a_piece_only() -> None:
    piece = Notes.build([36], [24], [60])
    assert names(piece)[4:] == ["Position_36", "Voice0_60", "Bar", "Position_12", "Voice0_Rest", "EOS"]
    assert names(piece, end=False)[4:] == ["Position_36", "Voice0_60"]
    assert CHORALE.decode(CHORALE.encode(piece)).notes.same_as(piece)


def test_chorales_are_written_exactly_and_in_fewer_tokens() -> None:
    exact = [CHORALE.decode(CHORALE.encode(piece)) for piece in PIECES]
    assert all(decoded.invalid == 0 for decoded in exact)
    same = [decoded.notes.same_as(piece) for decoded, piece in zip(exact, PIECES, strict=True)]
    assert sum(same) >= 0.95 * len(PIECES)
    tokens = sum(len(CHORALE.encode(piece)) for piece in PIECES)
    assert tokens / sum(map(len, PIECES)) < 1.55  # 1.94 by `data/tokenizer=remi`


@given(notes(max_notes=25), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_what_is_quantised_is_written_exactly(piece: Notes, most: int) -> None:
    tokenizer = ChoraleTokenizer(voices=most)
    kept = tokenizer.quantise(piece)
    ids = tokenizer.encode(kept)
    assert (tokenizer.decode(ids).invalid, ids.max(initial=0) < tokenizer.vocab_size) == (0, True)
    assert tokenizer.decode(ids).notes.same_as(kept)
    before = set(zip(piece.onset.tolist(), piece.pitch.tolist(), strict=True))
    assert set(zip(kept.onset.tolist(), kept.pitch.tolist(), strict=True)) <= before


@given(st.lists(st.integers(-3, 2000), max_size=120))
@settings(max_examples=100, deadline=None)
def test_any_sequence_of_ids_can_be_read(ids: list[int]) -> None:
    decoded = CHORALE.decode(ids)
    assert 0 <= decoded.invalid <= decoded.total
    assert CHORALE.decode(CHORALE.encode(decoded.notes)).invalid == 0


@given(notes(max_notes=30), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_no_two_notes_of_a_voice_sound_together(piece: Notes, most: int) -> None:
    voice_of = separate(piece, most)
    assert set(voice_of.tolist()) <= {-1, *range(most)}
    for voice in range(most):
        mine = voice_of == voice
        assert ((piece.onset + piece.duration)[mine][:-1] <= piece.onset[mine][1:]).all()


def test_the_voices_of_chorales_keep_their_places() -> None:
    means = []
    for piece in PIECES:
        voice_of = separate(piece, 5)
        assert (voice_of < 0).mean() < 0.02
        means.append([piece.pitch[voice_of == voice].mean() for voice in range(4)])
    assert np.mean(np.diff(means, axis=1) < 0) > 0.98


def test_settings_out_of_range_are_refused_and_tell_tokenizers_apart() -> None:
    with pytest.raises(ConfigError, match=r"tokenizer.voices=0: needs a whole number from 1 to 16"):
        ChoraleTokenizer(voices=0)
    assert len({each.fingerprint for each in (CHORALE, ChoraleTokenizer(voices=4), CHORALE.at(24))}) == 3
    assert CHORALE.at(24).resolution == 24
