from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
import torch

from aurl.data.batch import Batch
from aurl.data.module import MusicData
from aurl.data.sources import Chorales
from aurl.data.usage import Usage
from aurl.errors import ConfigError, DataError
from aurl.music.augment import Augment
from aurl.music.miditok_adapter import MidiTokTokenizer
from aurl.music.notes import Notes
from aurl.music.tokenizer import RemiTokenizer
from aurl.record import Kind, Record
from aurl.runs.codec import decode, encode
from tests.data.pieces import Handmade, piece

REMI = RemiTokenizer()
SILENCE = Notes.build([], [], [])


def data(train: Sequence[Notes] = (piece(8), piece(13)), **changes: Any) -> MusicData:
    source = changes.pop("source", None) or Handmade(train)
    made = MusicData(source, changes.pop("tokenizer", REMI), changes.pop("augment", None), **changes)
    made.setup(0)
    return made


def test_the_corpus_is_loaded_once() -> None:
    source = Handmade([piece(4)])
    made = data(source=source)
    made.setup(1)
    made.describe()
    assert source.loads == 1


def test_nothing_can_be_had_before_setup() -> None:
    made = MusicData(Handmade([piece(4)]), REMI)
    for ask in (made.train_loader, made.eval_batches, made.describe):
        with pytest.raises(RuntimeError, match="setup"):
            ask()


def test_training_batches_are_augmented_and_fixed_by_the_seed() -> None:
    made = data(augment=Augment(transpose_probability=1.0))
    first, same, other = (list(made.train_loader(seed).epoch(0)) for seed in (1, 1, 2))
    assert torch.equal(first[0].tokens, same[0].tokens)
    assert not torch.equal(first[0].tokens, other[0].tokens)
    assert first[0].usage.augmented


def padding(batches: Iterable[Batch]) -> float:
    usage = Usage()
    for batch in batches:
        usage.add(batch.usage)
    return usage.padding_share


def test_batches_of_tokens_are_the_default_and_hold_little_padding() -> None:
    made, rows = (data(source=Chorales(), augment=Augment(), **size) for size in ({}, {"batch_size": 8}))
    by_tokens = list(made.train_loader(0).epoch(0))
    assert max(batch.usage.area for batch in by_tokens) <= 4096
    assert padding(by_tokens) < 0.03
    assert padding(rows.train_loader(0).epoch(0)) > 0.15
    assert (made.describe()["tokens_per_batch"], rows.describe()["batch_size"]) == (4096, 8)
    assert made.smaller_batch == ("data.tokens_per_batch=4096", "data.tokens_per_batch=2048")


def test_a_batch_has_room_for_the_longest_sequence() -> None:
    made = data([piece(8), piece(13)], tokens_per_batch=24)
    assert {batch.tokens.shape[0] for batch in made.train_loader(0).epoch(0)} == {1}
    with pytest.raises(ConfigError, match=r"tokens_per_batch=12: is below the longest sequence, which has 18 tokens"):
        data([piece(8), piece(13)], tokens_per_batch=12)
    assert data([piece(8)], tokens_per_batch=12, seq_len=12)


def test_without_a_seed_the_loader_takes_that_of_setup() -> None:
    made = data()
    made.setup(7)
    [left], [right] = (list(loader.epoch(0)) for loader in (made.train_loader(), made.train_loader(7)))
    assert torch.equal(left.tokens, right.tokens)


def test_evaluation_covers_the_split_without_augmentation_and_repeats() -> None:
    made = data(augment=Augment(transpose_probability=1.0), batch_size=1, eval_batch_size=2)
    batches = list(made.eval_batches())
    assert [len(batch) for batch in batches] == [2, 1]
    pitches = [pitch for batch in batches for row in batch.tokens for pitch in REMI.decode(row).notes.pitch.tolist()]
    assert pitches == list(range(40, 49))
    assert all(torch.equal(a.tokens, b.tokens) for a, b in zip(batches, made.eval_batches(), strict=True))
    assert len(list(made.eval_batches(limit=1))) == 1
    assert [len(batch) for batch in data(batch_size=1).eval_batches()] == [1, 1, 1]
    assert len(list(made.eval_batches("train"))) == 3


def test_a_fixed_width_holds_for_all_batches() -> None:
    made = data(pad_to_seq_len=True, seq_len=50)
    for batch in (*made.train_loader(0).epoch(0), *made.eval_batches()):
        assert batch.tokens.shape[1] == 50


