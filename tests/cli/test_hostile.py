"""Folders that nobody meant well: every reader skips what it cannot read, or says one error, and never hangs."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aurl.cli import main
from aurl.runs.listing import find_runs
from tests.machine.test_untrusted import bomb

LINE = '{{"v":1,"kind":"step","step":{0},"time":{1},"scalars":{{"loss/total":0.5}},"fields":{{"epoch":1}}}}\n'
DOCUMENT: dict[str, Any] = {
    "v": 1, "id": "bad", "name": "x", "status": "done", "started": 1.7e9, "ended": 1.7e9, "updated": 1.7e9, "step": 9,
    "summary": {"loss/total": {"last": 0.5, "best": 0.5, "best_step": 9, "min": 0, "max": 1, "mean": 0.6, "count": 9}},
}  # fmt: skip
WRONG: tuple[Any, ...] = ("x", -1, 1e300, 2**70, True, None, [], {}, [[1]], {"a": {"b": [1]}})


def make(folder: Path) -> Path:
    (folder / "events").mkdir(parents=True)
    (folder / ".hydra").mkdir()
    log = "".join(LINE.format(step, 1.7e9 + step) for step in range(1, 10))
    (folder / "events" / "records.jsonl").write_text(log)
    (folder / "run.json").write_text(json.dumps(DOCUMENT))
    (folder / "config.json").write_text('{"optim.lr": 0.1, "seed": 1}')
    return folder


def pipe(name: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        (run / name).unlink(missing_ok=True)
        os.mkfifo(run / name)

    return damage


def link(name: str, target: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(target)

    return damage


def sparse(name: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        (run / name).touch()
        os.truncate(run / name, 2**30)

    return damage


def in_turn(*damages: Callable[[Path], None]) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        for one in damages:
            one(run)

    return damage


def text(name: str, content: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        (run / name).write_text(content, errors="surrogateescape")

    return damage


def records(*lines: str) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        with (run / "events" / "records.jsonl").open("a") as log:
            log.writelines(f"{line}\n" for line in lines)

    return damage


def wrong_records(kind: str, *names: str) -> Callable[[Path], None]:
    base = {"v": 1, "kind": kind, "step": 5, "time": 1.7e9, "scalars": {"loss/total": 0.5}, "fields": {}}
    lines = [base | {key: value} for key in ("step", "time", "scalars", "fields", "kind") for value in WRONG]
    lines += [base | {"scalars": {"loss/total": value}} for value in WRONG]
    lines += [base | {"fields": {name: value}} for name in names for value in WRONG]
    return records(*map(json.dumps, lines))


def documents(run: Path) -> None:
    """One run for each key of `run.json` and each wrong value of it."""
    keys = (*DOCUMENT, "resumes", "alerts", "config", "process")
    wrong = [DOCUMENT | {key: value} for key in keys for value in WRONG]
    summary = DOCUMENT["summary"]["loss/total"]
    wrong += [DOCUMENT | {"summary": {"loss/total": summary | {key: value}}} for key in summary for value in WRONG]
    for number, document in enumerate(wrong):
        (run.parent / f"wrong_{number}").mkdir()
        (run.parent / f"wrong_{number}" / "run.json").write_text(json.dumps(document))


FILES = ("run.json", "config.json", "events/records.jsonl", "events/scalars.parquet", ".hydra/config.yaml")
CASES: dict[str, Callable[[Path], None]] = {
    **{f"pipe {name}": pipe(name) for name in FILES},
    **{f"device {name}": link(name, "/dev/zero") for name in FILES},
    **{f"a gigabyte of {name}": sparse(name) for name in FILES},
    "link to itself": link("run.json", "run.json"),
    "deep run.json": text("run.json", '{"a":' * 900 + "1" + "}" * 900),
    "deep config": text("config.json", '{"a":' * 900 + "1" + "}" * 900),
    "deep record": records('{"v":1,"kind":"note","step":1,"fields":' + '{"a":' * 900 + "1" + "}" * 901),
    "bomb": in_turn(lambda run: (run / "config.json").unlink(), text(".hydra/config.yaml", bomb(10))),
    "steps": records(*(LINE.format(step, 1.7e9) for step in (2**53, 2**63, 2**64, -1, 10**30, 1.5))),
    "times": records(*(LINE.format(9, time) for time in ("1e18", "-1e18", "1e300", "253402300800"))),
    "documents": documents,
    "step": wrong_records("step", "epoch", "batch", "eta", "files"),
    "alert": wrong_records("alert", "type", "severity", "metric", "incident", "suggestions", "onset_step", "count"),
    "sample": wrong_records("sample", "path", "image", "audio", "slot"),
    "quality": wrong_records("quality", "path", "slot", "scope"),
    "start": wrong_records("start", "steps", "epochs", "resumed_from", "parameters", "model"),
    "note": wrong_records("note", "message", "level", "resumed_from"),
    "end": wrong_records("end", "status", "exit_code", "message"),
    "checkpoint": wrong_records("checkpoint", "path", "best"),
    "a kind with a long name": records(json.dumps({"kind": "k" * 10_000, "step": 1, "scalars": {"a": 1.0}})),
    "not text": text("events/records.jsonl", "\udcff\udcfe\n\0\0\n"),
}


@pytest.fixture(autouse=True)
def _within_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits for ever"))
    signal.alarm(60)
    yield
    signal.alarm(0)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_every_reader_survives(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "outputs"
    make(root / "good")
    bad = make(root / "bad")
    CASES[case](bad)
    for command in (
        ["runs", str(root)],
        ["runs", str(root), "--json"],
        ["compare", str(root), "--json"],
        ["report", str(bad), "-o", str(tmp_path / "report.html")],
        ["watch", str(bad), "--once"],
        ["plot", str(bad), "-o", str(tmp_path / "plot.svg")],
        ["replay", str(bad), "logging=csv"],
        ["export", str(bad), "-o", str(tmp_path / "export")],
    ):
        code = main(command)
        error = capsys.readouterr().err
        assert code in {0, 2}, (command, error)
        assert code == 0 or error.startswith("aurl: error:"), (command, error)
    assert {"good", "bad"} <= {run.path.name for run in find_runs(root)}
    main(["runs", str(root), "--json"])
    assert len(json.loads(capsys.readouterr().out)) >= 2


@pytest.mark.slow
def test_a_hundred_thousand_names_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make(tmp_path / "run")
    scalars = {f"metric/name_{number}": number / 3 for number in range(100_000)}
    lines = [json.dumps({"kind": "step", "step": step, "time": 1.7e9, "scalars": scalars}) for step in (10, 11)]
    records(*lines)(run)
    assert main(["report", str(run), "-o", str(tmp_path / "report.html")]) == 0
    assert main(["watch", str(run), "--once"]) == 0
    assert main(["compare", str(tmp_path)]) in {0, 2}
