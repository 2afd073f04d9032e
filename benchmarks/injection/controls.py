"""Forty healthy runs: what optimisers, schedules, batch sizes and habits do to a curve that is no fault."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.injection import checks, schedules
from benchmarks.injection.bench import Training
from benchmarks.injection.broken_machine import Gpu
from benchmarks.injection.classifier import FOREIGN, classifier, cnn, mlp
from benchmarks.injection.digit_vae import digit_vae
from benchmarks.injection.fault import Fault
from benchmarks.injection.own import Preempted, own
from benchmarks.injection.scenario import FROM_START, HEALTHY, Scenario
from benchmarks.injection.scenarios_generative import RING, SAMPLED
from benchmarks.injection.scenarios_training import SGD


def _control(
    variant: str,
    training: Training,
    fault: Callable[[int], Fault] = Fault,
    **more: Any,
) -> Scenario:
    none: frozenset[str] = frozenset()
    settings = {"shows": checks.is_healthy, "causes": none, "accept": none, "span": FROM_START, **more}
    return Scenario(HEALTHY, variant, training, fault, **settings)


CONTROLS = (
    _control("MLP, SGD", classifier(optimizer=SGD, lr=0.02)),
    _control("MLP, SGD without momentum", classifier(optimizer=torch.optim.SGD, lr=0.1)),
    _control("MLP, Adam", classifier()),
    _control(
        "MLP, AdamW, warm-up and cosine", classifier(optimizer=torch.optim.AdamW, schedule=schedules.warmup_cosine)
    ),
    _control("MLP, RMSprop", classifier(optimizer=torch.optim.RMSprop, lr=5e-4)),
    _control("MLP, Adagrad", classifier(optimizer=torch.optim.Adagrad, lr=0.02)),
    _control("MLP, SGD, staircase", classifier(optimizer=SGD, lr=0.05, schedule=schedules.staircase)),
    _control("MLP, warm restarts", classifier(lr=4e-3, schedule=schedules.restarts)),
    _control("MLP, one cycle", classifier(lr=5e-3, schedule=schedules.one_cycle)),
    _control("MLP, linear decay", classifier(schedule=schedules.linear)),
    _control("MLP, batch 16", classifier(lr=1e-3, batch=16)),
    _control("MLP, batch 256", classifier(lr=4e-3, batch=256)),
    _control("MLP, dropout", classifier(net=partial(mlp, 128, 0.3))),
    _control("MLP, 20 % of the labels wrong", classifier(lr=1e-3, label_noise=0.2)),
    _control("MLP, mixup", classifier(mixup=True)),
    _control("MLP, curriculum", classifier(lr=1e-3, curriculum=True)),
    _control("MLP, logged every 5 steps", classifier(lr=5e-4, log_every=5), steps=1500),
    _control("MLP, logged rarely from 400 on", classifier(lr=5e-4, sparse_from=400), steps=1500),
    _control("MLP, simulated GPU at work", classifier(lr=1e-3), Gpu),
    _control("CNN, Adam", classifier(net=cnn)),
    _control("CNN, other names", classifier(net=cnn, names=FOREIGN)),
    _control("CNN, SGD, staircase", classifier(net=cnn, optimizer=SGD, lr=0.05, schedule=schedules.staircase)),
    _control(
        "CNN, SGD, exponential, clipped",
        classifier(net=cnn, optimizer=SGD, lr=0.1, schedule=schedules.exponential, clip=1.0),
    ),
    _control(
        "CNN, inverse root, dropout", classifier(net=partial(cnn, 8, 0.2), lr=5e-3, schedule=schedules.inverse_root)
    ),
    _control("CNN, mixup and restarts", classifier(net=cnn, lr=4e-3, mixup=True, schedule=schedules.restarts)),
    _control("digits VAE", digit_vae()),
    _control("digits VAE, KL annealing", digit_vae(annealing=200)),
    _control("digits VAE, KL in cycles", digit_vae(annealing=100, cycle=200)),
    _control("ring GAN", RING(), shows=checks.gan_is_healthy),
    _control("ring GAN, more blur", RING(blur=0.2), shows=checks.gan_is_healthy),
    _control("ring GAN, batch 256", RING(batch=256), shows=checks.gan_is_healthy),
    _control("transformer, cosine", own("transformer")),
    _control("transformer, constant rate", own("transformer", "optim.schedule=constant", "optim.lr=1e-3")),
    _control(
        "transformer, linear, long warm-up", own("transformer", "optim.schedule=linear", "optim.warmup_steps=150")
    ),
    _control("transformer, chorales", own("transformer", "data=chorales", "data.bars=1", "data.seq_len=48")),
    _control("transformer, interrupted and resumed", own("transformer", interrupted=True), Preempted, span=(0.4, 0.6)),
    _control("transformer, samples and quality", own("transformer", *SAMPLED, judge=True, copies=True)),
    _control("VAE, KL annealing", own("vae", "model.beta_warmup_steps=300")),
    _control("VAE, KL in cycles", own("vae", "model.beta_cycle_steps=200")),
    _control("VAE-GAN, adversarial from step 100", own("vae_gan"), shows=checks.gan_is_healthy),
)
