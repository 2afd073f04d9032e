"""Learning-rate schedules of loops that are not aurl's: factors of the peak, by step and length of the run."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int, int], float]


def constant(step: int, total: int) -> float:
    return 1.0


def linear(step: int, total: int) -> float:
    """Straight down to 0 at the end."""
    return max(0.0, 1.0 - step / total)


def cosine(step: int, total: int) -> float:
    """Loshchilov and Hutter 2017, without restarts."""
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / total)))


def warmup_cosine(step: int, total: int) -> float:
    """A tenth of the run upwards, then cosine."""
    warmup = total // 10
    return (step + 1) / warmup if step < warmup else cosine(step - warmup, total - warmup)


def staircase(step: int, total: int) -> float:
    """A third at each third of the run."""
    return 3.0 ** -(3 * step // total)


def restarts(step: int, total: int) -> float:
    """Cosine, begun anew four times."""
    cycle = total // 4
    return 0.05 + 0.95 * cosine(step % cycle, cycle)


def one_cycle(step: int, total: int) -> float:
    """Up for three tenths, then down (Smith and Topin 2019)."""
    peak = 3 * total // 10
    return 0.04 + 0.96 * (step / peak if step < peak else cosine(step - peak, total - peak))


def exponential(step: int, total: int) -> float:
    """Down to a hundredth."""
    return float(0.01 ** (step / total))


def inverse_root(step: int, total: int) -> float:
    """Up for fifty steps, then with the root of the step (Vaswani et al. 2017)."""
    return min((step + 1) / 50, math.sqrt(50 / (step + 1)))
