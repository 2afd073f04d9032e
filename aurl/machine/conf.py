"""Where `conf/` lies, and its yaml files read without Hydra.

`aurl.Monitor` must work in anybody's loop, also inside somebody else's Hydra application, so it reads the same yaml
files plainly. They may use two Hydra constructs: a defaults list of the form `- group: [name, ...]`, and in a detector
`key: ${anomaly.key}` for a value that all detectors share. A test holds that both readings give the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aurl.errors import ConfigError, did_you_mean
from aurl.machine.targets import locate

TARGET = "_target_"


@lru_cache(maxsize=1)
def conf_dir() -> Path:
    """The folder of aurl's own yaml files: inside an installed package, beside it in a checkout.

    Raises:
        ConfigError: neither exists, so the installation is broken.
    """
    package = Path(__file__).resolve().parent.parent
    for place in (package / "conf", package.parent / "conf"):
        if (place / "train.yaml").is_file():
            return place
    raise ConfigError(f"no conf/train.yaml in {package} or {package.parent}; reinstall aurl")


def load_option(group: str, name: str) -> dict[str, Any]:
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
            content = load_option(group, entry) | content
        if isinstance(entry, Mapping):
            for child, names in entry.items():
                merged = content.setdefault(child, {})
                for option in names:
                    for key, value in load_option(f"{group}/{child}", option).items():
                        merged.setdefault(key, value)
    return content


def own_nodes(given: str) -> dict[str, dict[str, Any]]:
    """The nodes, by name, of a class of the user's own: a yaml file as in `conf/`, or the class's full name.

    Raises:
        ConfigError: the file cannot be read, or holds no node with a `_target_`.
    """
    import yaml

    if not given.endswith((".yaml", ".yml")):
        return {snake_case(given.rpartition(".")[2]): {TARGET: given}}
    try:
        content = yaml.safe_load(Path(given).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{given}: cannot be read ({error}); give a yaml file, or package.module.Class") from error
    nodes = content if isinstance(content, dict) else {}
    if not nodes or not all(isinstance(node, dict) and TARGET in node for node in nodes.values()):
        raise ConfigError(f"{given}: holds no `name: {{_target_: package.module.Class, ...}}`")
    return {str(name): node for name, node in nodes.items()}


def snake_case(name: str) -> str:
    """`LossTooLow` is `loss_too_low`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def construct(node: Mapping[str, Any], *bases: type) -> Any:
    """An object from a flat node `{"_target_": "package.module.Class", key: value, ...}`.

    Args:
        bases: what is expected: one of these classes or one below it.

    Raises:
        ConfigError: the class is missing, of another kind, or does not take these keys.
    """
    arguments = dict(node)
    target = arguments.pop(TARGET, "")
    try:
        return locate(target, *bases)(**arguments)
    except TypeError as error:
        raise ConfigError(f"{target}: {error}") from error
