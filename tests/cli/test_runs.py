"""`aurl runs` as a person and as a script use it."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from aurl.cli import main
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.runfile import RunFile


def make(folder: Path, name: str, losses: list[float], status: str | None = "done", **changes: Any) -> None:
    run = RunDirectory(folder)
    run.create()
    sink = RunFile({"id": folder.name, "name": name, "tags": ["t"], "seed": 1})
    sink.open(run)
    sink.write(Record(Kind.START, 0, fields={"steps": 100}))
    for step, loss in enumerate(losses, 1):
        sink.write(Record(Kind.STEP, step, {"loss/total": loss}, {"epoch": 1}))
    if status:
        sink.write(Record(Kind.END, len(losses), fields={"status": status, "exit_code": 0}, time=time.time()))
        sink.close()
    run.run_json.write_text(json.dumps(json.loads(run.run_json.read_text()) | changes))


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    make(
        tmp_path / "b" / "run2", "bee", [3.0, 2.0, 2.5], started=200.0, ended=7400.0, alerts={"warning": 3, "fatal": 0}
    )
    make(tmp_path / "a" / "run1", "ant", [5.0], "failed", started=300.0, ended=360.0)
    make(tmp_path / "c" / "run3", "cat", [], None, started=100.0, host="elsewhere", updated=160.0)
    make(tmp_path / "d" / "run4", "[red]dog\x1b[2J", [1.0], started=50.0, ended=60.0)
    broken = tmp_path / "e" / "run5"
    broken.mkdir(parents=True)
    (broken / "run.json").write_text("{")
    return tmp_path


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["runs", *arguments, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    rows: list[dict[str, Any]] = json.loads(captured.out)
    return rows


def test_json_tells_everything_about_each_run(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["id"]: row for row in listed(capsys, str(outputs))}
    bee = rows["run2"]
    assert bee["loss"] == {"metric": "loss/total", "last": 2.5, "best": 2.0, "best_step": 2}
    assert (bee["name"], bee["status"], bee["step"], bee["steps"], bee["epoch"]) == ("bee", "done", 3, 100, 1)
    assert (bee["started"], bee["ended"], bee["duration"]) == (200.0, 7400.0, 7200.0)
    assert (bee["alerts"], bee["tags"], bee["seed"], bee["resumes"]) == ({"warning": 3, "fatal": 0}, ["t"], 1, 0)
    assert bee["path"] == str(outputs / "b" / "run2")
    assert bee["summary"]["loss/total"]["count"] == 3
    assert (rows["run3"]["status"], rows["run3"]["loss"]["last"]) == ("crashed", None)
    assert rows["run3"]["duration"] == 60.0
    assert rows["run5"]["status"] == "unreadable"
    assert "not valid JSON" in rows["run5"]["error"]


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("started", ["run1", "run2", "run3", "run4", "run5"]),
        ("name", ["run4", "run1", "run2", "run3", "run5"]),
        ("loss", ["run4", "run2", "run1", "run3", "run5"]),
        ("step", ["run2", "run1", "run4", "run3", "run5"]),
        ("duration", ["run2", "run1", "run3", "run4", "run5"]),
    ],
)
def test_sorting(outputs: Path, capsys: pytest.CaptureFixture[str], key: str, order: list[str]) -> None:
    assert [row["id"] for row in listed(capsys, str(outputs), "--sort", key)] == order


def test_most_alerts_come_first(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys, str(outputs), "--sort", "alerts")[0]["id"] == "run2"


def test_status_and_limit(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [row["id"] for row in listed(capsys, str(outputs), "--status", "done")] == ["run2", "run4"]
    assert [row["id"] for row in listed(capsys, str(outputs), "--limit", "1")] == ["run1"]
    assert listed(capsys, str(outputs), "--status", "preempted") == []


def test_validation_loss_is_the_main_loss(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    statistics = {"last": 1.5, "best": 1.25, "best_step": 40}
    make(tmp_path / "run", "x", [2.0], summary={"loss/total": {"last": 9.0}, "val/loss/total": statistics})
    assert listed(capsys, str(tmp_path))[0]["loss"] == {"metric": "val/loss/total", **statistics}


def test_table(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(outputs)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^bee +run2 +done +3/100 +2\.5 +2 +3 warning +2h +1970-01-01", out, re.M)
    assert re.search(r"^ant +run1 +failed +1/100 +5 +5 +1min", out, re.M)
    assert "[red]dog\\x1b[2J" in out, "names are shown as they are, and control no terminal"
    assert "\x1b" not in out
    assert re.search(r"run5: run\.json: not valid JSON", out)
    assert max(map(len, out.splitlines())) <= 200


def test_table_of_a_part_says_so(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["runs", str(outputs), "--limit", "2"])
    assert capsys.readouterr().out.rstrip().endswith("2 of 5 runs")


def test_nothing_to_show(tmp_path: Path, outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["runs", str(tmp_path / "empty")]) == 0
    assert capsys.readouterr().out == f"no runs under {tmp_path / 'empty'}\n"
    main(["runs", str(outputs), "--status", "stopped"])
    assert capsys.readouterr().out == f"none of the 5 runs under {outputs} is that\n"


def test_the_directory_is_outputs_by_default(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs.rename(outputs.parent / "outputs")
    monkeypatch.chdir(outputs.parent)
    assert len(listed(capsys)) == 5


def test_odd_values_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = {"steps": "many", "alerts": {"warning": "x"}, "summary": {"loss/total": {"last": "low"}}, "tags": None}
    make(tmp_path / "run", "x", [1.0], **odd)
    (row,) = listed(capsys, str(tmp_path))
    assert (row["steps"], row["alerts"], row["loss"]["last"], row["tags"]) == (None, {}, None, [])
    assert main(["runs", str(tmp_path)]) == 0


def test_a_missing_directory_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(tmp_path / "nowhere")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "nowhere: no such directory" in captured.err


@pytest.mark.parametrize("arguments", [["--status", "odd"], ["--limit", "0"], ["--limit", "x"]])
def test_bad_options_are_bad_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["runs", *arguments])
    assert raised.value.code == 2
    assert "usage: aurl runs" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["runs", "--help"])
    assert raised.value.code == 0
    assert "--status" in capsys.readouterr().out


def many(root: Path, count: int = 12) -> None:
    """Runs as a training names them, of one experiment, which differ in two settings; one debugging run beside."""
    for number in range(count):
        folder = root / "quick" / f"2026-11-29_00-{number:02d}-13_f7f9"
        make(folder, "quick", [2.0 + number], started=1_700_000_000.0 + number)
        config = {
            "optim": {"lr": [0.003, 3e-5, 0.01][number % 3], "beta": 0.9},
            "model": {"name": ["vae", "gan"][number % 2]},
        }
        if number == count - 1:
            config |= {"debug_steps": 3, "debug_rate": 1, "debug_more": [1, 2]}
        (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_ids_are_whole_and_what_differs_is_told_at_every_width(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    many(tmp_path)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["runs", str(tmp_path)]) == 0
    out = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    table = [line for line in out.splitlines() if "2026-11" in line or line.startswith("run ")]
    assert len(table) == 13
    assert max(map(len, table)) <= width
    assert all(re.search(r"2026-11-29_00-\d\d-13_f7f9 ", line) for line in table[1:])
    head = table[0].split()
    assert {"run", "status", "best", "lr"} <= set(head)
    assert "debug_steps" not in out
    assert "name" not in head or width > 100, "all are called quick"
    if width >= 80:
        assert " 0.003" in out
        assert "vae" in out


def test_filters_are_those_of_the_dashboard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many(tmp_path)
    assert len(listed(capsys, str(tmp_path), "model=vae and lr<0.005")) == 4
    assert len(listed(capsys, str(tmp_path), "model=gan", "and", "lr=3e-5")) == 2
    [first, *_] = listed(capsys, str(tmp_path), "--sort", "optim.lr", "--reverse")
    assert first["config"]["optim.lr"] == 0.01
    assert listed(capsys, str(tmp_path), "--sort", "loss/total.max")[0]["loss"]["last"] == 2.0
    assert main(["runs", str(tmp_path), "lr<"]) == 2
    assert "expected a value at the end, at character 4" in capsys.readouterr().err
    assert main(["runs", str(tmp_path), "--sort", "optim.rl"]) == 2
    assert "Did you mean 'optim.lr'?" in capsys.readouterr().err


def test_columns_of_one_s_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many(tmp_path)
    assert main(["runs", str(tmp_path), "--columns", "optim.beta,loss/total.max", "--limit", "1"]) == 0
    out = capsys.readouterr().out
    assert "beta" in out.splitlines()[0]
    assert "0.9" in out
