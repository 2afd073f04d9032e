"""One training run, from a plain config to its ending: puts the parts together and takes them apart again."""

from __future__ import annotations

import os
import platform
import random
import socket
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from aurl.anomaly.chosen import build_watch
from aurl.config import nodes
from aurl.config.build import build
from aurl.data.module import MusicData
from aurl.errors import CRASH, AurlError, ConfigError
from aurl.machine import env
from aurl.machine.secrets import mask_argv
from aurl.machine.signals import StopSignal
from aurl.models.base import MusicModel
from aurl.monitor import EXIT_CODES, Monitor
from aurl.quality.judge import open_judge
from aurl.record import Json, Kind
from aurl.runs.lock import begin
from aurl.runs.rundir import RunDirectory
from aurl.sinks.runfile import RunFile
from aurl.train import checkpointer
from aurl.train.checkpointer import Checkpointer
from aurl.train.ending import Ending
from aurl.train.engine import Engine
from aurl.train.loop import Loop
from aurl.train.optim import AdamW
from aurl.train.pictures.gallery import Gallery
from aurl.train.recovery import Recovery
from aurl.train.samples import SampleWriter


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
    with _monitor(run, config, argv) as monitor, StopSignal() as stop_signal:
        try:
            with ExitStack() as stack:
                loop = assemble(config, run, monitor, stop_signal, stack)
                with _profiled(config, run):
                    ending = loop.run()
                best = loop.checkpointer.best_value
            code = EXIT_CODES[ending.status]
        except AurlError as error:
            ending, code = Ending("failed", str(error)), error.exit_code
        except Exception as error:  # noqa: BLE001  recorded with its traceback; a sweep goes on with its next job
            ending, code = Ending("failed", f"{type(error).__name__}: {error}"), CRASH
            monitor.note(traceback.format_exc(), level="critical", module="run")
        monitor.close(ending.status, ending.message, exit_code=code)
    if config["report"]:
        _write_report(run)
    return Outcome(ending.status, code, best, ending.message, run.path)


def assemble(
    config: Mapping[str, Any], run: RunDirectory, monitor: Monitor, stop_signal: StopSignal, stack: ExitStack
) -> Loop:
    """Build data, model, engine and loop, take up a checkpoint where the run is resumed, and write START.

    Args:
        stack: takes what has to be closed, whatever happens.

    Raises:
        AurlError: a part cannot be had as configured; names the key, file or folder.
    """
    trainer = {key: value for key, value in config["trainer"].items() if key != "early_stopping"}
    plan, engine = nodes.trainer(**trainer)
    if engine.world > 1:
        raise ConfigError(
            f"WORLD_SIZE={engine.world}: `aurl train` runs in one process; start it without torchrun. Jobs of a sweep "
            "run beside each other with launcher=joblib or launcher=slurm"
        )
    sampler, render = nodes.sample(**config["sample"])
    early_stopping = nodes.early_stopping(**(config["trainer"]["early_stopping"] or {}))
    keeper: Checkpointer = build(config["checkpoint"], "checkpoint")
    keeper.folder = run.checkpoints
    data: MusicData = build(config["data"], "data")
    data.setup(config["seed"])
    model = build_model(config, data)
    optim: AdamW = build(config["optim"], "optim")
    stack.callback(engine.close)
    engine.setup(model, optim)
    judge, unclear = open_judge(config["quality"], data.corpus, env.default_cache(), monitor.write)
    writer = SampleWriter(
        run,
        monitor.write,
        **render,
        on_sample=[judge.on_sample] if judge else (),
        on_round=[judge.on_round] if judge else (),
    )
    stack.callback(writer.close)
    loop = Loop(
        engine=engine,
        data=data,
        monitor=monitor,
        plan=plan,
        early_stopping=early_stopping,
        checkpointer=keeper,
        sampler=sampler,
        writer=writer,
        seed=config["seed"],
        stop_signal=stop_signal,
        judge=judge,
        gallery=_gallery(config, run, monitor),
        recovery=Recovery(**config["anomaly"]["recovery"]) if config["anomaly"]["policy"] == "recover" else None,
    )
    resumed_from = _take_up(config, run, loop)
    _announce(config, run, loop, resumed_from)
    for warning in unclear:
        monitor.note(warning, level="warning", module="quality")
    return loop


