"""Token sequences to the posterior of a latent vector.

Shape suffixes: B sequences, T tokens, D model width, Z latent width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from aurl.models.layers import Mlp, Norm, Positions, Stack

LOGVAR_BOUND = 8.0


class Posterior(NamedTuple):
    """A diagonal Gaussian for each sequence: mean and log variance, [B, Z]."""

    mu: Tensor
    logvar: Tensor

    def sample(self) -> Tensor:
        """mu + sigma * noise [B, Z], differentiable in both (Kingma and Welling 2014, arXiv:1312.6114)."""
        return self.mu + (0.5 * self.logvar).exp() * torch.randn_like(self.mu)


class PosteriorEncoder(nn.Module):
    """Bidirectional blocks, the mean over the tokens that are not padding, and a linear layer.

    The log variance is bounded to +-8 by a tanh, so that neither the variance nor its gradient can run away or stick.
    """

    def __init__(
        self,
        vocab_size: int,
        seq_len: int,
        pad: int,
        d_latent: int,
        *,
        d_model: int,
        n_layers: int,
        n_heads: int,
        dropout: float = 0.1,
        positions: Positions = "rotary",
        norm: Norm = "rms",
        mlp: Mlp = "swiglu",
        checkpoint_activations: bool = False,
    ) -> None:
        super().__init__()
        self.pad = pad
        self.stack = Stack(
            d_model,
            n_layers,
            n_heads,
            seq_len,
            causal=False,
            dropout=dropout,
            positions=positions,
            norm=norm,
            mlp=mlp,
            checkpoint_activations=checkpoint_activations,
        )
        self.table = nn.Embedding(vocab_size, d_model)
        self.posterior = nn.Linear(d_model, 2 * d_latent)
        nn.init.normal_(self.posterior.weight, std=d_model**-0.5)
        nn.init.zeros_(self.posterior.bias)

    def forward(self, tokens_BT: Tensor) -> Posterior:
        """The posterior of each sequence."""
        visible_BT = tokens_BT != self.pad
        # A row of padding alone would attend to nothing, which is 0/0.
        visible_BT = torch.cat((torch.ones_like(visible_BT[:, :1]), visible_BT[:, 1:]), dim=1)
        h_BTD = self.stack(self.table(tokens_BT), visible_BT)
        weight_BT1 = visible_BT[..., None].to(h_BTD.dtype)
        pooled_BD = (h_BTD * weight_BT1).sum(1) / weight_BT1.sum(1)
        mu_BZ, raw_BZ = self.posterior(pooled_BD).float().chunk(2, dim=-1)
        return Posterior(mu_BZ, LOGVAR_BOUND * torch.tanh(raw_BZ / LOGVAR_BOUND))
