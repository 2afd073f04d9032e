"""How long it takes to compare 1,000 runs of 12 metrics x 1,000 points, beside what peers need to read theirs.

    python benchmarks/many_runs.py DIR [--runs 1000] [--peer-runs 20] [--without-tables]

DIR takes the runs (0.4 GB for a thousand; made once, kept). `aurl compare --json` is timed as the command that people
type, imports included: cold (nothing in aurl's cache; the files are in the kernel's), and again. The peers only read:
every point of every metric, through MLflow's client (SQLite store) and by a scan of W&B's offline files with wandb's
own protobuf classes, since wandb ships no reader of them; `--peer-runs` of the runs are written and read, and the
seconds multiplied up, for the writing alone would take hours.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from aurl.record import Kind, Record
from aurl.runs.codec import encode
from aurl.runs.row_groups import write_parquet
from aurl.runs.rundir import RunDirectory
from aurl.sinks.runfile import RunFile
from benchmarks.measure import machine, table

POINTS = 1_000
METRICS = (
    "val/loss/total", "val/loss/recon", "val/accuracy", "loss/total", "loss/recon", "loss/kl",
    "loss/adv", "grad/norm", "lr", "time/step", "throughput/tokens", "quality/mean/overall",
)  # fmt: skip
_BLOCK, _HEADER = 32_768, 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the runs lie, or are made")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--peer-runs", type=int, default=20)
    parser.add_argument("--without-tables", action="store_true", help="delete the Parquet files: as after 1,000 kills")
    arguments = parser.parse_args()
    make_runs(arguments.folder, arguments.runs)
    if arguments.without_tables:
        for parquet in arguments.folder.glob("*/events/scalars.parquet"):
            parquet.unlink()
    rows = list(ours(arguments.folder))
    if arguments.peer_runs:
        rows += peers(arguments.peer_runs, arguments.runs)
    title = f"{arguments.runs} runs x {len(METRICS)} metrics x {POINTS} points ({machine()})"
    print(table(title, ("", "wall s", "CPU s", "peak RSS MB"), rows))


def make_runs(folder: Path, count: int) -> None:
    """Runs of a random search over two settings with three seeds each, as the real sinks write them."""
    rng = np.random.default_rng(0)
    for number in range(count):
        run = RunDirectory(folder / f"run_{number:04}")
        if run.run_json.exists():
            continue
        run.create()
        setting, seed = divmod(number, 3)
        drawn = np.random.default_rng(setting)
        config = {
            "seed": seed,
            "optim.lr": float(10 ** drawn.uniform(-4, -2)),
            "model.d_model": int(drawn.choice([64, 128, 256])),
        }
        run.config_json.write_bytes(orjson.dumps(config | {f"fixed.{at}": at for at in range(150)}))
        write_log(run, points(rng, config["optim.lr"]), seed)


def points(rng: np.random.Generator, lr: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Values of all metrics, shape (points, metrics)."""
    fall = np.exp(-np.arange(POINTS) / 200)[:, None]
    floor = 0.1 * abs(np.log10(lr) + 3) + 0.02 * rng.normal()
    return np.asarray(0.5 + floor + 4 * fall + 0.05 * rng.normal(size=(POINTS, len(METRICS))))


def write_log(run: RunDirectory, values: np.ndarray[Any, np.dtype[np.float64]], seed: int) -> None:
    sink = RunFile({"id": run.id, "name": "many", "seed": seed}, every=1e9)
    sink.open(run)
    began = 1.7e9
    records = [Record(Kind.START, 0, {}, {"resumed_from": None}, began)]
    records += [
        Record(Kind.STEP, step + 1, dict(zip(METRICS, map(float, row), strict=True)), {"epoch": 1}, began + step)
        for step, row in enumerate(values)
    ]
    records.append(Record(Kind.END, POINTS, {"time/total": 1e3}, {"status": "done"}, began + POINTS))
    run.records.write_bytes(b"".join(map(encode, records)))
    for record in records:
        sink.write(record)
    sink.close()
    write_parquet(run.path, run.scalars_parquet)


