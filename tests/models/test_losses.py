from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence

from aurl.models.encoder import Posterior
from aurl.models.losses import free_bits, gaussian_kl, hinge_discriminator, hinge_generator, token_loss
from aurl.models.schedules import ramp


def test_kl_equals_that_of_torch_distributions():
    mu, logvar = torch.randn(5, 3), torch.randn(5, 3)
    expected = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(torch.zeros(5, 3), 1.0))
    torch.testing.assert_close(gaussian_kl(mu, logvar), expected)


def test_kl_equals_the_mean_log_ratio_of_posterior_samples():
    posterior = Posterior(torch.tensor([[0.7, -1.2]]), torch.tensor([[-1.0, 0.4]]))
    many = Posterior(posterior.mu.expand(100_000, 2), posterior.logvar.expand(100_000, 2))
    z = many.sample()
    ratio = Normal(many.mu, (0.5 * many.logvar).exp()).log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    torch.testing.assert_close(ratio.mean(0), gaussian_kl(*posterior)[0], atol=0.02, rtol=0.02)


def test_free_bits_lift_each_dimension_to_the_floor_and_give_it_no_gradient():
    kl = torch.tensor([[0.02, 3.0], [0.04, 1.0]], requires_grad=True)
    total = free_bits(kl, 0.5)
    assert total.item() == pytest.approx(0.5 + 2.0)
    total.backward()
    torch.testing.assert_close(kl.grad, torch.tensor([[0.0, 0.5], [0.0, 0.5]]))
    assert free_bits(kl, 0.0).item() == pytest.approx(2.03)


def test_token_loss_is_the_cross_entropy_without_padding():
    logits, targets = torch.randn(3, 5, 7), torch.randint(1, 7, (3, 5))
    targets[0, 3:] = 0
    loss = token_loss(logits, targets, pad=0)
    expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0)
    torch.testing.assert_close(loss.recon, expected)
    torch.testing.assert_close(loss.smoothed, expected)
    kept = targets != 0
    assert loss.targets.item() == 13
    assert loss.accuracy.item() == pytest.approx((logits.argmax(-1) == targets)[kept].float().mean().item())


def test_label_smoothing_is_that_of_torch_and_leaves_recon_alone():
    logits, targets = torch.randn(3, 5, 7), torch.randint(1, 7, (3, 5))
    targets[0, 3:] = 0
    loss = token_loss(logits, targets, pad=0, label_smoothing=0.2)
    flat = logits.flatten(0, 1), targets.flatten()
    torch.testing.assert_close(loss.smoothed, F.cross_entropy(*flat, ignore_index=0, label_smoothing=0.2))
    torch.testing.assert_close(loss.recon, F.cross_entropy(*flat, ignore_index=0))


def test_a_batch_of_padding_costs_nothing():
    loss = token_loss(torch.randn(2, 3, 7), torch.zeros(2, 3, dtype=torch.int64), pad=0)
    assert (loss.recon.item(), loss.accuracy.item(), loss.targets.item()) == (0.0, 0.0, 1)


def test_hinge_losses():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.0])
    assert hinge_discriminator(real, fake).item() == pytest.approx((0 + 0.5) / 2 + (0 + 1.0) / 2)
    assert hinge_generator(fake).item() == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("step", "warmup", "cycle", "share"),
    [(0, 10, 0, 0), (5, 10, 0, 0.5), (10, 10, 0, 1), (99, 10, 0, 1), (0, 0, 0, 1), (25, 10, 20, 0.5), (35, 10, 20, 1)],
)
def test_ramp(step, warmup, cycle, share):
    assert ramp(step, warmup, cycle) == share
    assert math.isfinite(ramp(step, warmup, cycle))
