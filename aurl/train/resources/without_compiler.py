"""Torch's optimisers without torch's compiler, which they load only to tell it to leave them alone.

`import torch._dynamo` costs about a second of CPU, and an optimiser asks for it when it is made and at its first step.
Where nothing is compiled that second buys nothing, so it is not spent before somebody else needs the compiler.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

_OPTIMIZER = torch.optim.Optimizer
_CACHE = "__dynamo_disable"  # where torch._compile keeps what the compiler made of a function
_WRAPPER = "_use_grad"  # of torch.optim.optimizer: sets the gradient mode, and tells the compiler to break its graph


def spare(function: Callable[..., Any]) -> None:
    """Let a function that torch keeps from its compiler be called as it is, without loading the compiler to say so."""
    bare = getattr(function, "__wrapped__", None)
    if bare is not None and not hasattr(bare, _CACHE):
        setattr(bare, _CACHE, bare)


def spare_optimizers() -> None:
    """Optimisers are made, read and loaded without the compiler from now on."""
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        spare(getattr(_OPTIMIZER, name))


def step_without_compiler(optimizer: torch.optim.Optimizer) -> None:
    """Let this optimiser's `step` do all that it does but load the compiler.

    An optimiser whose `step` is not wrapped as torch wraps its own is left as it is.
    """
    bare = _below(type(optimizer).step, _WRAPPER)
    if bare is not None and not optimizer.defaults.get("differentiable"):
        hooked = _OPTIMIZER.profile_hook_step(torch.no_grad()(bare))
        optimizer.step = functools.partial(hooked, optimizer)  # type: ignore[method-assign]


def _below(function: Callable[..., Any] | None, name: str) -> Callable[..., Any] | None:
    """What the wrapper of this name wraps; None where there is no such wrapper."""
    while function is not None:
        inner: Callable[..., Any] | None = getattr(function, "__wrapped__", None)
        if getattr(getattr(function, "__code__", None), "co_name", "") == name:
            return inner
        function = inner
    return None
