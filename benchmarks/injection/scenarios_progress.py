"""Faults of progress: plateaus, swings, learning rates, over- and underfitting."""

from __future__ import annotations

from functools import partial

import torch

from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind
from benchmarks.injection import checks, schedules
from benchmarks.injection.bench import LONG, STEPS
from benchmarks.injection.broken_data import BadBatches, CorruptShard, Unshuffled
from benchmarks.injection.broken_rates import Momentum, NoUpdates, Rate, SteppedTwice
from benchmarks.injection.broken_weights import Frozen, TightClip
from benchmarks.injection.classifier import FOREIGN, classifier, cnn, mlp
from benchmarks.injection.fault import Fault
from benchmarks.injection.own import own
from benchmarks.injection.scenario import BLOWN_UP, FROM_START, Scenario, names
from benchmarks.injection.scenarios_training import RATE, SGD
from benchmarks.injection.trace import Trace

EARLY = (0.25, 0.3)
"""Shares of a run between which there is still much to learn."""


def lowest_validation(trace: Trace) -> int:
    """The step of the lowest validation loss."""
    at, values = trace.values(Role.VAL_LOSS, Kind.EVAL)
    return int(at[values.argmin()])


def _any(trace: Trace) -> bool:
    return True


_plateau = partial(
    Scenario,
    "loss_plateau",
    shows=_any,
    twin=checks.worse_than,
    accept=names("loss_plateau", "learning_rate_issue"),
    also=names("gradient_vanishing"),
)
_swinging = partial(
    Scenario,
    "loss_oscillation",
    shows=checks.swings,
    accept=names("loss_oscillation"),
    also=BLOWN_UP,
)
_rate = partial(
    Scenario,
    "learning_rate_issue",
    shows=checks.rate_differs,
    causes=RATE,
    accept=RATE,
)
_overfitting = partial(
    Scenario,
    "overfitting",
    shows=checks.overfits,
    causes=names("overfitting"),
    accept=names("overfitting"),
    turning=lowest_validation,
)
_underfitting = partial(
    Scenario,
    "underfitting",
    shows=checks.learns_nothing,
    accept=names("underfitting"),
    also=names("loss_plateau", "gradient_vanishing"),
    span=FROM_START,
    steps=LONG,
)

SCENARIOS = (
    _plateau(
        "all but a vector frozen, transformer",
        own("transformer"),
        Frozen,
        causes=names("loss_plateau", "gradient_vanishing"),
    ),
    _plateau(
        "clipped to 1e-4, MLP by SGD",
        classifier(optimizer=SGD, lr=3e-3),
        TightClip,
        span=EARLY,
        steps=LONG,
        causes=names("loss_plateau", "learning_rate_issue"),
    ),
    _plateau(
        "all but a vector frozen, CNN",
        classifier(net=cnn, lr=5e-4, names=FOREIGN),
        Frozen,
        span=EARLY,
        steps=LONG,
        causes=names("loss_plateau", "gradient_vanishing"),
    ),
    _swinging(
        "momentum 0.999, MLP by SGD",
        classifier(optimizer=SGD, lr=5e-3),
        Momentum,
        causes=names("loss_oscillation", "step_size"),
        span=EARLY,
        steps=LONG,
    ),
    _swinging(
        "batches of one class at a time, CNN",
        classifier(net=cnn, names=FOREIGN),
        Unshuffled,
        span=EARLY,
        steps=LONG,
        causes=names("bad_data", "bad_batch"),
        also=BLOWN_UP | names("overfitting"),
    ),
    _swinging(
        "every other dozen of batches scrambled, transformer",
        own("transformer"),
        CorruptShard,
        causes=names("bad_data", "bad_batch"),
    ),
    _rate("0 from a step on, MLP", classifier(), partial(Rate, factor=0.0), also=names("loss_plateau")),
    _rate(
        "x20 from a step on, transformer",
        own("transformer"),
        partial(Rate, factor=20.0),
        also=BLOWN_UP,
    ),
    _rate(
        "1e-9 from the start, CNN",
        classifier(net=cnn, names=FOREIGN),
        partial(Rate, factor=5e-7),
        span=FROM_START,
        also=names("underfitting", "loss_plateau"),
    ),
    _rate(
        "scheduler stepped twice, MLP",
        classifier(schedule=schedules.linear, lr=1e-3),
        partial(SteppedTwice, steps=STEPS),
        span=(0.5, 0.5),
        also=names("loss_plateau"),
    ),
    _rate(
        "optimiser's step never called, transformer",
        own("transformer"),
        NoUpdates,
        shows=checks.nothing_moves,
        also=names("loss_plateau"),
    ),
    _overfitting(
        "64 images, MLP",
        classifier(net=partial(mlp, 256), items=64, batch=16, label_noise=0.15),
        Fault,
        steps=LONG,
    ),
    _overfitting(
        "100 images, CNN",
        classifier(net=cnn, items=100, batch=16, label_noise=0.2, names=FOREIGN),
        Fault,
        steps=LONG,
    ),
    _overfitting(
        "two pieces, transformer",
        own("transformer", "data.source.pieces=4", "data.source.bars=8", "optim.lr=5e-3", "model.dropout=0"),
        Fault,
    ),
    _underfitting(
        "learning rate 1e-7, MLP by SGD",
        classifier(optimizer=SGD, lr=1e-7),
        Fault,
        causes=names("underfitting", "learning_rate_issue"),
        also=names("loss_plateau", "gradient_vanishing", "learning_rate_issue"),
    ),
    _underfitting(
        "targets drawn at random, CNN",
        classifier(net=cnn, names=FOREIGN),
        partial(BadBatches, count=None),
        causes=names("underfitting"),
    ),
    _underfitting(
        "one hidden unit, MLP",
        classifier(net=partial(mlp, 1), optimizer=torch.optim.Adagrad, lr=1e-3),
        Fault,
        causes=names("underfitting", "gradient_vanishing"),
    ),
    _underfitting(
        "all but a vector frozen, transformer",
        own("transformer"),
        Frozen,
        causes=names("underfitting", "gradient_vanishing"),
        also=names("loss_plateau", "gradient_vanishing", "learning_rate_issue"),
    ),
)
