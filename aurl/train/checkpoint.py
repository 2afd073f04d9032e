"""Checkpoints: torch.distributed.checkpoint directories without pickle.

`checkpoints/step_00001234/` holds safetensors shards (one per rank, resharded on loading, so what DDP saved loads
under FSDP or in one process) and `state.json` with everything that is not a tensor. It is written under another name
and renamed, so a directory of this name is whole. Loading reads safetensors and JSON only and runs no foreign code.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
import torch.distributed as dist
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load as dcp_load
from torch.distributed.checkpoint.state_dict_saver import save as dcp_save

from aurl.errors import CheckpointError

FORMAT = 1
Optimizers: TypeAlias = torch.optim.Optimizer | Sequence[torch.optim.Optimizer]
"""The one, or those, of one phase."""
_STATE = ".state."  # between the phase and a parameter's name, where other numbers have `.param_groups.`
_FLAT = StateDictOptions(flatten_optimizer_state_dict=True)


def save(
    folder: Path,
    model: nn.Module,
    optimizers: Mapping[str, Optimizers],
    tensors: Mapping[str, Tensor],
    state: Mapping[str, Any],
) -> None:
    """Write a checkpoint directory: complete under its name, or not there at all.

    Args:
        tensors: further tensors by name, such as generator states.
        state: JSON values: position, counters, detectors.

    Raises:
        OSError: the disk refused; what was written of it is removed.
    """
    partial, surplus = folder.with_name(f".{folder.name}.partial"), folder.with_name(f".{folder.name}.surplus")
    main = not dist.is_initialized() or dist.get_rank() == 0
    values, numbers = _collect(model, optimizers)
    values |= {f"extra.{name}": tensor.contiguous() for name, tensor in tensors.items()}
    try:
        if main:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        _write_tensors(partial, values)
        if main:
            content = {"format": FORMAT, "numbers": numbers, "state": state}
            (partial / "state.json").write_text(json.dumps(content), encoding="utf-8")
            _sync(partial)
            if folder.exists():  # a resumed run that does what it owed of its first step
                shutil.rmtree(surplus, ignore_errors=True)
                folder.rename(surplus)
            partial.rename(folder)
            shutil.rmtree(surplus, ignore_errors=True)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def load(
    folder: Path,
    model: nn.Module,
    optimizers: Mapping[str, Optimizers] | None = None,
    tensors: Mapping[str, Tensor] | None = None,
) -> dict[str, Any]:
    """Fill the model, its optimisers and the given tensors in place, and return the JSON state.

    Further tensors that the checkpoint does not hold are left as they are.

    Raises:
        CheckpointError: the directory is missing, truncated, of another format, or of another model.
    """
    content = _read_state(folder)
    values, numbers = _collect(model, optimizers or {})
    reader = _reader(folder)
    found = _check_same_model(folder, reader, values)
    extras = {f"extra.{name}": tensor for name, tensor in (tensors or {}).items()}
    values |= {name: tensor for name, tensor in extras.items() if name in found}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="torch.distributed is disabled")
            dcp_load(values, storage_reader=reader, no_dist=not dist.is_initialized())
    except (CheckpointException, SafetensorError, OSError, RuntimeError, AssertionError) as error:
        raise CheckpointError(_damaged(folder, error)) from error
    # Options such as betas are those of this process's config, which a resumed run takes from the one before.
    states = {name: value for name, value in content["numbers"].items() if _STATE in name}
    for phase, together in (optimizers or {}).items():
        flat = _with_prefix(values | numbers | states, f"optim.{phase}.")
        set_optimizer_state_dict(model, together, flat, options=_FLAT)
    state: dict[str, Any] = content["state"]
    return state


def read_state(folder: Path) -> dict[str, Any]:
    """The JSON state of a checkpoint, without its tensors.

    Raises:
        CheckpointError: see `load`.
    """
    state: dict[str, Any] = _read_state(folder)["state"]
    return state


def load_model(folder: Path, model: nn.Module) -> None:
    """Fill only the model's weights.

    Raises:
        CheckpointError: see `load`.
    """
    load(folder, model)


def _collect(model: nn.Module, optimizers: Mapping[str, Optimizers]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    # Tied weights appear under several names; the first stands for all, and loading in place fills all.
    first = {tensor.data_ptr(): name for name, tensor in reversed(model.state_dict().items())}
    values = {
        f"model.{name}": tensor for name, tensor in model.state_dict().items() if first[tensor.data_ptr()] == name
    }
    numbers: dict[str, Any] = {}
    for phase, together in optimizers.items():
        for name, value in get_optimizer_state_dict(model, together, options=_FLAT).items():
            (values if isinstance(value, Tensor) else numbers)[f"optim.{phase}.{name}"] = value
    return values, numbers


def _write_tensors(folder: Path, values: dict[str, Tensor]) -> None:
    writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        try:
            dcp_save(values, storage_writer=writer, no_dist=not dist.is_initialized())
        except CheckpointException as error:
            causes = [failure[0] for failure in error.failures.values()]
            raise OSError(f"{folder}: {'; '.join(map(str, causes))}") from error


def _reader(folder: Path) -> HuggingFaceStorageReader:
    if not any(folder.glob("*.safetensors")):
        raise CheckpointError(_damaged(folder, "no .safetensors file in it"))
    return HuggingFaceStorageReader(str(folder))


def _read_state(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such checkpoint; there are: {', '.join(_others(folder)) or 'none'}")
    try:
        content: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(_damaged(folder, error)) from error
    if content.get("format") != FORMAT:
        raise CheckpointError(
            f"{folder}: format {content.get('format')}, this aurl reads {FORMAT}; use the aurl that wrote it"
        )
    return content


def _check_same_model(folder: Path, reader: HuggingFaceStorageReader, values: Mapping[str, Tensor]) -> set[str]:
    try:
        found = reader.read_metadata().state_dict_metadata
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(_damaged(folder, error)) from error
    wrong = [
        f"{name.removeprefix('model.')}: here {list(tensor.shape)}, in the checkpoint "
        f"{list(found[name].size) if name in found else 'missing'}"  # type: ignore[union-attr]
        for name, tensor in values.items()
        if name not in found or list(found[name].size) != list(tensor.shape)  # type: ignore[union-attr]
    ]
    here = {name for name in values if name.startswith("model.")}
    wrong += [
        f"{name.removeprefix('model.')}: only in the checkpoint"
        for name in found
        if name.startswith("model.") and name not in here
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise CheckpointError(
            f"{folder}: of another model ({'; '.join(wrong[:3])}{more}); "
            "use the model and sizes that the run was started with, see its .hydra/config.yaml"
        )
    return set(found)


def _with_prefix(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _damaged(folder: Path, reason: object) -> str:
    others = ", ".join(name for name in _others(folder) if name != folder.name)
    advice = f"resume from another one: {others}" if others else "there is no other one, start anew"
    return f"{folder}: the checkpoint is damaged ({reason}); {advice}"


def _others(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.parent.glob("step_*") if place.is_dir())


def _sync(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def export_model(folder: Path, target: Path) -> None:
    """Write only the model's weights, all shards together, as one safetensors file.

    Raises:
        CheckpointError: the checkpoint is missing or damaged.
        OSError: the target cannot be written.
    """
    _read_state(folder)
    reader = _reader(folder)
    found = reader.read_metadata().state_dict_metadata
    weights = {
        name: torch.empty(meta.size, dtype=meta.properties.dtype)  # type: ignore[union-attr]
        for name, meta in found.items()
        if name.startswith("model.")
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        dcp_load(weights, storage_reader=reader, no_dist=True)
    save_file(_with_prefix(weights, "model."), target, metadata={"format": "pt", "checkpoint": folder.name})
