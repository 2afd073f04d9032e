"""Does `aurl compare` tell the truth? Simulated sweeps whose truth is known, as Markdown tables.

    python benchmarks/comparison.py [--quick | --count N] [--groups K ...] [--only PART ...] [--again]

Parts: claims (false claims), power, best_set, intervals, finals (which number of a curve is compared), importance.
4,000 sweeps a cell (1,000 with --quick), seeded, on one thread; twelve groups take most of the time. A rate of false
claims whose 99 % lower bound lies above 5 %, and a coverage whose upper bound lies below 95 %, is marked with "!".
What a part printed is kept in the cache folder under the code's version and printed again; --again computes anew.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

import aurl.compare
from aurl.compare.budget import final
from aurl.compare.run_data import RunCurve
from aurl.compare.statistics import family
from aurl.compare.statistics.estimates import iqm_interval, mean_interval
from aurl.machine.env import default_cache
from aurl.machine.files import replace_file
from benchmarks import importance, simulated_sweeps
from benchmarks.measure import table
from benchmarks.simulated_sweeps import COMMON, EFFECT, NOISES, Bools, Floats, claimed, power, sweeps

GROUPS = (2, 3, 6, 12)
SEEDS = (3, 5)


class Design(NamedTuple):
    """How a sweep was made, and what is asked of it."""

    title: str
    matched: bool
    baseline: bool

    def shown(self, x: Floats) -> Bools:
        """The pairs that are called different, shape (sweeps, pairs)."""
        return claimed(x, matched=self.matched, baseline=self.baseline)


DESIGNS = (
    Design("all pairs, matched seeds", True, False),
    Design("against a baseline, matched", True, True),
    Design("all pairs, unmatched", False, False),
    Design("against a baseline, unmatched", False, True),
)


class Asked(NamedTuple):
    """How many sweeps a cell, and numbers of groups."""

    sweeps: int
    groups: tuple[int, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1,000 sweeps a cell instead of 4,000")
    parser.add_argument("--count", type=int, help="so many sweeps a cell")
    parser.add_argument("--groups", type=int, nargs="+", default=list(GROUPS), help="numbers of groups")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--again", action="store_true", help="compute what is known from an earlier call")
    arguments = parser.parse_args()
    asked = Asked(arguments.count or _count(arguments.quick), tuple(arguments.groups))
    for part in arguments.only:
        began = time.perf_counter()
        kept = (
            default_cache()
            / "benchmarks"
            / f"{part}-{_version()}-{'quick' if arguments.quick else 'full'}{arguments.count or ''}-{asked.groups}.md"
        )
        if arguments.again or not kept.exists():
            replace_file(kept, PARTS[part](asked).encode())
        print(kept.read_text())
        print(f"({part}: {time.perf_counter() - began:.0f} s)\n")


def claims(asked: Asked) -> str:
    """How often anything is claimed though all groups are equal, and how often common rules do."""
    count = asked.sweeps
    ours = [
        [noise, str(k), *(_false_claims(noise, k, count, design) for design in DESIGNS)]
        for noise in NOISES
        for k in asked.groups
    ]
    common = [
        [
            name,
            *(
                f"{rule(sweeps('gaussian', k, n, count=min(count, 2000))).any(axis=1).mean():.3f}"
                for k in (2, 6)
                for n in SEEDS
            ),
        ]
        for name, rule in COMMON.items()
    ]
    head = ["noise", "groups", *(design.title for design in DESIGNS)]
    return "\n\n".join(
        [
            table(f"False claims in a sweep of equal groups, n = 3 / 5 ({count} sweeps a cell)", head, ours),
            table("The same of common rules, Gaussian", ["rule", "k=2 n=3", "k=2 n=5", "k=6 n=3", "k=6 n=5"], common),
        ]
    )


def powers(asked: Asked) -> str:
    """How often a group that is better by 1.5 sd is shown to be."""
    count = asked.sweeps
    rows = [
        [noise, str(k), *(_power(noise, k, count, design) for design in DESIGNS)]
        for noise in NOISES
        for k in asked.groups
    ]
    head = ["noise", "groups", *(design.title for design in DESIGNS)]
    return table(f"Power for {EFFECT} sd, n = 3 / 5 ({count} sweeps a cell)", head, rows)


def noisy_bests(asked: Asked) -> str:
    """How often the best set holds the best group where that one is five times as noisy, and better by 0.3."""
    rows = []
    for k in asked.groups:
        drawn = [sweeps("gaussian", k, n, count=asked.sweeps, seed=1) for n in (3, 5, 10)]
        for x in drawn:
            x[:, 0] = 5 * x[:, 0] - 0.3
        held = [
            [_marked(_kept(x, matched=matched)[:, 0], 0.95, above=False) for x in drawn] for matched in (True, False)
        ]
        rows.append([str(k), *(" / ".join(found) for found in held)])
    head = ["groups", "matched seeds", "unmatched"]
    return table(
        f"Best set where the best group is the noisy one, n = 3 / 5 / 10 ({asked.sweeps} sweeps a cell)", head, rows
    )


def best_sets(asked: Asked) -> str:
    """How often the best set holds the truly best group, how large it is, and how often the smallest mean is right."""
    count = asked.sweeps
    rows = [[noise, str(k), *_best_set(noise, k, count)] for noise in NOISES for k in asked.groups if k > 2]
    head = [
        "noise",
        "groups",
        "matched: holds the best",
        "size",
        "unmatched: holds the best",
        "size",
        "smallest mean is best",
    ]
    return table(f"Best set, one group better by {EFFECT} sd, n = 3 / 5 ({count} sweeps a cell)", head, rows)


def intervals(asked: Asked) -> str:
    """How often nominal 95 % intervals hold the truth."""
    count = asked.sweeps
    draws: Mapping[str, Callable[[np.random.Generator, int], Floats]] = {
        "gaussian": lambda rng, n: rng.normal(size=n),
        "heavy tails (t, 3 df)": lambda rng, n: rng.standard_t(3, size=n),
        "mildly skewed (lognormal, sigma 0.5)": lambda rng, n: np.exp(0.5 * rng.normal(size=n)),
        "skewed (lognormal, sigma 1)": lambda rng, n: np.exp(rng.normal(size=n)),
    }
    rows = []
    for name, draw in draws.items():
        rng = np.random.default_rng(0)
        crowd = np.sort(draw(rng, 2_000_000))
        truth = {"mean": float(crowd.mean()), "iqm": float(crowd[500_000:1_500_000].mean())}
        for n in (3, 5, 10, 30):
            samples = [draw(rng, n) for _ in range(count)]
            rows.append(
                [
                    name,
                    str(n),
                    _held(samples, truth["mean"], mean_interval),
                    _held(samples, truth["iqm"], iqm_interval),
                    _held(samples[:1000], truth["mean"], _percentile),
                ]
            )
    head = ["values", "n", "mean, t interval", "interquartile mean", "mean, percentile bootstrap"]
    return table(f"Coverage of nominal 95 % intervals ({count} samples a cell)", head, rows)


def finals(asked: Asked) -> str:
    """What comes of comparing different numbers of the same curves, five seeds a side, equal truth."""
    count = 300 if asked.sweeps < 4000 else 1000
    rows = []
    for title, evaluations, ends in (
        ("both 400 evaluations", (400, 400), (1.0, 1.0)),
        ("400 and 40 evaluations", (400, 40), (1.0, 1.0)),
        ("one side stopped at 60 %", (400, 400), (1.0, 0.6)),
    ):
        found = np.asarray([_curve_tests(seed, evaluations, ends) for seed in range(count)])
        rows.append([title, *(f"{share:.3f}" for share in np.mean(found < 0.05, axis=0))])
    head = [
        "curves that end alike",
        "aurl: last tenth of the common steps",
        "own last tenth",
        "own last value",
        "minimum of the curve",
    ]
    return table(f"False claims of a t test (nominal 0.05, {count} pairs of groups)", head, rows)


def _count(quick: bool) -> int:
    return 1000 if quick else 4000


def _false_claims(noise: str, k: int, count: int, design: Design) -> str:
    shown = [design.shown(sweeps(noise, k, n, count=count)) for n in SEEDS]
    return " / ".join(_marked(found.any(axis=1), 0.05, above=True) for found in shown)


def _marked(hits: Any, bound: float, *, above: bool) -> str:
    """A share, with "!" where it lies beyond the bound with 99 % confidence."""
    side = "greater" if above else "less"
    found = stats.binomtest(int(hits.sum()), len(hits), bound, alternative=side)
    return f"{hits.mean():.3f}{'!' if found.pvalue < 0.01 else ''}"


def _power(noise: str, k: int, count: int, design: Design) -> str:
    shown = [design.shown(sweeps(noise, k, n, count=count, effect=EFFECT)) for n in SEEDS]
    return " / ".join(f"{power(found, k, baseline=design.baseline):.3f}" for found in shown)


def _best_set(noise: str, k: int, count: int) -> Iterator[str]:
    drawn = [sweeps(noise, k, n, count=count, effect=EFFECT) for n in SEEDS]
    for matched in (True, False):
        kept = [_kept(x, matched=matched) for x in drawn]
        yield " / ".join(_marked(found[:, 1], 0.95, above=False) for found in kept)
        yield " / ".join(f"{found.sum(axis=1).mean():.1f}" for found in kept)
    yield " / ".join(f"{(x.mean(axis=2).argmin(axis=1) == 1).mean():.2f}" for x in drawn)


def _kept(x: Floats, *, matched: bool) -> Bools:
    return np.asarray(~np.any(family.behind_the_best(x, matched=matched, lower_is_better=True), axis=2))


def _held(samples: list[Floats], truth: float, interval: Callable[..., tuple[float, float] | None]) -> str:
    found = [interval(sample) for sample in samples]
    return f"{np.mean([ends is not None and ends[0] <= truth <= ends[1] for ends in found]):.3f}"


def _percentile(values: Floats) -> tuple[float, float]:
    chosen = np.random.default_rng(0).integers(0, len(values), (500, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def _curve_tests(seed: int, evaluations: tuple[int, int], ends: tuple[float, float]) -> list[float]:
    """p of Welch's test between two groups of five noisy curves, by four choices of what is compared."""
    rng = np.random.default_rng(seed)
    sides = [[_curve(rng, count, end) for _ in range(5)] for count, end in zip(evaluations, ends, strict=True)]
    budget = min(int(curve.steps[-1]) for side in sides for curve in side)
    chosen: list[Callable[[RunCurve], float]] = [
        lambda curve: final(curve, budget, 0.1) or 0.0,
        lambda curve: final(curve, int(curve.steps[-1]), 0.1) or 0.0,
        lambda curve: float(curve.values[-1]),
        lambda curve: float(curve.values.min()),
    ]
    return [
        float(stats.ttest_ind(*([choose(curve) for curve in side] for side in sides), equal_var=False).pvalue)
        for choose in chosen
    ]


def _curve(rng: np.random.Generator, evaluations: int, end: float) -> RunCurve:
    """A falling curve whose level differs between seeds by 1, with evaluation noise of 2."""
    steps = np.round(np.linspace(4000 / evaluations, 4000, evaluations)).astype(np.int64)
    steps = steps[steps <= end * 4000]
    values = rng.normal() + 30 * np.exp(-steps / 1500) + 2 * rng.normal(size=len(steps))
    return RunCurve(steps, values, steps.astype(np.float64))


def _version() -> str:
    """Of the code that a table depends on."""
    sources = [*sorted(Path(aurl.compare.__file__).parent.rglob("*.py")), Path(__file__)]
    sources += [Path(module.__file__ or "") for module in (simulated_sweeps, importance)]
    return hashlib.blake2b(b"".join(file.read_bytes() for file in sources), digest_size=6).hexdigest()


PARTS: Mapping[str, Callable[[Asked], str]] = {
    "claims": claims,
    "power": powers,
    "best_set": best_sets,
    "noisy_best": noisy_bests,
    "intervals": intervals,
    "finals": finals,
    "importance": lambda asked: importance.table(asked.sweeps < 4000),
}

if __name__ == "__main__":
    main()