def ours(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    """`aurl compare --json` in a process of its own, with an empty cache and with a full one."""
    with tempfile.TemporaryDirectory() as cache:
        for title in ("aurl compare --json, cold", "aurl compare --json, cached", "aurl compare --json, cached again"):
            command = [sys.executable, "-m", "aurl", "compare", str(folder), "--json"]
            wall, cpu, megabytes = timed(command, {**os.environ, "XDG_CACHE_HOME": cache})
            yield title, f"{wall:.1f}", f"{cpu:.1f}", f"{megabytes:.0f}"


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory in MB of a command."""
    began = time.perf_counter()
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with status {status}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def peers(count: int, runs: int) -> Iterator[tuple[str, str, str, str]]:
    """The peers that are installed."""
    rng = np.random.default_rng(1)
    values = [points(rng, 1e-3) for _ in range(count)]
    for name, module, work in (("MLflow client", "mlflow", mlflow_reads), ("W&B offline scan", "wandb", wandb_scans)):
        if find_spec(module) is None:
            yield f"{name}: not installed", "", "", ""
            continue
        with tempfile.TemporaryDirectory() as scratch:
            wall, cpu = work(Path(scratch), values)
        scale = runs / count
        title = f"{name}, reading alone ({count} runs x {scale:.0f})"
        yield title, f"{wall * scale:.0f}", f"{cpu * scale:.0f}", f"{_peak():.0f} (of {count})"


def mlflow_reads(scratch: Path, values: list[np.ndarray[Any, np.dtype[np.float64]]]) -> tuple[float, float]:
    """Every history of every run through `MlflowClient`, from a SQLite store."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(tracking_uri=f"sqlite:///{scratch / 'store.db'}")
    experiment = client.create_experiment("many", artifact_location=str(scratch / "artifacts"))
    for array in values:
        run = client.create_run(experiment).info.run_id
        rows = [
            Metric(name, float(array[step, at]), step, step)
            for step in range(POINTS)
            for at, name in enumerate(METRICS)
        ]
        for start in range(0, len(rows), 1000):
            client.log_batch(run, metrics=rows[start : start + 1000])

    def read() -> int:
        found = client.search_runs([experiment])
        return sum(len(client.get_metric_history(run.info.run_id, name)) for run in found for name in METRICS)

    return _reading(read, len(values))


def wandb_scans(scratch: Path, values: list[np.ndarray[Any, np.dtype[np.float64]]]) -> tuple[float, float]:
    """Every history record of every `.wandb` file, parsed with wandb's protobuf classes."""
    import wandb

    os.environ |= {"WANDB_SILENT": "true", "WANDB_MODE": "offline"}
    for array in values:
        run = wandb.init(project="many", dir=scratch, mode="offline", reinit="finish_previous")
        for row in array:
            run.log(dict(zip(METRICS, map(float, row), strict=True)))
        run.finish()
    files = sorted(scratch.rglob("*.wandb"))
    return _reading(lambda: sum(map(_scan, files)), len(values))


def _scan(file: Path) -> int:
    """How many points a `.wandb` file holds: LevelDB's log format, a protobuf in each record."""
    from wandb.proto import wandb_internal_pb2 as messages

    count = 0
    for message in _messages(file.read_bytes()):
        record = messages.Record()  # type: ignore[attr-defined]
        record.ParseFromString(message)
        if record.WhichOneof("record_type") == "history":
            values = {
                item.key or "/".join(item.nested_key): orjson.loads(item.value_json) for item in record.history.item
            }
            count += sum(name in values for name in METRICS)
    return count


def _messages(data: bytes) -> Iterator[bytes]:
    at, parts = _HEADER, b""
    while at + _HEADER <= len(data):
        if _BLOCK - at % _BLOCK < _HEADER:
            at += _BLOCK - at % _BLOCK
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        parts += data[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if kind in {1, 4}:  # a whole record, or the last part of one
            yield parts
            parts = b""


def _reading(read: Callable[[], int], runs: int) -> tuple[float, float]:
    began, before = time.perf_counter(), time.process_time()
    count = read()
    if count != runs * POINTS * len(METRICS):
        raise RuntimeError(f"{count} points were read of {runs * POINTS * len(METRICS)}")
    return time.perf_counter() - began, time.process_time() - before


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
