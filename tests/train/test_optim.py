from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from aurl.errors import ConfigError
from aurl.train.optim import AdamW


def test_the_rate_warms_up_peaks_and_falls_to_its_floor() -> None:
    optim = AdamW(lr=1.0, warmup_steps=10, schedule="cosine", min_lr_ratio=0.1)
    rates = [optim.lr_at(step, 110) for step in range(111)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1.0
    assert rates[60] == pytest.approx(0.55)
    assert rates[110] == pytest.approx(0.1)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


def test_linear_and_constant() -> None:
    assert AdamW(lr=1.0, warmup_steps=0, schedule="linear", min_lr_ratio=0.0).lr_at(25, 100) == pytest.approx(0.75)
    assert AdamW(lr=0.5, warmup_steps=0, schedule="constant").lr_at(99, 100) == 0.5


def test_beyond_the_end_the_rate_stays_at_its_floor() -> None:
    assert AdamW(lr=1.0, warmup_steps=0, min_lr_ratio=0.2).lr_at(1000, 100) == pytest.approx(0.2)


def test_each_phase_has_its_own_peak() -> None:
    optim = AdamW(lr=1.0, discriminator_lr=0.25, warmup_steps=0)
    assert optim.lr_at(0, 10, "discriminator") == 0.25
    assert AdamW(lr=1.0, warmup_steps=0).lr_at(0, 10, "discriminator") == 1.0


def test_weight_decay_spares_vectors() -> None:
    layer = nn.Linear(3, 2)
    matrices, vectors = AdamW(weight_decay=0.5).build(list(layer.parameters()), "generator").param_groups
    assert matrices["weight_decay"] == 0.5
    assert vectors["weight_decay"] == 0.0
    assert vectors["params"] == [layer.bias]
    assert isinstance(matrices["params"][0], torch.Tensor)


@pytest.mark.parametrize(
    "bad",
    [
        {"lr": 0.0},
        {"discriminator_lr": -1.0},
        {"betas": [0.9]},
        {"weight_decay": -1.0},
        {"warmup_steps": -1},
        {"schedule": "sine"},
        {"min_lr_ratio": 2.0},
    ],
)
def test_values_out_of_range_name_the_key(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"optim.{next(iter(bad))}="):
        AdamW(**bad)  # type: ignore[arg-type]
