"""What a checkpoint holds of a training beside weights, so that a resumed run repeats the uninterrupted one exactly."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from aurl.data import batching
from aurl.errors import CheckpointError
from aurl.train.engine import rng_state, set_rng_state
from aurl.train.part import Stateful, Training


def save(training: Training, folder: Path) -> None:
    """Write a checkpoint of the whole training.

    Raises:
        OSError: the disk refused; nothing of it is left then.
    """
    from aurl.train import checkpoint  # loads torch.distributed.checkpoint: half a second that step 1 need not wait for

    engine = training.engine
    checkpoint.save(folder, engine.model, engine.optimizers, rng_state() | _tensors(training), state_dict(training))


def restore(training: Training, folder: Path) -> None:
    """Bring the training and all its parts back to where the checkpoint was written.

    Raises:
        CheckpointError: the checkpoint is damaged or of another model.
    """
    from aurl.train import checkpoint

    tensors = rng_state() | _tensors(training)
    tokenizer = training.data.tokenizer.fingerprint
    if checkpoint.read_state(folder)["tokenizer"] != tokenizer:
        raise CheckpointError(f"{folder}: was trained with another tokenizer; use the data.tokenizer of that run")
    saved = checkpoint.read_state(folder).get("batching", {})
    if saved.get("version", batching.VERSION) != batching.VERSION:
        raise CheckpointError(
            f"{folder}: its batches were planned by version {saved['version']}, this aurl plans by version "
            f"{batching.VERSION}; resume it with the aurl that began it, or start anew"
        )
    state = checkpoint.load(folder, training.engine.model, training.engine.optimizers, tensors)
    training.progress.load_state_dict(state)
    _place_in_other_batches(training, saved)
    for name, stateful in _stateful(training).items():
        if state.get(name):  # a part that is new since then, or had nothing to keep, begins empty
            stateful.load_state_dict(state[name])
    for part in training.parts.values():
        part.restored(folder)
    _restore_python_and_numpy(state)
    set_rng_state(tensors)


def state_dict(training: Training) -> dict[str, Any]:
    """Everything but tensors that a resumed run needs, as JSON values."""
    numpy_state = np.random.get_state(legacy=False)
    assert isinstance(numpy_state, dict)
    return {
        **training.progress.state_dict(),
        **{name: stateful.state_dict() for name, stateful in _stateful(training).items()},
        "python_rng": random.getstate(),
        "numpy_rng": {**numpy_state, "state": {k: np.asarray(v).tolist() for k, v in numpy_state["state"].items()}},
        "tokenizer": training.data.tokenizer.fingerprint,
        "batching": {
            "version": batching.VERSION,
            "settings": str(training.data.batching),
            "batches": training.loader.batches(training.progress.epoch),
        },
    }


def _place_in_other_batches(training: Training, saved: Mapping[str, Any]) -> None:
    """Where the batches have another size now, the epoch goes on with as large a share of it done."""
    progress, now = training.progress, str(training.data.batching)
    if not progress.batch or saved.get("settings", now) == now:
        return
    progress.batch = progress.batch * training.loader.batches(progress.epoch) // saved["batches"]
    training.monitor.note(
        f"the checkpoint's batches were made with {saved['settings']}, now with {now}: the epoch goes on where as "
        "large a share of it is done, with some of its sequences once more or not at all",
        level="warning",
    )


def _stateful(training: Training) -> dict[str, Stateful]:
    return {
        "eta": training.eta,
        "detectors": training.monitor,
        "scaler": training.engine.scaler,
        **training.parts,
    }


def _tensors(training: Training) -> dict[str, Tensor]:
    engine = training.engine
    found = {
        f"gate.{phase}.{name}": value for phase, gate in engine.gates.items() for name, value in gate.tensors().items()
    }
    for phase, clipping in engine.clips.items():
        found |= {f"clip.{phase}.{name}": value for name, value in clipping.tensors().items()}
    parts = training.parts.items()
    return found | {f"{key}.{name}": value for key, part in parts for name, value in part.tensors().items()}


def _restore_python_and_numpy(state: Mapping[str, Any]) -> None:
    version, values, gauss = state["python_rng"]
    random.setstate((version, tuple(values), gauss))
    numpy_state = dict(state["numpy_rng"])
    numpy_state["state"] = {
        "key": np.asarray(numpy_state["state"]["key"], np.uint32),
        "pos": numpy_state["state"]["pos"],
    }
    np.random.set_state(numpy_state)
