"""Curves of other libraries: trained, labelled by what they show, and read by the benchmark that scores them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.other_logs import main, train
from benchmarks.other_logs_sources.base import Run
from benchmarks.other_logs_sources.labels import not_finite
from benchmarks.other_logs_sources.with_sklearn import RUNS
from benchmarks.real_logs import read_logs


def _run(name: str) -> Run:
    return next(run for run in RUNS if run.name == name)


def test_curves_are_written_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.other_logs.SOURCES", {"with_sklearn": "sklearn"})
    for only in ("h_sk_diabetes_linear", "a_sk_diabetes_unscaled"):
        monkeypatch.setattr("sys.argv", ["other_logs", "-o", str(tmp_path), "--only", only])
        main()
    healthy, bad = sorted(read_logs(tmp_path), key=lambda log: not log.healthy)
    assert (healthy.healthy, healthy.events) == (True, [])
    assert not bad.healthy
    assert "training_divergence" in bad.events[0].types


def test_a_label_that_the_curve_does_not_bear_out_is_not_written(tmp_path: Path) -> None:
    wrong = _run("h_sk_diabetes_linear")._replace(events=(not_finite(),))
    line, events = train(wrong, "sklearn", tmp_path)
    assert (line["labels"], events) == ("ambiguous", [])
