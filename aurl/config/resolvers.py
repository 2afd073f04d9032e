"""The interpolations that name experiments and run directories: `conf/train.yaml`, `conf/hydra/aurl.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

from aurl.machine.conf import snake_case
from aurl.machine.secrets import mask_override
from aurl.runs.stamp import stamp

LONGEST_LABEL = 120


def register() -> None:
    """Make `${stamp:}`, `${job_label:...}` and `${trained:...}` known to OmegaConf; as often as one likes."""
    OmegaConf.register_new_resolver("stamp", stamp, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("job_label", job_label, replace=True)
    OmegaConf.register_new_resolver("trained", trained, replace=True)


def trained(data: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    """What is trained on what, `chorales_vae_gan`, from the two nodes' `_target_`s: the name of an experiment."""
    source = data.get("source")
    chosen = source if isinstance(source, Mapping) else data
    return "_".join(_snake(str(node.get("_target_", "unknown"))) for node in (chosen, model))


def job_label(overrides: str) -> str:
    """What a sweep's job varies, fit for the name of a directory; secrets masked."""
    masked = ",".join(mask_override(part) for part in overrides.split(","))
    return re.sub(r"[^\w=.,+-]+", "_", masked)[:LONGEST_LABEL].rstrip("._,") or "job"


def _snake(target: str) -> str:
    """`aurl.models.vae_gan.VAEGAN` is `vae_gan` as its module; `aurl.data.sources.MidiFolder` is `midi_folder`."""
    *_, module, name = ("", *target.split("."))
    if module.replace("_", "") == name.lower():
        return module
    return snake_case(name)
