"""Importance of hyperparameters where the truth is known: aurl beside Optuna, a random forest and linear correlation.

    OMP_NUM_THREADS=1 python -m benchmarks.importance --kept outputs/importance.jsonl
    python -m benchmarks.importance --quick

Functions of eight parameters on the unit cube, six of which matter and two of which do not, with noise of a fifth of
their standard deviation; their true total Sobol indices come from 2^14 points. A sweep draws 40 or 100 settings at
random, or 100 by Optuna's TPE. Every evaluator sees the same sweeps. A null sweep is noise alone. Sweeps are added to
the file `--kept` as they end, and those that it holds are not made again; `--minutes` ends the work early.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import optuna
import orjson
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.ensemble import RandomForestRegressor

from aurl.compare.impact.interactions import interactions
from aurl.compare.impact.sensitivity import LEAST_FOLDED_R2, LEAST_R2, sensitivity
from aurl.compare.impact.sobol import indices
from aurl.compare.impact.surrogates import folded_r2
from aurl.compare.search_space import DeclaredRange, Number, Space
from benchmarks.measure import table as as_table

Floats: TypeAlias = NDArray[np.float64]
SIDES, DUMMIES, NOISE = 8, (6, 7), 0.2
SWEEPS, NULL_SWEEPS = 20, 60
NAMES = [f"p{side}" for side in range(SIDES)]
SAMPLERS = (("random", 40), ("random", 100), ("TPE", 100))
EVALUATORS = ("aurl", "optuna default", "optuna fANOVA", "forest impurity", "correlation")


def additive(u: Floats) -> Floats:
    """Six effects of falling size, some of them U-shaped, that do not depend on each other. u: [M, 8]."""
    a, b, c, d, e, f = u.T[:6]
    parts = 4 * (a - 0.4) ** 2, 0.8 * np.sin(3 * b), 1.6 * (c - 0.6) ** 2, 0.5 * d, 0.25 * np.cos(4 * e), 0.4 * f**2
    return np.asarray(sum(parts))


def interaction(u: Floats) -> Floats:
    """The best value of the first parameter depends on the second, and that of the third on the fourth. u: [M, 8]."""
    a, b, c, d, e, f = u.T[:6]
    tilted = 4 * (a - 0.25 - 0.5 * b) ** 2 + 2.4 * (c - 0.5) * (d - 0.5)
    return np.asarray(tilted + 0.8 * (e - 0.3) ** 2 + 0.35 * f)


def cliff(u: Floats) -> Floats:
    """A bowl that ends at a cliff where the first parameter is too large for the second. u: [M, 8]."""
    a, b, c, d, e, f = u.T[:6]
    bowl = 1.5 * (a - 0.5) ** 2 + 1.4 * (c - 0.4) ** 2 + 0.6 * d + 0.4 * np.sin(3 * e) + 0.35 * f
    return np.asarray(bowl + 0.6 * (a + 0.4 * b > 0.9))


FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {"additive": additive, "interaction": interaction, "cliff": cliff}
SMOOTH = ("additive", "interaction")
PAIRS = {"additive": set(), "interaction": {(0, 1), (2, 3)}, "cliff": {(0, 1)}}


class Cell(NamedTuple):
    """A kind of sweep: a function's name or "null", and how settings are drawn."""

    function: str
    sampler: str
    runs: int


CELLS = [Cell(function, *sampler) for function in FUNCTIONS for sampler in SAMPLERS]
NULLS = [Cell("null", *sampler) for sampler in SAMPLERS]


@lru_cache
def truth(function: str) -> Floats:
    """The true total Sobol indices [8]."""
    space = Space(tuple(Number(name, 0.0, 1.0) for name in NAMES))
    total: Floats = indices(lambda u: FUNCTIONS[function](u)[None], space, points=2**14).total[0]
    return total


def sweep(cell: Cell, seed: int) -> optuna.Study:
    """A finished sweep of a cell."""
    rng = np.random.default_rng((seed, cell.runs, CELLS.index(cell) if cell in CELLS else 99))
    sampler = optuna.samplers.TPESampler(seed=seed) if cell.sampler == "TPE" else optuna.samplers.RandomSampler(seed)
    function = FUNCTIONS.get(cell.function)
    noise = NOISE * (float(function(np.random.default_rng(0).random((4096, SIDES))).std()) if function else 1.0)

    def objective(trial: optuna.Trial) -> float:
        u = np.array([[trial.suggest_float(name, 0.0, 1.0) for name in NAMES]])
        signal = float(function(u)[0]) if function else 0.0
        return signal + noise * float(rng.standard_normal())

    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=cell.runs)
    return study


