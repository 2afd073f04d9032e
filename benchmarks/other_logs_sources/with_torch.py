"""Plain PyTorch on images and tables: classifiers, diffusion, contrastive learning, regression."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.other_logs_sources.base import Rows, Run, Split, batches, table
from benchmarks.other_logs_sources.labels import diverges, never_learns, not_finite, overfits, spikes, stops, swings
from benchmarks.other_logs_sources.loop import Fault, Parts, Plan, faster, fit, freeze, lose_parameters

BASIC = ("loss", "lr", "val_loss")
OPTIMIZERS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": partial(torch.optim.SGD, momentum=0.9),
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}


def cnn(width: int = 16, dropout: float = 0.0) -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.Dropout(dropout),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Dropout(dropout),
        nn.Linear(32 * width, 10),
    )  # fmt: skip


def mlp(inputs: int, width: int, outputs: int, depth: int = 2, act: type[nn.Module] = nn.ReLU) -> nn.Module:
    sizes = [inputs] + [width] * depth
    layers = [layer for a, b in itertools.pairwise(sizes) for layer in (nn.Linear(a, b), act())]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def supervised(
    build: Callable[[], nn.Module], data: Split, plan: Plan, lr: float, *, size: int = 64, optimizer: str = "adamw",
    schedule: Callable[[Any], Any] | None = None, fault: Fault | None = None, smoothing: float = 0.0,
    worse: Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor]] | None = None, decay: float = 0.0,
) -> Rows:  # fmt: skip
    """Classification or, where targets are not whole numbers, regression."""
    model, (x, y, val_x, val_y) = build(), data.tensors()
    draw = batches(len(x), min(size, len(x)), seed=2)

    def error(inputs: Tensor, targets: Tensor, soft: float) -> Tensor:
        told = model(inputs)
        if targets.is_floating_point():
            return F.mse_loss(told.squeeze(1), targets)
        return F.cross_entropy(told, targets, label_smoothing=soft)

    def loss_of(step: int) -> Tensor:
        chosen = next(draw)
        inputs, targets = x[chosen], y[chosen]
        return error(*(worse(step, inputs, targets) if worse is not None else (inputs, targets)), smoothing)

    made = OPTIMIZERS[optimizer](model.parameters(), lr=lr, weight_decay=decay)
    parts = Parts(model, made, schedule(made) if schedule is not None else None)
    return fit(parts, loss_of, plan, lambda: error(val_x, val_y, 0.0).item(), fault)


def diffusion(plan: Plan, lr: float, size: int = 128, raw_at: range = range(0), fault: Fault | None = None) -> Rows:
    """Noise predicted from noisy digits at a random noise level; some batches may come as raw grey values."""
    x = table("digits").tensors()[0] * 2 - 1
    model = mlp(64 + 16, 192, 64, depth=3, act=nn.SiLU)
    draw, levels = batches(len(x), size, seed=3), torch.arange(1, 9) * math.pi / 2

    def loss_of(step: int) -> Tensor:
        clean = x[next(draw)]
        clean = (clean + 1) * 127.5 if step in raw_at else clean
        time, noise = torch.rand(size, 1), torch.randn_like(clean)
        mixed = torch.cos(time * math.pi / 2) * clean + torch.sin(time * math.pi / 2) * noise
        told = model(torch.cat([mixed, torch.sin(time * levels), torch.cos(time * levels)], 1))
        return F.mse_loss(told, noise)

    made = torch.optim.AdamW(model.parameters(), lr=lr)
    warm = torch.optim.lr_scheduler.LambdaLR(made, lambda step: min(1.0, (step + 1) / 200))
    return fit(Parts(model, made, warm), loss_of, plan, fault=fault)


def contrastive(plan: Plan, lr: float, optimizer: str = "adamw", size: int = 128) -> Rows:
    """Two noisy views of each digit are to find each other among all of the batch (InfoNCE)."""
    x = table("digits").tensors()[0]
    model = mlp(64, 128, 32)
    draw = batches(len(x), size, seed=4)

    def loss_of(step: int) -> Tensor:
        clean = x[next(draw)]
        views = [clean * (torch.rand_like(clean) > 0.3) + 0.1 * torch.randn_like(clean) for _ in range(2)]
        left, right = (F.normalize(model(view), dim=1) for view in views)
        return F.cross_entropy(left @ right.T / 0.2, torch.arange(size))

    return fit(Parts(model, OPTIMIZERS[optimizer](model.parameters(), lr=lr)), loss_of, plan)


def scaled_loss(plan: Plan, lr: float, doubles: int) -> Rows:
    """A home-made loss scaler for half precision which doubles on and on and never looks for an overflow."""
    x, y, _, _ = table("digits").tensors()
    model = mlp(64, 64, 10).half()
    made = torch.optim.SGD(model.parameters(), lr=lr)
    draw, rows = batches(len(x), 64, seed=5), Rows()
    for step in range(plan.steps):
        scale, chosen = 2.0 ** (8 + step // doubles), next(draw)
        loss = F.cross_entropy(model(x[chosen].half()).float(), y[chosen])
        made.zero_grad()
        (loss * scale).backward()  # type: ignore[no-untyped-call]
        for value in model.parameters():
            if value.grad is not None:
                value.grad /= scale
        norm = nn.utils.clip_grad_norm_(model.parameters(), math.inf)
        made.step()
        rows.append({"step": step, "loss": loss.item(), "grad_norm": float(norm)})
    return rows


def one_cycle(lr: float, steps: int) -> Callable[[Any], Any]:
    return lambda made: torch.optim.lr_scheduler.OneCycleLR(made, max_lr=lr, total_steps=steps)


def restarts(steps: int) -> Callable[[Any], Any]:
    return lambda made: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(made, steps)


def decays(gamma: float) -> Callable[[Any], Any]:
    return lambda made: torch.optim.lr_scheduler.ExponentialLR(made, gamma)


def shuffled(step: int, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Targets drawn in another order than inputs."""
    return x, y[torch.randperm(len(y))]


