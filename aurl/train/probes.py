"""What one number for the whole gradient hides: layers, dead units, the size of updates. Taken every n steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_TINY = 1e-30


class Probes:
    """Measures a phase's gradients and updates with fused norms; nothing here makes the device wait.

    Scalars, all 0-dim tensors: `grad/layer_ratio`, the gradient norm of the first weight matrix over that of the last
    (small where gradients vanish on their way back); `dead/fraction`, the share of the matrices' output units whose
    gradient is exactly 0; `update/ratio`, the norm of the step's change over the norm of the weights (Karpathy's rule
    of thumb is 1e-3).

    Args:
        parameters: those of the phase, in the order of the model.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = list(parameters)
        self._before: list[Tensor] = []

    @torch.no_grad()
    def before_step(self) -> dict[str, Tensor]:
        """Measure the gradients, and remember the weights."""
        self._before = [p.detach().clone() for p in self._parameters]
        matrices = [p.grad for p in self._parameters if p.grad is not None and p.ndim >= 2]
        if not matrices:
            return {}
        norms = torch.stack(torch._foreach_norm(matrices))
        silent = torch.stack([(g.flatten(1).abs().amax(1) == 0).sum() for g in matrices]).sum()
        units = sum(g.shape[0] for g in matrices)
        return {"grad/layer_ratio": norms[0] / (norms[-1] + _TINY), "dead/fraction": silent.float() / units}

    @torch.no_grad()
    def after_step(self) -> dict[str, Tensor]:
        """Measure what the step changed."""
        changes = torch._foreach_sub([p.detach() for p in self._parameters], self._before)
        change = torch.stack(torch._foreach_norm(changes)).norm()
        weight = torch.stack(torch._foreach_norm(self._before)).norm()
        self._before = []
        return {"update/ratio": change / (weight + _TINY)}
