"""What all detectors together cost a step of 12 scalars: medians in microseconds, hot and after 2 ms of other work.

python benchmarks/detectors.py [--steps 4000] [--preset default]
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import fmean, median

from aurl.anomaly.chosen import choose_watch
from aurl.record import Kind, Record


def steps(count: int, seed: int = 0) -> list[Record]:
    """STEP records of a healthy VAE-GAN, 12 scalars each."""
    rng = random.Random(seed)
    made = []
    for step in range(1, count + 1):
        loss = (0.5 + 4.0 * math.exp(-step / 800.0)) * math.exp(0.06 * rng.gauss(0, 1))
        kl, seconds = 8.0 * math.exp(0.1 * rng.gauss(0, 1)), 0.1 * math.exp(0.05 * rng.gauss(0, 1))
        scalars = {
            "loss/total": loss + 0.01 * kl,
            "loss/recon": loss,
            "loss/kl": kl,
            "loss/adv": 0.8 * math.exp(0.1 * rng.gauss(0, 1)),
            "loss/disc": 1.2 * math.exp(0.1 * rng.gauss(0, 1)),
            "grad/norm": 0.7 * math.exp(0.3 * rng.gauss(0, 1)),
            "lr": 1e-3 * (0.5 + 0.5 * math.cos(math.pi * step / count)),
            "gan/d_accuracy": 0.75 + 0.05 * rng.random(),
            "kl/active_units": 0.8,
            "time/step": seconds,
            "time/data": 0.02 * seconds,
            "throughput/tokens": 1e4 / seconds,
        }
        made.append(Record(Kind.STEP, step, scalars, {"epoch": 1}, float(step)))
    return made


def measure(records: list[Record], preset: str, between: Callable[[], None] | None = None) -> tuple[float, float]:
    """Median and mean of microseconds a step, after 500 steps."""
    watching = choose_watch(preset)[0]
    spent = []
    for known in records:
        if between is not None:
            between()
        record = _anew(known)
        began = time.perf_counter_ns()
        watching.observe(record)
        spent.append(time.perf_counter_ns() - began)
    return median(spent[500:]) / 1e3, fmean(spent[500:]) / 1e3


def _anew(record: Record) -> Record:
    """The same record, made this moment, as the Monitor makes it: its numbers are where the processor finds them."""
    return replace(record, scalars={name: value * 1.0 for name, value in record.scalars.items()})


def other_work() -> None:
    """About 2 ms that fill the caches with something else."""
    until = time.perf_counter() + 0.002
    values = list(range(20_000))
    while time.perf_counter() < until:
        values = [value ^ 1 for value in values]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000, help="steps to measure")
    parser.add_argument("--preset", default="default", help="an option of conf/anomaly/")
    arguments = parser.parse_args()
    records = steps(arguments.steps)
    for title, between in (("back to back", None), ("after 2 ms of other work", other_work)):
        middle, mean = measure(records, arguments.preset, between)
        print(f"{title}: median {middle:.1f} us, mean {mean:.1f} us a step of {len(records[0].scalars)} scalars")


if __name__ == "__main__":
    main()
