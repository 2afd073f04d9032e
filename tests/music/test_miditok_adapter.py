from __future__ import annotations

import pickle
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.errors import ConfigError
from aurl.music.corpus import load_chorales
from aurl.music.miditok_adapter import KINDS, MidiTokTokenizer
from aurl.music.notes import Notes
from tests.music.strategies import notes

REMI = MidiTokTokenizer()
TOKENIZERS = {"REMI": REMI, "TSD": MidiTokTokenizer("TSD"), "MIDILike": MidiTokTokenizer("MIDILike")}


def test_all_kinds_are_tested() -> None:
    assert set(TOKENIZERS) == set(KINDS)


@pytest.mark.parametrize("kind", ["REMI", "TSD"])
def test_chorales_come_back_unchanged(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    for piece in load_chorales().validation[:10]:
        written = tokenizer.encode(piece)
        read = tokenizer.decode(written)
        assert read.notes.same_as(piece)
        assert read.notes.tempo == pytest.approx(piece.tempo, rel=0.05)
        assert (read.invalid, read.total) == (0, len(written))


@pytest.mark.parametrize("kind", KINDS)
def test_sequences_begin_and_end_with_their_tokens(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    piece = Notes.build([0, 12], [12, 12], [60, 64])
    written = tokenizer.encode(piece)
    assert (written[0], written[-1], written.dtype.name) == (tokenizer.bos, tokenizer.eos, "int32")
    assert written[:-1].tolist() == tokenizer.encode(piece, end=False).tolist()
    assert tokenizer.encode(Notes.build([], [], [])).tolist() == [tokenizer.bos, tokenizer.eos]


@given(notes(max_notes=12, max_onset=300))
@settings(max_examples=30, deadline=None)
def test_what_is_quantised_comes_back_unchanged(any_notes: Notes) -> None:
    nearest = REMI.quantise(any_notes)
    assert REMI.decode(REMI.encode(nearest)).notes.same_as(nearest)


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(st.integers(-5, 800), max_size=40), st.lists(st.integers(), max_size=3))
@settings(max_examples=25, deadline=None)
def test_any_integers_can_be_read(kind: str, likely: list[int], unlikely: list[int]) -> None:
    read = TOKENIZERS[kind].decode(likely + unlikely)
    assert 0 <= read.invalid <= read.total <= len(likely + unlikely)


def test_unknown_and_misplaced_ids_are_counted() -> None:
    good = REMI.encode(Notes.build([0], [12], [60])).tolist()
    unknown = REMI.decode([*good[:-1], -1, REMI.vocab_size, 10**30, good[-1]])
    assert (unknown.invalid, unknown.total, len(unknown.notes)) == (3, len(good) + 3, 1)
    assert REMI.decode([REMI.pad, REMI.bos, *good]).invalid == 1
    names = {REMI.token_name(number): number for number in range(REMI.vocab_size)}
    assert REMI.decode([names["Pitch_60"], names["Pitch_62"]]).invalid == 1


def test_reading_stops_at_the_end() -> None:
    good = REMI.encode(Notes.build([0], [12], [60])).tolist()
    assert REMI.decode([*good, 9999, 5, 5]).total == len(good)


def test_the_metre_comes_back() -> None:
    for bar in (12, 18, 24, 36, 48, 60, 66, 96):
        piece = Notes.build([0, bar], [6, 6], [60, 62], bar=bar)
        assert REMI.decode(REMI.encode(piece)).notes.same_as(piece), bar


def test_it_can_be_sent_to_a_worker() -> None:
    piece = Notes.build([0, 12], [12, 12], [60, 64])
    copy = pickle.loads(pickle.dumps(REMI))
    assert copy.encode(piece).tolist() == REMI.encode(piece).tolist()
    assert copy.fingerprint == REMI.fingerprint


def test_fingerprints_differ_between_kinds_and_settings() -> None:
    fingerprints = {each.fingerprint for each in TOKENIZERS.values()}
    assert len(fingerprints | {MidiTokTokenizer(num_velocities=32).fingerprint}) == 4


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"kind": "Remi"}, "tokenizer.kind='Remi': needs one of REMI, TSD, MIDILike."),
        ({"kind": "MIDILik"}, "tokenizer.kind='MIDILik': needs one of REMI, TSD, MIDILike. Did you mean 'MIDILike'?"),
        ({"num_velocities": 0}, "tokenizer.num_velocities=0: needs a whole number from 1 to 127"),
        ({"max_beats": 0}, "tokenizer.max_beats=0: needs a whole number from 1 to 400"),
    ],
)
def test_settings_outside_their_range_are_refused(settings_: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        MidiTokTokenizer(**settings_)
    assert str(error.value) == message


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "miditok", None)
    with pytest.raises(ConfigError, match=r"pip install 'aurl\[tokenizers\]'.*RemiTokenizer"):
        MidiTokTokenizer()
