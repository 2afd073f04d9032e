"""What a checkpoint holds of the loop beside weights, so that a resumed run repeats the uninterrupted one exactly."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from aurl.errors import CheckpointError
from aurl.train import checkpoint
from aurl.train.engine import rng_state, set_rng_state

if TYPE_CHECKING:
    from aurl.train.loop import Loop


def save(loop: Loop, folder: Path) -> None:
    """Write a checkpoint of the whole run.

    Raises:
        OSError: the disk refused; nothing of it is left then.
    """
    engine = loop.engine
    checkpoint.save(folder, engine.model, engine.optimizers, rng_state() | _gates(loop), state_dict(loop))


def restore(loop: Loop, folder: Path) -> None:
    """Bring the loop and all its parts back to where the checkpoint was written.

    Raises:
        CheckpointError: the checkpoint is damaged or of another model.
    """
    tensors = rng_state() | _gates(loop)
    tokenizer = loop.data.tokenizer.fingerprint
    if checkpoint.read_state(folder)["tokenizer"] != tokenizer:
        raise CheckpointError(f"{folder}: was trained with another tokenizer; use the data.tokenizer of that run")
    state = checkpoint.load(folder, loop.engine.model, loop.engine.optimizers, tensors)
    loop.step, loop.epoch, loop.batch = state["step"], state["epoch"], state["batch"]
    loop.scalars = {name: math.nan if value is None else value for name, value in state["scalars"].items()}
    loop.sums = {name: torch.tensor(value, dtype=torch.float64) for name, value in state["sums"].items()}
    loop.epoch_steps, loop.epoch_seconds = state["epoch_steps"], state["epoch_seconds"]
    loop.usage.load_state_dict(state["usage"])
    loop.eta.load_state_dict(state["eta"])
    loop.early_stopping.load_state_dict(state["early_stopping"])
    loop.checkpointer.load_state_dict(state["checkpoints"], folder.name, loop.scalars)
    loop.monitor.load_state_dict(state["detectors"])
    loop.engine.scaler.load_state_dict(state["scaler"])
    if loop.judge and state["quality"]:
        loop.judge.load_state_dict(state["quality"])
    if loop.rescue and state["recovery"]:
        loop.rescue.recovery.load_state_dict(state["recovery"])
        loop.rescue.reseed()
    _restore_python_and_numpy(state)
    set_rng_state(tensors)


def state_dict(loop: Loop) -> dict[str, Any]:
    """Everything but tensors that a resumed run needs, as JSON values."""
    numpy_state = np.random.get_state(legacy=False)
    assert isinstance(numpy_state, dict)
    return {
        "step": loop.step,
        "epoch": loop.epoch,
        "batch": loop.batch,
        "scalars": loop.scalars,
        "sums": {name: float(value) for name, value in loop.sums.items()},
        "epoch_steps": loop.epoch_steps,
        "epoch_seconds": loop.epoch_seconds,
        "usage": loop.usage.state_dict(),
        "eta": loop.eta.state_dict(),
        "quality": loop.judge.state_dict() if loop.judge else None,
        "early_stopping": loop.early_stopping.state_dict(),
        "checkpoints": loop.checkpointer.state_dict(),
        "detectors": loop.monitor.state_dict(),
        "scaler": loop.engine.scaler.state_dict(),
        "python_rng": random.getstate(),
        "numpy_rng": {**numpy_state, "state": {k: np.asarray(v).tolist() for k, v in numpy_state["state"].items()}},
        "recovery": loop.rescue.recovery.state_dict() if loop.rescue else None,
        "tokenizer": loop.data.tokenizer.fingerprint,
    }


def _gates(loop: Loop) -> dict[str, Tensor]:
    gates = loop.engine.gates
    return {f"gate.{phase}.{name}": value for phase, gate in gates.items() for name, value in gate.tensors().items()}


def _restore_python_and_numpy(state: Mapping[str, Any]) -> None:
    version, values, gauss = state["python_rng"]
    random.setstate((version, tuple(values), gauss))
    numpy_state = dict(state["numpy_rng"])
    numpy_state["state"] = {
        "key": np.asarray(numpy_state["state"]["key"], np.uint32),
        "pos": numpy_state["state"]["pos"],
    }
    np.random.set_state(numpy_state)
