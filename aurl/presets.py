"""Where `conf/` lies, and its sink and detector files read without Hydra.

`aurl.Monitor` must work in anybody's loop, also inside somebody else's Hydra application, so it reads the same yaml
files plainly. They may use two Hydra constructs: a defaults list of the form `- group: [name, ...]`, and in a detector
`key: ${anomaly.key}` for a value that all detectors share. A test holds that both readings give the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from aurl.anomaly.watch import Watch
from aurl.errors import ConfigError, did_you_mean
from aurl.sinks.base import Sink

_OPEN = frozenset({"anomaly.detectors", "anomaly.roles"})  # nodes that take any key
_COMMON_KEY = re.compile(r"\$\{anomaly\.(\w+)\}")


@lru_cache(maxsize=1)
def conf_dir() -> Path:
    """The folder of aurl's own yaml files: inside an installed package, beside it in a checkout.

    Raises:
        ConfigError: neither exists, so the installation is broken.
    """
    package = Path(__file__).resolve().parent
    for place in (package / "conf", package.parent / "conf"):
        if (place / "train.yaml").is_file():
            return place
    raise ConfigError(f"no conf/train.yaml in {package} or {package.parent}; reinstall aurl")


def load(group: str, name: str) -> dict[str, Any]:
    """The content of `conf/<group>/<name>.yaml`, the groups in its defaults list merged in.

    Raises:
        ConfigError: there is no such file; the message names the options.
    """
    import yaml

    folder = conf_dir() / group
    path = folder / f"{name}.yaml"
    if not path.is_file():
        options = sorted(file.stem for file in folder.glob("*.yaml"))
        raise ConfigError(f"{group}={name}: no such option.{did_you_mean(name, options)} Options: {', '.join(options)}")
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    for entry in content.pop("defaults", ()):
        if isinstance(entry, str) and entry != "_self_":  # another option of the same group
            content = load(group, entry) | content
        if isinstance(entry, Mapping):
            for child, names in entry.items():
                merged = content.setdefault(child, {})
                for option in names:
                    for key, value in load(f"{group}/{child}", option).items():
                        merged.setdefault(key, value)
    return content


def sinks(chosen: str | Sequence[str | Sink], group: str = "logging") -> list[Sink]:
    """The sinks of a group's options, such as `["console", "tensorboard"]`, and sinks of your own as they are."""
    made: list[Sink] = []
    for choice in [chosen] if isinstance(chosen, str) else chosen:
        nodes = load(group, choice).values() if isinstance(choice, str) else ()
        made += [construct(node) for node in nodes if node is not None]
        made += [choice] if isinstance(choice, Sink) else []
    return made


def watch(anomaly: str | Mapping[str, Any], config: Mapping[str, Any] | None = None) -> tuple[Watch, str]:
    """What an `anomaly` preset watches with, and its policy; or a mapping of changes to the default one.

    Args:
        config: the run's flat configuration, which advice refers to.
    """
    node = _anomaly(anomaly)
    return build_watch(node, config), str(node["policy"])


def build_watch(node: Mapping[str, Any], config: Mapping[str, Any] | None = None) -> Watch:
    """The detectors of an `anomaly` node and what makes episodes of their findings."""
    return Watch(
        build_detectors(node),
        cooldown=node["cooldown"],
        max_alerts=node["max_alerts"],
        roles=node["roles"],
        config=config,
    )


def detectors(anomaly: str | Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The detectors by name and the policy of an `anomaly` preset, or of a mapping of overrides to the default one."""
    config = _anomaly(anomaly)
    return build_detectors(config), str(config["policy"])


def build_detectors(config: Mapping[str, Any]) -> dict[str, Any]:
    """The detectors of an `anomaly` node, by name; those set to null are left out."""
    nodes = config.get("detectors") or {}
    return {name: construct(_resolved(node, config)) for name, node in nodes.items() if node is not None}


def _anomaly(anomaly: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(anomaly, str):
        return load("anomaly", anomaly)
    return _merge(load("anomaly", "default"), anomaly, "anomaly")


def construct(node: Mapping[str, Any]) -> Any:
    """An object from a flat node `{"_target_": "package.module.Class", key: value, ...}`.

    Raises:
        ConfigError: the class is missing, or does not take these keys.
    """
    arguments = dict(node)
    target = str(arguments.pop("_target_", ""))
    try:
        return _locate(target)(**arguments)
    except TypeError as error:
        raise ConfigError(f"{target}: {error}") from error


def _locate(target: str) -> Any:
    module, _, name = target.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"_target_: {target!r} cannot be imported ({error}); give package.module.Class") from error


def _resolved(node: Mapping[str, Any], anomaly: Mapping[str, Any]) -> dict[str, Any]:
    common = {key: _COMMON_KEY.fullmatch(value) for key, value in node.items() if isinstance(value, str)}
    return dict(node) | {key: anomaly[match[1]] for key, match in common.items() if match}


def _merge(base: dict[str, Any], changes: Mapping[str, Any], path: str) -> dict[str, Any]:
    for key, value in changes.items():
        if key not in base and path not in _OPEN:
            raise ConfigError(f"{path}.{key}: no such key.{did_you_mean(key, base)} Keys: {', '.join(sorted(base))}")
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            base[key] = _merge(base[key], value, f"{path}.{key}")
        else:
            base[key] = value
    return base
