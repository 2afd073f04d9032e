"""scikit-learn: `partial_fit` with linear models and multi-layer perceptrons, losses computed by the caller."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.other_logs_sources.base import Array, Row, Rows, Run, Split, batches, table
from benchmarks.other_logs_sources.labels import diverges, never_learns, not_finite, overfits, spikes

Fault = Callable[[Any, int, Array, Array], tuple[Array, Array]]
Loss = Callable[[Any, Array, Array], float]


def cross_entropy(model: Any, x: Array, y: Array) -> float:
    return float(-np.log(model.predict_proba(x)[np.arange(len(y)), y].clip(1e-15)).mean())


def unguarded_cross_entropy(model: Any, x: Array, y: Array) -> float:
    """As many write it by hand: a probability of exactly 0 makes it infinite, and 0 times that NaN."""
    truth, share = np.eye(len(model.classes_))[y], model.predict_proba(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(-(truth * np.log(share)).sum(1).mean())


def squared_error(model: Any, x: Array, y: Array) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.mean((model.predict(x) - y) ** 2))


def by_step(
    model: Any, data: Split, loss: Loss, size: int, steps: int, *, every: int = 1, fault: Fault | None = None,
    val_every: int = 50,
) -> Rows:  # fmt: skip
    """One mini-batch a step; the loss is the batch's, before it is learned from."""
    draw, rows = batches(len(data.x), size, seed=1), Rows()
    more = {"classes": np.unique(data.y)} if isinstance(model, SGDClassifier | MLPClassifier) else {}
    for step, chosen in zip(range(steps + 1), draw, strict=False):
        x, y = data.x[chosen], data.y[chosen]
        if fault is not None:
            x, y = fault(model, step, x, y)
        if step and step % every == 0:
            rows.append({"step": step, "loss": loss(model, x, y)})
            if step % val_every == 0:
                rows[-1]["val_loss"] = loss(model, data.val_x, data.val_y)
        try:
            model.partial_fit(x, y, **more)
        except ValueError:  # how scikit-learn tells of weights that overflow; the log ends there
            break
    return rows


def by_epoch(model: Any, data: Split, loss: Loss, epochs: int, fault: Fault | None = None) -> Rows:
    """`partial_fit` on all data an epoch, which a perceptron splits up itself; its `loss_` is the epoch's mean."""
    more, rows = {"classes": np.unique(data.y)} if isinstance(model, MLPClassifier) else {}, Rows()
    for epoch in range(epochs):
        x, y = fault(model, epoch, data.x, data.y) if fault is not None else (data.x, data.y)
        try:
            model.partial_fit(x, y, **more)
        except ValueError:
            break
        row: Row = {"step": epoch, "loss": float(model.loss_), "val_loss": loss(model, data.val_x, data.val_y)}
        rows.append(row | ({"val_accuracy": float(model.score(data.val_x, data.val_y))} if more else {}))
    return rows


def linear(eta: float, **options: Any) -> Any:
    chosen: dict[str, Any] = {"loss": "log_loss", "learning_rate": "constant", "eta0": eta, "random_state": 0}
    return SGDClassifier(**chosen | options)


def perceptron(kind: Any = MLPClassifier, **options: Any) -> Any:
    warnings.filterwarnings("ignore", module="sklearn")
    return kind(**{"hidden_layer_sizes": (64,), "random_state": 0, "batch_size": 32} | options)


def scaled_twice(at: int) -> Fault:
    """Three batches come as raw grey values times 16."""
    return lambda model, step, x, y: (x * 16 * 16 if at <= step < at + 3 else x, y)


def sorted_labels(at: int, count: int) -> Fault:
    """Labels no longer belong to their rows, as after sorting one column of a file."""
    return lambda model, step, x, y: (x, y[::-1].copy() if at <= step < at + count else y)


def faster(at: int, factor: float) -> Fault:
    """The learning rate is multiplied once."""

    def change(model: Any, step: int, x: Array, y: Array) -> tuple[Array, Array]:
        if step == at:
            if hasattr(model, "_optimizer"):
                model._optimizer.learning_rate *= factor
                model._optimizer.learning_rate_init = model._optimizer.learning_rate
            else:
                model.set_params(eta0=model.eta0 * factor)
        return x, y

    return change


