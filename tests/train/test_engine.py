from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from aurl.errors import AurlError, ConfigError
from aurl.models.base import Losses, MusicModel
from aurl.models.encoder import Posterior
from aurl.models.transformer import Transformer
from aurl.models.vae import VAE
from aurl.train.engine import Engine, explain_out_of_memory, rng_state, set_rng_state
from aurl.train.optim import AdamW


class Bag(MusicModel):
    """A bag of embeddings: the sum of a sequence's embeddings should be one; the critic should give zero."""

    phases = ("generator", "discriminator")

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.embed = nn.Embedding(7, 4)
        self.critic = nn.Linear(4, 1)

    def forward(self, tokens_BT: Tensor, phase: str = "generator", step: int = 0) -> Losses:
        x_B4 = self.embed(tokens_BT).sum(1)
        if phase == "discriminator":
            loss = self.critic(x_B4.detach()).square().mean()
            return Losses(loss, {"loss/disc": loss.detach()})
        loss = (x_B4.sum(-1) - 1).square().mean()
        return Losses(loss, {"loss/total": loss.detach()})

    def phase_parameters(self, phase: str) -> list[nn.Parameter]:
        return list(self.embed.parameters() if phase == "generator" else self.critic.parameters())

    def generate(self, *args: Any, **kwargs: Any) -> Tensor:
        raise NotImplementedError


def ready(**settings: Any) -> Engine:
    engine = Engine(accelerator="cpu", **{"probe_every": 0, **settings})
    engine.setup(Bag(), AdamW(lr=0.05, discriminator_lr=0.01, warmup_steps=0, schedule="constant"))
    return engine


def tokens(n: int = 8) -> Tensor:
    return torch.randint(0, 7, (n, 5), generator=torch.Generator().manual_seed(n))


def weights(engine: Engine) -> Mapping[str, Tensor]:
    return {name: tensor.clone() for name, tensor in engine.model.state_dict().items()}


def test_every_phase_is_trained_by_its_own_optimiser() -> None:
    engine = ready()
    before = weights(engine)
    metrics = engine.train_step([tokens()], 0, 10)
    after = weights(engine)
    assert set(metrics) == {"loss/total", "grad/norm", "loss/disc", "grad/norm_disc", "lr", "lr/discriminator"}
    assert all(not torch.equal(before[name], after[name]) for name in before)
    assert engine.optimizers["generator"][0].param_groups[0]["lr"] == 0.05
    assert engine.optimizers["discriminator"][0].param_groups[0]["lr"] == 0.01


def test_training_reduces_the_loss() -> None:
    engine = ready()
    values = [float(engine.train_step([tokens()], step, 60)["loss/total"]) for step in range(60)]
    assert values[-1] < 0.1 * values[0]


def test_accumulated_micro_batches_equal_one_batch() -> None:
    whole, parts = ready(), ready(accumulate=2)
    batch = tokens(8)
    one = whole.train_step([batch], 0, 10)
    two = parts.train_step(list(batch.chunk(2)), 0, 10)
    for name in ("loss/total", "loss/disc", "grad/norm"):
        assert float(two[name]) == pytest.approx(float(one[name]), rel=1e-5)
    for name, tensor in weights(whole).items():
        assert torch.allclose(tensor, weights(parts)[name], atol=1e-6)


def test_the_norm_is_that_before_clipping_and_the_step_is_clipped() -> None:
    free, clipped = ready(clip_norm=0.0), ready(clip_norm=0.5)
    one, two = free.train_step([tokens()], 0, 10), clipped.train_step([tokens()], 0, 10)
    assert float(one["grad/norm"]) == pytest.approx(float(two["grad/norm"]))
    assert float(two["grad/norm"]) > 0.5
    left = torch.nn.utils.get_total_norm([p.grad for p in clipped.model.embed.parameters() if p.grad is not None])  # type: ignore[union-attr,operator]
    assert float(left) == pytest.approx(0.5, rel=1e-3)


def test_evaluation_weighs_batches_by_their_size_and_changes_nothing() -> None:
    engine = ready()
    before = weights(engine)
    big, small = tokens(6), tokens(2)
    parts = engine.evaluate(iter([big, small]))["loss/total"]
    whole = engine.evaluate(iter([torch.cat([big, small])]))["loss/total"]
    assert float(parts) == pytest.approx(float(whole), rel=1e-5)
    assert engine.model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(engine).items())


def test_finite_weights() -> None:
    engine = ready()
    assert engine.weights_are_finite()
    with torch.no_grad():
        engine.model.critic.bias.fill_(float("inf"))  # type: ignore[union-attr,operator]
    assert not engine.weights_are_finite()