def build_model(config: Mapping[str, Any], data: MusicData) -> MusicModel:
    """The configured model for this data's vocabulary, with the run's seed for its weights."""
    tokenizer = data.tokenizer
    model: MusicModel = build(
        config["model"],
        "model",
        vocab_size=tokenizer.vocab_size,
        seq_len=data.seq_len,
        pad=tokenizer.pad,
        bos=tokenizer.bos,
        eos=tokenizer.eos,
    )
    return model


def _gallery(config: Mapping[str, Any], run: RunDirectory, monitor: Monitor) -> Gallery | None:
    nodes = {name: node for name, node in (config.get("pictures") or {}).items() if node is not None}
    pictures = {name: build(node, f"pictures.{name}") for name, node in nodes.items()}
    return Gallery(pictures, run.path, monitor.say) if pictures else None


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch: jobs of a sweep share a process and must not share their randomness."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _monitor(run: RunDirectory, config: Mapping[str, Any], argv: list[str]) -> Monitor:
    begin(run, resume=bool(config["resume"]))
    info = _info(run, config, argv)
    chosen = [(group, config.get(group) or {}) for group in ("logging", "notify")]
    sinks = [build(node, f"{group}.{name}") for group, options in chosen for name, node in options.items() if node]
    return Monitor(
        run,
        sinks=[build(config["textlog"], "textlog"), RunFile(info), *sinks],
        watch=build_watch(config["anomaly"], config),
        policy=config["anomaly"]["policy"],
        probe_seconds=config["probe_seconds"],
    )


def _info(run: RunDirectory, config: Mapping[str, Any], argv: list[str]) -> dict[str, Json]:
    info = {
        "id": run.id,
        "name": config["name"],
        "tags": list(config["tags"]),
        "argv": mask_argv(argv),
        "seed": config["seed"],
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "python": platform.python_version(),
        **env.snapshot(Path.cwd()),
    }
    if diff := env.git_diff(Path.cwd()):
        (run.path / "git.diff").write_text(diff, encoding="utf-8")
        info["git_diff"] = "git.diff"
    (run.path / "packages.txt").write_text(env.packages(), encoding="utf-8")
    return info


def _take_up(config: Mapping[str, Any], run: RunDirectory, loop: Loop) -> int | None:
    """Load the checkpoint to go on from; its step, 0 where the run was killed before its first one, None when new."""
    if not config["resume"]:
        return None
    given = Path(config["resume"])
    if given.name.startswith("step_") or given.name == "best":
        loop.load(given.resolve())
    elif (run.checkpoints / "latest").exists():
        loop.load(checkpointer.resolve(run.path))
    else:
        loop.monitor.note("the run has no checkpoint yet; it begins anew in its directory", level="warning")
    return loop.step


def _announce(config: Mapping[str, Any], run: RunDirectory, loop: Loop, resumed_from: int | None) -> None:
    engine, data = loop.engine, loop.data
    fields: dict[str, Json] = {
        "run": run.id,
        "name": config["name"],
        "epochs": loop.epochs,
        "batches": len(loop.loader),
        "steps": loop.total_steps,
        "model": type(engine.model).__name__,
        "parameters": sum(p.numel() for p in engine.model.parameters()),
        "device": _device_name(engine),
        "precision": engine.precision,
        "resumed_from": resumed_from,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "seed": config["seed"],
    }
    loop.monitor.say(Kind.START, loop.step, **fields)
    described = data.describe()
    loop.monitor.say(Kind.DATA, loop.step, **described)
    for warning in described["warnings"]:
        loop.monitor.note(warning, level="warning", module="data")


def _device_name(engine: Engine) -> str:
    if engine.device.type == "cuda":
        return torch.cuda.get_device_name(engine.device)
    return f"cpu ({torch.get_num_threads()} threads)"


def _write_report(run: RunDirectory) -> None:
    """Every ending has its report; the run's log is closed by then, so a report that fails is told on stderr."""
    from aurl.report.writing import write_report

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
