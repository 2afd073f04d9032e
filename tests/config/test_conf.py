"""The shipped configuration: every file composes and validates, and the list of its keys is frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from aurl.config.build import to_plain
from aurl.config.compose import compose
from aurl.config.phrases import dotted
from aurl.config.preflight import preflight
from aurl.machine.conf import conf_dir

CONF = conf_dir()
FILES = sorted(path.relative_to(CONF).with_suffix("").as_posix() for path in CONF.rglob("*.yaml"))
OPTIONS = [name for name in FILES if "/" in name]
KNOWN = ("asap", "gigamidi", "jsb", "lakh", "maestro", "nottingham", "pop909", "vgmidi")
NEEDS = {f"data/{name}": ["data.root=."] for name in ("midi_folder", *KNOWN)}
PACKAGES = {
    "launcher/joblib": "hydra_plugins.hydra_joblib_launcher",
    "launcher/slurm": "hydra_plugins.hydra_submitit_launcher",
}


@lru_cache(maxsize=1)
def list_groups() -> frozenset[str]:
    """The groups that take several options, as the defaults lists show."""
    found = set()
    for name in FILES:
        above = name.rpartition("/")[0]
        content = yaml.safe_load((CONF / f"{name}.yaml").read_text()) or {}
        for entry in content.get("defaults", []):
            for group, value in entry.items() if isinstance(entry, dict) else ():
                if isinstance(value, list):
                    found.add(f"{above}/{group}".strip("/"))
    return frozenset(found)


def overrides_for(option: str) -> list[str]:
    group, _, name = option.rpartition("/")
    if group in {"anomaly/detectors", "quality/metrics"}:  # without the preset's own, which would be left out
        return [f"{group.partition('/')[0]}=off", f"+{group}={name}"]
    return [f"{group}=[{name}]" if group in list_groups() else f"{group}={name}", *NEEDS.get(option, [])]


def skip_without_package(option: str) -> None:
    package = PACKAGES.get(option)
    if package and find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


@cache
def composed(option: str) -> dict[str, Any]:
    [config] = preflight(overrides_for(option) if option else [])
    return config


@pytest.mark.parametrize("option", OPTIONS)
def test_every_file_composes_and_validates(option: str) -> None:
    skip_without_package(option)
    assert composed(option)["name"]


def test_the_defaults_validate() -> None:
    assert composed("")["name"] == "chorales_vae_gan"


def test_the_keys_are_frozen(snapshot: Callable[[str, str], None]) -> None:
    """Scripts of other people set these keys: one that goes or changes its name breaks them."""
    keys = {key for option in ("", *OPTIONS) if not PACKAGES.get(option) for key in leaves(composed(option))}
    lines = [*sorted(keys), "", *(f"{option.rpartition('/')[0]}={option.rpartition('/')[2]}" for option in OPTIONS)]
    snapshot("keys.txt", "\n".join(lines) + "\n")


def leaves(config: dict[str, Any]) -> Iterator[str]:
    every = list(dotted(config))
    inner = {key.rpartition(".")[0] for key in every}
    return (key for key in every if key not in inner)


FIXED = """
name tags seed resume paths.outputs trainer.epochs trainer.steps trainer.accelerator trainer.precision data.root
optim.lr anomaly.zscore anomaly.iqr anomaly.window anomaly.warmup anomaly.cooldown anomaly.confirm anomaly.policy
"""


@pytest.mark.parametrize("key", FIXED.split())
def test_keys_that_others_rely_on(key: str) -> None:
    assert key in set(dotted(composed("")))


def test_presets_that_others_rely_on() -> None:
    expected = {f"anomaly/{name}" for name in ("default", "light", "strict", "off")}
    expected |= {f"debug/{name}" for name in ("one_batch", "overfit", "nan", "profile")}
    expected |= {f"model/{name}" for name in ("transformer", "vae", "vae_gan", "size/tiny", "size/base")}
    expected |= {f"data/{name}" for name in ("chorales", "midi_folder", "synthetic", *KNOWN)}
    assert expected <= set(OPTIONS)


@pytest.mark.parametrize(
    "override",
    [
        "logging=[]",
        "+logging=memory",
        "logging=[tensorboard,memory]",
        "experiment=null",
    ],
)
def test_spellings_that_must_compose(override: str) -> None:
    assert to_plain(compose([override, "name=x"]))["name"] == "x"


def test_hydras_own_files_are_off() -> None:
    """Hydra writes overrides and config as typed, secrets included; aurl writes them masked."""
    content = yaml.safe_load((Path(CONF) / "hydra" / "aurl.yaml").read_text())
    assert content["output_subdir"] is None
