"""The interpolations of aurl's own: names of experiments and run directories, defaults that hang on another key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from aurl.machine.conf import snake_case
from aurl.machine.secrets import mask_override
from aurl.runs.stamp import stamp

LONGEST_LABEL = 120  # bytes: a file's name has 255, and a letter up to four


def register() -> None:
    """Make aurl's interpolations known to OmegaConf; as often as one likes."""
    OmegaConf.register_new_resolver("stamp", stamp, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("job_label", _label_of, replace=True)
    OmegaConf.register_new_resolver("home", home, replace=True)
    OmegaConf.register_new_resolver("trained", trained, replace=True)
    OmegaConf.register_new_resolver("unless", unless, replace=True)
    OmegaConf.register_new_resolver("when", when, replace=True)


def unless(other: Any, value: Any) -> Any:
    """A default that holds where another key is null; null where that one is set: of the two only one can count."""
    return value if other is None else None


def when(flag: Any, yes: Any, no: Any) -> Any:
    """One default or the other, by a key that is true or false."""
    return yes if flag is True else no


def trained(data: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    """What is trained on what, `chorales_vae_gan`, from the two nodes' `_target_`s: the name of an experiment."""
    source = data.get("source")
    chosen = source if isinstance(source, Mapping) else data
    return "_".join(_snake(str(node.get("_target_", "unknown"))) for node in (chosen, model))


def job_label(overrides: str) -> str:
    """What a sweep's job varies, fit for the name of a directory; secrets masked."""
    masked = ",".join(mask_override(part) for part in overrides.split(","))
    label = re.sub(r"[^\w=.,+-]+", "_", masked).encode()[:LONGEST_LABEL].decode("utf-8", "ignore")
    return label.rstrip("._,") or "job"


def home(path: str) -> str:
    """The path with its `~` expanded, as a shell does at the beginning of a word."""
    return str(Path(path).expanduser())


def _label_of(_root_: DictConfig) -> str:
    """`${job_label:}`: from the overrides as they were typed, for what a variable holds belongs in no file name."""
    job = OmegaConf.select(_root_, "hydra.job")
    return job_label(str(job._get_node("override_dirname")._value()))


def _snake(target: str) -> str:
    """`aurl.models.vae_gan.VAEGAN` is `vae_gan` as its module; `aurl.data.sources.MidiFolder` is `midi_folder`."""
    *_, module, name = ("", *target.split("."))
    if module.replace("_", "") == name.lower():
        return module
    return snake_case(name)
