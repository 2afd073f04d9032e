"""Models small enough to be stepped a hundred times in a test, with every kind of parameter and two phases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from aurl.models.base import Losses, MusicModel


class Small(MusicModel):
    """An embedding, a layer, a norm and a head; the critic is the second phase."""

    phases = ("generator", "discriminator")

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.table = nn.Embedding(7, 4)
        self.layer = nn.Linear(4, 6)
        self.norm = nn.LayerNorm(6)
        self.head = nn.Linear(6, 7)
        self.critic = nn.Linear(4, 3)

    def forward(self, tokens_BT: Tensor, phase: str = "generator", step: int = 0) -> Losses:
        x_BT4 = self.table(tokens_BT)
        if phase == "discriminator":
            loss = self.critic(x_BT4.detach()).square().mean()
            return Losses(loss, {"loss/disc": loss.detach()})
        logits_BTV = self.head(self.norm(self.layer(x_BT4)))
        loss = nn.functional.cross_entropy(logits_BTV.flatten(0, 1), tokens_BT.flatten())
        return Losses(loss, {"loss/total": loss.detach()})

    def phase_parameters(self, phase: str) -> list[nn.Parameter]:
        critic = list(self.critic.parameters())
        return critic if phase == "discriminator" else [p for p in self.parameters() if all(p is not c for c in critic)]

    def generate(self, *args: Any, **kwargs: Any) -> Tensor:
        raise NotImplementedError


def tokens(step: int = 0, n: int = 8) -> Tensor:
    return torch.randint(0, 7, (n, 5), generator=torch.Generator().manual_seed(step))


def weights(model: nn.Module) -> Mapping[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
