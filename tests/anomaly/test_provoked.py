"""Each type provoked in a real small training, and healthy neighbours of those trainings, which stay silent.

The faults are those of `benchmarks.faults`; that they came about is proved there and here by checks without detectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.util import find_spec

import pytest

from aurl.anomaly.chosen import choose_watch
from aurl.record import Record
from benchmarks.injection import catalog, conduct
from benchmarks.injection.controls import CONTROLS
from benchmarks.injection.scenario import Scenario
from benchmarks.injection.trace import Trace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("sklearn") is None, reason="the digits come with scikit-learn"),
]

# The way in which a type is provoked here, and the steps that it needs; the cheap ones of the benchmark.
FAULTS = {
    "gradient_explosion": ("one layer x10, CNN", 600),
    "gradient_vanishing": ("dead ReLU (biases -25), MLP", 360),
    "loss_spike": ("one batch of random targets, MLP", 360),
    "loss_plateau": ("clipped to 1e-4, MLP by SGD", 1000),
    "loss_oscillation": ("momentum 0.999, MLP by SGD", 800),
    "memory_overflow": ("95 % of a made-up limit, MLP", 300),
    "throughput_degradation": ("steps x2.2, MLP", 400),
    "learning_rate_issue": ("0 from a step on, MLP", 300),
    "nan_values": ("NaN in one input, CNN", 200),
    "training_divergence": ("learning rate x25, MLP by SGD", 360),
    "overfitting": ("64 images, MLP", 500),
    "underfitting": ("learning rate 1e-7, MLP by SGD", 300),
    "posterior_collapse": ("KL weight x60, digits", 400),
    "kl_blowup": ("posterior layer x8, digits", 360),
    "mode_collapse": ("D stands still, G x6, ring", 700),
    "discriminator_domination": ("D x5, G at a tenth of its weights stands still, ring", 500),
    "quality_degradation": ("pitches scrambled, transformer", 600),
    "memorization": ("two pieces, transformer", 300),
    "data_stall": ("two batches take 20 steps' time, MLP", 300),
    "gpu_idle": ("SIMULATED: nothing else to see, MLP", 400),
}
# A healthy run of the same kind.
NEIGHBOURS = {
    "gradient_explosion": "CNN, Adam",
    "loss_plateau": "MLP, SGD",
    "loss_oscillation": "MLP, SGD",
    "training_divergence": "MLP, SGD",
    "underfitting": "MLP, SGD",
    "nan_values": "CNN, Adam",
    "posterior_collapse": "digits VAE, KL annealing",
    "kl_blowup": "digits VAE, KL annealing",
    "mode_collapse": "ring GAN",
    "discriminator_domination": "ring GAN",
    "quality_degradation": "transformer, samples and quality",
    "memorization": "transformer, samples and quality",
    "gpu_idle": "MLP, simulated GPU at work",
}


@pytest.fixture(scope="module")
def alerts() -> Callable[[Trace], list[Record]]:
    """What the default detectors say to a run."""

    def watched(trace: Trace) -> list[Record]:
        watch, _ = choose_watch("default", {"optim.lr": 1e-3, "trainer.clip_norm": 1.0})
        found = [alert for record in trace.records for alert in watch.observe(record)]
        return [alert for alert in found if alert.fields["status"] != "end" and alert.fields["severity"] != "info"]

    return watched


@pytest.fixture(scope="module")
def healthy() -> Callable[[str], Trace]:
    """A healthy run, trained once."""
    conduct.import_ahead()
    by_name = {control.variant: control for control in CONTROLS}
    return cache(lambda variant: conduct.train(by_name[variant], seed=1))


def scenario(type_: str, variant: str, steps: int) -> Scenario:
    found = next(one for one, _ in catalog.plan([type_], 12) if one.variant == variant)
    return replace(found, steps=steps)


def test_each_type_is_provoked() -> None:
    assert set(FAULTS) == set(catalog.TYPES)
    assert set(NEIGHBOURS) <= set(FAULTS)


@pytest.mark.parametrize("type_", FAULTS)
def test_a_fault_is_told_by_its_name_and_not_before_it_is_there(
    type_: str, alerts: Callable[[Trace], list[Record]]
) -> None:
    conduct.import_ahead()
    wanted = scenario(type_, *FAULTS[type_])
    trace = conduct.train(wanted, seed=1)
    assert wanted.shows(trace), "the fault did not come about: the test would prove nothing"
    onset = wanted.turning(trace) if wanted.turning else trace.truth.onset
    told = alerts(trace)
    assert type_ in {alert.fields["type"] for alert in told if alert.step >= onset}
    early = {str(alert.fields["type"]) for alert in told if alert.step < onset}
    assert early <= wanted.throughout


@pytest.mark.parametrize("type_", FAULTS)
def test_a_healthy_neighbour_stays_silent(
    type_: str, alerts: Callable[[Trace], list[Record]], healthy: Callable[[str], Trace]
) -> None:
    assert [alert.fields["message"] for alert in alerts(healthy(NEIGHBOURS.get(type_, "MLP, Adam")))] == []
