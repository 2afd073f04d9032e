from __future__ import annotations

import pytest
import torch
from torch import nn

from aurl.train.probes import Probes


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))


def test_norms_dead_units_and_updates_are_what_they_say() -> None:
    model = network()
    with torch.no_grad():
        model[0].weight[:3] = 0.0
        model[0].bias[:3] = -1.0  # three of six units never answer
    probes = Probes(list(model.parameters()))
    model(torch.rand(8, 4)).square().sum().backward()
    found = probes.before_step()
    first, last = model[0].weight.grad, model[2].weight.grad
    assert float(found["grad/layer_ratio"]) == pytest.approx(float(first.norm() / last.norm()))
    dead = [bool((row == 0).all()) for grad in (first, last) for row in grad]
    assert dead[:3] == [True] * 3
    assert float(found["dead/fraction"]) == pytest.approx(sum(dead) / 8)
    weights = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)
    changed = 0.01 * len(weights) ** 0.5
    assert float(probes.after_step()["update/ratio"]) == pytest.approx(changed / float(weights.norm()), rel=1e-4)


def test_a_step_that_changes_nothing_has_ratio_zero() -> None:
    model = network()
    probes = Probes(list(model.parameters()))
    model(torch.rand(8, 4)).sum().backward()
    probes.before_step()
    assert float(probes.after_step()["update/ratio"]) == 0.0


def test_without_gradients_there_is_nothing_to_tell() -> None:
    assert Probes(list(network().parameters())).before_step() == {}
