"""Token sequences to next-token logits: the part that the transformer, the VAE and the VAE-GAN share.

Shape suffixes: B sequences, T tokens, V vocabulary, D model width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aurl.models.layers import KVCache, Mlp, Norm, Positions, Stack


class TokenDecoder(nn.Module):
    """Token table, causal blocks and output layer.

    Args:
        tie_embeddings: use the token table as output layer too (Press and Wolf 2017, arXiv:1608.05859).
        forgets: whether `word_dropout` may be given to `forward`; adds the vector that stands for a dropped token.
    """

    def __init__(
        self,
        vocab_size: int,
        seq_len: int,
        *,
        d_model: int,
        n_layers: int,
        n_heads: int,
        dropout: float = 0.1,
        positions: Positions = "rotary",
        norm: Norm = "rms",
        mlp: Mlp = "swiglu",
        tie_embeddings: bool = True,
        forgets: bool = False,
        checkpoint_activations: bool = False,
    ) -> None:
        super().__init__()
        self.stack = Stack(
            d_model,
            n_layers,
            n_heads,
            seq_len,
            causal=True,
            dropout=dropout,
            positions=positions,
            norm=norm,
            mlp=mlp,
            checkpoint_activations=checkpoint_activations,
        )
        self.table = nn.Embedding(vocab_size, d_model)
        self.head = None if tie_embeddings else nn.Linear(d_model, vocab_size, bias=False)
        self.dropped_D = nn.Parameter(torch.zeros(d_model)) if forgets else None
        # Small logits, so that the loss starts near ln(V).
        nn.init.normal_(self.table.weight, std=0.02)
        if self.head is not None:
            nn.init.normal_(self.head.weight, std=0.02)

    def forward(
        self,
        tokens_BT: Tensor,
        context_BD: Tensor | None = None,
        caches: Sequence[KVCache] | None = None,
        word_dropout: float = 0.0,
    ) -> Tensor:
        """Logits [B, T, V] of the token after each.

        Args:
            context_BD: added at every position.
            caches: from `caches()`; the tokens follow those already given with them.
            word_dropout: share of the tokens hidden from the model, so that it must rely on the context
                (Bowman et al. 2016, arXiv:1511.06349).
        """
        # The factor of Vaswani et al. 2017 (section 3.4): a small shared table, yet inputs of the residual's size.
        x_BTD = self.table(tokens_BT) * self.table.embedding_dim**0.5
        if word_dropout and self.dropped_D is not None:
            dropped_BT1 = torch.rand(*tokens_BT.shape, 1, device=tokens_BT.device) < word_dropout
            x_BTD = torch.where(dropped_BT1, self.dropped_D.to(x_BTD.dtype), x_BTD)
        if context_BD is not None:
            x_BTD = x_BTD + context_BD[:, None]
        x_BTD = self.stack(x_BTD, None, caches)
        return F.linear(x_BTD, self.table.weight) if self.head is None else self.head(x_BTD)

    def caches(self, capacity: int) -> list[KVCache]:
        """Empty key-value caches for `capacity` tokens, one a block."""
        return [KVCache(capacity) for _ in self.stack.blocks]
