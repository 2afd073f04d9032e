"""What figures are drawn from: points, averages, groups of seeds."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aurl.errors import RunError
from aurl.figures.curves import Curves, group, read_curves, smooth
from aurl.record import Kind, Record
from aurl.runs.listing import read_run
from tests.dashboard.runs import BEGAN, alert, change, make, step


def curves_of(folder: Path, records: list[Record], seed: int = 1, **config: object) -> Curves:
    make(folder, records, {"seed": seed, **config})
    return read_curves(read_run(folder))


def test_points_by_step_and_by_hours(tmp_path: Path) -> None:
    curves = curves_of(tmp_path / "a", [step(1, loss_total=3.0), step(2, loss_total=math.inf)])
    at, values = curves.points("loss/total")
    assert at.tolist() == [1.0, 2.0]
    assert values.tolist() == [3.0, math.inf]
    change(tmp_path / "a", started=BEGAN - 3600.0)
    hours, _ = read_curves(read_run(tmp_path / "a")).points("loss/total", "relative")
    assert hours == pytest.approx([1 + 1 / 3600, 1 + 2 / 3600])
    assert curves.points("nope")[0].size == 0


def test_epochs_are_counted_in_batches_where_their_number_is_known(tmp_path: Path) -> None:
    make(tmp_path / "a", [step(50), step(150)], batches=100)
    assert read_curves(read_run(tmp_path / "a")).points("loss/total", "epoch")[0].tolist() == [0.5, 1.5]


def test_an_epochs_means_are_not_drawn_among_its_steps(tmp_path: Path) -> None:
    mean = Record(Kind.EPOCH, 2, {"loss/total": 99.0, "time/epoch": 5.0}, {"epoch": 1}, BEGAN + 2)
    curves = curves_of(tmp_path / "a", [step(1), step(2), mean])
    assert 99.0 not in curves.points("loss/total")[1]
    assert curves.points("time/epoch")[1].tolist() == [5.0]


def test_alerts_are_marks_and_ends_of_incidents_are_not(tmp_path: Path) -> None:
    curves = curves_of(tmp_path / "a", [step(1), step(2), alert(2), alert(2, "info", status="end")])
    assert [(mark.metric, mark.step, mark.severity) for mark in curves.marks] == [("loss/total", 2, "warning")]


def test_a_run_without_a_log_is_told(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"v": 1, "status": "done"}')
    with pytest.raises(RunError, match="no event log"):
        read_curves(read_run(tmp_path))


def test_smoothing_by_hand() -> None:
    # weights 0.5: second value (0.5 x 2 + 4) / 1.5, third (0.25 x 2 + 0.5 x 4 + 6) / 1.75
    smoothed = smooth(np.array([2.0, 4.0, np.nan, 6.0]), 0.5)
    np.testing.assert_allclose(smoothed, [2.0, 5 / 1.5, np.nan, 8.5 / 1.75])


@given(arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6)), st.floats(0, 0.999))
def test_an_average_stays_between_the_values(values: np.ndarray, weight: float) -> None:
    smoothed = smooth(values, weight)
    slack = 1e-6 * max(1.0, float(np.abs(values).max()))
    assert (smoothed >= values.min() - slack).all()
    assert (smoothed <= values.max() + slack).all()


def test_no_smoothing_changes_nothing() -> None:
    values = np.array([1.0, np.inf, 3.0])
    np.testing.assert_array_equal(smooth(values, 0.0), values)


def test_seeds_of_one_setting_are_one_group(tmp_path: Path) -> None:
    runs = [
        curves_of(tmp_path / f"run{number}", [step(1), step(2)], seed, **{"optim.lr": lr})
        for number, (seed, lr) in enumerate([(1, 0.1), (2, 0.1), (1, 0.2)])
    ]
    assert [(each.label, len(each.members)) for each in group(runs)] == [("lr=0.1 (n=2)", 2), ("lr=0.2", 1)]


def test_runs_without_a_configuration_stand_alone(tmp_path: Path) -> None:
    runs = [curves_of(tmp_path / name, [step(1)]) for name in "ab"]
    for each in runs:
        (each.run.path / "config.json").write_text("{")
    again = [read_curves(each.run) for each in runs]
    assert [len(each.members) for each in group(again)] == [1, 1]


def test_a_band_covers_what_all_its_members_cover(tmp_path: Path) -> None:
    first = curves_of(tmp_path / "a", [step(1, loss_total=1.0), step(3, loss_total=3.0), step(5, loss_total=5.0)])
    second = curves_of(tmp_path / "b", [step(2, loss_total=6.0), step(4, loss_total=6.0)], 2)
    [both] = group([first, second])
    at, mean, low, high = both.band("loss/total", "step", 0.0)
    assert at.tolist() == [2.0, 3.0, 4.0]
    assert low.tolist() == [2.0, 3.0, 4.0]
    assert high.tolist() == [6.0, 6.0, 6.0]
    assert mean.tolist() == [4.0, 4.5, 5.0]
    assert both.band("nope", "step", 0.0)[0].size == 0


def test_labels_are_short(tmp_path: Path) -> None:
    runs = [curves_of(tmp_path / str(n), [step(1)], **{"model._target_": f"aurl.models.m{n}.Model{n}"}) for n in (1, 2)]
    assert [each.label for each in group(runs)] == ["model=Model1", "model=Model2"]
    assert json.dumps([each.label for each in group(runs)])
