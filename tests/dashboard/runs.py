"""Real run directories for the tests, written by the parts that write them in a training."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aurl.record import Kind, Record
from aurl.runs.eventlog import EventLog
from aurl.runs.rundir import RunDirectory
from aurl.sinks.runfile import RunFile

BEGAN = 1_700_000_000.0
CONFIG = {"name": "chorales", "seed": 1, "optim.lr": 0.001, "model.size": 64, "data.root": None}


def step(number: int, *, epoch: int = 1, batches: int = 100, **scalars: float) -> Record:
    """A training step at one second a step; `loss_total=2.0` is the scalar `loss/total`."""
    named = {name.replace("_", "/", 1): value for name, value in (scalars or {"loss_total": 10.0 / number}).items()}
    fields = {"epoch": epoch, "batch": number, "batches": batches, "eta": 60.0, "eta_low": 50.0, "eta_high": 70.0}
    return Record(Kind.STEP, number, named, fields, BEGAN + number)


def alert(number: int, severity: str = "warning", **fields: Any) -> Record:
    about = {"type": "loss_spike", "severity": severity, "metric": "loss/total", "message": "a spike", "value": 9.0}
    return Record(Kind.ALERT, number, {}, about | {"suggestions": ["lower optim.lr"]} | fields, BEGAN + number)


def steps(last: int, first: int = 1) -> list[Record]:
    return [step(number) for number in range(first, last + 1)]


def write(folder: Path, records: Iterable[Record], **log: Any) -> None:
    """Append records to a run's log, as a Monitor does."""
    RunDirectory(folder).create()
    events = EventLog(folder / "events" / "records.jsonl", **log)
    for record in records:
        events.append(record)
    events.close()


def make(folder: Path, records: Iterable[Record] = (), config: dict[str, Any] | None = None, **document: Any) -> Path:
    """A finished run with its `run.json`, `config.json`, event log and text log; `document` overrides `run.json`."""
    run = RunDirectory(folder)
    run.create()
    records = list(records) or steps(40)
    write(folder, records)
    sink = RunFile({"id": folder.name, "name": "chorales", "seed": 1, "tags": ["test"]})
    sink.open(run)
    for record in records:
        sink.write(record)
    sink.write(Record(Kind.END, records[-1].step, fields={"status": "done", "exit_code": 0}, time=BEGAN + 9_999))
    sink.close()
    run.config_json.write_text(json.dumps(CONFIG | (config or {})))
    change(folder, **document)
    return folder


def change(folder: Path, **document: Any) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | document))
