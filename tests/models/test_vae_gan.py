from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from aurl.errors import ConfigError
from aurl.models.vae_gan import VAEGAN
from tests.models.conftest import BOS, EOS, PAD, VOCAB, build, some_batch

AFTER = 100


def test_phases_have_disjoint_parameters_that_are_all_of_them():
    model = build("vae_gan")
    generator, discriminator = (set(model.phase_parameters(phase)) for phase in VAEGAN.phases)
    assert not generator & discriminator
    assert generator | discriminator == set(model.parameters())
    assert discriminator == set(model.discriminator.parameters())


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("phase", VAEGAN.phases)
def test_a_phase_leaves_no_gradient_in_the_others_parameters(phase, rows):
    model = build("vae_gan").train()
    model(some_batch(rows), phase, AFTER).objective.backward()
    own = set(model.phase_parameters(phase))
    for parameter in model.parameters():
        assert (parameter.grad is not None) == (parameter in own)


def test_metrics_of_the_phases():
    model = build("vae_gan").train()
    tokens = some_batch()
    assert "loss/adv" not in model(tokens, "generator", 2).metrics
    assert "loss/adv" in model(tokens, "generator", 3).metrics
    judged = model(tokens, "discriminator", 0).metrics
    assert set(judged) == {"loss/disc", "gan/d_accuracy", "gan/d_real", "gan/d_fake"}
    assert 0 <= judged["gan/d_accuracy"] <= 1


def test_every_nth_step_has_the_discriminator_and_the_adversarial_term():
    model = build("vae_gan", adversarial_every=3).train()
    assert [len(model.phases_at(step)) for step in range(6)] == [1, 1, 2, 1, 1, 2]
    told = ["loss/adv" in model(some_batch(), "generator", AFTER + step).metrics for step in range(6)]
    assert told == [len(model.phases_at(AFTER + step)) == 2 for step in range(6)]
    assert sum(told) == 2


def test_the_adversarial_term_is_weighed_into_the_objective():
    tokens, objectives = some_batch(), {}
    plain = build("vae_gan", adversarial_weight=0.0)
    for weight in (0.0, 0.5, 2.0):
        model = build("vae_gan", adversarial_weight=weight).train()
        model.load_state_dict(plain.state_dict())
        torch.manual_seed(7)
        losses = model(tokens, "generator", AFTER)
        objectives[weight] = losses.objective.item()
        assert losses.metrics["loss/total"].item() == pytest.approx(objectives[weight])
    adversarial = losses.metrics["loss/adv"].item()
    assert objectives[0.5] - objectives[0.0] == pytest.approx(0.5 * adversarial, abs=1e-5)
    assert objectives[2.0] - objectives[0.0] == pytest.approx(2.0 * adversarial, abs=1e-5)


def test_the_adversarial_term_trains_the_decoder_but_not_the_encoder():
    model = build("vae_gan", dropout=0.0).train()
    tokens = some_batch()
    relaxed = model._relaxed(tokens, model.encoder(tokens))
    model.discriminator(relaxed, frozen=True).mean().backward()
    assert all(p.grad is None for p in model.encoder.parameters())
    assert model.decoder.table.weight.grad.abs().sum() > 0
    assert model.to_context.weight.grad.abs().sum() > 0


def test_relaxed_sequences_are_the_drawn_ones_with_a_softmax_gradient():
    model = build("vae_gan", dropout=0.0, gumbel_temperature=0.5).train()
    tokens = some_batch()
    posterior = model.encoder(tokens)
    torch.manual_seed(11)
    relaxed = model._relaxed(tokens, posterior)
    torch.manual_seed(11)
    z = model._with_prior(posterior.sample()[:1].detach(), 2)
    drawn, noise = model._draw(z, 6)
    torch.testing.assert_close(relaxed, F.one_hot(drawn, VOCAB).float(), atol=1e-6, rtol=0.0)
    history = torch.cat((torch.full((2, 1), BOS), drawn[:, :-1]), 1)
    logits = model._without_special(model.decoder(history, model.to_context(z)))
    live = drawn != PAD
    assert torch.equal((logits + noise).argmax(-1)[live], drawn[live])
    target = torch.randn_like(relaxed)
    one = torch.autograd.grad((relaxed * target).sum(), model.decoder.table.weight)[0]
    soft = ((logits + noise) / 0.5).softmax(-1) * live[..., None]
    other = torch.autograd.grad((soft * target).sum(), model.decoder.table.weight)[0]
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-3)


