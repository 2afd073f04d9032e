"""A GAN of points: eight clusters on a ring (Metz et al. 2017, arXiv:1611.02163), so that lost modes can be counted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.injection.bench import Bench, Training, open_monitor
from benchmarks.injection.stopwatch import Stopwatch

MODES = 8
_DEVIATION = 0.15  # of a cluster; the ring's radius is 1
_NEAR = 0.4  # a point nearer than that to a centre belongs to its cluster
_SHARE = 0.02  # of the points that make a cluster count as covered


class Rates(NamedTuple):
    """Learning rates and how the real points are blurred.

    Attributes:
        generator, discriminator: learning rates of Adam.
        blur: deviation of noise that is added to what the discriminator sees (Arjovsky and Bottou 2017).
        batch: points a step.
    """

    generator: float = 1e-3
    discriminator: float = 1e-3
    blur: float = 0.1
    batch: int = 128


class Pair(nn.Module):
    """A generator of points [n, 2] from noise, and a discriminator that gives logits [n]."""

    def __init__(self, noise: int = 8, width: int = 48) -> None:
        super().__init__()
        self.noise = noise
        self.generator = nn.Sequential(
            nn.Linear(noise, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2)
        )
        self.discriminator = nn.Sequential(
            nn.Linear(2, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, 1)
        )

    def make(self, points: int) -> Tensor:
        made: Tensor = self.generator(torch.randn(points, self.noise))
        return made

    def judge(self, points: Tensor, blur: float) -> Tensor:
        logits: Tensor = self.discriminator(points + blur * torch.randn_like(points))
        return logits[:, 0]


def ring_gan(**rates: Any) -> Training:
    """A training with `Rates`."""
    return partial(_train, Rates(**rates))


def covered(points: Tensor) -> float:
    """Share of the clusters in which points lie."""
    distance, nearest = torch.cdist(points, _centres()).min(1)
    counts = torch.bincount(nearest[distance < _NEAR], minlength=MODES)
    return float((counts > _SHARE * len(points)).float().mean())


def _train(rates: Rates, bench: Bench) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(bench.seed)
    pair, fault = Pair(), bench.fault
    optimizers = {
        "generator": torch.optim.Adam(pair.generator.parameters(), betas=(0.5, 0.99)),
        "discriminator": torch.optim.Adam(pair.discriminator.parameters(), betas=(0.5, 0.99)),
    }
    with open_monitor(bench) as monitor:
        watch = Stopwatch(fault)
        for step, [real] in watch.batches(_ring(rates.batch), bench.steps):
            for phase, planned in (("generator", rates.generator), ("discriminator", rates.discriminator)):
                optimizers[phase].param_groups[0]["lr"] = planned * fault.rate(step, phase)
            fault.before(step, pair, optimizers)
            scalars = _discriminator_step(pair, rates, real, optimizers["discriminator"])
            loss, norm = _generator_step(pair, rates, bench, step, optimizers["generator"])
            fault.after(step, pair, optimizers)
            lr = optimizers["generator"].param_groups[0]["lr"]
            scalars |= {"loss/gen": loss, "grad/norm": norm, "lr": lr, "sample/diversity": _diversity(pair)}
            monitor.step(step, {**scalars, **watch.scalars()})


def _discriminator_step(
    pair: Pair, rates: Rates, real: Tensor, optimizer: torch.optim.Optimizer
) -> dict[str, Tensor | float]:
    with torch.no_grad():
        fake = pair.make(len(real))
    praised, doubted = pair.judge(real, rates.blur), pair.judge(fake, rates.blur)
    loss = 0.5 * (F.softplus(-praised).mean() + F.softplus(doubted).mean())
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()
    accuracy = 0.5 * ((praised > 0).float().mean() + (doubted < 0).float().mean())
    return {"loss/disc": loss.detach(), "gan/d_accuracy": accuracy}


def _generator_step(
    pair: Pair, rates: Rates, bench: Bench, step: int, optimizer: torch.optim.Optimizer
) -> tuple[Tensor, Tensor]:
    loss = F.softplus(-pair.judge(pair.make(rates.batch), rates.blur)).mean()
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(bench.fault.objective(step, loss))
    norm = torch.nn.utils.get_total_norm([p.grad for p in pair.generator.parameters() if p.grad is not None])
    optimizer.step()
    return loss.detach(), norm


@torch.no_grad()
def _diversity(pair: Pair) -> float:
    return covered(pair.make(256))


def _ring(batch: int) -> Iterator[list[Tensor]]:
    centres = _centres()
    while True:
        yield [centres[torch.randint(MODES, (batch,))] + _DEVIATION * torch.randn(batch, 2)]


def _centres() -> Tensor:
    angle = torch.arange(MODES) * (2 * math.pi / MODES)
    return torch.stack((angle.cos(), angle.sin()), 1)
