from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aurl.errors import ConfigError
from aurl.models.sampling import evaluating, filter_logits, inverse_cdf
from tests.models.conftest import BOS, EOS, MODELS, PAD, SEQ_LEN, VOCAB, build

rows = st.lists(st.integers(-40, 40).map(lambda tenth: tenth / 10), min_size=1, max_size=12)


def plain_filter(logits, temperature, top_k, top_p):
    """The indices that survive, one row at a time and by sorting."""
    scaled = [value / temperature for value in logits]
    kept = set(range(len(scaled)))
    if top_k:
        last = sorted(scaled, reverse=True)[min(top_k, len(scaled)) - 1]
        kept = {i for i in kept if scaled[i] >= last}
    if top_p < 1:
        mass = sum(np.exp(scaled[i]) for i in kept)
        order, reached, nucleus = sorted(kept, key=lambda i: (-scaled[i], i)), 0.0, set()
        for i in order:
            if reached >= top_p:
                break
            nucleus.add(i)
            reached += np.exp(scaled[i]) / mass
            assume(abs(reached - top_p) > 1e-9)  # where rounding decides
        kept = nucleus
    return kept


@settings(max_examples=200, deadline=None)
@given(rows, st.sampled_from([0.3, 1.0, 2.5]), st.integers(0, 14), st.floats(0.05, 1.0))
def test_filter_keeps_what_a_plain_implementation_keeps(logits, temperature, top_k, top_p):
    row = torch.tensor([logits], dtype=torch.float64)
    filtered = filter_logits(row, temperature, top_k, top_p)[0]
    kept = set(torch.isfinite(filtered).nonzero()[:, 0].tolist())
    assert kept == plain_filter(row[0].tolist(), temperature, top_k, top_p)
    for index in kept:
        assert filtered[index].item() == pytest.approx(logits[index] / temperature)


def test_the_earlier_of_equal_tokens_is_kept_where_one_reaches_top_p():
    assert torch.isfinite(filter_logits(torch.tensor([[0.0, 1.0, 1.0]]), top_k=2, top_p=0.5)).tolist() == [
        [False, True, False]
    ]


def test_filter_treats_rows_apart():
    logits = torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])
    assert torch.isfinite(filter_logits(logits, top_k=1)).tolist() == [[False, False, True], [True, False, False]]
    assert torch.isfinite(filter_logits(logits, top_p=1e-6)).tolist() == [[False, False, True], [True, False, False]]


@settings(max_examples=200, deadline=None)
@given(rows, st.floats(0, 1, exclude_max=True))
def test_inverse_cdf_is_the_first_token_beyond_the_number(logits, uniform):
    logits = [*logits, float("-inf")]
    token = int(inverse_cdf(torch.tensor([logits]), torch.tensor([uniform], dtype=torch.float64))[0])
    p = torch.tensor(logits, dtype=torch.float64).softmax(0)
    assert p[token] > 0
    assert p[:token].sum() <= uniform + 1e-6
    assert p[: token + 1].sum() > uniform - 1e-6


def test_inverse_cdf_draws_the_distribution():
    logits = torch.tensor([[1.0, float("-inf"), 0.0, 2.0]])
    uniforms = torch.rand(50_000, dtype=torch.float64)
    drawn = inverse_cdf(logits.expand(50_000, 4), uniforms)
    share = torch.bincount(drawn, minlength=4) / 50_000
    torch.testing.assert_close(share, logits[0].softmax(0), atol=0.01, rtol=0.0)


def test_evaluating_restores_every_submodule():
    model = build("vae").train()
    model.encoder.eval()
    with evaluating(model):
        assert not any(part.training for part in model.modules())
    assert model.training
    assert model.decoder.training
    assert not model.encoder.training


@pytest.mark.parametrize("name", MODELS)
def test_a_slot_depends_on_its_seed_alone(name):
    model = build(name)
    together = model.generate(list(range(11)), length=SEQ_LEN)
    for seeds in ([3], [9, 3], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 3]):
        alone = model.generate(seeds, length=SEQ_LEN)
        assert stripped(alone[-1]) == stripped(together[3])
    assert len({tuple(stripped(row)) for row in together}) > 5


