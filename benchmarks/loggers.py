"""Ways to log the scalars of a step, each opened in a folder of its own: aurl, its peers, and the limit."""

from __future__ import annotations

import importlib
import importlib.util
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from aurl.monitor import Monitor
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink
from aurl.sinks.tensorboard.sink import TensorBoardSink
from aurl.sinks.textlog import TextLog

LOOP_FIELDS: Mapping[str, int | float] = {
    "epoch": 3, "epochs": 40, "batch": 17, "batches": 39, "files": 240, "augmented": 198,
    "eta": 512.3, "eta_low": 498.0, "eta_high": 530.9,
}  # fmt: skip
"""What the training loop says with each step beside the scalars."""


class Logger(NamedTuple):
    """Something that logs: `log(step, scalars)` is what the training thread pays for."""

    log: Callable[[int, Mapping[str, float]], object]
    close: Callable[[], object]


def nothing(folder: Path) -> Logger:
    return Logger(lambda step, scalars: None, lambda: None)


def line_and_write(folder: Path) -> Logger:
    """The limit of what loses nothing: one orjson line, one write."""
    fd = os.open(folder / "records.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def log(step: int, scalars: Mapping[str, float]) -> None:
        os.write(fd, orjson.dumps({"step": step, "scalars": scalars}, option=orjson.OPT_APPEND_NEWLINE))

    return Logger(log, lambda: os.close(fd))


def aurl_event_log(folder: Path) -> Logger:
    return _aurl(folder, [])


def aurl_three(folder: Path) -> Logger:
    """What the target figure is for: event log, text log, TensorBoard."""
    return _aurl(folder, [TextLog(), TensorBoardSink()])


def aurl_detectors(folder: Path) -> Logger:
    """What a loop of one's own gets: run.json, a probe of the system and the default detectors besides."""
    monitor = Monitor.open(folder, logging=["tensorboard"], anomaly="default")
    return Logger(monitor.step, monitor.close)


def aurl_train(folder: Path) -> Logger:
    """What `aurl train` has on: the console too, and the fields that its loop adds."""
    monitor = Monitor.open(folder, logging=["console", "tensorboard"], anomaly="default")
    return Logger(lambda step, scalars: monitor.step(step, scalars, **LOOP_FIELDS), monitor.close)


def aurl_everything(folder: Path) -> Logger:
    """Event log, text log, run.json, TensorBoard, W&B offline, all detectors, the probe."""
    monitor = Monitor.open(folder, logging=["tensorboard", "wandb"], anomaly="default")
    return Logger(monitor.step, monitor.close)


def summary_writer(folder: Path) -> Logger:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(folder)

    def log(step: int, scalars: Mapping[str, float]) -> None:
        for name, value in scalars.items():
            writer.add_scalar(name, value, step)

    return Logger(log, writer.close)


def lightning_csv(folder: Path) -> Logger:
    """CSVLogger as Lightning's Trainer calls it: saved after every step, so that it loses nothing."""
    from lightning.pytorch.loggers import CSVLogger

    logger = CSVLogger(folder)

    def log(step: int, scalars: Mapping[str, float]) -> None:
        logger.log_metrics(dict(scalars), step)
        logger.save()

    return Logger(log, lambda: logger.finalize("success"))


def wandb_offline(folder: Path) -> Logger:
    wandb: Any = importlib.import_module("wandb")
    run = wandb.init(project="benchmark", dir=folder, mode="offline")

    def close() -> None:
        run.finish()
        wandb.teardown()  # waits for its service, whose CPU time is then counted

    return Logger(lambda step, scalars: run.log(scalars, step=step), close)


def trackio_local(folder: Path) -> Logger:
    os.environ["TRACKIO_DIR"] = str(folder)  # read when trackio is imported
    trackio: Any = importlib.import_module("trackio")
    run = trackio.init(project="benchmark", embed=False)
    return Logger(lambda step, scalars: run.log(scalars, step=step), run.finish)


def mlflow_file(folder: Path) -> Logger:
    """MLflow's client with its file store, a batch a step."""
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    tracking: Any = importlib.import_module("mlflow.tracking")
    entities: Any = importlib.import_module("mlflow.entities")
    client = tracking.MlflowClient(tracking_uri=folder.as_uri())
    run = client.create_run(client.create_experiment("benchmark")).info.run_id

    def log(step: int, scalars: Mapping[str, float]) -> None:
        now = int(time.time() * 1000)
        client.log_batch(run, metrics=[entities.Metric(name, value, now, step) for name, value in scalars.items()])

    return Logger(log, lambda: client.set_terminated(run))


LOGGERS: Mapping[str, Callable[[Path], Logger]] = {
    "nothing": nothing,
    "limit: orjson + write": line_and_write,
    "aurl: event log": aurl_event_log,
    "aurl: event log, text log, TensorBoard": aurl_three,
    "aurl: Monitor.open, default detectors": aurl_detectors,
    "aurl: the same as `aurl train` has it": aurl_train,
    "aurl: all sinks and detectors": aurl_everything,
    "SummaryWriter": summary_writer,
    "Lightning CSVLogger, saved each step": lightning_csv,
    "wandb offline (optional)": wandb_offline,
    "trackio (optional)": trackio_local,
    "mlflow, file store (optional)": mlflow_file,
}
_PACKAGES = {
    "Lightning": "lightning",
    "wandb": "wandb",
    "trackio": "trackio",
    "mlflow,": "mlflow",
}  # by the first word of a logger's name


def available() -> dict[str, Callable[[Path], Logger]]:
    """The loggers whose packages are installed, by what to call them."""
    return {name: make for name, make in LOGGERS.items() if importlib.util.find_spec(_package(name))}


def import_ahead(names: Iterable[str]) -> None:
    """Import what these loggers would import late, so that no measurement contains it."""
    packages = {_package(name) for name in names}
    for module in ("polars", "torch.utils.tensorboard", "lightning.pytorch.loggers", "wandb"):
        if module.partition(".")[0] in {*packages, "polars", "torch"}:
            importlib.import_module(module)


def _package(name: str) -> str:
    return _PACKAGES.get(name.split(maxsplit=1)[0], "aurl")


def _aurl(folder: Path, sinks: list[Sink]) -> Logger:
    run = RunDirectory(folder)
    run.create()
    monitor = Monitor(run, sinks=sinks)
    return Logger(monitor.step, monitor.close)
