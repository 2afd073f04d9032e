from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aurl.train.engine import Engine
from aurl.train.pictures.histograms import Histogram, Histograms, bucket_limits, measure
from tests.train.pictures.parts import batch, scene


def numpy_counts(values: np.ndarray) -> np.ndarray:
    """What numpy counts between TensorFlow's limits, by right edge."""
    edges = np.concatenate([[-np.inf], bucket_limits()])
    edges[-1] = np.inf
    return np.histogram(values, edges)[0]


def spread_out(found: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    counts = np.zeros(len(bucket_limits()))
    counts[np.searchsorted(bucket_limits(), found[0])] = found[1]
    return counts


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_the_counts_are_numpys_but_for_rounding_at_an_edge(values: list[float]) -> None:
    found = measure(torch.tensor(values, dtype=torch.float64))
    ours, theirs = np.cumsum(spread_out(found[:2])), np.cumsum(numpy_counts(np.array(values)))
    with np.errstate(over="ignore"):
        ratio = np.divide.outer(np.array(values), np.where(bucket_limits() == 0, np.inf, bucket_limits()))
    near_an_edge = np.abs(ratio - 1) <= 1e-9
    assert np.abs(ours - theirs).max() <= near_an_edge.any(axis=1).sum()
    assert found.stats[:3] == (min(values), max(values), len(values))


def test_a_large_tensor_is_counted_as_numpy_does() -> None:
    torch.manual_seed(0)
    values = torch.randn(40, 5000)
    found = measure(values)
    differing = np.abs(spread_out(found[:2]) - numpy_counts(values.double().numpy().ravel())).sum()
    assert differing <= 20
    assert found.counts.sum() == found.stats[2] == values.numel()
    assert found.stats[3:] == pytest.approx([float(values.double().sum()), float(values.double().square().sum())])


def test_an_empty_bucket_marks_the_left_edge_of_the_next_and_runs_are_dropped() -> None:
    found = measure(torch.tensor([-1.0, 0.0, 1.0]))
    assert found.counts.tolist() == [0, 1, 0, 1, 0, 1]
    assert all(left < value < right for value, (left, right) in zip((-1.0, 0.0, 1.0), _sides(found), strict=True))


def _sides(found: Histogram) -> list[tuple[float, float]]:
    limits = found.limits + np.abs(found.limits) * 1e-12
    return [(limits[index - 1] - 1e-11, limits[index] + 1e-11) for index in (1, 3, 5)]


@pytest.mark.parametrize("broken", [[], [float("nan")], [float("inf"), float("-inf")]])
def test_without_a_finite_value_there_is_no_bucket(broken: list[float]) -> None:
    found = measure(torch.tensor(broken))
    assert (len(found.limits), found.stats, found.nonfinite) == (0, (0.0,) * 5, len(broken))


def test_values_that_are_not_finite_are_counted_apart() -> None:
    found = measure(torch.tensor([1.0, float("nan"), float("inf")]))
    assert (found.counts.sum(), found.nonfinite) == (1, 2)


def test_weights_gradients_and_updates_of_every_parameter_are_shown() -> None:
    engine, data = scene()
    picture = Histograms()
    picture.before_step(engine)
    before = {name: p.detach().clone() for name, p in engine.model.named_parameters()}
    engine.train_step([batch(data)], 2, 10)
    arrays = np.load(BytesIO(picture.draw(engine, data).files[".npz"]), allow_pickle=False)
    names = arrays["names"].tolist()
    trained = [name for name, p in engine.model.named_parameters() if p.grad is not None]
    assert set(names) == {f"{kind}/{name}" for kind in ("weights", "updates") for name in before} | {
        f"gradients/{name}" for name in trained
    }
    change = {name: (p.detach() - before[name]).double() for name, p in engine.model.named_parameters()}
    for row, name in enumerate(names):
        kind, _, parameter = name.partition("/")
        first, end = arrays["offsets"][row : row + 2]
        assert arrays["counts"][first:end].sum() == arrays["stats"][row, 2]
        if kind == "updates":
            assert arrays["stats"][row, 4] == pytest.approx(float(change[parameter].square().sum()), rel=1e-5)
    assert max(float(each.abs().max()) for each in change.values()) > 0


def test_without_the_weights_before_there_are_no_updates() -> None:
    engine: Engine
    engine, data = scene()
    arrays = np.load(BytesIO(Histograms().draw(engine, data).files[".npz"]), allow_pickle=False)
    assert not any(name.startswith("updates/") for name in arrays["names"].tolist())