def evaluate(cell: Cell, seed: int) -> dict[str, Any]:
    """What every evaluator says about one sweep, and how long it took."""
    study = sweep(cell, seed)
    x = np.array([[trial.params[name] for name in NAMES] for trial in study.trials])
    y = np.array([trial.value for trial in study.trials], float)
    found: dict[str, Any] = {"cell": list(cell), "seed": seed, "shares": {}, "seconds": {}}
    for name, evaluator in zip(EVALUATORS[1:], (_optuna_default, _fanova, _impurity, _correlation), strict=True):
        started = time.perf_counter()
        found["shares"][name] = evaluator(study, x, y)
        found["seconds"][name] = time.perf_counter() - started
    return found | _ours(found, x, y)


def _ours(found: dict[str, Any], x: Floats, y: Floats) -> dict[str, Any]:
    columns = {name: x[:, side].tolist() for side, name in enumerate(NAMES)}
    declared = dict.fromkeys(NAMES, DeclaredRange(0.0, 1.0))
    started = time.perf_counter()
    answer = sensitivity(columns, y, declared, least_r2=-np.inf, least_folded=-np.inf)
    assert not isinstance(answer, str)
    pairs = interactions(answer, columns, y)
    found["seconds"]["aurl"] = time.perf_counter() - started
    found["shares"]["aurl"] = answer.total.tolist()
    return {
        "r2": answer.r2,
        "cross_r2": answer.cross_r2,
        "folded": folded_r2(x, (y - y.mean()) / y.std()),
        "forest": "Forest" in answer.method,
        "cross": answer.cross.tolist(),
        "low": answer.low.tolist(),
        "high": answer.high.tolist(),
        "pairs": [[NAMES.index(name) for name in pair.names] for pair in pairs],
    }


def _optuna_default(study: optuna.Study, x: Floats, y: Floats) -> list[float]:
    found = optuna.importance.get_param_importances(study)
    return [float(found.get(name, 0.0)) for name in NAMES]


def _fanova(study: optuna.Study, x: Floats, y: Floats) -> list[float]:
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return [float(found.get(name, 0.0)) for name in NAMES]


def _impurity(study: optuna.Study, x: Floats, y: Floats) -> list[float]:
    """As Weights & Biases does."""
    return [float(share) for share in RandomForestRegressor(100, random_state=0).fit(x, y).feature_importances_]


def _correlation(study: optuna.Study, x: Floats, y: Floats) -> list[float]:
    return [abs(float(np.corrcoef(column, y)[0, 1])) for column in x.T]


def recovery(kept: Sequence[dict[str, Any]]) -> str:
    """Spearman with the true total indices, and how often a dummy stands above a parameter that matters."""
    rows = []
    for name in EVALUATORS:
        row = [f"**{name}**" if name == "aurl" else name]
        for cell in CELLS:
            shares = [one["shares"][name] for one in kept if one["cell"] == list(cell)]
            rho = [float(spearmanr(share, truth(cell.function)).statistic) for share in shares]
            row.append(f"{np.mean(rho):.2f} / {np.mean([_misled(share) for share in shares]):.2f}" if rho else "-")
        rows.append(row)
    heads = [f"{cell.function}, {cell.sampler} {cell.runs}" for cell in CELLS]
    title = "Spearman with the true total Sobol index / a dummy ranked above a real parameter"
    return as_table(title, ["evaluator", *heads], rows)


def honesty(kept: Sequence[dict[str, Any]]) -> str:
    """How often an answer is given, whether intervals hold the truth, which interactions are found, the time taken."""
    rows = []
    for cell in (*CELLS, *NULLS):
        of_cell = [one for one in kept if one["cell"] == list(cell)]
        if not of_cell:
            continue
        answered = [one for one in of_cell if _answers(one)]
        rows.append(
            [
                f"{cell.function}, {cell.sampler} {cell.runs}",
                f"{len(answered)} of {len(of_cell)}",
                f"{np.median([one['r2'] for one in of_cell]):.2f}, {np.max([one['r2'] for one in of_cell]):.2f}",
                _covered(cell, answered),
                *_pairs(cell, answered),
                f"{np.median([one['seconds']['aurl'] for one in of_cell]):.1f} s",
            ]
        )
    heads = ["sweeps", "answered", "median and highest R2", "95 % intervals that hold the truth"]
    title = f"What aurl answers: shares need R2 of {LEAST_R2}, and {LEAST_FOLDED_R2} with kernels fitted anew"
    return as_table(title, [*heads, "true pairs found", "sweeps with a false pair", "time"], rows)


