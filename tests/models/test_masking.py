"""Sampling by a grammar: whatever the model thinks, what comes out can be read to the last token."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.models.masking import GrammarMask
from aurl.models.sampling import filter_logits, inverse_cdf
from aurl.models.transformer import Transformer
from aurl.music.multitrack import MultitrackTokenizer
from aurl.music.notes import Notes
from aurl.music.tokenizer import RemiTokenizer
from aurl.music.tokenizing.chorale import ChoraleTokenizer
from tests.music.strategies import bands, notes

CPU = torch.device("cpu")
TOKENIZERS = [
    RemiTokenizer(),
    RemiTokenizer(resolution=24, max_bar=48),
    MultitrackTokenizer(),
    MultitrackTokenizer(resolution=48, max_tracks=3),
    ChoraleTokenizer(),
    ChoraleTokenizer(voices=1, resolution=24),
]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda one: f"{type(one).__name__}-{one.resolution}")
def test_noise_drawn_by_the_grammar_is_music_without_an_invalid_token(tokenizer: RemiTokenizer) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, length = 12, 70
    mask = GrammarMask(tokenizer.grammar(), rows, CPU)
    drawn = [torch.full((rows,), tokenizer.bos)]
    for _ in range(length):
        logits = 3 * torch.randn(rows, tokenizer.vocab_size, generator=generator)
        logits[:, tokenizer.eos] -= 6
        allowed = mask.allowed()
        assert allowed.any(1).all()
        uniforms = torch.rand(rows, dtype=torch.float64, generator=generator)
        token = inverse_cdf(filter_logits(logits.masked_fill(~allowed, -torch.inf), 1.0, 0, 0.9), uniforms)
        mask.feed(token)
        drawn.append(token)
    sequences = torch.stack(drawn, 1).tolist()
    for sequence in sequences:
        for cut in range(2, len(sequence), 17):  # a sequence may be cut anywhere
            read = tokenizer.decode(sequence[:cut])
            assert read.invalid == 0, [tokenizer.token_name(one) for one in sequence[:cut]]
    read = [tokenizer.decode(sequence).notes for sequence in sequences]
    assert sum(map(len, read)) >= 10
    assert all((np.diff(piece.onset) >= 0).all() for piece in read)


@given(st.one_of(notes(max_notes=12), bands(12, max_notes=12)))
@settings(max_examples=10, deadline=None)
def test_the_grammar_allows_everything_that_is_written(piece: Notes) -> None:
    for tokenizer in (TOKENIZERS[0], TOKENIZERS[2], TOKENIZERS[4]):
        mask = GrammarMask(tokenizer.grammar(), 1, CPU)
        ids = tokenizer.encode(piece)
        for token in ids[1 : 300 if len(tokenizer.quantise(piece)) else 0]:
            assert mask.allowed()[0, token], tokenizer.token_name(int(token))
            mask.feed(torch.tensor([int(token)]))


def model(tokenizer: RemiTokenizer) -> Transformer:
    torch.manual_seed(0)
    return Transformer(
        vocab_size=tokenizer.vocab_size, seq_len=96, pad=tokenizer.pad, bos=tokenizer.bos, eos=tokenizer.eos,
        d_model=32, n_layers=1, n_heads=2,
    )  # fmt: skip


@pytest.mark.parametrize("tokenizer", [TOKENIZERS[0], TOKENIZERS[2]], ids=["remi", "multitrack"])
def test_an_untrained_model_writes_valid_samples_and_goes_on_from_a_prompt(tokenizer: RemiTokenizer) -> None:
    untrained = model(tokenizer)
    free = untrained.generate([0, 1, 2], length=96)
    assert min(tokenizer.decode(row).valid_share for row in free) < 0.9
    bound = untrained.generate([0, 1, 2], length=96, grammar=tokenizer.grammar())
    assert all(tokenizer.decode(row).invalid == 0 for row in bound)
    prompt = tokenizer.encode(Notes.build([0, 12, 48], 12, [60, 64, 67]), end=False)
    going_on = untrained.generate([0, 1], length=96, prompt_T=torch.tensor(prompt), grammar=tokenizer.grammar())
    assert all(tokenizer.decode(row).invalid == 0 for row in going_on)
    assert all(row[: len(prompt)].tolist() == prompt.tolist() for row in going_on)


def test_a_slot_does_not_depend_on_the_others_under_a_grammar() -> None:
    tokenizer = TOKENIZERS[0]
    untrained = model(tokenizer)
    together = untrained.generate([0, 1, 2, 3], length=60, grammar=tokenizer.grammar())
    alone = untrained.generate([2], length=60, grammar=tokenizer.grammar())
    assert together[2].tolist()[: alone.shape[1]] == alone[0].tolist()
