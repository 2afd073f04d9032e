"""Sudden faults of ordinary training: gradients, spikes, NaN, divergence."""

from __future__ import annotations

from functools import partial

import torch

from aurl.anomaly.statistics.roles import Role
from benchmarks.injection import checks
from benchmarks.injection.bench import LONG
from benchmarks.injection.broken_data import BadBatches, NanInput
from benchmarks.injection.broken_rates import Rate
from benchmarks.injection.broken_weights import (
    Ascent,
    InfiniteGradient,
    LayerTimesTen,
    NanObjective,
    NanWeight,
    Saturated,
    Underflow,
)
from benchmarks.injection.classifier import FOREIGN, classifier, cnn, sigmoids
from benchmarks.injection.fault import Fault
from benchmarks.injection.own import own
from benchmarks.injection.scenario import BLOWN_UP, FROM_START, Scenario, names

SGD = partial(torch.optim.SGD, momentum=0.9)
RATE = names("learning_rate_issue")

_exploding = partial(
    Scenario,
    "gradient_explosion",
    shows=checks.jumps(Role.GRAD_NORM, 10.0, within=5),
    causes=names("gradient_explosion", "damaged_weights"),
    accept=names("gradient_explosion", "loss_spike", "training_divergence"),
    also=BLOWN_UP,
)
_vanishing = partial(
    Scenario,
    "gradient_vanishing",
    causes=names("gradient_vanishing"),
    accept=names("gradient_vanishing"),
    also=names("loss_plateau", "underfitting", "learning_rate_issue", "loss_spike", "training_divergence"),
)
_spike = partial(
    Scenario,
    "loss_spike",
    shows=checks.jumps(Role.LOSS, 1.5, within=3),
    causes=names("bad_batch"),
    accept=names("loss_spike"),
    also=names("gradient_explosion"),
    within=20,
)
_nan = partial(
    Scenario,
    "nan_values",
    shows=checks.is_broken,
    accept=names("nan_values"),
    also=BLOWN_UP,
    within=20,
)
_diverging = partial(
    Scenario,
    "training_divergence",
    shows=checks.settles_above(Role.LOSS, 1.25),
    accept=names("training_divergence", "loss_spike"),
    also=BLOWN_UP,
)

SCENARIOS = (
    _exploding("one layer x10, transformer", own("transformer"), LayerTimesTen),
    _exploding("one layer x10, CNN", classifier(net=cnn, names=FOREIGN), LayerTimesTen),
    _exploding(
        "learning rate x100 without clipping, MLP",
        classifier(optimizer=SGD, lr=0.02),
        partial(Rate, factor=100.0),
        causes=RATE,
        also=BLOWN_UP | RATE,
    ),
    _vanishing(
        "12 layers of sigmoids",
        classifier(net=sigmoids, optimizer=SGD, lr=0.05),
        Fault,
        shows=checks.always_below(Role.LAYER_RATIO, 1e-3),
        span=FROM_START,
        steps=LONG,
    ),
    _vanishing(
        "dead ReLU (biases -25), MLP",
        classifier(),
        Saturated,
        steps=LONG,
        shows=checks.falls(Role.GRAD_NORM, 0.5),
    ),
    _vanishing(
        "gradients x1e-9, transformer",
        own("transformer"),
        Underflow,
        shows=checks.falls(Role.GRAD_NORM, 1e-3),
    ),
    _spike("one batch of random targets, MLP", classifier(lr=1e-3), BadBatches),
    _spike("three batches of random targets, CNN", classifier(net=cnn, names=FOREIGN), partial(BadBatches, count=3)),
    _spike("one batch of noise, transformer", own("transformer"), BadBatches),
    _nan("NaN in one input, CNN", classifier(net=cnn, names=FOREIGN), NanInput, causes=names("bad_batch")),
    _nan("a NaN weight, transformer", own("transformer"), NanWeight, causes=names("nan_values", "damaged_weights")),
    _nan(
        "one infinite gradient, MLP",
        classifier(),
        InfiniteGradient,
        causes=names("nan_values", "overflow", "gradient_explosion", "bad_batch"),
    ),
    _nan("objective times NaN once, VAE", own("vae"), NanObjective, causes=names("nan_values", "bad_batch")),
    _diverging(
        "learning rate x25, MLP by SGD",
        classifier(optimizer=SGD, lr=0.05),
        partial(Rate, factor=25.0),
        causes=RATE,
        also=BLOWN_UP | RATE,
    ),
    _diverging(
        "learning rate x25, CNN by SGD",
        classifier(net=cnn, optimizer=SGD, lr=0.05, names=FOREIGN),
        partial(Rate, factor=25.0),
        causes=RATE,
        also=BLOWN_UP | RATE,
    ),
    _diverging(
        "the objective loses its sign, transformer",
        own("transformer"),
        Ascent,
        causes=names("training_divergence", "gradient_explosion"),
    ),
)
