"""A plain training loop of PyTorch, the way it is written in a hundred scripts, with a place to break it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.other_logs_sources.base import Row, Rows


class Parts(NamedTuple):
    """What the loop works on; a fault gets it to change."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None


Fault = Callable[[Parts, int], None]


class Plan(NamedTuple):
    """How long, how often a row, and what goes into it; an epoch of several batches makes a row its mean."""

    steps: int
    every: int = 1
    val_every: int = 100
    clip: float = math.inf
    columns: tuple[str, ...] = ("loss", "grad_norm", "lr", "val_loss")
    mean: bool = False


def fit(
    parts: Parts, loss_of: Callable[[int], Tensor], plan: Plan,
    held_out: Callable[[], float] | None = None, fault: Fault | None = None,
) -> Rows:  # fmt: skip
    """Train; rows have the loss of their step, or the mean since the last row."""
    rows, losses = Rows(), list[float]()
    for step in range(plan.steps):
        if fault is not None:
            fault(parts, step)
        loss = loss_of(step)
        rate = float(parts.optimizer.param_groups[0]["lr"])
        norm = _update(parts, loss, plan.clip)
        losses.append(loss.item())
        if (step + 1) % plan.every == 0:
            told = sum(losses) / len(losses) if plan.mean else losses[-1]
            row: Row = {"step": float(step), "loss": told, "grad_norm": norm, "lr": rate}
            if held_out is not None and (step + 1) % plan.val_every == 0:
                row["val_loss"] = _validate(parts.model, held_out)
            rows.append({name: value for name, value in row.items() if name in ("step", *plan.columns)})
            losses.clear()
    return rows


def _update(parts: Parts, loss: Tensor, clip: float) -> float:
    parts.optimizer.zero_grad()
    if loss.requires_grad:
        loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(parts.model.parameters(), clip)
    parts.optimizer.step()
    if parts.schedule is not None:
        parts.schedule.step()
    return float(norm)


def _validate(model: nn.Module, held_out: Callable[[], float]) -> float:
    model.eval()
    with torch.no_grad():
        value = held_out()
    model.train()
    return value


def faster(at: int, factor: float, until: int | None = None) -> Fault:
    """The learning rate is multiplied at a step, and put back at another."""

    def change(parts: Parts, step: int) -> None:
        if step in (at, until):
            for group in parts.optimizer.param_groups:
                group["lr"] *= factor if step == at else 1 / factor

    return change


def freeze(at: int) -> Fault:
    """All weights stop learning, as when the wrong part of a network is frozen for fine-tuning."""

    def change(parts: Parts, step: int) -> None:
        if step == at:
            parts.model.requires_grad_(False)

    return change


def lose_parameters(at: int) -> Fault:
    """The model is copied, as by moving it to another device, after the optimizer was given the old weights."""

    def change(parts: Parts, step: int) -> None:
        if step == at:
            for group in parts.optimizer.param_groups:
                group["params"] = [value.detach().clone().requires_grad_() for value in group["params"]]

    return change
