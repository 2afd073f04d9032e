"""One log of another tool as a run directory."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import orjson

from aurl.anomaly.watch import Watch
from aurl.errors import DataError
from aurl.lint.log import Log
from aurl.lint.run_log import RunLog
from aurl.machine.files import replace_file
from aurl.machine.secrets import mask
from aurl.record import Json, Kind, Record
from aurl.runs.eventlog import EventLog
from aurl.runs.listing import read_run
from aurl.runs.row_groups import write_parquet
from aurl.runs.rundir import RunDirectory
from aurl.sinks.runfile import RunFile

_TOLD_EVERY = 1000
_FIRST_DATE = 1e9  # times before 2001 are seconds since the start of the run
_NAMELESS = frozenset({"metrics", "trainer_state", "log", "logs", "history", "results", "wandb-history"})
_VERSIONED = re.compile(r"(version|run|checkpoint)[_-]?\d+")
_UNSAFE = re.compile(r"[^\w.-]+")


class Import(NamedTuple):
    """What became of a log.

    Attributes:
        path: the run directory.
        records: how many were written; 0 where the directory was there already, made from the same file.
        alerts: how many of them the detectors added.
    """

    path: Path
    records: int
    alerts: int


def import_log(
    log: Log,
    outputs: Path,
    *,
    name: str | None = None,
    tags: Sequence[str] = (),
    watch: Watch | None = None,
    progress: Callable[[int], None] = lambda _records: None,
) -> Import:
    """Write a log as `outputs/<name>/<date>_<4 hex>/`, complete or not at all.

    The directory's name follows from the log's place and its last change, so importing the same log again changes
    nothing, and importing one that has grown makes the directory anew.

    Args:
        name: of the run; by default that of the log's file or folder.
        watch: detectors whose alerts are written beside what was logged; None for none.
        progress: told of the records written so far, now and then.

    Raises:
        DataError: the log is an aurl run already, or cannot be read any more.
        OSError: the directory cannot be written.
    """
    if isinstance(log, RunLog):
        raise DataError(f"{log.path}: is an aurl run already; compare, dashboard and report take it as it is")
    source = log.path.resolve()
    state = source.stat()
    origin: dict[str, Json] = {
        "path": str(source),
        "format": log.format,
        "bytes": state.st_size,
        "time": state.st_mtime,
    }
    name = _UNSAFE.sub("_", name or _name_of(source)) or "imported"
    target = outputs / name / f"{_stamp(state.st_mtime)}_{_digest(str(source))}"
    for earlier in outputs.glob(f"{name}/*_{_digest(str(source))}"):
        before = read_run(earlier).document.get("imported")
        if before == origin:
            return Import(earlier, 0, 0)
        if isinstance(before, Mapping) and before.get("path") == origin["path"]:
            target = earlier  # the log has grown since: the same run, made anew
    if target.exists() and read_run(target).document.get("imported", {}).get("path") != origin["path"]:
        raise DataError(f"{target}: another run lies there already; give the import another name with --name")
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    info: dict[str, Json] = {"id": target.name, "name": name, "tags": list(tags), "imported": origin}
    try:
        written = _write(log, RunDirectory(partial), info, watch, progress)
        _replace_folder(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Import(target, *written)


def _write(
    log: Log, run: RunDirectory, info: dict[str, Json], watch: Watch | None, progress: Callable[[int], None]
) -> tuple[int, int]:
    run.create()
    names = {"run": info["id"], "name": info["name"]}
    count = alerts = 0
    events, file = EventLog(run.records), RunFile(info)
    file.open(run)
    for record in _watched(_dated(log), watch):
        if record.kind is Kind.START:
            record = replace(record, fields={**record.fields, **names})  # noqa: PLW2901
        events.append(record)
        file.write(record)
        count += 1
        alerts += record.kind is Kind.ALERT
        if count % _TOLD_EVERY == 0:
            progress(count)
    events.close()
    file.close()
    config = mask(dict(log.config))
    replace_file(run.config_json, orjson.dumps(config, option=orjson.OPT_INDENT_2, default=str))
    write_parquet(run.path, run.scalars_parquet)
    progress(count)
    return count, alerts


def _watched(records: Iterable[Record], watch: Watch | None) -> Iterator[Record]:
    for record in records:
        yield record
        if watch is not None:
            yield from watch.observe(record)


def _dated(log: Log) -> Iterator[Record]:
    """The log's records with dates: where it counts seconds from its start, it ended when its file last changed."""
    times = [record.time for record in log.records() if record.time]
    first, last = min(times, default=0.0), max(times, default=0.0)
    shift = 0.0 if first >= _FIRST_DATE else log.path.stat().st_mtime - last
    before = first
    for record in log.records():
        before = record.time or before
        yield replace(record, time=before + shift)


def _name_of(source: Path) -> str:
    """What a person would call this log: the name of its file, or of the first folder above that says more."""
    for candidate in (source, *source.parents):
        stem = candidate.stem if candidate == source and source.is_file() else candidate.name
        if candidate.suffix == ".wandb" or stem.startswith("events.out.tfevents"):
            continue
        if stem.lower() not in _NAMELESS and not _VERSIONED.fullmatch(stem):
            return stem
    return "imported"


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%d_%H-%M-%S", time.localtime(seconds))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:4]


def _replace_folder(partial: Path, target: Path) -> None:
    aside = target.with_name(f".{target.name}.replaced")
    shutil.rmtree(aside, ignore_errors=True)
    if target.exists():
        target.rename(aside)
    partial.rename(target)
    shutil.rmtree(aside, ignore_errors=True)
