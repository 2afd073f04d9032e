from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import torch
from torch import nn

from aurl.data.module import MusicData
from aurl.errors import ConfigError
from aurl.train.engine import Engine
from aurl.train.pictures.landscape import Landscape, directions, plane, restored
from tests.train.pictures.parts import batch, bits, scene


def losses(picture: Landscape, engine: Engine, data: MusicData) -> np.ndarray:
    found: np.ndarray = np.load(BytesIO(picture.draw(engine, data).files[".npz"]), allow_pickle=False)["loss"]
    return found


def test_weights_and_buffers_are_restored_bit_for_bit() -> None:
    engine, data = scene()
    engine.model.register_buffer("seen", torch.tensor([1.5, float("nan"), -0.0]))
    before, random = bits(engine), torch.get_rng_state()
    drawn = Landscape(points=3).draw(engine, data)
    assert bits(engine) == before
    assert torch.equal(torch.get_rng_state(), random)
    assert set(drawn.files) == {".npz", ".png"}


def test_they_are_restored_when_a_point_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, data = scene()
    before, calls = bits(engine), []

    def fails_later(batches: object) -> dict[str, torch.Tensor]:
        calls.append(bits(engine))
        if len(calls) == 4:
            raise RuntimeError("out of memory")
        return {"loss/total": torch.tensor(1.0)}

    monkeypatch.setattr(engine, "evaluate", fails_later)
    with pytest.raises(RuntimeError, match="out of memory"):
        Landscape(points=3).draw(engine, data)
    assert calls[0] != before
    assert bits(engine) == before


def test_the_centre_is_the_validation_loss_of_the_weights() -> None:
    engine, data = scene()
    drawn = Landscape(points=3, sequences=1).draw(engine, data)
    expected = float(engine.evaluate(iter([batch(data)[:1]]))["loss/total"])
    assert drawn.fields["center"] == expected
    assert {key: drawn.fields[key] for key in ("seed", "span", "points", "sequences")} == {
        "seed": 0, "span": 1.0, "points": 3, "sequences": 1,
    }  # fmt: skip


def test_the_plane_is_fixed_by_its_seed() -> None:
    engine, data = scene()
    first, again, other = (losses(Landscape(points=3, seed=seed), engine, data) for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_x_runs_along_rows_and_y_from_row_to_row() -> None:
    """Checked on the first direction alone: y = 0 is the middle row."""
    engine, data = scene()
    found = losses(Landscape(points=3, span=0.5), engine, data)
    params = engine.model.phase_parameters("generator")
    [along] = directions(params, 0, 1)
    with torch.no_grad(), restored(engine.model):
        for p, d in zip(params, along, strict=True):
            p.add_(d, alpha=0.5)
        moved = float(engine.evaluate(iter([batch(data)]))["loss/total"])
    assert found[1, 2] == pytest.approx(moved, rel=1e-6)


def test_every_filter_of_a_direction_has_the_norm_of_its_weights() -> None:
    torch.manual_seed(0)
    params = [nn.Parameter(torch.randn(5, 3, 2)), nn.Parameter(torch.randn(4)), nn.Parameter(torch.zeros(2, 3))]
    for tensors in directions(params, 7, 2):
        assert torch.allclose(tensors[0].flatten(1).norm(dim=1), params[0].flatten(1).norm(dim=1))
        assert not tensors[1].any(), "vectors stay where they are"
        assert not tensors[2].any(), "a filter of zeros has no scale"


def test_the_points_are_those_of_the_grid() -> None:
    params = [nn.Parameter(torch.tensor([[3.0, 4.0]]))]
    along = [[torch.tensor([[1.0, 0.0]])], [torch.tensor([[0.0, 1.0]])]]
    visited = [(place, params[0].detach().flatten().tolist()) for place in plane(params, [-1.0, 0.0, 1.0], along)]
    assert visited[0] == ((-1.0, -1.0), [2.0, 3.0])
    assert visited[4] == ((0.0, 0.0), [3.0, 4.0])
    assert visited[5] == ((1.0, 0.0), [4.0, 4.0])
    assert len(visited) == 9


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"points": 4}, "pictures.landscape.points=4: needs an odd number"),
        ({"points": 1}, "pictures.landscape.points=1: needs at least 3"),
        ({"span": 0}, "pictures.landscape.span=0: needs to be positive"),
        ({"sequences": 0}, "pictures.landscape.sequences=0: needs at least 1"),
        ({"every": 0}, "pictures.landscape.every=0: needs at least 1, or null"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_values_out_of_range_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Landscape(**wrong)  # type: ignore[arg-type]
