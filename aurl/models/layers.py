"""Pre-norm Transformer blocks, causal or bidirectional, with a key-value cache for sampling.

Shape suffixes of tensor names:
    B sequences in the batch, T tokens of the input, S tokens attended to (T, or those in the cache),
    D model width, H heads, K head width, R = K/2 rotated pairs, F width inside the MLP.

Dropout is applied to what a block adds to the residual stream, not to attention weights: the fused attention kernels
stay usable, on the CPU too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from aurl.models import checks

Positions: TypeAlias = Literal["rotary", "learned"]
Norm: TypeAlias = Literal["rms", "layer"]
Mlp: TypeAlias = Literal["swiglu", "gelu"]
Rotation: TypeAlias = tuple[Tensor, Tensor]


class KVCache:
    """Keys and values of one layer for up to `capacity` tokens, allocated once, at the first append."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.length = 0
        self._keys_BHSK: Tensor | None = None
        self._values_BHSK: Tensor | None = None

    def append(self, keys_BHTK: Tensor, values_BHTK: Tensor) -> tuple[Tensor, Tensor]:
        """Store T more tokens and return all S stored ones."""
        end = self.length + keys_BHTK.shape[2]
        if end > self.capacity:
            raise ValueError(f"{end} tokens: this cache holds at most {self.capacity}")
        if self._keys_BHSK is None or self._values_BHSK is None:
            B, H, _, K = keys_BHTK.shape
            self._keys_BHSK = keys_BHTK.new_empty(B, H, self.capacity, K)
            self._values_BHSK = torch.empty_like(self._keys_BHSK)
        self._keys_BHSK[:, :, self.length : end] = keys_BHTK
        self._values_BHSK[:, :, self.length : end] = values_BHTK
        self.length = end
        return self._keys_BHSK[:, :, :end], self._values_BHSK[:, :, :end]


class Rotary(nn.Module):
    """Rotary position embedding (Su et al. 2021, arXiv:2104.09864): turns pairs of channels by position x frequency."""

    def __init__(self, head_width: int, seq_len: int, base: float = 10_000.0) -> None:
        super().__init__()
        frequencies_R = base ** (-torch.arange(0, head_width, 2, device="cpu") / head_width)
        angles_TR = torch.outer(torch.arange(seq_len, device="cpu"), frequencies_R)
        self.register_buffer("cos_TR", angles_TR.cos(), persistent=False)
        self.register_buffer("sin_TR", angles_TR.sin(), persistent=False)

    def forward(self, start: int, length: int) -> Rotation:
        """Cosines and sines [T, R] of `length` positions from `start`."""
        return self.get_buffer("cos_TR")[start : start + length], self.get_buffer("sin_TR")[start : start + length]


def rotate(x_BHTK: Tensor, rotation: Rotation) -> Tensor:
    """The first half of the channels paired with the second and turned, in float32."""
    cos_TR, sin_TR = rotation
    a_BHTR, b_BHTR = x_BHTK.float().chunk(2, dim=-1)
    turned = torch.cat((a_BHTR * cos_TR - b_BHTR * sin_TR, b_BHTR * cos_TR + a_BHTR * sin_TR), dim=-1)
    return turned.type_as(x_BHTK)


class Attention(nn.Module):
    """Multi-head scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762)."""

    def __init__(self, d_model: int, n_heads: int, *, causal: bool) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.causal = causal
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)

    def forward(
        self,
        x_BTD: Tensor,
        rotation: Rotation | None = None,
        visible_BT: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> Tensor:
        """Attend; `visible_BT` (bool) hides padding from a bidirectional layer.

        With a cache, the T tokens follow those stored: either the first T, or one more.
        """
        B, T, _ = x_BTD.shape
        qkv = self.qkv(x_BTD).view(B, T, 3 * self.n_heads, -1).transpose(1, 2)
        qk, v = qkv.split((2 * self.n_heads, self.n_heads), dim=1)
        q, k = (qk if rotation is None else rotate(qk, rotation)).chunk(2, dim=1)
        if cache is not None:
            if cache.length and q.shape[2] > 1:
                raise ValueError(f"{q.shape[2]} tokens after {cache.length} cached ones: append them one by one")
            k, v = cache.append(k, v)
        mask = None if visible_BT is None else visible_BT[:, None, None, :]
        y_BHTK = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=self.causal and q.shape[2] > 1)
        y_BTD: Tensor = self.out(y_BHTK.transpose(1, 2).flatten(2))
        return y_BTD


