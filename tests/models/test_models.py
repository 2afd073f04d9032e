"""What holds for every model."""

from __future__ import annotations

import math

import pytest
import torch

from aurl.errors import ConfigError
from tests.models.conftest import BOS, MODELS, PAD, SEQ_LEN, VOCAB, build, some_batch

COMMON = {"loss/total", "loss/recon", "accuracy"}
LATENT = COMMON | {"loss/kl", "kl/beta", "kl/active_units"}
NAMES = {"transformer": COMMON, "vae": LATENT, "vae_gan": LATENT}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("training", [True, False])
def test_losses_are_detached_scalars_by_name(name, training):
    losses = build(name).train(training)(some_batch())
    assert set(losses.metrics) == NAMES[name]
    assert losses.objective.shape == ()
    assert losses.objective.requires_grad
    for value in losses.metrics.values():
        assert value.shape == ()
        assert not value.requires_grad


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("tie", [True, False])
def test_the_loss_starts_near_that_of_guessing(name, tie):
    model = build(name, d_model=64, tie_embeddings=tie).eval()
    assert model(some_batch(16)).metrics["loss/recon"].item() == pytest.approx(math.log(VOCAB), abs=0.15)


@pytest.mark.parametrize("name", MODELS)
def test_a_future_token_does_not_change_past_logits(name):
    model = build(name).eval()
    context = None if name == "transformer" else torch.randn(4, 16)
    tokens = some_batch()
    changed = tokens.clone()
    changed[:, 8] = (tokens[:, 8] + 1) % VOCAB
    before, after = model.decoder(tokens, context), model.decoder(changed, context)
    torch.testing.assert_close(before[:, :8], after[:, :8])
    assert not torch.allclose(before[:, 8], after[:, 8])


@pytest.mark.parametrize("name", MODELS)
def test_padding_changes_nothing(name):
    model = build(name).eval()
    tokens = some_batch(length=10)
    padded = torch.cat((tokens, torch.full((4, 5), PAD)), dim=1)
    plain, longer = model(tokens).metrics, model(padded).metrics
    for key, value in plain.items():
        torch.testing.assert_close(value, longer[key], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_evaluation_is_deterministic_and_independent_of_the_step(name):
    model = build(name).eval()
    tokens = some_batch()
    state = torch.get_rng_state()
    first, second = model(tokens, step=0), model(tokens, step=10_000)
    assert torch.equal(first.objective, second.objective)
    assert {k: v.item() for k, v in first.metrics.items()} == {k: v.item() for k, v in second.metrics.items()}
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", MODELS)
def test_training_repeats_from_the_global_random_state(name):
    tokens, objectives = some_batch(), []
    for _ in range(2):
        torch.manual_seed(5)
        model = build(name).train()
        objectives.append([model(tokens, phase, 10).objective.item() for phase in model.phases])
    assert objectives[0] == objectives[1]


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_of_a_phase_gets_a_gradient(name):
    model = build(name).train()
    for phase in model.phases:
        model.zero_grad()
        model(some_batch(), phase, 100).objective.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.phase_parameters(phase))


@pytest.mark.parametrize("name", MODELS)
def test_one_small_batch_is_learnt_by_heart(name):
    model = build(name, dropout=0.0, d_model=32).train()
    tokens = some_batch(length=8)
    optimizers = {phase: torch.optim.Adam(model.phase_parameters(phase), lr=0.01) for phase in model.phases}
    for step in range(120):
        for phase, optimizer in optimizers.items():
            optimizer.zero_grad()
            model(tokens, phase, step).objective.backward()
            optimizer.step()
    metrics = model.eval()(tokens).metrics
    assert metrics["loss/recon"].item() < 0.35
    assert metrics["accuracy"].item() > 0.85


@pytest.mark.parametrize("name", MODELS)
def test_a_state_dict_restores_the_model_without_shared_tensors(name):
    model, other = build(name).eval(), build(name).eval()
    state = model.state_dict()
    assert len({tensor.data_ptr() for tensor in state.values()}) == len(state)
    other.load_state_dict(state)
    tokens = some_batch()
    assert torch.equal(model(tokens).objective, other(tokens).objective)
    assert torch.equal(model.generate([4], length=8), other.generate([4], length=8))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("length", [1, SEQ_LEN + 1])
def test_sequences_that_do_not_fit_are_refused(name, length):
    with pytest.raises(ValueError, match=f"sequences of {length} tokens: this model was built for 2 to seq_len=16"):
        build(name)(torch.full((2, length), BOS))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_full_length_fits(name, positions):
    model = build(name, positions=positions)
    assert model(some_batch()).objective.isfinite()
    assert model.generate([1], length=SEQ_LEN).shape[1] <= SEQ_LEN


@pytest.mark.parametrize("name", MODELS)
def test_unknown_phases_are_refused(name):
    model = build(name)
    with pytest.raises(ValueError, match="phase 'critic': this model has generator"):
        model(some_batch(), "critic")
    with pytest.raises(ValueError, match="phase 'critic'"):
        model.phase_parameters("critic")


@pytest.mark.parametrize("name", MODELS)
def test_bf16_autocast(name):
    model = build(name).train()
    for phase in model.phases:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            losses = model(some_batch(), phase, 100)
        assert losses.objective.dtype == torch.float32
        losses.objective.backward()
        assert all(p.grad.isfinite().all() for p in model.phase_parameters(phase))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocab_size": 3}, "model.vocab_size=3: needs at least 4"),
        ({"seq_len": 1}, "model.seq_len=1: needs at least 2"),
        ({"eos": 30}, "model.eos=30: needs a token of 0 to 20 (vocab_size=21)"),
        ({"bos": 2}, "model.pad=0, bos=2, eos=2: needs different tokens"),
        ({"d_model": 18, "n_heads": 4}, "model.d_model=18: does not split into n_heads=4 heads"),
        ({"label_smoothing": 1.5}, "model.label_smoothing=1.5: needs 0 or more and less than 1"),
        ({"dropout": -0.1}, "model.dropout=-0.1: needs 0 or more and less than 1"),
    ],
)
def test_bad_values_are_named(name, arguments, message):
    with pytest.raises(ConfigError) as error:
        build(name, **arguments)
    assert str(error.value).startswith(message)
