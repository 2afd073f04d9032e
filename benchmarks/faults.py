"""What the detectors make of faults that are really provoked: recall, precision, delay, causes, false alarms, cost.

    OMP_NUM_THREADS=1 python -m benchmarks.faults --cache outputs/faults
    python -m benchmarks.faults --cache outputs/faults --rescore              # after a change of detectors, seconds
    python -m benchmarks.faults --cache outputs/faults --types loss_spike healthy --seeds 3 --list
    python -m benchmarks.faults --cache outputs/faults --types loss_plateau underfitting --longer 7
    python -m benchmarks.faults --cache outputs/faults --quick

Each run is a small training on one CPU thread: aurl's own models in aurl's own loop, an MLP, a CNN and a VAE on
scikit-learn's digits, and a GAN of points on a ring. In it one thing goes wrong at a step drawn by the seed. That it
came about is proved by a check that knows no detector; a run without it is drawn again. Forty healthy runs stand
beside. That a run overfits, whatever was done to it, is seen by such a check too, before its onset and after it, and is
no false alarm then. All records of a run are shown to a `Watch` with the default preset, one by one, as the Monitor
would. `healthy` is a type too, for `--types`.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import NamedTuple

import orjson

from aurl.anomaly.chosen import choose_watch
from aurl.record import Kind
from benchmarks.injection import catalog, checks, report, scoring
from benchmarks.injection.conduct import Cache, NotCachedError, provoke
from benchmarks.injection.picture import draw
from benchmarks.injection.scenario import HEALTHY, Scenario
from benchmarks.injection.scoring import Case, Verdict
from benchmarks.injection.trace import Trace, Truth
from benchmarks.measure import machine


class Scored(NamedTuple):
    """A run and what it gave.

    Attributes:
        truth: of the run.
        verdict: on its alarms.
        alarms: those themselves.
        microseconds: of the detectors for each record, all of them together.
        picture: of the run, an SVG, if the very type was told and a picture asked for.
    """

    truth: Truth
    verdict: Verdict
    alarms: list[scoring.Alarm]
    microseconds: float
    picture: str = ""


def main(argv: Sequence[str] | None = None) -> None:
    options = _options(argv)
    options.cache.mkdir(parents=True, exist_ok=True)
    cache = Cache(options.cache, options.rescore)
    scored, drawn = [], set[str]()
    seeds, every = (1, 4) if options.quick else (options.seeds, 1)
    for one in _run(
        list(catalog.plan(options.types, seeds, options.first_seed, every, options.longer)), cache, options
    ):
        scored.append(one)
        if one.picture and one.truth.type not in drawn:
            drawn.add(one.truth.type)
            options.pictures.mkdir(parents=True, exist_ok=True)
            Path(options.pictures, f"{one.truth.type}.svg").write_text(one.picture, encoding="utf-8")
        if options.list or not one.truth.shown:
            print(report.line(one.truth, one.verdict, one.alarms), flush=True)
    shown = [one for one in scored if one.truth.shown]
    verdicts = [one.verdict for one in shown]
    print(f"\n{machine()}; {sum(one.truth.seconds for one in scored):.0f} s of training\n")
    print(report.tables([type_ for type_ in options.types if type_ != HEALTHY], verdicts))
    costs = [one.microseconds for one in shown]
    print(f"\nDetectors: {median(costs):.1f} microseconds a record (median of runs, {max(costs):.1f} in the slowest)")
    missing = [one for one in scored if not one.truth.shown]
    if missing:
        print(f"\n{len(missing)} runs in which the fault did not show are left out")
    if options.json:
        options.json.write_bytes(orjson.dumps(report.document(verdicts, costs), option=orjson.OPT_INDENT_2))


def score(scenario: Scenario, trace: Trace, *, pictures: bool = False) -> Scored:
    """Show the records of a run to the default detectors, and judge what they say."""
    watch, _ = choose_watch("default", {"optim.lr": 1e-3, "trainer.clip_norm": 1.0})
    began = time.thread_time()
    alerts = [alert for record in trace.records for alert in watch.observe(record)]
    microseconds = 1e6 * (time.thread_time() - began) / len(trace.records)
    told = scoring.alarms(alerts)
    verdict = scoring.judge(_case(scenario, trace), told, _seen(trace))
    return Scored(trace.truth, verdict, told, microseconds, _picture(trace, told) if pictures else "")


def _picture(trace: Trace, told: Sequence[scoring.Alarm]) -> str:
    truth = trace.truth
    exact = [alarm for alarm in told if alarm.type == truth.type and alarm.step >= truth.onset]
    return draw(trace, exact[0], f"{truth.type}: {truth.variant}") if exact else ""


def _case(scenario: Scenario, trace: Trace) -> Case:
    truth = trace.truth
    return Case(
        type=scenario.type,
        name=f"{scenario.variant} (seed {truth.seed})",
        onset=truth.onset,
        steps=max(record.step for record in trace.records if record.kind is Kind.STEP),
        accept=scenario.accept,
        also=scenario.also | ({"overfitting"} if checks.overfits(trace) else set()),
        throughout=scenario.throughout | ({"overfitting"} if checks.overfits(trace, truth.onset) else set()),
        causes=scenario.causes,
        within=scenario.within,
        broken_at=trace.broken_at,
    )


def _seen(trace: Trace) -> dict[str, list[int]]:
    seen: dict[str, list[int]] = {}
    for record in trace.records:
        for name in record.scalars:
            seen.setdefault(name, []).append(record.step)
    return seen


def _run(pairs: Sequence[tuple[Scenario, int]], cache: Cache, options: argparse.Namespace) -> Iterator[Scored]:
    tasks = [(scenario.id, options.longer, seed, cache, options.pictures is not None) for scenario, seed in pairs]
    if options.jobs == 1:
        yield from map(_work, tasks)
        return
    with get_context("spawn").Pool(options.jobs) as pool:
        yield from pool.imap(_work, tasks)


def _work(task: tuple[str, int, int, Cache, bool]) -> Scored:
    id_, times, seed, cache, pictures = task
    scenario = catalog.find(id_, times)
    try:
        return score(scenario, provoke(scenario, seed, cache), pictures=pictures)
    except NotCachedError as error:
        raise SystemExit(str(error)) from None


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [*catalog.TYPES, HEALTHY]
    parser.add_argument("--types", nargs="+", default=known, choices=known, metavar="TYPE", help="anomaly types")
    parser.add_argument("--seeds", type=int, default=6, help="runs of each type; its variants take turns")
    parser.add_argument("--first-seed", type=int, default=1, help="seeds count from here")
    parser.add_argument("--longer", type=int, default=1, help="times as long as usual, for delays of slow types")
    parser.add_argument("--quick", action="store_true", help="one run of each type and every fourth control")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--cache", type=Path, default=Path("outputs/faults"), help="folder of recorded runs")
    parser.add_argument("--rescore", action="store_true", help="train nothing, take the newest recorded runs")
    parser.add_argument("--list", action="store_true", help="a line for every run, not only for the tables")
    parser.add_argument("--pictures", type=Path, help="draw a run of each type into this folder, as SVG")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args(argv)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
