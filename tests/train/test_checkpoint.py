from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from aurl.errors import CheckpointError
from aurl.train import checkpoint


class Tied(nn.Module):
    """Tied weights, a buffer, and two sets of parameters with an optimiser each."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, width)
        self.head = nn.Linear(width, 5, bias=False)
        self.head.weight = self.embed.weight
        self.critic = nn.Linear(width, 1)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))


def optimizers(model: Tied) -> dict[str, torch.optim.Optimizer]:
    return {
        "generator": torch.optim.AdamW([{"params": [model.embed.weight], "weight_decay": 0.1}], lr=0.1),
        "discriminator": torch.optim.AdamW(model.critic.parameters(), lr=0.2),
    }


def train(model: Tied, optims: dict[str, torch.optim.Optimizer], steps: int) -> None:
    for _ in range(steps):
        (model.critic(model.embed(torch.arange(5))) ** 2).sum().backward()
        for optim in optims.values():
            optim.step()
            optim.zero_grad()
        model.seen += 1


def trained(steps: int = 3) -> tuple[Tied, dict[str, torch.optim.Optimizer]]:
    torch.manual_seed(0)
    model = Tied()
    optims = optimizers(model)
    train(model, optims, steps)
    return model, optims


def test_model_optimisers_tensors_and_state_come_back_exactly(tmp_path: Path) -> None:
    model, optims = trained()
    rng = torch.get_rng_state()
    checkpoint.save(tmp_path / "step_1", model, optims, {"rng.cpu": rng}, {"step": 3, "loss": float("nan")})
    other = Tied()
    others = optimizers(other)
    tensors = {"rng.cpu": torch.zeros_like(rng)}
    state = checkpoint.load(tmp_path / "step_1", other, others, tensors)
    assert state["step"] == 3
    assert torch.equal(tensors["rng.cpu"], rng)
    assert other.head.weight is other.embed.weight
    train(model, optims, 4)
    train(other, others, 4)
    for (name, ours), theirs in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), name


def test_nothing_in_a_checkpoint_is_pickled(tmp_path: Path) -> None:
    model, optims = trained()
    checkpoint.save(tmp_path / "step_1", model, optims, {}, {})
    names = sorted(file.name for file in (tmp_path / "step_1").iterdir())
    assert names == ["shard-00001-model-00001-of-00001.safetensors", "state.json"]


def test_a_failed_save_leaves_nothing_behind(tmp_path: Path) -> None:
    model, optims = trained()
    with pytest.raises(TypeError):
        checkpoint.save(tmp_path / "step_1", model, optims, {}, {"no json": object()})
    assert list(tmp_path.iterdir()) == []


def test_saving_again_replaces(tmp_path: Path) -> None:
    model, optims = trained()
    for step in (1, 2):
        checkpoint.save(tmp_path / "step_1", model, optims, {}, {"step": step})
    assert checkpoint.read_state(tmp_path / "step_1")["step"] == 2


def test_another_model_is_named_with_both_shapes(tmp_path: Path) -> None:
    model, optims = trained()
    checkpoint.save(tmp_path / "step_1", model, optims, {}, {})
    other = Tied(width=16)
    with pytest.raises(
        CheckpointError, match=r"of another model \(embed.weight: here \[5, 16\], in the checkpoint \[5, 8\]"
    ):
        checkpoint.load(tmp_path / "step_1", other, optimizers(other))


@pytest.mark.parametrize("victim", ["shard-00001-model-00001-of-00001.safetensors", "state.json"])
@pytest.mark.parametrize("keep", [0, 7, 200])
def test_a_truncated_checkpoint_names_another_one(tmp_path: Path, victim: str, keep: int) -> None:
    model, optims = trained()
    for step in (1, 2):
        checkpoint.save(tmp_path / f"step_{step}", model, optims, {}, {"filler": "x" * 300})
    file = tmp_path / "step_2" / victim
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match="step_2: the checkpoint is damaged .*resume from another one: step_1"):
        checkpoint.load(tmp_path / "step_2", model, optims)


def test_a_missing_file_and_a_missing_folder(tmp_path: Path) -> None:
    model, optims = trained()
    checkpoint.save(tmp_path / "step_1", model, optims, {}, {})
    next((tmp_path / "step_1").glob("*.safetensors")).unlink()
    with pytest.raises(CheckpointError, match="no .safetensors file"):
        checkpoint.load(tmp_path / "step_1", model, optims)
    with pytest.raises(CheckpointError, match="no such checkpoint; there are: step_1"):
        checkpoint.load(tmp_path / "step_9", model, optims)


def test_another_format_is_refused(tmp_path: Path) -> None:
    model, optims = trained()
    checkpoint.save(tmp_path / "step_1", model, optims, {}, {})
    path = tmp_path / "step_1" / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(CheckpointError, match="format 99, this aurl reads 1"):
        checkpoint.load(tmp_path / "step_1", model, optims)


def test_exported_weights_are_those_of_the_model(tmp_path: Path) -> None:
    model, optims = trained()
    checkpoint.save(tmp_path / "step_1", model, optims, {}, {})
    checkpoint.export_model(tmp_path / "step_1", tmp_path / "model.safetensors")
    weights = load_file(tmp_path / "model.safetensors")
    assert torch.equal(weights["embed.weight"], model.embed.weight)
    assert set(weights) == {"embed.weight", "critic.weight", "critic.bias", "seen"}
