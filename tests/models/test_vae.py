from __future__ import annotations

import pytest
import torch

from aurl.errors import ConfigError
from aurl.models.losses import gaussian_kl
from tests.models.conftest import PAD, VOCAB, build, some_batch


def test_the_objective_is_the_bound_per_token():
    model = build("vae", beta=0.7, free_bits=0.0, beta_warmup_steps=0, dropout=0.0, word_dropout=0.0).train()
    tokens = some_batch()
    torch.manual_seed(1)
    losses = model(tokens, step=3)
    posterior = model.encoder(tokens)
    torch.manual_seed(1)
    logits = model.decoder(tokens[:, :-1], model.to_context(posterior.sample()))
    targets = tokens[:, 1:]
    nll = -logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0][targets != PAD].sum()
    bound = (nll + 0.7 * gaussian_kl(*posterior).sum()) / (targets != PAD).sum()
    torch.testing.assert_close(losses.objective, bound)
    torch.testing.assert_close(losses.metrics["loss/total"], bound)
    torch.testing.assert_close(losses.metrics["loss/kl"], gaussian_kl(*posterior).sum(1).mean())


def test_free_bits_floor_the_objective_but_not_the_metric():
    arguments = {"beta": 1.0, "beta_warmup_steps": 0, "dropout": 0.0, "word_dropout": 0.0}
    free, strict = build("vae", free_bits=5.0, **arguments), build("vae", free_bits=0.0, **arguments)
    free.load_state_dict(strict.state_dict())
    tokens = some_batch()
    torch.manual_seed(1)
    floored = free.train()(tokens)
    torch.manual_seed(1)
    plain = strict.train()(tokens)
    assert torch.equal(floored.metrics["loss/kl"], plain.metrics["loss/kl"])
    per_token = len(tokens) / (tokens[:, 1:] != PAD).sum()
    torch.testing.assert_close(floored.objective - floored.metrics["loss/recon"], 4 * 5.0 * per_token)


def test_beta_rises_in_training_and_is_final_in_evaluation():
    model = build("vae", beta=0.4, beta_warmup_steps=10, beta_cycle_steps=20).train()
    tokens = some_batch()
    assert [round(model(tokens, step=s).metrics["kl/beta"].item(), 4) for s in (0, 5, 10, 19, 20, 25)] == [
        0.0,
        0.2,
        0.4,
        0.4,
        0.0,
        0.2,
    ]
    assert model.eval()(tokens, step=0).metrics["kl/beta"].item() == pytest.approx(0.4)


def test_evaluation_uses_the_mean_and_the_raw_kl():
    model = build("vae", beta=0.4, free_bits=5.0).eval()
    tokens = some_batch()
    metrics = model(tokens).metrics
    per_token = len(tokens) / (tokens[:, 1:] != PAD).sum()
    torch.testing.assert_close(metrics["loss/total"], metrics["loss/recon"] + 0.4 * per_token * metrics["loss/kl"])
    logits = model.decoder(tokens[:, :-1], model.to_context(model.encoder(tokens).mu))
    hits = (logits.argmax(-1) == tokens[:, 1:])[tokens[:, 1:] != PAD].float().mean()
    torch.testing.assert_close(metrics["accuracy"], hits)


def test_active_units_count_the_dimensions_in_use():
    model = build("vae").eval()
    with torch.no_grad():
        model.encoder.posterior.weight.zero_()
        model.encoder.posterior.bias.copy_(torch.tensor([2.0, 0, 0, 0, 0, 0, 0, 0]))
    metrics = model(some_batch()).metrics
    assert metrics["kl/active_units"].item() == 0.25
    assert metrics["loss/kl"].item() == pytest.approx(2.0)


def test_log_variance_is_bounded():
    model = build("vae")
    with torch.no_grad():
        model.encoder.posterior.bias.fill_(1e6)
    posterior = model.encoder(some_batch())
    assert posterior.logvar.max() <= 8.0
    assert gaussian_kl(posterior.mu.clamp(-5, 5), posterior.logvar).isfinite().all()


def test_the_posterior_ignores_padding_and_survives_rows_of_it():
    model = build("vae").eval()
    tokens = some_batch(length=9)
    longer = torch.cat((tokens, torch.full((4, 4), PAD)), dim=1)
    torch.testing.assert_close(model.encoder(tokens).mu, model.encoder(longer).mu, atol=1e-5, rtol=1e-4)
    assert model.encoder(torch.full((2, 6), PAD)).mu.isfinite().all()


def test_z_reaches_every_position():
    model = build("vae").eval()
    tokens = some_batch()
    one, other = (model.decoder(tokens, model.to_context(torch.randn(4, 4))) for _ in range(2))
    assert (one - other).abs().amax(dim=(0, 2)).min() > 1e-4


def test_word_dropout_hides_inputs_in_training_alone():
    model = build("vae", word_dropout=0.999, dropout=0.0).train()
    tokens = some_batch()
    shuffled = torch.where(tokens > 2, (tokens + 3) % VOCAB, tokens)
    context = torch.zeros(4, 16)
    hidden = [model.decoder(batch, context, word_dropout=1.0) for batch in (tokens, shuffled)]
    torch.testing.assert_close(*hidden)
    with torch.no_grad():
        model.decoder.dropped_D.add_(5.0)
    seen = model(tokens).metrics["loss/recon"]
    assert abs(seen - model.eval()(tokens).metrics["loss/recon"]) > 1e-3


def test_without_word_dropout_there_is_no_unused_parameter():
    assert build("vae", word_dropout=0.0).decoder.dropped_D is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"d_latent": 0}, "model.d_latent=0: needs at least 1"),
        ({"encoder_layers": 0}, "model.encoder_layers=0: needs at least 1"),
        ({"beta": -0.1}, "model.beta=-0.1: needs at least 0"),
        ({"beta": float("nan")}, "model.beta=nan: needs at least 0"),
        ({"free_bits": -1.0}, "model.free_bits=-1.0: needs at least 0"),
        ({"word_dropout": 1.0}, "model.word_dropout=1.0: needs 0 or more and less than 1"),
        ({"beta_warmup_steps": -5}, "model.beta_warmup_steps=-5: needs at least 0"),
        (
            {"beta_cycle_steps": 5, "beta_warmup_steps": 10},
            "model.beta_cycle_steps=5: needs 0 or at least beta_warmup_steps=10",
        ),
    ],
)
def test_bad_values_are_named(arguments, message):
    with pytest.raises(ConfigError) as error:
        build("vae", **arguments)
    assert str(error.value) == message
