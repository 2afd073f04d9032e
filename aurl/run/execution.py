"""One training run, from a plain config to its ending; every ending is recorded."""

from __future__ import annotations

import random
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import aurl
from aurl.errors import CRASH, AurlError
from aurl.machine import garbage
from aurl.machine.signals import StopSignal
from aurl.run.assembly import assemble, open_monitor
from aurl.runs.rundir import RunDirectory
from aurl.train.ending import Ending


class Outcome(NamedTuple):
    """How a run ended.

    Attributes:
        status: done, failed, stopped or preempted.
        exit_code: of the command, see `aurl.errors`.
        value: the best value of `checkpoint.metric`, which a sweep optimises; NaN where there is none.
        message: why, in one sentence.
        folder: the run's directory.
    """

    status: str
    exit_code: int
    value: float
    message: str
    folder: Path


def execute(config: Mapping[str, Any], folder: Path, argv: list[str]) -> Outcome:
    """Train as the config says, in this run directory; every ending is recorded there, and returned.

    Args:
        config: plain and resolved, as `aurl.config.build.to_plain` gives it.
        folder: the run's directory; made where it is missing, gone on with where `config["resume"]` asks for it.
        argv: the command, for `run.json`; secrets are masked.

    Raises:
        AurlError: the run directory cannot be written, or holds a run that nobody asked to go on with; nothing has
            begun then.
    """
    seed_everything(config["seed"])
    run = RunDirectory(folder.absolute())
    best = float("nan")
    with open_monitor(config, run, argv) as monitor, StopSignal() as stop_signal:
        try:
            with ExitStack() as stack:
                with garbage.collector_held():
                    loop, checkpoints = assemble(config, run, monitor, stop_signal, stack)
                garbage.freeze()
                stack.callback(garbage.unfreeze)
                with _profiled(config, run):
                    ending = loop.run()
                best = checkpoints.best_value
            monitor.flush_deferred()
            status, code, message = monitor.judged(ending.status, ending.message)
            ending = Ending(status, message)
        except AurlError as error:
            ending, code = Ending("failed", str(error)), error.exit_code
        except Exception as error:  # noqa: BLE001  recorded with its traceback; a sweep goes on with its next job
            ending, code = Ending("failed", f"{type(error).__name__}: {error}"), CRASH
            monitor.note(traceback.format_exc(), level="critical", module="run")
        monitor.close(ending.status, ending.message, exit_code=code)
    if config["report"]:
        _write_report(run)
    return Outcome(ending.status, code, best, ending.message, run.path)


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch: jobs of a sweep share a process and must not share their randomness."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _write_report(run: RunDirectory) -> None:
    """Every ending has its report; the run's log is closed by then, so a report that fails is told on stderr."""
    from aurl.report.writing import write_report

    if aurl.polars_lost_its_threads:
        subprocess.run((sys.executable, "-m", "aurl", "report", str(run.path)), capture_output=True, check=False)
        return
    try:
        write_report(run.path)
    except (AurlError, OSError) as error:
        warnings.warn(f"{run.path}: report.html was not written ({error}); `aurl report` makes it later", stacklevel=2)


@contextmanager
def _profiled(config: Mapping[str, Any], run: RunDirectory) -> Iterator[None]:
    if not config["profile"]:
        yield
        return
    with torch.profiler.profile(record_shapes=True) as profiler:
        yield
    profiler.export_chrome_trace(str(run.path / "profile.json"))
    table = profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=30)
    (run.path / "profile.txt").write_text(table, encoding="utf-8")
