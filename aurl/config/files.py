"""The config files of a run directory, written by aurl and not by Hydra, which would write secrets as they are."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import yaml
from omegaconf import DictConfig, OmegaConf

from aurl.config.show import flatten
from aurl.errors import RunError
from aurl.machine.secrets import MASK, mask, mask_override
from aurl.runs.rundir import RunDirectory

SHORTEST_SECRET = 4  # a shorter one would be found by chance all over the file
_NUMBER = re.compile(r"[-+]?[\d_.]+(?:[eE][-+]?\d+)?")


def save_hydra_files(run_dir: Path, config: DictConfig, overrides: Sequence[str], hydra_config: Any) -> None:
    """Write `.hydra/config.yaml`, `overrides.yaml`, `hydra.yaml` and `config.json`, secrets masked, each in one step.

    Args:
        config: the composed config; its `hydra` node is left out.
        overrides: what the user gave, without those of Hydra itself.
        hydra_config: Hydra's own node, as `HydraConfig.get()` gives it.

    Raises:
        RunError: the directory cannot be written.
    """
    run = RunDirectory(run_dir)
    task = {key: value for key, value in _plain(config).items() if key != "hydra"}
    task["name"] = OmegaConf.select(config, "name", default=task.get("name"))  # what other readers cannot resolve
    texts = {
        run.hydra / "config.yaml": _yaml(mask(task)),
        run.hydra / "overrides.yaml": _yaml([mask_override(override) for override in overrides]),
        run.hydra / "hydra.yaml": _yaml({"hydra": _without_secrets(_plain(hydra_config), overrides)}),
        run.config_json: orjson.dumps(flatten(config), default=str, option=orjson.OPT_INDENT_2),
    }
    for path, content in texts.items():
        _write(path, content)


def mask_file(path: Path) -> None:
    """Rewrite a config file of Hydra's, such as the `multirun.yaml` of a sweep, with its secrets masked.

    Raises:
        RunError: the file cannot be read or written.
    """
    try:
        content = _plain(OmegaConf.load(path))
    except (OSError, yaml.YAMLError) as error:
        raise RunError(f"{path}: cannot be read to mask secrets ({error}); delete it if it holds any") from error
    typed: Any = content.get("hydra")
    for key in ("overrides", "task"):
        typed = typed.get(key) if isinstance(typed, Mapping) else None
    _write(path, _yaml(_without_secrets(content, [str(text) for text in typed or ()])))


def _without_secrets(content: Any, overrides: Sequence[str]) -> Any:
    """Masked by key and shape, and also where Hydra repeats overrides inside other text, as in `override_dirname`."""
    secrets: dict[str, str] = {}
    for text in overrides:
        if (masked := mask_override(text)) != text:
            secrets[text] = masked
            value = text.partition("=")[2]
            if len(value) >= SHORTEST_SECRET:
                secrets[value] = MASK
    return _replace(mask(content), secrets)


def _replace(value: Any, secrets: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _replace(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace(item, secrets) for item in value]
    if isinstance(value, str):
        for secret, masked in secrets.items():
            value = value.replace(secret, masked)
    return value


def _plain(config: Any) -> dict[str, Any]:
    plain = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


class _Dumper(yaml.SafeDumper):
    """Quotes text that OmegaConf would read back as a number, such as '1e-3'."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _NUMBER.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _yaml(content: object) -> bytes:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120).encode()


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise RunError(f"{path}: cannot be written ({error.strerror}); check the disk and its permissions") from error