def test_drawn_sequences_are_padded_after_the_end_and_never_begin_again():
    model = build("vae_gan").train()
    drawn, _ = model._draw(torch.randn(64, 4), 12)
    assert drawn.shape == (64, 12)
    assert model.decoder.training
    for row in drawn.tolist():
        body = row[: row.index(EOS)] if EOS in row else row
        assert not {PAD, BOS} & set(body)
        assert set(row[len(body) + 1 :]) <= {PAD}


def spied(model, monkeypatch):
    """The z of every draw."""
    drawn_from = []
    draw = model._draw
    monkeypatch.setattr(model, "_draw", lambda z, length: drawn_from.append(z) or draw(z, length))
    return drawn_from


def test_both_phases_of_a_step_judge_what_was_drawn_once_for_each_batch(monkeypatch):
    model = build("vae_gan").train()
    drawn_from = spied(model, monkeypatch)
    judged = []
    judge = model.discriminator.forward
    monkeypatch.setattr(model.discriminator, "forward", lambda x, frozen=False: judged.append(x) or judge(x, frozen))
    micro = [some_batch(5), some_batch(4)]
    for phase in VAEGAN.phases:  # as the engine does: each phase over all micro-batches
        for tokens in micro:
            model(tokens, phase, AFTER)
    assert [len(z) for z in drawn_from] == [3, 2], "half of each batch, once"
    for tokens, fooling, telling in zip(micro, judged[:2], judged[2:], strict=True):
        real, fake = telling.chunk(2)
        assert torch.equal(fake, fooling.argmax(-1))
        assert torch.equal(real, tokens[: len(real), 1 : 1 + real.shape[1]])
    assert not model._kept
    model(micro[0], "discriminator", AFTER)
    assert len(drawn_from) == 3, "without the other phase it draws for itself"
    for step in range(5):
        model(micro[0], "generator", step)
    assert len(model._kept) == 1, "nothing piles up where nobody takes it"


@pytest.mark.parametrize(("shared", "rows", "draws"), [(True, 3, 1), (False, 5, 2)])
def test_half_of_the_sequences_are_decoded_from_posterior_z_and_half_from_prior_z(monkeypatch, shared, rows, draws):
    model = build("vae_gan", shared_draw=shared).train()
    with torch.no_grad():
        model.encoder.posterior.weight.zero_()
        model.encoder.posterior.bias.copy_(torch.tensor([30.0] * 4 + [-50.0] * 4))
    drawn_from = spied(model, monkeypatch)
    tokens = some_batch(5)
    for phase in VAEGAN.phases:
        model(tokens, phase, AFTER)
    for z in drawn_from:
        half = (rows + 1) // 2
        assert len(z) == rows
        assert (z[:half] > 25).all()
        assert (z[half:].abs() < 10).all()
        assert not z.requires_grad
    assert len(drawn_from) == draws


def test_the_discriminator_learns_to_tell_an_untrained_generator_from_a_pattern():
    model = build("vae_gan", discriminator_width=16).train()
    tokens = torch.tensor([[BOS, *[3, 4, 5, 6] * 3]]).expand(16, -1)
    optimizer = torch.optim.Adam(model.phase_parameters("discriminator"), lr=0.02)
    for step in range(40):
        optimizer.zero_grad()
        losses = model(tokens, "discriminator", step)
        losses.objective.backward()
        optimizer.step()
    assert losses.metrics["gan/d_accuracy"] > 0.95
    assert losses.metrics["gan/d_real"] > losses.metrics["gan/d_fake"]


def test_validation_is_that_of_the_vae():
    gan, vae = build("vae_gan").eval(), build("vae").eval()
    vae.load_state_dict({k: v for k, v in gan.state_dict().items() if not k.startswith("discriminator.")})
    tokens = some_batch()
    assert gan(tokens, "generator", AFTER).metrics == vae(tokens).metrics


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"adversarial_weight": -1.0}, "model.adversarial_weight=-1.0: needs at least 0"),
        ({"adversarial_warmup_steps": -1}, "model.adversarial_warmup_steps=-1: needs at least 0"),
        ({"adversarial_length": 0}, "model.adversarial_length=0: needs at least 1"),
        ({"gumbel_temperature": 0.0}, "model.gumbel_temperature=0.0: needs more than 0"),
        ({"discriminator_width": 0}, "model.discriminator_width=0: needs at least 1"),
        ({"discriminator_layers": 0}, "model.discriminator_layers=0: needs at least 1"),
        ({"beta": -1.0}, "model.beta=-1.0: needs at least 0"),
    ],
)
def test_bad_values_are_named(arguments, message):
    with pytest.raises(ConfigError) as error:
        build("vae_gan", **arguments)
    assert str(error.value) == message
