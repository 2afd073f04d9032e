"""Comparisons made in memory: runs with known values, tested and explained by the real functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from aurl.compare.comparing import Conclusion, conclude
from aurl.compare.model import Comparison, Mode
from aurl.compare.run_data import Readout, RunCurve, RunData
from aurl.record import Json

METRIC = "val/loss/total"
BUDGET = 1000


def made_run(
    name: str, value: float | None, config: Mapping[str, Json], *, seed: int = 0, end: float = 0.0, **others: Any
) -> RunData:
    """A run; without a value it failed.

    Args:
        end: by how much the curve still falls over each tenth of the budget at its end.
        others: further fields of the run; `finals` are joined with the metric's value.
    """
    finals = dict(others.pop("finals", {}))
    if value is None:
        return RunData(
            Path("/runs") / name, name, "made", "failed", "failed", "failed at step 100", config, seed, **others
        )
    steps = np.arange(10, BUDGET + 1, 10)
    tail = end * (1 + 0.1 * seed) * np.clip((BUDGET - steps) / 100, 0, 3)
    curves = {METRIC: RunCurve(steps, value + tail + 2.0 * np.exp(-steps / 60), steps.astype(float))}
    fields = {"finals": {METRIC: value, **finals}, "curves": curves, "step": BUDGET, "read_step": BUDGET, **others}
    return RunData(Path("/runs") / name, name, "made", "done", "counted", "", config, seed, **fields)


def made(
    runs: Sequence[RunData],
    *,
    mode: Mode = "min",
    baseline: str | None = None,
    rope: float = 0.0,
    objectives: Mapping[str, Mode] | None = None,
) -> Comparison:
    """The comparison of these runs, from their groups to the sentences."""
    asked = Conclusion(METRIC, mode, Readout("budget", BUDGET, BUDGET), 0.1, {METRIC: mode, **(objectives or {})})
    found = conclude(runs, replace(asked, baseline=baseline, rope=rope))
    return replace(found, warnings=())


def grid(
    *, seeds: int = 5, noise: float = 0.04, effect: float = 0.2, fail: Sequence[str] = (), **options: Any
) -> list[RunData]:
    """Two models at two learning rates; `a` is better by `effect`; runs named in `fail` failed."""
    rng = np.random.default_rng(1)
    runs = []
    for model in "ab":
        for rate in (1e-3, 1e-4):
            for seed in range(seeds):
                name = f"{model}_{rate:g}_{seed}"
                value = 1.0 + effect * (model == "b") + 0.03 * seed + noise * float(rng.standard_normal())
                config: dict[str, Json] = {"model": model, "optim.lr": rate}
                runs.append(made_run(name, None if name in fail else value, config, seed=seed, **options))
    return runs


def search(count: int = 40, *, noise: float = 0.03, diverging: float = 1.0) -> list[RunData]:
    """A random search: the loss is a bowl in the logarithm of the rate, b is worse by 0.3, the width does nothing.

    Args:
        diverging: the rate from which on runs fail.
    """
    rng = np.random.default_rng(2)
    runs = []
    for at in range(count):
        rate = float(10 ** rng.uniform(-5, -1))
        config: dict[str, Json] = {
            "optim.lr": rate,
            "model": str(rng.choice(["a", "b"])),
            "model.width": int(rng.choice([64, 128, 256])),
        }
        value = 1.0 + 0.3 * (np.log10(rate) + 3) ** 2 + 0.3 * (config["model"] == "b") + noise * rng.standard_normal()
        runs.append(made_run(f"{at}", None if rate >= diverging else float(value), config, seed=1))
    return runs


@lru_cache
def searched(count: int = 40, diverging: float = 1.0) -> Comparison:
    """The comparison of such a search, made once for all tests."""
    return made(search(count, diverging=diverging))
