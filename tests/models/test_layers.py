from __future__ import annotations

import itertools

import pytest
import torch

from aurl.errors import ConfigError
from aurl.models.layers import KVCache, Rotary, Stack, rotate

D, T = 16, 9
KINDS = list(itertools.product(("rotary", "learned"), (("rms", "swiglu"), ("layer", "gelu"))))


def stack(causal=True, positions="rotary", kind=("rms", "swiglu"), **changes):
    norm, mlp = kind
    arguments = {"seq_len": 12, "causal": causal, "positions": positions, "norm": norm, "mlp": mlp}
    return Stack(D, 2, 2, **{**arguments, **changes}).eval()


@pytest.mark.parametrize(("positions", "kind"), KINDS)
def test_a_causal_stack_does_not_look_ahead(positions, kind):
    layers = stack(positions=positions, kind=kind)
    x = torch.randn(2, T, D)
    changed = x.clone()
    changed[:, 5:] = torch.randn(2, T - 5, D)
    before, after = layers(x), layers(changed)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert (before[:, 5:] - after[:, 5:]).abs().amax(-1).min() > 1e-4


def test_a_bidirectional_stack_sees_everything():
    layers = stack(causal=False)
    x = torch.randn(1, T, D)
    changed = x.clone()
    changed[:, -1] = torch.randn(1, D)
    assert (layers(x)[:, 0] - layers(changed)[:, 0]).abs().max() > 1e-4


@pytest.mark.parametrize(("positions", "kind"), KINDS)
def test_what_is_hidden_has_no_influence(positions, kind):
    layers = stack(causal=False, positions=positions, kind=kind)
    x = torch.randn(2, T, D)
    visible = torch.arange(T).expand(2, T) < 6
    padded = layers(x, visible)[:, :6]
    torch.testing.assert_close(padded, layers(x[:, :6], None))
    x[:, 6:] = 1e3
    torch.testing.assert_close(padded, layers(x, visible)[:, :6])


@pytest.mark.parametrize(("positions", "kind"), KINDS)
def test_cached_steps_equal_one_pass(positions, kind):
    layers = stack(positions=positions, kind=kind)
    x = torch.randn(3, T, D)
    caches = [KVCache(T) for _ in layers.blocks]
    steps = [layers(x[:, :4], None, caches), *(layers(x[:, t : t + 1], None, caches) for t in range(4, T))]
    torch.testing.assert_close(torch.cat(steps, 1), layers(x), atol=1e-5, rtol=1e-4)


def test_a_cache_says_when_it_is_full_or_fed_out_of_order():
    layers = stack()
    caches = [KVCache(5) for _ in layers.blocks]
    layers(torch.randn(1, 4, D), None, caches)
    with pytest.raises(ValueError, match="2 tokens after 4 cached ones: append them one by one"):
        layers(torch.randn(1, 2, D), None, caches)
    layers(torch.randn(1, 1, D), None, caches)
    with pytest.raises(ValueError, match="6 tokens: this cache holds at most 5"):
        layers(torch.randn(1, 1, D), None, caches)


def test_rotary_products_depend_on_distance_alone():
    rotary = Rotary(8, 32)
    query, key = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)

    def product(at_query, at_key):
        turned = rotate(query, rotary(at_query, 1)), rotate(key, rotary(at_key, 1))
        return (turned[0] * turned[1]).sum()

    torch.testing.assert_close(product(7, 3), product(21, 17))
    assert abs(product(7, 3) - product(7, 4)) > 1e-4
    assert rotate(query, rotary(9, 1)).norm() == pytest.approx(query.norm().item(), rel=1e-5)


def test_checkpointing_changes_no_gradient():
    plain, frugal = stack(dropout=0.2).train(), stack(dropout=0.2, checkpoint_activations=True).train()
    frugal.load_state_dict(plain.state_dict())
    x = torch.randn(2, T, D)
    gradients = []
    for layers in (plain, frugal):
        torch.manual_seed(3)
        layers(x).square().mean().backward()
        gradients.append([p.grad for p in layers.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_features_keep_their_size_at_init():
    deep = Stack(64, 12, 4, 32, causal=True).eval()
    assert deep(torch.randn(2, 32, 64)).std().item() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"d_model": 18, "n_heads": 4}, "model.d_model=18: does not split into n_heads=4 heads; try 16 or 20"),
        ({"d_model": 3, "n_heads": 4}, "model.d_model=3: does not split into n_heads=4 heads; try 4"),
        ({"n_layers": 0}, "model.n_layers=0: needs at least 1"),
        ({"dropout": 1.0}, "model.dropout=1.0: needs 0 or more and less than 1"),
        ({"positions": "sine"}, "model.positions=sine: allowed is rotary or learned"),
        ({"norm": "batch"}, "model.norm=batch: allowed is rms or layer"),
        ({"mlp": "relu"}, "model.mlp=relu: allowed is swiglu or gelu"),
    ],
)
def test_bad_values_are_named(arguments, message):
    good = {"d_model": D, "n_layers": 1, "n_heads": 2, "seq_len": 8, "causal": True, "positions": "learned"}
    with pytest.raises(ConfigError) as error:
        Stack(**{**good, **arguments})
    assert str(error.value) == message


def test_rotary_needs_heads_of_even_width():
    with pytest.raises(ConfigError, match="n_heads=4 heads of even width, as positions=rotary asks; try 8 or 16"):
        Stack(12, 1, 4, 8, causal=True)
