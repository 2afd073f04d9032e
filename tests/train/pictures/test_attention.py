from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from aurl.errors import AurlError
from aurl.models.layers import Attention, Rotary
from aurl.train.pictures.attention import AttentionMaps, watched, weights
from tests.train.pictures.parts import scene


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("rotary", [True, False])
def test_the_weights_are_what_the_layer_multiplies_its_values_with(causal: bool, rotary: bool) -> None:
    torch.manual_seed(0)
    layer, x = Attention(16, 2, causal=causal), torch.randn(3, 7, 16)
    rotation = Rotary(8, 7)(0, 7) if rotary else None
    visible = None if causal else torch.tensor([[True] * 5 + [False] * 2] * 3)
    found = weights(layer, x, rotation, visible)
    values = layer.qkv(x).chunk(3, dim=-1)[2].view(3, 7, 2, 8).transpose(1, 2)
    again = layer.out((found @ values).transpose(1, 2).flatten(2))
    assert torch.allclose(again, layer(x, rotation, visible), atol=1e-5)
    assert torch.allclose(found.sum(-1), torch.ones(3, 2, 7))


def test_every_layer_is_drawn_and_rows_are_distributions() -> None:
    engine, data = scene()
    drawn = AttentionMaps(tokens=20).draw(engine, data)
    arrays = np.load(BytesIO(drawn.files[".npz"]), allow_pickle=False)
    layers = [name for name in arrays.files if name != "tokens"]
    assert layers == ["encoder.stack.blocks.0.attention", "decoder.stack.blocks.0.attention"]
    assert len(arrays["tokens"]) == 20
    for name in layers:
        sums = arrays[name].astype(np.float32).sum(-1)
        assert arrays[name].shape[0] == 2
        assert np.allclose(sums, 1, atol=5e-3)
    assert not np.triu(arrays[layers[1]][0], 1).any(), "the decoder looks back alone"
    assert drawn.files[".png"].startswith(b"\x89PNG")
    assert drawn.fields["layers"] == 2


def test_no_hook_is_left_behind() -> None:
    engine, data = scene()
    AttentionMaps().draw(engine, data)
    assert not any(module._forward_pre_hooks for module in engine.model.modules())


def test_a_model_without_attention_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, data = scene()
    with watched(torch.nn.Linear(2, 2)) as maps:
        assert maps == {}
    monkeypatch.setattr(engine, "model", _Plain())
    with pytest.raises(AurlError, match="_Plain has no attention layers"):
        AttentionMaps().draw(engine, data)


class _Plain(torch.nn.Module):
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return F.one_hot(tokens)
