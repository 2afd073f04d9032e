"""LightGBM: a row each round of boosting, as its record of evaluations has them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from benchmarks.other_logs_sources.base import Rows, Run, table
from benchmarks.other_logs_sources.labels import diverges, never_learns, overfits


def train(name: str, rounds: int, few: int | None = None, **options: Any) -> Rows:
    """Boost without early stopping."""
    lightgbm: Any = import_module("lightgbm")
    data = table(name)
    data = data.few(few) if few else data
    goal = {"diabetes": "regression", "digits": "multiclass"}.get(name, "binary")
    settings = {"objective": goal, "num_threads": 1, "deterministic": True, "seed": 0, "verbosity": -1}
    settings |= {"num_class": 10} if name == "digits" else {}
    train_set = lightgbm.Dataset(data.x, data.y)
    told: dict[str, dict[str, list[float]]] = {}
    lightgbm.train(
        settings | options, train_set, rounds, valid_sets=[train_set, lightgbm.Dataset(data.val_x, data.val_y)],
        valid_names=["train", "valid"], callbacks=[lightgbm.record_evaluation(told)],
    )  # fmt: skip
    (train_loss,), (valid_loss,) = told["train"].values(), told["valid"].values()
    pairs = zip(train_loss, valid_loss, strict=True)
    return [{"step": step + 1, "train_loss": a, "valid_loss": b} for step, (a, b) in enumerate(pairs)]


RUNS = [
    Run("h_gb_cancer_trees", lambda: train("breast_cancer", 120, learning_rate=0.03, num_leaves=7), "120 rounds"),
    Run("h_gb_digits_trees", lambda: train("digits", 80, learning_rate=0.05, num_leaves=7), "ten classes, 80 rounds"),
    Run(
        "h_gb_diabetes_trees", lambda: train("diabetes", 60, learning_rate=0.03, num_leaves=5), "regression, 60 rounds"
    ),
    Run(
        "a_gb_diabetes_overfit",
        lambda: train("diabetes", 400, learning_rate=0.2, num_leaves=63, min_data_in_leaf=5),
        "400 rounds of deep trees",
        (overfits(rise=0.1),),
    ),
    Run(
        "a_gb_cancer_overfit",
        lambda: train("breast_cancer", 300, 200, learning_rate=0.1, num_leaves=31, min_data_in_leaf=2),
        "300 rounds on 200 rows",
        (overfits(),),
    ),
    Run("a_gb_digits_tiny", lambda: train("digits", 150, learning_rate=1e-5), "learning rate 1e-5", (never_learns(),)),
    Run("a_gb_digits_rate", lambda: train("digits", 100, learning_rate=3.0), "learning rate 3", (diverges(),)),
]