def null_shares(kept: Sequence[dict[str, Any]]) -> str:
    """The share that each evaluator shows for the foremost parameter where nothing matters."""
    rows = []
    for name in EVALUATORS:
        row = [name]
        for cell in NULLS:
            of_cell = [one for one in kept if one["cell"] == list(cell)]
            if name == "aurl":
                row.append(f"an answer in {sum(map(_answers, of_cell))} of {len(of_cell)}")
            else:
                shares = [np.asarray(one["shares"][name]) for one in of_cell]
                row.append(f"{np.mean([share.max() / share.sum() for share in shares]):.2f}" if shares else "-")
        rows.append(row)
    return as_table(
        "Pure noise: the share shown for the foremost parameter",
        ["evaluator", *(f"{cell.sampler} {cell.runs}" for cell in NULLS)],
        rows,
    )


def table(quick: bool = False, kept: Path = Path("outputs/importance.jsonl"), minutes: float = math.inf) -> str:
    """All tables; `quick` makes two sweeps a cell and keeps nothing."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    done = [evaluate(cell, seed) for cell, seed in _plan(2, 2)] if quick else _resumed(kept, minutes)
    return "\n\n".join([recovery(done), honesty(done), null_shares(done)])


def _resumed(kept: Path, minutes: float) -> list[dict[str, Any]]:
    done = [orjson.loads(line) for line in kept.read_bytes().splitlines()] if kept.exists() else []
    known = {(*one["cell"], one["seed"]) for one in done}
    until = time.monotonic() + 60 * minutes
    kept.parent.mkdir(parents=True, exist_ok=True)
    for cell, seed in _plan(SWEEPS, NULL_SWEEPS):
        if time.monotonic() > until:
            break
        if (*cell, seed) not in known:
            done.append(evaluate(cell, seed))
            with kept.open("ab") as file:
                file.write(orjson.dumps(done[-1], option=orjson.OPT_SERIALIZE_NUMPY) + b"\n")
    return done


def _plan(sweeps: int, nulls: int) -> Iterator[tuple[Cell, int]]:
    """Every cell a little further at a time, so that a plan broken off is even."""
    for seed in range(max(sweeps, nulls)):
        yield from ((cell, seed) for cell in CELLS if seed < sweeps)
        yield from ((cell, seed) for cell in NULLS if seed < nulls)


def _answers(one: dict[str, Any]) -> bool:
    """Whether `sensitivity` would give shares, which has been asked to give them in any case."""
    return bool(one["r2"] >= LEAST_R2 and (one["forest"] or one["folded"] >= LEAST_FOLDED_R2))


def _misled(share: Sequence[float]) -> bool:
    """Whether a parameter without effect stands above one that has some."""
    real = [value for side, value in enumerate(share) if side not in DUMMIES]
    return max(share[side] for side in DUMMIES) >= min(real)


def _covered(cell: Cell, answered: Sequence[dict[str, Any]]) -> str:
    if cell.function == "null" or not answered:
        return "-"
    true = truth(cell.function)
    held = [(np.array(one["low"]) - 0.01 <= true) & (true <= np.array(one["high"]) + 0.01) for one in answered]
    return f"{np.mean(held):.0%}"


def _pairs(cell: Cell, answered: Sequence[dict[str, Any]]) -> tuple[str, str]:
    if cell.function == "null" or not answered:
        return "-", "-"
    true = PAIRS[cell.function]
    found = [{tuple(sorted(pair)) for pair in one["pairs"]} for one in answered]
    share = f"{np.mean([len(pairs & true) / len(true) for pairs in found]):.2f}" if true else "-"
    return share, f"{np.mean([bool(pairs - true) for pairs in found]):.2f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two sweeps a cell, nothing kept")
    parser.add_argument("--kept", type=Path, default=Path("outputs/importance.jsonl"))
    parser.add_argument("--minutes", type=float, default=math.inf, help="end after so long; a later call goes on")
    chosen = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        print(table(chosen.quick, chosen.kept, chosen.minutes))


if __name__ == "__main__":
    main()
