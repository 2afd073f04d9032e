"""Everything that is provoked, by type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.injection import scenarios_generative, scenarios_progress, scenarios_system, scenarios_training
from benchmarks.injection.controls import CONTROLS
from benchmarks.injection.scenario import HEALTHY, Scenario

TYPES = (
    "gradient_explosion", "gradient_vanishing", "loss_spike", "loss_plateau", "loss_oscillation", "memory_overflow",
    "throughput_degradation", "learning_rate_issue", "nan_values", "training_divergence", "overfitting", "underfitting",
    "posterior_collapse", "kl_blowup", "mode_collapse", "discriminator_domination", "quality_degradation",
    "memorization", "data_stall", "gpu_idle",
)  # fmt: skip
_ALL = (
    *scenarios_training.SCENARIOS,
    *scenarios_progress.SCENARIOS,
    *scenarios_generative.SCENARIOS,
    *scenarios_system.SCENARIOS,
)


def plan(
    types: Sequence[str], seeds: int, first: int = 1, every: int = 1, times: int = 1
) -> Iterator[tuple[Scenario, int]]:
    """Pairs of scenario and seed: for each type so many seeds, which its variants take in turn; controls once each.

    Args:
        first: the first seed of each type.
        every: of the controls, only one of so many.
        times: how many times as long as usual they are.
    """
    for type_ in types:
        if type_ == HEALTHY:
            controls = [control.longer(times) for control in CONTROLS]
            yield from ((control, first + number) for number, control in enumerate(controls) if number % every == 0)
            continue
        variants = [scenario.longer(times) for scenario in _ALL if scenario.type == type_]
        yield from ((variants[number % len(variants)], first + number) for number in range(seeds))


def find(id: str, times: int = 1) -> Scenario:
    """The scenario of this id, so many times as long as usual."""
    return next(found for scenario in (*_ALL, *CONTROLS) if (found := scenario.longer(times)).id == id)
