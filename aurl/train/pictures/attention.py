"""Which tokens each attention head looks at."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aurl.data.module import MusicData
from aurl.errors import AurlError, at_least
from aurl.models.layers import Attention, rotate
from aurl.show.heatmap import draw_heatmap
from aurl.train.engine import Engine
from aurl.train.pictures.base import Picture, PictureFiles, npz

_GAP = 2


class AttentionMaps(Picture):
    """The attention weights of every layer and head for the first sequence of validation.

    The picture has a row for each layer and a column for each head; in a map the row is the token that looks, the
    column the one looked at, and the colour is scaled within the map.

    Args:
        every: evaluations between two; null for one at the end.
        tokens: of the sequence at most.

    Raises:
        ConfigError: a value below 1.
    """

    name = "attention"

    def __init__(self, every: int | None = None, *, tokens: int = 96) -> None:
        super().__init__(every)
        at_least(f"pictures.{self.name}", 2, tokens=tokens)
        self.tokens = tokens

    @torch.no_grad()
    def draw(self, engine: Engine, data: MusicData) -> PictureFiles:
        """See `Picture.draw`.

        Raises:
            AurlError: the model has no attention layer of aurl's.
        """
        ids = next(data.eval_batches("validation", 1)).tokens[:1, : self.tokens]
        ids = ids[:, ids[0] != data.tokenizer.pad].to(engine.device)
        engine.model.eval()
        with watched(engine.model) as maps:
            engine.model(ids)
        if not maps:
            raise AurlError(f"{type(engine.model).__name__} has no attention layers; leave attention out of pictures")
        found = {name: weight.half().cpu().numpy() for name, weight in maps.items()}
        words = np.array([data.tokenizer.token_name(token) for token in ids[0].tolist()])
        fields = {"layers": len(found), "heads": next(iter(found.values())).shape[0], "length": ids.shape[1]}
        return PictureFiles({".npz": npz(tokens=words, **found), ".png": _sheet(list(found.values()))}, fields)


@contextmanager
def watched(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Collects the weights [H, T, T] of the first sequence in each forward pass of `Attention`, by the layer's name."""
    maps: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(layer: nn.Module, args: tuple[Any, ...]) -> None:
            assert isinstance(layer, Attention)
            maps[name] = weights(layer, *args)[0]

        return hook

    layers = [(name, module) for name, module in model.named_modules() if isinstance(module, Attention)]
    handles = [module.register_forward_pre_hook(keep(name)) for name, module in layers]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


def weights(
    layer: Attention,
    x: Tensor,
    rotation: tuple[Tensor, Tensor] | None = None,
    visible: Tensor | None = None,
    cache: None = None,
) -> Tensor:
    """What `Attention.forward` multiplies its values with; the fused kernels do not give it.

    Args:
        x: [B, T, D].
        visible: bool [B, T], as in `Attention`.

    Returns:
        float32 [B, H, T, T], each row a distribution over the tokens looked at.
    """
    size, length, _ = x.shape
    q, k, _ = (part.view(size, length, layer.n_heads, -1).transpose(1, 2) for part in layer.qkv(x).chunk(3, dim=-1))
    if rotation is not None:
        q, k = rotate(q, rotation), rotate(k, rotation)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if layer.causal:
        ahead = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        scores = scores.masked_fill(ahead, -math.inf)
    if visible is not None:
        scores = scores.masked_fill(~visible[:, None, None, :], -math.inf)
    shares: Tensor = scores.float().softmax(-1)
    return shares


def _sheet(layers: list[NDArray[np.float16]]) -> bytes:
    """All maps side by side, each scaled to its own greatest weight; layers of other sizes are padded."""
    heads, side = max(each.shape[0] for each in layers), max(each.shape[-1] for each in layers)
    cell = side + _GAP
    sheet = np.full((len(layers) * cell - _GAP, heads * cell - _GAP), np.nan)
    for row, maps in enumerate(layers):
        for column, weight in enumerate(maps.astype(np.float64)):
            top, left, size = row * cell, column * cell, weight.shape[0]
            sheet[top : top + size, left : left + size] = weight / weight.max()
    return draw_heatmap(sheet, 2 * max(sheet.shape))
