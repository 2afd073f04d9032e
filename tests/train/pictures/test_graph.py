from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from aurl.models.transformer import Transformer
from aurl.models.vae import VAE
from aurl.train.pictures.graph import Graph, trace
from tests.train.pictures.parts import bits, scene


class Branching(nn.Module):
    """Decides by a shape, adds in place, and takes one weight twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.register_buffer("shift", torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.first(self.first(x))
        y += self.shift
        return y.relu() if x.shape[0] > 1 else y


def test_operations_stand_in_their_modules_and_name_what_they_take() -> None:
    nodes = {node["name"]: node for node in trace(Branching(), torch.ones(2, 3))}
    assert next(iter(nodes)) == "input_0"
    assert nodes["first/weight"] == {
        "name": "first/weight", "op": "Parameter", "inputs": [], "shape": [3, 3], "dtype": "float32",
    }  # fmt: skip
    assert nodes["model/shift"]["op"] == "Buffer"
    twice = [name for name, node in nodes.items() if node["op"] == "aten.addmm"]
    assert twice == ["first/addmm", "first/addmm_1"]
    assert "first/addmm" in nodes["first/addmm_1"]["inputs"]
    assert nodes["model/add_"]["inputs"] == ["first/addmm_1", "model/shift"]
    assert nodes["model/relu"]["inputs"] == ["model/add_"], "an operation in place is the tensor's new maker"


def test_a_name_that_is_taken_gets_the_next_free_number() -> None:
    class Crowded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add_1 = nn.Parameter(torch.ones(2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x + self.add_1 + 1) + 1

    names = [node["name"] for node in trace(Crowded(), torch.ones(2))]
    assert names == ["input_0", "model/add_1", "model/add", "model/add_2", "model/add_3"]


def test_what_is_recorded_is_what_ran() -> None:
    assert "model/relu" not in {node["name"] for node in trace(Branching(), torch.ones(1, 3))}


@pytest.mark.parametrize("model", [VAE, Transformer])
def test_every_input_is_an_earlier_node_and_names_are_unique(model: type[VAE | Transformer]) -> None:
    nodes = trace(model(40, 32, 0, 1, 2, d_model=16, n_layers=2, n_heads=2).eval(), torch.randint(3, 40, (1, 20)))
    seen: set[str] = set()
    for node in nodes:
        assert set(node["inputs"]) <= seen
        assert node["name"] not in seen
        seen.add(node["name"])
    assert sum("scaled_dot_product" in node["op"] for node in nodes) >= 2


def test_the_picture_leaves_the_model_as_it_was() -> None:
    engine, data = scene()
    before = bits(engine)
    document = json.loads(Graph().draw(engine, data).files[".json"])
    assert bits(engine) == before
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in engine.model.modules())
    names = {node["name"].split("/")[0] for node in document["nodes"]}
    assert {"input_0", "encoder", "decoder", "model"} <= names


def test_it_is_wanted_at_the_start_alone() -> None:
    graph = Graph()
    assert [graph.wanted(*place) for place in ((0, False), (1, False), (1, True))] == [True, False, False]