class SwiGLU(nn.Module):
    """Gated MLP of width 8/3 D, as many weights as a plain one of 4 D (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        width = 8 * math.ceil(d_model / 3)
        self.up = nn.Linear(d_model, 2 * width, bias=False)
        self.down = nn.Linear(width, d_model, bias=False)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """[B, T, D] to [B, T, D]."""
        gate_BTF, x_BTF = self.up(x_BTD).chunk(2, dim=-1)
        y_BTD: Tensor = self.down(F.silu(gate_BTF) * x_BTF)
        return y_BTD


class GELU(nn.Module):
    """Plain MLP of width 4 D with Gaussian error linear units (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, 4 * d_model, bias=False)
        self.down = nn.Linear(4 * d_model, d_model, bias=False)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """[B, T, D] to [B, T, D]."""
        y_BTD: Tensor = self.down(F.gelu(self.up(x_BTD)))
        return y_BTD


_NORMS = {"rms": nn.RMSNorm, "layer": nn.LayerNorm}
_MLPS = {"swiglu": SwiGLU, "gelu": GELU}


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)): the pre-norm order (Xiong et al. 2020, arXiv:2002.04745)."""

    def __init__(self, d_model: int, n_heads: int, *, causal: bool, dropout: float, norm: Norm, mlp: Mlp) -> None:
        super().__init__()
        self.attention_norm = _NORMS[norm](d_model)
        self.attention = Attention(d_model, n_heads, causal=causal)
        self.mlp_norm = _NORMS[norm](d_model)
        self.mlp = _MLPS[mlp](d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x_BTD: Tensor,
        rotation: Rotation | None = None,
        visible_BT: Tensor | None = None,
        cache: KVCache | None = None,
    ) -> Tensor:
        """[B, T, D] to [B, T, D]; arguments as in `Attention`."""
        x_BTD = x_BTD + self.dropout(self.attention(self.attention_norm(x_BTD), rotation, visible_BT, cache))
        y_BTD: Tensor = x_BTD + self.dropout(self.mlp(self.mlp_norm(x_BTD)))
        return y_BTD


class Stack(nn.Module):
    """Positions, blocks and a last norm: token features in, token features out, [B, T, D].

    Args:
        seq_len: the most tokens that will ever be given.
        causal: whether a token sees only itself and those before it.
        positions: `rotary` in every attention layer, or a `learned` vector a position added to the input.
        checkpoint_activations: compute the blocks again in the backward pass instead of keeping what is inside them.

    Raises:
        ConfigError: a value outside its range, or a width that does not split into heads.
    """

    def __init__(
        self,
        d_model: int,
        n_layers: int,
        n_heads: int,
        seq_len: int,
        *,
        causal: bool,
        dropout: float = 0.1,
        positions: Positions = "rotary",
        norm: Norm = "rms",
        mlp: Mlp = "swiglu",
        checkpoint_activations: bool = False,
    ) -> None:
        checks.one_of(("rotary", "learned"), positions=positions)
        checks.one_of(tuple(_NORMS), norm=norm)
        checks.one_of(tuple(_MLPS), mlp=mlp)
        checks.heads(d_model, n_heads, positions)
        checks.at_least(1, n_layers=n_layers)
        checks.share(dropout=dropout)
        super().__init__()
        self.checkpoint_activations = checkpoint_activations
        self.rotary = Rotary(d_model // n_heads, seq_len) if positions == "rotary" else None
        self.positions = nn.Embedding(seq_len, d_model) if positions == "learned" else None
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(d_model, n_heads, causal=causal, dropout=dropout, norm=norm, mlp=mlp) for _ in range(n_layers)
        )
        self.norm = _NORMS[norm](d_model)
        self._initialise(n_layers)

    def _initialise(self, n_layers: int) -> None:
        """Unit variance through each layer; what n blocks add to the residual stream is scaled to stay near it."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
        for name, weight in self.named_parameters():
            if name.endswith(("out.weight", "down.weight")):
                weight.data.mul_((2 * n_layers) ** -0.5)
        if self.positions is not None:
            nn.init.normal_(self.positions.weight, std=0.02)

    def forward(
        self,
        x_BTD: Tensor,
        visible_BT: Tensor | None = None,
        caches: Sequence[KVCache] | None = None,
    ) -> Tensor:
        """Features of T tokens, which follow those in the caches (one a block) where these are given."""
        start = caches[0].length if caches else 0
        length = x_BTD.shape[1]
        rotation = self.rotary(start, length) if self.rotary is not None else None
        if self.positions is not None:
            x_BTD = x_BTD + self.positions.weight[start : start + length]
        x_BTD = self.dropout(x_BTD)
        recompute = self.checkpoint_activations and caches is None and torch.is_grad_enabled()
        for index, block in enumerate(self.blocks):
            if recompute:
                x_BTD = checkpoint(block, x_BTD, rotation, visible_BT, use_reentrant=False)
            else:
                x_BTD = block(x_BTD, rotation, visible_BT, caches[index] if caches else None)
        y_BTD: Tensor = self.norm(x_BTD)
        return y_BTD
