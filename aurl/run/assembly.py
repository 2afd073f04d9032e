"""From a plain config to a loop that is ready to run: builds the parts and puts them together."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from aurl.anomaly.detection import Detection
from aurl.config.build import build
from aurl.config.experiment import Experiment
from aurl.data.module import MusicData
from aurl.errors import ConfigError
from aurl.machine import env
from aurl.machine.secrets import mask_argv
from aurl.machine.signals import StopSignal
from aurl.machine.signatures import signature_of
from aurl.models.base import MusicModel
from aurl.monitor import Monitor
from aurl.record import Json, Kind
from aurl.runs.lock import begin
from aurl.runs.rundir import RunDirectory
from aurl.sinks.runfile import RunFile
from aurl.train.checkpointer import Checkpointer, resolve
from aurl.train.engine import Engine
from aurl.train.loop import Loop
from aurl.train.part import Part, Training
from aurl.train.pictures.gallery import Gallery
from aurl.train.rescue import Rescue
from aurl.train.trainer import Trainer


def assemble(
    config: Mapping[str, Any], run: RunDirectory, monitor: Monitor, stop_signal: StopSignal, stack: ExitStack
) -> tuple[Loop, Checkpointer]:
    """Build data, model, engine and parts, take up a checkpoint where the run is resumed, and write START.

    Args:
        stack: takes what has to be closed, whatever happens.

    Raises:
        AurlError: a part cannot be had as configured; names the key, file or folder.
    """
    trainer: Trainer = _made(config, "trainer")
    engine = trainer.engine
    if engine.world > 1:
        raise ConfigError(
            f"WORLD_SIZE={engine.world}: `aurl train` runs in one process; start it without torchrun. Jobs of a sweep "
            "run beside each other with launcher=joblib or launcher=slurm"
        )
    checkpoints: Checkpointer = _made(config, "checkpoint")
    parts = _parts(config, trainer, checkpoints)
    data: MusicData = _made(config, "data")
    data.setup(config["seed"])
    model = build_model(config, data)
    stack.callback(engine.close)
    engine.setup(model, _made(config, "optim"))
    for part in parts.values():
        stack.callback(part.close)
    training = Training(
        run=run,
        engine=engine,
        data=data,
        monitor=monitor,
        plan=trainer.plan,
        seed=config["seed"],
        stop_signal=stop_signal,
        parts=parts,
    )
    loop = Loop(training)
    resumed_from = _take_up(config, loop)
    if not resumed_from:  # a run that has begun goes on as it was planned
        engine.optim.check(training.total_steps)
    _announce(config, training, resumed_from)
    return loop, checkpoints


def build_model(config: Mapping[str, Any], data: MusicData) -> MusicModel:
    """The configured model for this data's vocabulary, with the run's seed for its weights."""
    given = {name: getattr(data.tokenizer, name) for name in ("vocab_size", "pad", "bos", "eos")}
    model: MusicModel = _made(config, "model", seq_len=data.seq_len, **given)
    return model


def _made(config: Mapping[str, Any], key: str, **runtime: Any) -> Any:
    """What the node at a top-level key describes; None where there is none."""
    node = config.get(key)
    signature = signature_of(Experiment)
    assert signature is not None
    return None if node is None else build(node, signature.annotations[key], key, **runtime)


def _parts(config: Mapping[str, Any], trainer: Trainer, checkpoints: Checkpointer) -> dict[str, Part]:
    """What happens in the loop, in the order in which it is called; the names are those of old checkpoints too."""
    detection: Detection = _made(config, "anomaly")
    pictures = {name: picture for name, picture in (_made(config, "pictures") or {}).items() if picture is not None}
    own = {f"parts.{name}": part for name, part in (_made(config, "parts") or {}).items()}
    parts: dict[str, Part | None] = {
        "recovery": Rescue(detection.recovery) if detection.policy == "recover" else None,
        "pictures": Gallery(pictures) if pictures else None,
        "samples": _made(config, "sample"),
        "quality": _made(config, "quality"),
        "early_stopping": trainer.early_stopping,
        **own,
        "checkpoints": checkpoints,
    }
    return {name: part for name, part in parts.items() if part is not None}


def open_monitor(config: Mapping[str, Any], run: RunDirectory, argv: list[str]) -> Monitor:
    """Make the run's directory and open its Monitor, with the sinks and detectors of the config.

    Raises:
        AurlError: the directory cannot be written, or another process writes to it.
    """
    begin(run, resume=bool(config["resume"]))
    info = _info(run, config, argv)
    sinks = [
        sink for group in ("logging", "notify") for sink in (_made(config, group) or {}).values() if sink is not None
    ]
    detection: Detection = _made(config, "anomaly")
    return Monitor(
        run,
        sinks=[_made(config, "textlog"), RunFile(info), *sinks],
        watch=detection.watch(config),
        policy=detection.policy,
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


def _take_up(config: Mapping[str, Any], loop: Loop) -> int | None:
    """Load the checkpoint to go on from; its step, 0 where the run was killed before its first one, None when new."""
    if not config["resume"]:
        return None
    training = loop.training
    given = Path(config["resume"])
    if given.name.startswith("step_") or given.name == "best":
        loop.load(given.resolve())
    elif any(training.run.checkpoints.glob("step_*")):
        loop.load(resolve(training.run.path))
    else:
        training.monitor.note("the run has no checkpoint yet; it begins anew in its directory", level="warning")
    return training.step


def _announce(config: Mapping[str, Any], training: Training, resumed_from: int | None) -> None:
    engine, data = training.engine, training.data
    fields: dict[str, Json] = {
        "run": training.run.id,
        "name": config["name"],
        "epochs": training.epochs,
        "batches": training.batches,
        "steps": training.total_steps,
        "model": type(engine.model).__name__,
        "parameters": sum(p.numel() for p in engine.model.parameters()),
        "device": _device_name(engine),
        "precision": engine.precision,
        "resumed_from": resumed_from,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "seed": config["seed"],
    }
    training.monitor.say(Kind.START, training.step, **fields)
    described = data.describe()
    training.monitor.say(Kind.DATA, training.step, **described)
    for warning in described["warnings"]:
        training.monitor.note(warning, level="warning", module="data")


def _device_name(engine: Engine) -> str:
    if engine.device.type == "cuda":
        return torch.cuda.get_device_name(engine.device)
    return f"cpu ({torch.get_num_threads()} threads)"
