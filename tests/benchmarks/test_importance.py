"""The benchmark of importance: its truth, its counting, and one sweep of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest

optuna = pytest.importorskip("optuna")

from benchmarks.importance import (  # noqa: E402 (after the check for optuna, which it imports)
    CELLS,
    DUMMIES,
    EVALUATORS,
    FUNCTIONS,
    NULLS,
    SIDES,
    evaluate,
    honesty,
    null_shares,
    recovery,
    sweep,
    table,
    truth,
)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_six_settings_matter_and_two_do_not(function: str) -> None:
    shares = truth(function)
    assert all(shares[side] < 1e-6 for side in DUMMIES)
    assert all(shares[side] > 0.03 for side in range(SIDES) if side not in DUMMIES)


def test_a_sweep_is_the_same_each_time() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    first, again = (sweep(CELLS[0], 3) for _ in range(2))
    assert [trial.value for trial in first.trials] == [trial.value for trial in again.trials]
    values = [trial.value for trial in sweep(NULLS[0], 0).trials]
    assert abs(np.mean([value for value in values if value is not None])) < 0.2


def test_perfect_shares_score_one_and_dummies_are_counted() -> None:
    shares = truth("additive").tolist()
    one = {
        "cell": list(CELLS[0]),
        "seed": 0,
        "shares": dict.fromkeys(EVALUATORS, shares) | {"correlation": shares[::-1]},
        "seconds": {"aurl": 1.0},
        "r2": 0.9,
        "folded": 0.8,
        "forest": False,
        "low": shares,
        "high": shares,
        "pairs": [[0, 1]],
    }
    told = recovery([one])
    assert "1.00 / 0.00" in told
    assert "/ 1.00" in next(line for line in told.splitlines() if "correlation" in line)
    assert "1 of 1" in honesty([one])
    assert "100%" in honesty([one])
    refused = {**one, "cell": list(NULLS[0]), "folded": 0.1}
    assert "an answer in 0 of 1" in null_shares([refused])


@pytest.mark.slow
def test_one_sweep_and_what_is_kept(tmp_path: Path) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = evaluate(CELLS[0], 0)
    assert {*found["shares"]} == {*EVALUATORS}
    assert found["r2"] > 0.5
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(orjson.dumps(found) + b"\n")
    assert "additive, random 40" in table(kept=kept, minutes=0.0)
    assert len(kept.read_bytes().splitlines()) == 1