def test_the_description_is_a_record_of_json_values() -> None:
    told = data([piece(1), piece(4), piece(4), SILENCE], seq_len=12, batch_size=64).describe()
    assert decode(encode(Record(Kind.DATA, 0, fields=told))).fields == json.loads(json.dumps(told))
    assert told["pieces"] == {"train": 3, "validation": 1, "test": 0}
    assert told["notes"] == {"train": 9, "validation": 9, "test": 0}
    assert told["windows"] == {"train": 3, "validation": 3, "test": 0}
    assert told["cut_share"] == pytest.approx(2 / 3, abs=1e-4)
    assert [warning.split(",")[0] for warning in told["warnings"]] == [
        "1 pieces have no notes and are left out.",
        "data.batch_size=64",
        f"67% of the sequences are longer than data.seq_len=12 and are cut; 95% fit into {told['lengths']['p95']}.",
    ]


def test_rounded_notes_are_a_warning() -> None:
    told = data([Notes.build([0], [50], [60])], batch_size=1).describe()
    assert told["warnings"] == ["The tokenizer cannot write 100% of the notes exactly and rounds them."]


def test_chorales_are_described_without_a_warning() -> None:
    told = data(source=Chorales()).describe()
    assert told["warnings"] == []
    assert told["altered_share"] == 0.0
    assert told["cut_share"] < 0.02
    assert told["tokens_per_note"] < 2.1


def test_miditok_fits_in() -> None:
    made = data(tokenizer=MidiTokTokenizer("TSD"), augment=Augment())
    assert all(len(batch) for batch in (*made.train_loader(0).epoch(0), *made.eval_batches()))
    assert made.describe()["altered_share"] == 0.0


def test_epochs_take_all_tokens_of_the_chorales() -> None:
    made = data(source=Chorales(), seq_len=300)
    tokens = [sum(batch.usage.tokens for batch in made.train_loader(0).epoch(epoch)) for epoch in range(2)]
    told = made.describe()["tokens"]
    assert all(abs(count / told - 1) < 0.1 for count in tokens)
    assert all(a != b for a, b in pairwise(tokens))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bars": 0}, "data.bars=0: needs a whole number, at least 1"),
        (
            {"batch_size": 8, "tokens_per_batch": 512},
            "data.batch_size=8, data.tokens_per_batch=512: a batch is measured by one of them; set only one, or the "
            "other to null",
        ),
        ({"tokens_per_batch": 0}, "data.tokens_per_batch=0: needs a whole number, at least 1"),
        ({"sort_window": 0}, "data.sort_window=0: needs a whole number, at least 1"),
        ({"width_multiple": 0}, "data.width_multiple=0: needs a whole number, at least 1"),
        ({"batch_size": 0}, "data.batch_size=0: needs a whole number, at least 1"),
        ({"eval_batch_size": -1}, "data.eval_batch_size=-1: needs a whole number, at least 1"),
        ({"workers": -2}, "data.workers=-2: needs a whole number, at least 0"),
        ({"batch_size": 1.5}, "data.batch_size=1.5: needs a whole number, at least 1"),
        (
            {"seq_len": 8},
            "data.seq_len=8: needs a whole number, at least 9 (the header, one note and the end token take 9)",
        ),
    ],
)
def test_settings_outside_their_range_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        MusicData(Handmade([piece(4)]), REMI, **changes)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("source", "counts"),
    [
        (Handmade([]), "0 pieces with notes to train on and 1 to validate with"),
        (Handmade([SILENCE]), "0 pieces with notes to train on and 1 to validate with"),
        (Handmade([piece(4)], validation=[]), "1 pieces with notes to train on and 0 to validate with"),
    ],
)
def test_too_few_pieces_are_refused(source: Handmade, counts: str) -> None:
    with pytest.raises(DataError) as error:
        data(source=source)
    assert str(error.value) == (
        f"handmade: {counts} (0 files rejected); each needs at least 1. Add files, or choose another data source"
    )


def test_an_unknown_or_empty_split_is_named() -> None:
    with pytest.raises(
        DataError, match=r"split 'valid': needs one of train, validation, test\. Did you mean 'validation'"
    ):
        data().eval_batches("valid")
    with pytest.raises(DataError, match="split 'test' of handmade has no pieces"):
        data().eval_batches("test")
