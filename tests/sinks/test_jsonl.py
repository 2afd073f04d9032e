from __future__ import annotations

import json
from typing import Any

import fsspec
import pytest

from aurl.errors import ConfigError
from aurl.runs.codec import decode
from aurl.runs.rundir import RunDirectory
from aurl.sinks.jsonl import JsonLinesSink
from tests.sinks.conftest import whole_run


def test_the_records_of_a_run_come_back_from_any_file_system(run: RunDirectory) -> None:
    sink = JsonLinesSink(url="memory://bucket/runs", every_seconds=1e-6)
    sink.open(run)
    records = whole_run()
    for record in records:
        sink.write(record)
        sink.flush()
    sink.close()
    system = fsspec.filesystem("memory")
    files = sorted(system.ls(f"/bucket/runs/{run.id}", detail=False))
    assert len(files) > 1
    lines = b"".join(system.cat(file) for file in files).splitlines()
    assert [decode(line).kind for line in lines] == [record.kind for record in records]


def test_without_a_url_it_writes_beside_the_run(run: RunDirectory) -> None:
    sink = JsonLinesSink()
    sink.open(run)
    for record in whole_run():
        sink.write(record)
    sink.flush()
    sink.close()
    [file] = (run.events / "jsonl").glob("*.jsonl")
    assert json.loads(file.read_text().splitlines()[-1])["kind"] == "end"


def test_shown_again_it_adds_what_is_new(run: RunDirectory) -> None:
    records = whole_run()
    for log in (records[:5], records[:5], records):
        sink = JsonLinesSink()
        sink.open(run)
        sink._stamp += len(log)  # sessions of one second
        for record in log:
            sink.write(record)
        sink.close()
    files = sorted((run.events / "jsonl").glob("*.jsonl"))
    kinds = [decode(line).kind for file in files for line in file.read_bytes().splitlines()]
    assert kinds == [record.kind for record in records]


def test_a_job_of_a_sweep_is_kept_under_its_sweep(tmp_path: Any) -> None:
    run = RunDirectory(tmp_path / "name" / "sweeps" / "2026-01-01" / "0_seed=1")
    sink = JsonLinesSink(url="memory://bucket")
    sink.open(run)
    sink.write(whole_run()[0])
    sink.close()
    assert fsspec.filesystem("memory").ls("/bucket/2026-01-01/0_seed=1")


def test_a_store_that_fails_is_told_once_tried_again_and_loses_nothing(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    sink = JsonLinesSink(every_seconds=1e-6)
    sink.listener = lambda message, level: told.append(message)
    sink.open(run)
    refuse(sink, monkeypatch)
    for record in whole_run():
        sink.write(record)
        sink.flush()
    assert len(told) == 1
    assert "PermissionError" in told[0]
    monkeypatch.undo()
    sink.close()
    [file] = (run.events / "jsonl").glob("*.jsonl")
    assert len(file.read_text().splitlines()) == len(whole_run())


def refuse(sink: JsonLinesSink, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*arguments: Any, **keywords: Any) -> Any:
        raise PermissionError("read-only bucket")

    monkeypatch.setattr(sink._system, "open", no)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "nothing://bucket"}, r"jsonl: url=nothing://bucket: Protocol not known"),
        ({"every_seconds": 0}, r"jsonl: every_seconds=0: needs more than 0"),
    ],
)
def test_what_cannot_work_is_said_before_the_run(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        JsonLinesSink(**arguments)
