"""Anomalies of generative models: runs that have them, and healthy neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aurl.record import Kind, Record
from tests.anomaly.runs import Columns, first, healthy, loud, records


def vae(steps: int = 800, seed: int = 0) -> Columns:
    """A VAE whose KL rises while the code comes into use, under a weight that warms up."""
    rng = np.random.default_rng(seed)
    columns, at = healthy(steps, seed), np.arange(steps)
    columns["loss/recon"] = columns["loss/total"].copy()
    columns["loss/kl"] = (0.1 + 12.0 * (1.0 - np.exp(-at / 60.0))) * np.exp(0.08 * rng.standard_normal(steps))
    columns["kl/beta"] = np.minimum(1.0, at / 200.0)
    columns["kl/active_units"] = np.clip(at / 100.0, 0.0, 0.8)
    columns["loss/total"] = columns["loss/recon"] + 0.02 * columns["kl/beta"] * columns["loss/kl"]
    return columns


def gan(steps: int = 800, seed: int = 0) -> Columns:
    """A GAN in balance."""
    rng = np.random.default_rng(seed)
    return {
        "loss/disc": 1.2 * np.exp(0.15 * rng.standard_normal(steps)),
        "loss/adv": 0.9 * np.exp(0.2 * rng.standard_normal(steps)),
        "gan/d_accuracy": np.clip(0.72 + 0.06 * rng.standard_normal(steps), 0.0, 1.0),
        "sample/diversity": np.clip(0.8 + 0.05 * rng.standard_normal(steps), 0.0, 1.0),
    }


@pytest.mark.parametrize("seed", range(4))
def test_healthy_ones_are_silent(seed: int) -> None:
    assert loud(records(vae(seed=seed))) == []
    assert loud(records(gan(seed=seed))) == []


def test_a_code_that_falls_out_of_use_is_found() -> None:
    columns = vae()
    columns["loss/kl"][400:] = 0.01
    columns["kl/active_units"][400:] = 0.0
    assert 420 <= first(records(columns), "posterior_collapse").step <= 440


def test_a_code_that_was_never_used_is_found() -> None:
    columns = vae()
    columns["loss/kl"][:] = 0.01
    columns["kl/active_units"][:] = 0.0
    assert first(records(columns), "posterior_collapse").step <= 120


def test_a_kl_to_a_reference_model_that_begins_at_zero_is_fine() -> None:
    columns = {"loss/total": healthy()["loss/total"], "loss/kl": np.full(800, 1e-4)}
    assert loud(records(columns)) == []


def test_a_kl_that_runs_away_is_found() -> None:
    columns = vae()
    columns["loss/kl"][500:] *= np.exp(np.arange(300) / 8.0)
    found = first(records(columns), "kl_blowup")
    assert 505 <= found.step <= 530


def test_a_kl_that_is_set_free_is_fine() -> None:
    columns = vae()
    columns["kl/beta"][500:] = 0.0
    columns["loss/kl"][500:] *= 6.0
    assert "kl_blowup" not in {type_ for type_, _, _ in loud(records(columns))}


def test_a_discriminator_that_is_always_right_is_found() -> None:
    columns = gan()
    columns["gan/d_accuracy"][300:] = 0.995
    assert first(records(columns), "discriminator_domination").step == 340


def test_a_discriminator_that_has_won_is_found_by_the_losses_alone() -> None:
    columns = {name: values for name, values in gan().items() if name.startswith("loss/")}
    columns["loss/disc"][300:] *= 0.05
    columns["loss/adv"][300:] *= 4.0
    assert 340 <= first(records(columns), "discriminator_domination").step <= 420


def test_a_discriminator_that_is_right_before_the_generator_is_trained_is_fine() -> None:
    columns = healthy() | {"gan/d_accuracy": np.full(800, 1.0), "loss/disc": np.full(800, 0.01)}
    assert loud(records(columns)) == []


def test_lost_diversity_is_found() -> None:
    columns = gan()
    columns["sample/diversity"][500:] *= 0.2
    found = first(records(columns), "mode_collapse")
    assert 510 <= found.step <= 525
    assert found.fields["severity"] == "critical"


def samples(step: int, notes: list[int]) -> list[Record]:
    return [Record(Kind.SAMPLE, step, {"sample/notes": float(n), "sample/bars": 16.0}) for n in notes]


def test_samples_that_are_all_alike_are_found() -> None:
    run = [*samples(100, [80, 95, 71, 88]), *samples(200, [60, 60, 60, 60]), *samples(300, [60, 60, 60, 60])]
    assert first(run, "mode_collapse").step == 300
    assert (
        loud([*samples(100, [80, 95, 71, 88]), *samples(200, [60, 60, 60, 60]), *samples(300, [60, 61, 60, 60])]) == []
    )


def quality(values: list[float], name: str = "quality/overall") -> list[Record]:
    rng = np.random.default_rng(0)
    return [
        Record(Kind.QUALITY, 100 * (i + 1), {name: float(np.clip(value + 0.02 * rng.standard_normal(), 0, 1))})
        for i, value in enumerate(values)
        for _ in range(4)
    ]


def test_quality_that_falls_is_found() -> None:
    rising = [0.2, 0.35, 0.5, 0.6, 0.65, 0.7, 0.72]
    found = first(quality([*rising, 0.7, 0.6, 0.5, 0.45, 0.4, 0.35, 0.3, 0.3]), "quality_degradation")
    assert 1100 <= found.step <= 1400
    assert loud(quality([*rising, 0.71, 0.7, 0.73, 0.7, 0.69, 0.72, 0.7])) == []


def test_copying_is_found() -> None:
    name = "quality/copied_fraction"
    found = first(quality([0.02, 0.05, 0.1, 0.3, 0.6, 0.7, 0.75, 0.8], name), "memorization")
    assert found.fields["severity"] == "warning"
    assert loud(quality([0.02, 0.05, 0.06, 0.08, 0.1, 0.1, 0.12], name)) == []


def test_a_total_that_moves_with_the_weight_of_the_kl_is_fine() -> None:
    columns = vae()
    columns["loss/total"] = columns["loss/recon"] + columns["kl/beta"] * columns["loss/kl"]
    assert math.isfinite(columns["loss/total"].max())
    assert loud(records(columns)) == []
