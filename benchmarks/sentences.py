"""Do the sentences of `aurl compare` contradict the truth that made the runs, or one another?

    python -m benchmarks.sentences [--count 2000]

Sweeps are simulated whose means and failures are known: equal and different configurations, noise of several kinds,
failures, early stopping, ties, few runs. Every sentence of every report is read and compared with the truth and with
the other sentences. Printed is each contradiction with its seed; exit code 1 where there is any.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from aurl.compare.comparing import Conclusion, conclude
from aurl.compare.insights.insight import named
from aurl.compare.model import Comparison, Mode
from aurl.compare.run_data import Readout, RunCurve, RunData
from aurl.compare.statistics.best import best_group
from aurl.record import Json

METRIC = "val/loss/total"
STEPS = np.arange(10, 401, 10)
_BETTER = re.compile(r"^(?P<a>.+?) is better than (?P<b>.+?): ")
_P = re.compile(r"p (?P<sign>[=<]) (?P<p>[\d.e-]+)")
_CI = re.compile(r"95 % CI (?P<low>-?[\d.e+-]+) to (?P<high>-?[\d.e+-]+)")


@dataclass(frozen=True, slots=True)
class Truth:
    """What made a simulated sweep.

    Attributes:
        means: by configuration, as sentences call it.
        failing: configurations whose runs fail more often than others.
        settings: which settings make a difference.
        mode: which direction is better.
    """

    means: Mapping[str, float]
    failing: frozenset[str]
    settings: frozenset[str]
    mode: Mode

    def ahead(self, a: str, b: str) -> bool:
        """Whether the mean of a is truly better than that of b."""
        return (self.means[a] < self.means[b]) == (self.mode == "min") and self.means[a] != self.means[b]


def simulated(seed: int) -> tuple[Comparison, Truth]:
    """One sweep with its report."""
    rng = np.random.default_rng(seed)
    settings = _settings(rng)
    mode: Mode = "min" if rng.random() < 0.7 else "max"
    grid = [dict(zip(settings, values, strict=True)) for values in product(*settings.values())]
    effects = {
        key: dict(zip(map(str, levels), _effects(rng, len(levels)), strict=True)) for key, levels in settings.items()
    }
    means = [2.0 + sum(effects[key][str(value)] for key, value in config.items()) for config in grid]
    noise, failing = _noise(rng, len(grid)), int(rng.integers(len(grid))) if rng.random() < 0.4 else -1
    rested = int(rng.integers(len(grid))) if rng.random() < 0.25 else -1
    count, matched = int(rng.integers(2, 7)), bool(rng.random() < 0.7)
    shared = 0.1 * rng.normal(size=count)
    runs = []
    for at, config in enumerate(grid):
        for number in range(count):
            final = means[at] + noise(at) + (shared[number] if matched else 0.0)
            failed = at == failing and rng.random() < 0.5
            end = int(rng.integers(8, 20)) if at == rested else len(STEPS)
            runs.append(_run(config, number if matched else 100 * at + number, final, end, mode=mode, failed=failed))
    early = tuple(run.id for run in runs if run.fate == "counted" and run.read_step < STEPS[-1])
    asked = Conclusion(METRIC, mode, Readout("budget", int(STEPS[-1]), int(STEPS[-1]), early), 0.1, {METRIC: mode})
    comparison = conclude(runs, asked)
    names = {str(sorted(map(str, group.config.items()))): named(group) for group in comparison.groups}
    by_name = {}
    for config, mean in zip(grid, means, strict=True):
        shown = {key: value for key, value in config.items() if key in comparison.differences}
        by_name[names.get(str(sorted(map(str, shown.items()))), "?")] = mean
    lost = {named(group) for group in comparison.groups if group.failed}
    real = frozenset(key for key, levels in effects.items() if len(set(levels.values())) > 1)
    return comparison, Truth(by_name, frozenset(lost), real, mode)


def contradictions(comparison: Comparison, truth: Truth) -> list[str]:
    """What the sentences of a report say against the truth or against one another; empty when they hold."""
    return [found for check in CHECKS for found in check(comparison, truth)]


def _texts(comparison: Comparison, *kinds: str) -> list[str]:
    told = [(str(_evidence(insight)["kind"]), str(insight["text"])) for insight in comparison.insights]
    return [text for kind, text in told if not kinds or kind in kinds]


def _evidence(insight: Mapping[str, Any]) -> Mapping[str, Any]:
    evidence = insight["evidence"]
    assert isinstance(evidence, Mapping)
    return evidence


def _names(comparison: Comparison) -> dict[str, str]:
    return {group.id: named(group) for group in comparison.groups}


def better_is_true(comparison: Comparison, truth: Truth) -> Iterator[str]:
    """No configuration is called better than one that is truly ahead of it."""
    names = _names(comparison)
    for insight in comparison.insights:
        evidence = _evidence(insight)
        if evidence["kind"] == "difference":
            winner, *losers = (names[group] for group in evidence["configs"])
            yield from (f"reversed: {insight['text']}" for loser in losers if truth.ahead(loser, winner))


def claims_agree(comparison: Comparison, truth: Truth) -> Iterator[str]:
    """Who is better is not also undecided, worse, or in the best set as the loser; numbers agree with the word."""
    won: dict[tuple[str, str], str] = {}
    for insight in comparison.insights:
        evidence = _evidence(insight)
        if evidence["kind"] == "difference":
            winner, *losers = evidence["configs"]
            won |= {(winner, loser): str(insight["text"]) for loser in losers}
    for (winner, loser), text in won.items():
        if (loser, winner) in won:
            yield f"both ways: {text} / {won[loser, winner]}"
        if loser in comparison.best_set:
            yield f"worse, and not ruled out: {text}"
        undecided = [i for i in comparison.insights if _evidence(i)["kind"] in {"undecided", "equivalent"}]
        yield from (
            f"better, and undecided: {text} / {i['text']}"
            for i in undecided
            if {winner, loser} == {*_evidence(i)["configs"]}
        )
    del truth


def numbers_agree(comparison: Comparison, truth: Truth) -> Iterator[str]:
    """A difference that is not told apart has p of 0.05 or more and an interval around zero; a claimed one has not."""
    for text in _texts(comparison, "undecided"):
        if "not distinguishable" in text and not _silent(text):
            yield f"numbers of a difference: {text}"
    for text in _texts(comparison, "difference"):
        if _silent(text):
            yield f"numbers of none: {text}"
    del truth


def _silent(text: str) -> bool:
    ci, p = _CI.search(text), _P.search(text)
    assert ci is not None, text
    assert p is not None, text
    around = float(ci["low"]) <= 0 <= float(ci["high"])
    return around and p["sign"] == "=" and float(p["p"]) >= 0.0499


def settings_agree(comparison: Comparison, truth: Truth) -> Iterator[str]:
    """No setting both matters and hardly does, or matters for less than a twentieth."""
    matter = {
        str(_evidence(i)["configs"][0]): str(i["text"])
        for i in comparison.insights
        if _evidence(i)["kind"] == "importance"
    }
    hardly = {
        name for i in comparison.insights if _evidence(i)["kind"] == "negligible" for name in _evidence(i)["configs"]
    }
    yield from (f"matters and hardly matters: {text}" for name, text in matter.items() if name in hardly)
    for text in matter.values():
        share = re.search(r"accounts for (\d+) %", text)
        if share is None or int(share[1]) < 5:
            yield f"matters for nothing: {text}"
    for name in hardly & truth.settings:
        group_means = list(truth.means.values())
        if len(comparison.differences) == 1 and max(group_means) - min(group_means) >= 1.0:
            yield f"hardly matters, and does: {name}"


def pick_agrees(comparison: Comparison, truth: Truth) -> Iterator[str]:
    """The pick is one in all places; it is not improbable, nor certain while others are not ruled out."""
    chosen = best_group(comparison)
    texts = [*_texts(comparison, "choice"), str(comparison.best.get("why")), *_answer(comparison)]
    for text in texts:
        if re.search(r"probability (under 0\.1|0\.\d) %", text):
            yield f"picked though improbable: {text}"
        if "over 99.9 %" in text and ("cannot be ruled out" in text or "not ruled out:" in text):
            yield f"certain, and not ruled out: {text}"
    if chosen is None:
        return
    name = named(chosen)
    if comparison.best.get("group") != chosen.id or not _answer(comparison)[0].startswith(f"Best: {name},"):
        yield f"another pick: {comparison.best.get('group')} / {_answer(comparison)[0]} / {name}"
    for text in _texts(comparison, "choice"):
        if not text.startswith(f"If one has to be picked: {name}: "):
            yield f"another pick: {text} / {name}"
    if chosen.failed and any(not group.failed and group.id in comparison.best_set for group in comparison.groups):
        yield f"a failing pick beside one that does not fail: {name}"
    del truth


def failures_agree(comparison: Comparison, truth: Truth) -> Iterator[str]:
    """An end of a range is not advised where runs fail, and nothing that fails more is called better."""
    for text in _texts(comparison, "edge"):
        failed = [run for run in comparison.runs if run.fate == "failed"]
        value = re.search(r"what was tried, ([\d.e+-]+):", text)
        near = value is not None and any(f"{run.config.get('lr'):g}" == f"{float(value[1]):g}" for run in failed)
        if near and "failed" not in text:
            yield f"an edge where runs fail: {text}"
        if "failed" in text and "were not tried" in text:
            yield f"advice to go where runs fail: {text}"
    rates = {named(group): group.failed / max(1, group.tried) for group in comparison.groups}
    for insight in comparison.insights:
        if _evidence(insight)["kind"] == "difference":
            winner, *losers = (_names(comparison)[group] for group in _evidence(insight)["configs"])
            yield from (f"better on survivors: {insight['text']}" for one in losers if rates[winner] > rates[one])
    if truth.failing and not any("failed" in text for text in _texts(comparison)):
        yield "failures are not told"


def rest_agrees(comparison: Comparison, truth: Truth) -> Iterator[str]:
    """What came to rest has not also come to none."""
    rested = {group.id for group in comparison.groups if {*comparison.reading.early} & {*group.values}}
    for insight in comparison.insights:
        if _evidence(insight)["kind"] == "longer" and _evidence(insight)["configs"][0] in rested:
            yield f"at rest, and not: {insight['text']}"
    for claim in comparison.claims:
        if claim.read_at[0] < 0.95 * claim.read_at[2] and claim.verdict in {"better", "worse"}:
            told = [t for t in _texts(comparison, "difference") if t.startswith((f"{claim.a} ", f"{claim.b} "))]
            if told and len(told) == len(comparison.claims) and not any("read at step" in text for text in told):
                yield f"read early without a word: {told[0]}"
    del truth


def words_are_whole(comparison: Comparison, truth: Truth) -> Iterator[str]:
    """Sentences begin with a capital or a name, end with a full stop, and hold no number that is none."""
    for text in [*_texts(comparison), *comparison.warnings, *_answer(comparison)]:
        if not text.endswith((".", "?")) or re.search(r"\b(nan|None|inf)\b|  |\.\.|;\.|: \.", text):
            yield f"words: {text}"
    del truth


def _answer(comparison: Comparison) -> list[str]:
    lines: Json = comparison.best.get("answer")
    assert isinstance(lines, list)
    return [str(line) for line in lines]


Check = Callable[[Comparison, Truth], Iterator[str]]
CHECKS: tuple[Check, ...] = (
    better_is_true, claims_agree, numbers_agree, settings_agree, pick_agrees, failures_agree, rest_agrees,
    words_are_whole,
)  # fmt: skip


def _settings(rng: np.random.Generator) -> dict[str, list[Json]]:
    rates: list[Json] = [0.01, 0.03, 0.1, 0.3]
    levels = {"lr": rates[: int(rng.integers(2, 5))]}
    if rng.random() < 0.4:
        levels["kind"] = ["a", "b"]
    return levels


def _effects(rng: np.random.Generator, count: int) -> list[float]:
    """None, or steps of half a unit, five times the usual noise."""
    return [0.0] * count if rng.random() < 0.4 else [0.5 * float(rng.integers(0, 4)) for _ in range(count)]


def _noise(rng: np.random.Generator, groups: int) -> Callable[[int], float]:
    kind = str(rng.choice(["gaussian", "unequal", "heavy", "ties", "none"], p=[0.4, 0.25, 0.2, 0.1, 0.05]))
    spread = 0.1 * np.exp(0.7 * rng.normal(size=groups)) if kind == "unequal" else np.full(groups, 0.1)

    def drawn(group: int) -> float:
        if kind == "heavy":
            return 0.06 * float(rng.standard_t(3))
        value = float(spread[group] * rng.normal())
        return round(value, 1) if kind == "ties" else 0.0 if kind == "none" else value

    return drawn


def _run(config: Mapping[str, Json], seed: int, final: float, points: int, *, mode: Mode, failed: bool) -> RunData:
    name = "_".join([*map(str, config.values()), str(seed)])
    steps = STEPS[:points]
    sign = 1.0 if mode == "min" else -1.0
    curve = RunCurve(steps, final + sign * 2.0 * np.exp(-steps / 15), steps.astype(float))
    known: dict[str, Any] = {"config": dict(config), "seed": seed, "step": int(steps[-1]), "curves": {METRIC: curve}}
    if failed:
        return RunData(Path("/runs") / name, name, "x", "failed", "failed", "failed at step 100", **known)
    known |= {"finals": {METRIC: final}, "read_step": int(steps[-1])}
    return RunData(Path("/runs") / name, name, "x", "done", "counted", "", **known)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first sweep")
    arguments = parser.parse_args()
    sentences, found = 0, Counter[str]()
    for seed in range(arguments.first, arguments.first + arguments.count):
        comparison, truth = simulated(seed)
        sentences += len(comparison.insights) + len(comparison.warnings) + len(_answer(comparison))
        for text in contradictions(comparison, truth):
            found[text.partition(":")[0]] += 1
            print(f"seed {seed}: {text}")
    print(f"{sum(found.values())} contradictions in {sentences} sentences of {arguments.count} reports {dict(found)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
