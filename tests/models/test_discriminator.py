from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from aurl.models.discriminator import Discriminator, SpectralWeight


@pytest.mark.parametrize("shape", [(30, 8), (8, 8, 5), (1, 8)])
def test_the_largest_singular_value_becomes_one(shape):
    spectral = SpectralWeight(*shape)
    with torch.no_grad():
        spectral.weight.normal_().mul_(3.0)
    for _ in range(100):
        weight = spectral()
    largest = torch.linalg.svdvals(weight.detach().flatten(1))[0]
    assert largest.item() == pytest.approx(1.0, abs=1e-3)
    direction = spectral.weight.detach() / torch.linalg.svdvals(spectral.weight.detach().flatten(1))[0]
    torch.testing.assert_close(weight.detach(), direction, atol=1e-3, rtol=1e-2)


def test_the_estimate_moves_in_training_alone():
    spectral = SpectralWeight(12, 6)
    with torch.no_grad():
        spectral.weight.normal_()
    buffers = {name: value.clone() for name, value in spectral.named_buffers()}
    spectral(frozen=True)
    spectral.eval()()
    assert all(torch.equal(value, buffers[name]) for name, value in spectral.named_buffers())
    spectral.train()()
    assert not torch.equal(spectral.left_O, buffers["left_O"])


def test_two_passes_before_one_backward():
    judge = Discriminator(9, d_model=8, n_layers=2)
    (judge(torch.randint(9, (3, 10))).sum() + judge(torch.randint(9, (3, 10))).sum()).backward()
    assert all(p.grad is not None for p in judge.parameters())


@pytest.mark.parametrize("length", [1, 2, 7, 64])
def test_ids_and_one_hot_rows_are_judged_alike(length):
    judge = Discriminator(9, d_model=8, n_layers=3).eval()
    tokens = torch.randint(9, (3, length))
    torch.testing.assert_close(judge(tokens), judge(F.one_hot(tokens, 9).float()))
    assert judge(tokens).shape == (3,)


def test_frozen_gives_a_gradient_to_the_sequences_alone():
    judge = Discriminator(9, d_model=8, n_layers=2).train()
    rows = F.one_hot(torch.randint(9, (3, 10)), 9).float().requires_grad_()
    judge(rows, frozen=True).sum().backward()
    assert rows.grad.abs().sum() > 0
    assert all(p.grad is None for p in judge.parameters())


def test_one_logit_sees_the_stated_number_of_tokens():
    judge = Discriminator(9, d_model=8, n_layers=2).eval()
    rows = torch.zeros(1, 64, 9)
    rows[..., 0] = 1.0
    rows.requires_grad_()
    x = (rows @ judge.table()).transpose(1, 2)
    for weight in judge.convolutions:
        x = F.conv1d(x, weight(), stride=2, padding=2)
    x[..., 8].sum().backward()
    assert (rows.grad.abs().sum(-1) > 0).sum().item() == 4 * 2**2 - 3
