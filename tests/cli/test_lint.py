from __future__ import annotations

import io
import json
import math
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import aurl
from aurl.cli import main
from tests.lint.files import DATA, write

KEYS = ["path", "type", "severity", "metric", "step", "onset_step", "value", "message", "cause", "suggestions"]


def curve(path: Path, rows: int = 400, bad: dict[int, float] | None = None, header: str = "step,loss,lr") -> Path:
    noise = random.Random(1)
    losses = [2 * math.exp(-at / 100) + 0.5 + noise.gauss(0, 0.01) for at in range(rows)]
    for at, value in (bad or {}).items():
        losses[at] = value
    return write(path, header + "\n" + "".join(f"{at},{loss},0.001\n" for at, loss in enumerate(losses)))


NAN = dict.fromkeys(range(300, 400), math.nan)


class Outcome:
    def __init__(self, arguments: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        err = io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            try:
                self.code = main(["lint", *map(str, arguments)])
            except SystemExit as left:  # argparse
                self.code = int(str(left.code))
            out.flush()
        self.out = out.buffer.getvalue().decode()  # type: ignore[attr-defined]
        self.err = err.getvalue()

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def lint(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda *arguments: Outcome(arguments, monkeypatch)


def check_schema(alert: dict[str, Any]) -> None:
    assert list(alert) == KEYS
    assert alert["severity"] in {"info", "warning", "critical", "fatal"}
    assert re.fullmatch(r"[a-z_]+", alert["type"])
    assert isinstance(alert["value"], (int, float, type(None)))
    for key in ("path", "metric", "message"):
        assert isinstance(alert[key], str)
        assert alert[key]
    for key in ("step", "onset_step"):
        assert type(alert[key]) is int
    assert alert["onset_step"] <= alert["step"]
    assert alert["cause"] is None or isinstance(alert["cause"], str)
    assert all(isinstance(suggestion, str) for suggestion in alert["suggestions"])


def test_one_json_line_for_each_alert_and_nothing_else(lint: Any, tmp_path: Path) -> None:
    path = curve(tmp_path / "nan.csv", bad=NAN)
    result = lint(path, "--json")
    assert result.code == 3
    assert result.err == ""
    (alert,) = result.alerts
    check_schema(alert)
    assert (alert["path"], alert["type"], alert["severity"]) == (str(path), "nan_values", "fatal")
    assert (alert["metric"], alert["step"], alert["value"]) == ("loss/total", 300, None)


def test_healthy_logs_exit_0_and_are_silent_in_json(lint: Any, tmp_path: Path) -> None:
    path = curve(tmp_path / "ok.csv")
    assert (lint(path, "--json").code, lint(path, "--json").out) == (0, "")
    result = lint(path)
    assert result.code == 0
    assert "healthy: 400 rows, 2 scalars, nothing to report" in result.out


def test_the_report_names_what_when_and_what_to_do(lint: Any, tmp_path: Path) -> None:
    result = lint(curve(tmp_path / "nan.csv", bad=NAN), curve(tmp_path / "ok.csv"))
    assert result.code == 3
    assert "  fatal nan_values  loss/total, step 300, until the end\n" in result.out
    assert "\n    - " in result.out
    assert result.out.endswith("2 logs: 1 with critical findings, 1 healthy\n")


def test_a_folder_is_looked_through(lint: Any, tmp_path: Path) -> None:
    curve(tmp_path / "deep/nan.csv", bad=NAN)
    curve(tmp_path / "ok.tsv")
    write(tmp_path / "people.csv", "name,age\nAda,36\n")
    write(tmp_path / "broken.jsonl", "\0\0")
    result = lint(tmp_path, "--json")
    assert result.code == 3
    assert [alert["path"] for alert in result.alerts] == [str(tmp_path / "deep/nan.csv")]
    first, second = result.err.splitlines()
    assert first.startswith(f"aurl: error: {tmp_path}/broken.jsonl: a binary file of unknown kind; expected is ")
    assert second == f"aurl: {tmp_path}/people.csv: skipped, none of its columns looks like a metric of training"


def test_others_are_read_when_one_cannot_be(lint: Any, tmp_path: Path) -> None:
    result = lint(tmp_path / "none.csv", write(tmp_path / "empty.csv", ""), curve(tmp_path / "ok.csv"))
    assert result.code == 2
    assert len(result.err.splitlines()) == 2
    assert result.out.endswith("3 logs: 1 healthy, 2 unreadable\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "aurl lint: which log? Give at least one path"),
        (("none.csv",), "none.csv: no such file or folder"),
        (("x" * 5000,), "cannot be read (File name too long)"),
        (("zscore=3",), "which log?"),
        (("x.csv", "zscor=3"), "Did you mean 'zscore'?"),
        (("x.csv", "warmup=-3"), "anomaly.warmup=-3"),
        (("x.csv", "--jsn"), "unrecognized arguments: --jsn"),
    ],
)
def test_bad_usage_exits_2_with_one_clear_message(lint: Any, arguments: tuple[str, ...], expected: str) -> None:
    result = lint(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert expected in result.err


def test_an_empty_folder(lint: Any, tmp_path: Path) -> None:
    result = lint(tmp_path)
    assert result.code == 2
    assert f"{tmp_path}: no log in this folder" in result.err
    write(tmp_path / "people.csv", "name,age\nAda,36\n")
    result = lint(tmp_path)
    assert result.code == 2
    assert "no log among 1 files" in result.err


NOTHING = "step,banana\n" + "".join(f"{at},{at % 3}\n" for at in range(50))


def test_a_log_without_a_loss_is_never_healthy(lint: Any, tmp_path: Path) -> None:
    table, text = write(tmp_path / "a.csv", NOTHING), write(tmp_path / "b.log", "Hello\nworld\n")
    result = lint(table, text, "--json")
    assert result.code == 2
    assert result.alerts == [
        {"path": str(table), "error": "nothing to judge", "seen": ["step", "banana"]},
        {"path": str(text), "error": "nothing to judge", "seen": ["Hello", "world"]},
    ]
    result = lint(table, text)
    assert result.code == 2
    assert "nothing to judge: no loss was found; it holds step, banana; name one with loss=COLUMN" in result.out
    assert result.out.endswith("2 logs: 2 with nothing to judge\n")
    assert "b.log: nothing to judge: a text without numbers that have names; it holds Hello, world" in result.err
    assert lint(table, "loss=banana").code != 2


def test_the_gravest_code_wins(lint: Any, tmp_path: Path) -> None:
    nothing, bad, good = (
        write(tmp_path / "a.csv", NOTHING),
        curve(tmp_path / "b.csv", bad=NAN),
        curve(tmp_path / "c.csv"),
    )
    assert lint(nothing, bad, good).code == 3
    assert lint(nothing, good).code == 2
    assert lint(tmp_path / "none.csv", bad).code == 3


def test_in_a_folder_what_tells_nothing_is_passed_over(lint: Any, tmp_path: Path) -> None:
    curve(tmp_path / "ok.csv")
    write(tmp_path / "train.log", "Epoch 1 loss 0.5\nEpoch 2 loss 0.4\n")
    write(tmp_path / "server.log", "Hello\nworld\n")
    write(tmp_path / "requirements.txt", "numpy\n")
    write(tmp_path / "gpu.csv", "step,gpu_util\n1,50\n2,60\n")
    result = lint(tmp_path)
    assert result.code == 0
    assert result.err == f"aurl: {tmp_path}/server.log: skipped, no numbers with names in it\n"
    assert result.out.endswith("3 logs: 2 healthy, 1 with nothing to judge\n")


def test_overrides_reach_columns_and_detectors(lint: Any, tmp_path: Path) -> None:
    path = curve(tmp_path / "a.csv", bad=NAN, header="n,objective,rate")
    assert lint(path, "loss=objective", "step=n", "lr=rate", "--json").alerts[0]["metric"] == "loss/total"
    assert lint(path, "loss=objective", "detectors.nan_values=null", "--json").out == ""
    assert lint(path, "anomaly=off", "--json").code == 0
    result = lint(path, "loss=objectiv")
    assert result.code == 2
    assert "Did you mean 'objective'?" in result.err


def test_a_path_may_look_like_an_override(lint: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curve(tmp_path / "lr=0.1" / "metrics.csv", bad=NAN)
    monkeypatch.chdir(tmp_path)
    assert lint("lr=0.1", "--json").alerts[0]["path"] == "lr=0.1/metrics.csv"


def test_explain_tells_every_column(lint: Any) -> None:
    result = lint(DATA / "lightning_metrics.csv", "--explain")
    assert result.code == 0
    assert "column 'lr-SGD' -> lr (learning rate): 'lr' in its name" in result.out
    result = lint(DATA / "trainer_state.json", "--explain", "--json")
    assert result.out == ""
    assert "column 'eval_loss' -> val/loss/total (validation loss)" in result.err


def test_a_run_of_aurl_itself(lint: Any, tmp_path: Path) -> None:
    with aurl.Monitor.open(tmp_path / "run", logging=[], anomaly="off") as monitor:
        for step in range(1, 60):
            monitor.step(step, {"loss/total": math.nan if step > 50 else 1.0 + 1 / step})
    result = lint(tmp_path / "run", "--json")
    assert result.code == 3
    assert [(alert["type"], alert["step"]) for alert in result.alerts] == [("nan_values", 51)]


def test_help_says_it_all(lint: Any) -> None:
    result = lint("--help")
    assert result.code == 0
    for word in ("trainer_state.json", "loss=COLUMN", "anomaly=strict", "--json", "--explain", "exit code"):
        assert word in result.out