@pytest.mark.parametrize("name", MODELS)
def test_generate_leaves_the_random_state_and_the_mode_alone(name):
    model = build(name).train()
    before = torch.get_rng_state()
    model.generate([1, 2], length=8)
    assert torch.equal(before, torch.get_rng_state())
    assert all(part.training for part in model.modules())
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("name", MODELS)
def test_sequences_begin_once_end_once_and_are_padded(name):
    tokens = build(name).generate(list(range(40)), length=SEQ_LEN, temperature=3.0)
    assert tokens.shape[1] <= SEQ_LEN
    assert tokens.dtype == torch.int64
    ended = 0
    for row in tokens.tolist():
        body = row[: row.index(EOS)] if EOS in row else row
        assert row[0] == BOS
        assert BOS not in body[1:]
        assert PAD not in body
        assert all(token == PAD for token in row[len(body) + 1 :])
        ended += EOS in row
    assert 0 < ended < 40


def test_sampling_stops_when_all_have_ended():
    model = build("transformer")
    with torch.no_grad():
        model.decoder.stack.norm.weight.zero_()  # equal logits but for the end token below
        model.decoder.head = torch.nn.Linear(16, VOCAB)
        model.decoder.head.bias[EOS] = 50.0
    assert model.generate([1, 2, 3], length=SEQ_LEN).tolist() == [[BOS, EOS]] * 3


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("prompt", [[BOS, 5, 6], [5, 6], [BOS, 5, 6, EOS, PAD]])
def test_a_prompt_is_continued(name, prompt):
    tokens = build(name).generate([1, 2], length=SEQ_LEN, prompt_T=torch.tensor(prompt))
    assert tokens[:, :3].tolist() == [[BOS, 5, 6]] * 2
    assert tokens.shape[1] > 3


def test_sampled_tokens_are_the_likeliest_of_a_full_pass_where_only_these_are_kept():
    model = build("transformer").eval()
    tokens = model.generate([0], length=SEQ_LEN, top_k=1)
    logits = model.decoder(tokens[:, :-1]).index_fill(-1, torch.tensor([PAD, BOS]), float("-inf"))
    end = len(stripped(tokens[0]))
    assert logits.argmax(-1)[0, : end - 1].tolist() == tokens[0, 1:end].tolist()


def test_a_vae_draws_z_from_the_seed_and_takes_a_prompts_own():
    model = build("vae")
    with torch.no_grad():
        model.to_context.weight.mul_(50.0)
    greedy = model.generate(list(range(12)), length=SEQ_LEN, top_k=1)
    assert len({tuple(row) for row in greedy.tolist()}) > 1
    prompted = model.generate(list(range(12)), length=SEQ_LEN, top_k=1, prompt_T=torch.tensor([BOS, 7]))
    assert len({tuple(row) for row in prompted.tolist()}) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0.0}, "temperature=0.0: needs more than 0; use top_k=1 for the likeliest tokens"),
        ({"top_k": -1}, "top_k=-1: needs 0 (all tokens) or more"),
        ({"top_p": 0.0}, "top_p=0.0: needs more than 0 and at most 1 (all tokens)"),
        ({"top_p": 1.5}, "top_p=1.5: needs more than 0 and at most 1 (all tokens)"),
        ({"length": 17}, "length=17: this model makes 2 to seq_len=16 tokens"),
        ({"length": 1}, "length=1: this model makes 2 to seq_len=16 tokens"),
        (
            {"length": 4, "prompt_T": torch.tensor([5, 6, 7])},
            "length=4: the prompt has 4 tokens already; give more",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ConfigError) as error:
        build("transformer").generate([1], **{"length": 8, **arguments})
    assert str(error.value) == message


def test_no_seeds_no_sequences():
    assert build("vae").generate([], length=8).shape[0] == 0


def stripped(row):
    return [token for token in row.tolist() if token != PAD]
