"""Values that a composed config lacks: mandatory ones not given, and interpolations that lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, OmegaConfBaseException

from aurl.config.phrases import ConfigFaultsError, dotted, suggest
from aurl.machine.secrets import mask_override

_ENVIRONMENT = re.compile(r"Environment variable '([^']+)' not found")
_KEY = re.compile(r"Interpolation key '([^']+)' not found")


def check_values(config: DictConfig) -> None:
    """Raises one ConfigError for all missing values and dangling interpolations; the `hydra` node is left out."""
    keys = [str(key) for key in config if key != "hydra"]
    problems = [problem for key in keys for problem in _problems(config, key, key, config)]
    if problems:
        raise ConfigFaultsError(problems)


def _problems(node: DictConfig | ListConfig, key: Any, path: str, root: DictConfig) -> Iterator[str]:
    if OmegaConf.is_missing(node, key):
        yield f"{path}=???: needs a value; add {path}=VALUE, or choose an option or experiment that sets it."
    elif OmegaConf.is_interpolation(node, key):
        yield from _dangling(node, key, path, root)
    else:
        child = node._get_node(key)
        yield from _below(child, path, root)


def _below(node: object, path: str, root: DictConfig) -> Iterator[str]:
    if isinstance(node, DictConfig) and not node._is_none():
        for key in node:
            yield from _problems(node, key, f"{path}.{key!s}", root)
    elif isinstance(node, ListConfig) and not node._is_none():
        for index in range(len(node)):
            yield from _problems(node, index, f"{path}[{index}]", root)


def _dangling(node: DictConfig | ListConfig, key: Any, path: str, root: DictConfig) -> Iterator[str]:
    try:
        node[key]
    except InterpolationToMissingValueError:
        pass  # reported at the value that is missing
    except (OmegaConfBaseException, ValueError) as error:
        plain: Any = OmegaConf.to_container(node, resolve=False)
        source = str(plain[key])
        if "${hydra:" in source and not HydraConfig.initialized():
            return  # set by Hydra when the job starts
        yield f"{mask_override(f'{path}={source}')}: {_reason(str(error), root)}"


def _reason(message: str, root: DictConfig) -> str:
    if match := _ENVIRONMENT.search(message):
        name = match[1]
        return f"the environment variable {name} is not set; export {name}, or write ${{oc.env:{name},default}}."
    if match := _KEY.search(message):
        keys = list(dotted(OmegaConf.to_container(root, resolve=False)))
        return f"no such key '{match[1]}'.{suggest(match[1], (), keys)}"
    return message.splitlines()[0]
