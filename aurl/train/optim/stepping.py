"""An optimiser step that can be left out by a verdict on the device, whichever optimiser it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor


def step_all(optimizers: Sequence[torch.optim.Optimizer], left_out: Tensor | None) -> None:
    """Let all of these step, or none.

    Args:
        left_out: 0-dim on the weights' device, not 0 where the step is to leave weights and state as they are; None
            always steps.
    """
    for optimizer in optimizers:
        if left_out is None:
            optimizer.step()
        else:
            _step_unless(optimizer, left_out)


def _step_unless(optimizer: torch.optim.Optimizer, left_out: Tensor) -> None:
    if getattr(optimizer, "_step_supports_amp_scaling", False):  # fused kernels of torch read the verdict themselves
        fused = cast(Any, optimizer)  # these two are set by torch's own loss scaler in the same way
        fused.found_inf, fused.grad_scale = left_out, None
        fused.step()
        del fused.found_inf, fused.grad_scale
    elif left_out.device.type != "cpu" and _can_take_back(optimizer):
        step_and_take_back(optimizer, left_out)
    elif not bool(left_out):  # on an accelerator this waits for it: a state that lies on the host has to be spared too
        optimizer.step()


def _can_take_back(optimizer: torch.optim.Optimizer) -> bool:
    """Whether all state of the optimiser lies on the device; before the first step this is known of Muon alone."""
    states = [value for state in optimizer.state.values() for value in state.values()]
    if not states:
        return isinstance(optimizer, torch.optim.Muon)
    return all(isinstance(value, Tensor) and value.device.type != "cpu" for value in states)


@torch.no_grad()
def step_and_take_back(optimizer: torch.optim.Optimizer, left_out: Tensor) -> None:
    """Step, and where the verdict says so put everything back, without waiting for the verdict.

    State that the step has made anew becomes zeros then, as from which it begins.
    """
    weights = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    before = [weight.clone() for weight in weights]
    states = {
        (weight, name): value.clone()
        for weight in weights
        for name, value in optimizer.state.get(weight, {}).items()
        if isinstance(value, Tensor)
    }
    optimizer.step()
    undo = left_out != 0
    for weight, kept in zip(weights, before, strict=True):
        weight.copy_(torch.where(undo, kept, weight))
        for name, value in optimizer.state[weight].items():
            if isinstance(value, Tensor):
                old = states.get((weight, name))
                value.copy_(torch.where(undo, torch.zeros_like(value) if old is None else old, value))