RUNS = [
    Run(
        "h_sk_digits_linear", lambda: by_step(linear(0.02), table("digits"), cross_entropy, 128, 1000), "SGDClassifier"
    ),
    Run(
        "h_sk_cancer_linear",
        lambda: by_step(linear(0.0002, alpha=0.01), table("breast_cancer"), cross_entropy, 64, 2000, every=4),
        "SGDClassifier, batches of 64, every fourth logged",
    ),
    Run(
        "h_sk_digits_mlp",
        lambda: by_epoch(perceptron(alpha=0.5, learning_rate_init=3e-4), table("digits"), cross_entropy, 60),
        "MLPClassifier, Adam, an epoch a row",
    ),
    Run(
        "h_sk_digits_mlpstep",
        lambda: by_step(perceptron(solver="sgd", learning_rate_init=0.02), table("digits"), cross_entropy, 128, 1500),
        "MLPClassifier, SGD with momentum, a batch a row",
    ),
    Run(
        "h_sk_diabetes_linear",
        lambda: by_step(
            SGDRegressor(learning_rate="invscaling", eta0=0.001, random_state=0),
            table("diabetes"),
            squared_error,
            64,
            800,
        ),
        "SGDRegressor, inverse scaling",
    ),
    Run(
        "h_sk_wine_mlp",
        lambda: by_epoch(
            perceptron(solver="sgd", learning_rate_init=0.003, alpha=0.3), table("wine"), cross_entropy, 80
        ),
        "MLPClassifier on 134 rows",
    ),
    Run(
        "a_sk_digits_overfit",
        lambda: by_epoch(
            perceptron(alpha=0, hidden_layer_sizes=(256,), learning_rate_init=3e-3),
            table("digits").few(80),
            cross_entropy,
            150,
            fault=lambda model, epoch, x, y: (x, np.where(np.arange(len(y)) % 4 == 0, (y + 1) % 10, y)),
        ),
        "80 training images, every fourth label wrong",
        (overfits(),),
    ),
    Run(
        "a_sk_diabetes_overfit",
        lambda: by_epoch(
            perceptron(MLPRegressor, hidden_layer_sizes=(100, 100), alpha=0, learning_rate_init=3e-4),
            table("diabetes"),
            squared_error,
            100,
        ),
        "20,000 weights on 332 rows",
        (overfits(),),
    ),
    Run(
        "a_sk_diabetes_unscaled",
        lambda: by_step(
            SGDRegressor(learning_rate="constant", eta0=3e-5, random_state=0),
            table("diabetes", scaled=False),
            squared_error,
            16,
            1000,
        ),
        "columns not scaled, learning rate too large for them",
        (diverges(),),
    ),
    Run(
        "a_sk_digits_frozen",
        lambda: by_epoch(perceptron(learning_rate_init=1e-8), table("digits"), cross_entropy, 60),
        "learning rate 1e-8",
        (never_learns(),),
    ),
    Run(
        "a_sk_cancer_log0",
        lambda: by_step(linear(0.3), table("breast_cancer"), unguarded_cross_entropy, 16, 600),
        "weights so large that probabilities reach 0, and a cross-entropy without a guard",
        (not_finite("nan_values|training_divergence"),),
    ),
    Run(
        "a_sk_digits_rawbatch",
        lambda: by_step(linear(0.02), table("digits"), cross_entropy, 32, 1500, fault=scaled_twice(900)),
        "three batches of unscaled grey values",
        (spikes(900, lasting=True),),
    ),
    Run(
        "a_sk_digits_badlabels",
        lambda: by_step(
            perceptron(solver="sgd", learning_rate_init=0.02),
            table("digits"),
            cross_entropy,
            32,
            1500,
            fault=sorted_labels(1000, 20),
        ),
        "twenty batches with labels of other rows",
        (spikes(1000),),
    ),
    Run(
        "a_sk_digits_glitch",
        lambda: by_step(
            perceptron(learning_rate_init=1e-3), table("digits"), cross_entropy, 32, 1500, fault=faster(800, 100)
        ),
        "learning rate times 100 from step 800 on",
        (spikes(800, "training_divergence|loss_spike|learning_rate_issue", lasting=True),),
    ),
]
