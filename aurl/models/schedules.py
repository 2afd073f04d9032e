"""Weights of loss terms as plain functions of the step."""

from __future__ import annotations


def ramp(step: int, warmup_steps: int, cycle_steps: int = 0) -> float:
    """Share of the final weight, 0 to 1: linear over the warm-up, then 1 (Bowman et al. 2016, arXiv:1511.06349).

    With a cycle the warm-up starts again every `cycle_steps` (Fu et al. 2019, arXiv:1903.10145).
    """
    if cycle_steps:
        step %= cycle_steps
    return min(1.0, step / warmup_steps) if warmup_steps else 1.0
