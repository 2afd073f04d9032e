"""The scores of `benchmarks/real_logs.py`, on two made-up curves."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks import healthy_loops, operating_curve
from benchmarks.real_logs import Alarm, add_up, held_out, merge, read_logs, watch_all
from tests.anomaly.runs import healthy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, factor in (("h_x_a.csv", 1.0), ("a_x_b.csv", 20.0)):
        losses = healthy(400)["loss/total"]
        losses[300] *= factor
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["step", "loss", "val_loss"])
            writer.writerows([10 * i, f"{loss:.6f}", ""] for i, loss in enumerate(losses))
    (tmp_path / "index.csv").write_text("file,repo,labels\nh_x_a.csv,one,healthy\na_x_b.csv,two,loss_spike\n")
    (tmp_path / "events.csv").write_text("file,types,onset,end\na_x_b.csv,loss_spike|nan_values,3000,3050\n")
    return tmp_path


def test_an_event_that_is_told_in_its_window_counts(folder: Path) -> None:
    logs = read_logs(folder)
    alarms, _ = watch_all(logs, {})
    figures = add_up(logs, alarms).figures()
    assert (figures["typed_recall"], figures["f1"], figures["strict_f1"]) == (1.0, 1.0, 1.0)
    assert (figures["healthy_alarmed"], figures["median_delay_rows"]) == (0.0, 0.0)
    assert held_out(logs, [alarms], lambda log: log.repo).figures()["typed_recall"] == 1.0


def test_alarms_elsewhere_cost_precision(folder: Path) -> None:
    logs = read_logs(folder)
    wrong = Alarm(50, 500, "loss_spike", "warning")
    right = Alarm(301, 3010, "loss_spike", "warning")
    other = Alarm(302, 3020, "overfitting", "warning")
    figures = add_up(logs, [[wrong], [wrong, right, other]]).figures()
    assert figures["precision"] == pytest.approx(1 / 2)
    assert figures["strict_precision"] == pytest.approx(1 / 3)
    assert figures["f1"] == pytest.approx(2 / 3)
    assert figures["other_type_episodes"] == 1
    assert figures["median_delay_rows"] == 1


def test_alarms_close_together_are_one_episode() -> None:
    rows = [0, 50, 149, 300]
    assert [one.row for one in merge(Alarm(row, row, "x", "warning") for row in rows)] == [0, 300]


def test_an_event_that_may_be_told_or_not_counts_for_nothing(folder: Path) -> None:
    (folder / "index.csv").write_text("file,repo\nh_x_a.csv,one\na_x_b.csv,two\n")
    (folder / "events.csv").write_text("file,types,onset,end,must\na_x_b.csv,loss_spike,3000,3050,0\n")
    logs = read_logs(folder)
    assert [log.healthy for log in logs] == [True, False]
    told = Alarm(300, 3000, "loss_spike", "warning")
    for alarms in ([], [told]):
        figures = add_up(logs, [[], alarms]).figures()
        assert (figures["events"], figures["healthy_runs"]) == (0, 1)
        assert add_up(logs, [[], alarms]).outside_episodes == 0


def test_the_operating_curve_shows_what_sensitivity_costs(folder: Path) -> None:
    logs = read_logs(folder)
    points = [operating_curve.measure(logs, f"zscore={z:g}", "z", {"zscore": z}) for z in (5.0, 40.0)]
    assert [point.recall for point in points] == [1.0, 0.0]
    drawn = operating_curve.draw([*points, operating_curve.measure(logs, "calm", "preset", "calm")])
    assert drawn.count("<circle") == 3
    assert "zscore=40" in drawn


@pytest.mark.parametrize("kind", ["fifty epochs", "PPO", "warm restarts"])
def test_healthy_loops_are_silent(kind: str) -> None:
    told, written = healthy_loops.alarms(kind, seed=0, steps=300, changes={})
    assert told == []
    assert written >= 50
