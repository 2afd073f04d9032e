"""A VAE of handwritten digits, 64-64-8, with a loop and names of its own."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.injection.bench import EVAL_EVERY, Bench, Training, open_monitor
from benchmarks.injection.digits import Digits, batches, digits
from benchmarks.injection.stopwatch import Stopwatch

_PIXELS = 64
_ACTIVE = 0.01  # nats


class Bound(NamedTuple):
    """How the two terms are weighted.

    Attributes:
        beta: weight of the KL divergence.
        annealing: steps over which it rises from 0.
        cycle: steps after which it rises again; 0 for never.
        lr: of Adam.
    """

    beta: float = 1.0
    annealing: int = 0
    cycle: int = 0
    lr: float = 2e-3


class ImageVAE(nn.Module):
    """Bernoulli pixels under a diagonal Gaussian code; losses are nats an image."""

    def __init__(self, width: int = 64, latent: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(_PIXELS, width), nn.ReLU())
        self.posterior = nn.Linear(width, 2 * latent)
        self.decoder = nn.Sequential(nn.Linear(latent, width), nn.ReLU(), nn.Linear(width, _PIXELS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction, 0-dim, and the KL divergence of each latent dimension, [8]."""
        mu, logvar = self.posterior(self.encoder(x)).chunk(2, 1)
        z = mu + (0.5 * logvar).exp() * torch.randn_like(mu) * self.training
        recon = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="sum") / len(x)
        kl = 0.5 * (mu**2 + logvar.exp() - 1.0 - logvar).mean(0)
        return recon, kl


def digit_vae(**bound: Any) -> Training:
    """A training with `Bound`."""
    return partial(_train, Bound(**bound))


def _train(bound: Bound, bench: Bench) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(bench.seed)
    net, fault, data = ImageVAE(), bench.fault, digits(bench.seed)
    optimizer = torch.optim.Adam(net.parameters())
    optimizers: dict[str, torch.optim.Optimizer] = {"generator": optimizer}
    with open_monitor(bench) as monitor:
        watch = Stopwatch(fault)
        for step, (x, _) in watch.batches(batches(data, 64, bench.seed), bench.steps):
            optimizer.param_groups[0]["lr"] = rate = bound.lr * fault.rate(step, "generator")
            beta = _beta(bound, step) * fault.kl_weight(step)
            fault.before(step, net, optimizers)
            recon, kl = net(x)
            total = recon + beta * kl.sum()
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(fault.bound(step, recon, beta * kl.sum()))
            norm = torch.nn.utils.get_total_norm([p.grad for p in net.parameters() if p.grad is not None])
            optimizer.step()
            fault.after(step, net, optimizers)
            scalars = {"loss": total, "recon_loss": recon, "kl_loss": kl.sum(), "kl_weight": beta, "lr": rate}
            scalars["active_units"] = (kl.detach() > _ACTIVE).float().mean()
            monitor.step(step, {**scalars, "grad_norm": norm, **watch.scalars()})
            if step % EVAL_EVERY == 0:
                monitor.eval(step, _evaluate(net, data, bound.beta))


@torch.no_grad()
def _evaluate(net: ImageVAE, data: Digits, beta: float) -> dict[str, Any]:
    net.eval()
    recon, kl = net(data.test_x)
    net.train()
    return {"val_loss": recon + beta * kl.sum(), "val_recon_loss": recon, "val_kl_loss": kl.sum()}


def _beta(bound: Bound, step: int) -> float:
    at = (step - 1) % bound.cycle if bound.cycle else step - 1
    return bound.beta * min(1.0, at / bound.annealing) if bound.annealing else bound.beta
