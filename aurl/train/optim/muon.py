"""Muon on the matrices of layers, AdamW on the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Unpack

import torch

from aurl.errors import ConfigError, require
from aurl.train.optim.base import Scheduled, Shared, can_fuse
from aurl.train.optim.groups import LABEL, LR_SCALE, Weight, compiled


class Muon(Scheduled):
    """Torch's Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): momentum made orthogonal.

    It updates the matrices of layers in the generator. Embeddings, output layers, vectors and the discriminator are
    updated by AdamW.

    Args:
        momentum: of the gradient, in [0, 1).
        nesterov: look ahead along the momentum.
        ns_steps: Newton-Schulz iterations, >= 1.
        adjust_lr: `match_rms_adamw` scales updates so that a rate that is good for AdamW is good here (Liu et al. 2025,
            arXiv:2502.16982); `original` is Jordan's own scale, with rates of about 0.02.
        adamw_names: which matrices AdamW updates beside embeddings, output layers mostly: regular expressions that are
            searched for in their names.
        adamw_lr: peak learning rate of what AdamW updates in the generator; null for `lr`.
        betas: of AdamW.
        eps: of AdamW.
        shared: see `aurl.train.optim.base.Scheduled`.
    """

    def __init__(
        self,
        *,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_steps: int = 5,
        adjust_lr: Literal["match_rms_adamw", "original"] = "match_rms_adamw",
        adamw_names: Sequence[str] = ("head", "logits", "unembed"),
        adamw_lr: float | None = None,
        betas: Sequence[float] = (0.9, 0.95),
        eps: float = 1e-8,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(**shared)
        require("optim.momentum", momentum, 0 <= momentum < 1, "a number in [0, 1)")
        require("optim.ns_steps", ns_steps, 1 <= ns_steps < 100, "1 to 99")
        require("optim.adamw_lr", adamw_lr, adamw_lr is None or adamw_lr > 0, "null or above 0")
        require("optim.betas", list(betas), len(betas) == 2 and all(0 <= b < 1 for b in betas), "two numbers in [0, 1)")
        require("optim.eps", eps, eps > 0, "a number above 0")
        self.momentum, self.nesterov, self.ns_steps, self.adjust_lr = momentum, nesterov, ns_steps, adjust_lr
        self._adamw_names = [compiled("optim.adamw_names", pattern) for pattern in adamw_names]
        self.adamw_lr, self.betas, self.eps = adamw_lr, (betas[0], betas[1]), eps

    def make(self, weights: Sequence[Weight], phase: str) -> Sequence[torch.optim.Optimizer]:
        if phase != "generator":
            return [self._adamw(weights, phase)]
        matrices = [weight for weight in weights if self._is_matrix(weight)]
        if not matrices:
            raise ConfigError(
                f"optim=muon: none of the {len(weights)} parameters of this model is the matrix of a layer, which Muon "
                "updates; use optim=adamw"
            )
        rest = [weight for weight in weights if not self._is_matrix(weight)]
        muon = torch.optim.Muon(
            self.rules.split(matrices, self.weight_decay),
            lr=self.peak(phase),
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            nesterov=self.nesterov,
            ns_steps=self.ns_steps,
            adjust_lr_fn=self.adjust_lr,
        )
        return [muon, self._adamw(rest, phase)] if rest else [muon]

    def _is_matrix(self, weight: Weight) -> bool:
        left_out = any(pattern.search(weight.name) for pattern in self._adamw_names)
        return weight.parameter.ndim == 2 and not weight.embedding and not left_out

    def _adamw(self, weights: Sequence[Weight], phase: str) -> torch.optim.Optimizer:
        groups = self.rules.split(weights, self.weight_decay)
        if self.adamw_lr is not None and phase == "generator":
            scale = self.adamw_lr / self.peak(phase)
            for group in groups:
                group[LR_SCALE] = scale * group.get(LR_SCALE, 1.0)
                group.setdefault(LABEL, "adamw")
        lr, fused = self.peak(phase), can_fuse(weights)
        return torch.optim.AdamW(groups, lr=lr, betas=self.betas, eps=self.eps, fused=fused)