def _digits(*args: Any, **options: Any) -> Callable[[], Rows]:
    return lambda: supervised(cnn, table("digits"), *args, **options)


HEALTHY = [
    Run(
        "h_pt_digits_onecycle",
        _digits(Plan(2000, columns=BASIC), 1e-3, schedule=one_cycle(3e-3, 2000), smoothing=0.1),
        "CNN, AdamW, one cycle",
    ),
    Run(
        "h_pt_digits_restarts",
        _digits(
            Plan(2400, every=5, val_every=150),
            0.02,
            optimizer="momentum",
            schedule=restarts(600),
            smoothing=0.1,
            decay=5e-4,
        ),
        "CNN, warm restarts of the cosine",
    ),
    Run(
        "h_pt_digits_epochs",
        _digits(Plan(21 * 50, every=21, val_every=21, mean=True, columns=BASIC), 3e-4, decay=0.05),
        "CNN, AdamW, an epoch a row",
    ),
    Run(
        "h_pt_diabetes_reg",
        lambda: supervised(
            lambda: mlp(10, 32, 1),
            table("diabetes"),
            Plan(5 * 80, every=5, val_every=5, mean=True),
            0.003,
            optimizer="sgd",
            decay=0.01,
        ),
        "regression, SGD, an epoch a row",
    ),
    Run(
        "h_pt_digits_diffusion",
        lambda: diffusion(Plan(4000, every=2, columns=("loss", "lr"), clip=1.0), 5e-4),
        "diffusion, noisy loss",
    ),
    Run("h_pt_digits_contrastive", lambda: contrastive(Plan(2000, columns=("loss", "grad_norm")), 1e-3), "InfoNCE"),
    Run(
        "h_pt_cancer_rmsprop",
        lambda: supervised(
            lambda: mlp(30, 16, 2),
            table("breast_cancer"),
            Plan(1200, every=3, val_every=60),
            1e-4,
            optimizer="rmsprop",
            smoothing=0.1,
            decay=0.01,
        ),
        "MLP, RMSprop, label smoothing",
    ),
]
ANOMALOUS = [
    Run(
        "a_pt_digits_frozen",
        lambda: supervised(
            lambda: mlp(64, 64, 10), table("digits"), Plan(2000, every=2), 0.01, optimizer="sgd", fault=freeze(700)
        ),
        "all weights frozen at 700 of 2000 steps",
        (stops(700),),
    ),
    Run(
        "a_pt_digits_copied",
        lambda: supervised(lambda: mlp(64, 64, 10), table("digits"), Plan(2400), 2e-4, fault=lose_parameters(300)),
        "optimizer left with a copy of the weights at step 300",
        (stops(300),),
    ),
    Run(
        "a_pt_digits_swings",
        lambda: supervised(
            lambda: mlp(64, 64, 10, act=nn.Tanh), table("digits"), Plan(400), 1.2, size=1347, optimizer="momentum"
        ),
        "all data in one batch, learning rate above what is stable",
        (swings(4),),
    ),
    Run(
        "a_pt_diabetes_growing",
        lambda: supervised(
            lambda: mlp(10, 64, 1),
            table("diabetes"),
            Plan(600, val_every=20),
            2e-3,
            size=64,
            optimizer="momentum",
            schedule=decays(1.02),
        ),
        "the growing learning rate of a range test left on",
        (diverges("training_divergence|gradient_explosion|loss_spike|learning_rate_issue|nan_values"), not_finite()),
    ),
    Run(
        "a_pt_digits_fp16",
        lambda: scaled_loss(Plan(2500), 0.05, 110),
        "loss scale doubled until half precision overflows",
        (not_finite("nan_values|gradient_explosion"),),
    ),
    Run(
        "a_pt_diffusion_rawbatch",
        lambda: diffusion(Plan(3000), 5e-4, raw_at=range(1800, 1803)),
        "three batches of raw grey values",
        (spikes(1800, "loss_spike|training_divergence|gradient_explosion"),),
    ),
    Run(
        "a_pt_diffusion_glitch",
        lambda: diffusion(Plan(2500, columns=("loss", "lr")), 5e-4, fault=faster(1500, 50, 1520)),
        "learning rate times 50 for 20 steps",
        (spikes(1500, "loss_spike|training_divergence|learning_rate_issue"),),
    ),
    Run(
        "a_pt_digits_steplr",
        _digits(Plan(1500, every=3, val_every=150), 3e-4, schedule=decays(0.985), size=256),
        "a decay meant for epochs is stepped every batch",
        (stops(225),),
    ),
    Run(
        "a_pt_digits_misaligned",
        _digits(Plan(2000, columns=BASIC, every=2), 1e-3, worse=shuffled),
        "targets in another order than inputs",
        (never_learns(),),
    ),
    Run(
        "a_pt_digits_overfit",
        lambda: supervised(
            lambda: cnn(32),
            table("digits").few(100),
            Plan(4 * 150, every=4, val_every=4, mean=True, columns=BASIC),
            3e-3,
            size=25,
            worse=lambda step, x, y: (x, y),
        ),
        "100 training images",
        (overfits(),),
    ),
]
RUNS = HEALTHY + ANOMALOUS