def test_generator_states_repeat_what_was_drawn() -> None:
    states = rng_state()
    first = torch.rand(3)
    set_rng_state(states)
    assert torch.equal(torch.rand(3), first)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"precision": "fp8"}, "trainer.precision=fp8: allowed are fp32, bf16, fp16"),
        ({"accumulate": 0}, "trainer.accumulate=0"),
        ({"clip_norm": -1.0}, "trainer.clip_norm=-1.0"),
    ],
)
def test_settings_that_cannot_be_had_name_their_key(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Engine(accelerator="cpu", **settings)
    assert message in str(caught.value)


HALF = ("data.batch_size=64", "data.batch_size=32")


def test_out_of_memory_names_the_key_and_other_errors_pass() -> None:
    with pytest.raises(AurlError, match="data.batch_size=64.*data.batch_size=32"), explain_out_of_memory(HALF):
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(RuntimeError, match="shape"), explain_out_of_memory(HALF):
        raise RuntimeError("shape mismatch")


WORKER = """
import sys, torch
from tests.train.test_engine import ready, tokens, weights
engine = ready()
half = tokens(8).chunk(2)[engine.rank]
for step in range(3):
    engine.train_step([half], step, 10)
if engine.is_main:
    torch.save(weights(engine), sys.argv[1])
engine.close()
"""


@pytest.mark.slow
@pytest.mark.two_process
def test_two_processes_equal_one_with_the_whole_batch(tmp_path: Any) -> None:
    import os
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = {
        **os.environ,
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", WORKER, str(tmp_path / "weights.pt")]
    ranks = [subprocess.Popen(command, env={**base, "RANK": str(rank)}) for rank in range(2)]
    assert [rank.wait(120) for rank in ranks] == [0, 0]
    alone = ready(clip_norm=1.0)
    for step in range(3):
        alone.train_step([tokens(8)], step, 10)
    for name, tensor in torch.load(tmp_path / "weights.pt", weights_only=True).items():
        assert torch.allclose(tensor, weights(alone)[name], atol=1e-5), name


PAD, BOS, EOS, VOCABULARY, LENGTH = 0, 1, 2, 23, 24
SIZES: dict[str, Any] = {"d_model": 16, "n_layers": 1, "n_heads": 2, "dropout": 0.0}


def padded(lengths: Sequence[int]) -> Tensor:
    """Sequences of these lengths, begin and end token included."""
    generator = torch.Generator().manual_seed(sum(lengths))
    rows = [torch.randint(3, VOCABULARY, (length,), generator=generator) for length in lengths]
    for row in rows:
        row[0], row[-1] = BOS, EOS
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)


def gradients(model: MusicModel, batches: Sequence[Tensor]) -> dict[str, Tensor]:
    engine = Engine(accelerator="cpu", probe_every=0, clip_norm=0.0, accumulate=len(batches))
    engine.setup(model, AdamW(lr=1e-12, warmup_steps=0, weight_decay=0.0, schedule="constant"))
    metrics = engine.train_step(batches, 5, 100)
    found = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    return found | {name: torch.as_tensor(metrics[name]) for name in ("loss/recon", "grad/norm")}


def small(kind: str) -> MusicModel:
    torch.manual_seed(1)
    if kind == "transformer":
        return Transformer(VOCABULARY, LENGTH, PAD, BOS, EOS, **SIZES)
    settings = {"encoder_layers": 1, "d_latent": 3, "word_dropout": 0.0, "free_bits": 0.0, "beta_warmup_steps": 0}
    return VAE(VOCABULARY, LENGTH, PAD, BOS, EOS, **SIZES, **settings)


@pytest.mark.parametrize("kind", ["transformer", "vae"])
@settings(max_examples=12, deadline=None)
@given(lengths=st.lists(st.integers(3, LENGTH), min_size=2, max_size=7), data=st.data())
def test_the_gradient_of_any_split_is_that_of_the_whole(kind: str, lengths: list[int], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(lengths) - 1))
    with mock.patch.object(Posterior, "sample", lambda posterior: posterior.mu):  # the same z, however it is split
        whole = gradients(small(kind), [padded(lengths)])
        rows = padded(lengths)
        split = gradients(small(kind), [rows[:cut], rows[cut:, : max(lengths[cut:])]])
    assert whole.keys() == split.keys()
    scale = max(float(value.abs().max()) for name, value in whole.items() if "/" not in name)
    for name, value in whole.items():
        torch.testing.assert_close(split[name], value, rtol=1e-5, atol=1e-6 * scale)


def test_a_term_by_sequences_is_weighed_by_sequences() -> None:
    class BySequence(Bag):
        def forward(self, tokens_BT: Tensor, phase: str = "generator", step: int = 0) -> Losses:
            loss = super().forward(tokens_BT, phase, step).objective
            return Losses(loss, {"loss/total": loss.detach()}, by_sequence=loss)

    found = []
    for batches in ([tokens(8)], [tokens(8)[:2], tokens(8)[2:3], tokens(8)[3:]]):
        engine = Engine(accelerator="cpu", probe_every=0, clip_norm=0.0)
        engine.setup(BySequence(), AdamW(lr=0.05, warmup_steps=0, schedule="constant"))
        found.append(engine.train_step(batches, 0, 1)["grad/norm"])
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=0)


def test_fp16_trains_with_a_loss_scale_on_the_cpu_too() -> None:
    engine = Engine(accelerator="cpu", precision="fp16", probe_every=0)
    engine.setup(small("transformer"), AdamW(lr=1e-3, warmup_steps=0, schedule="constant"))
    batch = padded([9, 12, 20])
    steps = [engine.train_step([batch], step, 40) for step in range(40)]
    assert float(steps[0]["fp16/scale"]) == 2.0**16
    assert float(steps[-1]["loss/recon"]) < 0.9 * float(steps[0]["loss/recon"])
