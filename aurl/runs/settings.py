"""The configuration of a run, flat, and the one rule for which runs are the same experiment but for the seed."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aurl.errors import DataError
from aurl.machine.untrusted import json_mapping, read_regular, yaml_document
from aurl.record import Json
from aurl.runs.rundir import RunDirectory

MOST_BYTES = 8 * 2**20
_MOST_KEYS = 100_000
_MOST_LEVELS = 256
TARGET = "_target_"

# How a run is called, where it goes, how it is watched and shown: these make no other experiment.
_BOOKKEEPING = frozenset(
    {
        "name",
        "tags",
        "resume",
        "retry_failed",
        "profile",
        "probe_seconds",
        "report",
        "show_config",
        "sample.audio",
        "sample.audio_seconds",
        "sample.image",
        "data.workers",
        "experiment",
        "debug",
    }
)
_BOOKKEEPING_GROUPS = frozenset(
    {"paths", "logging", "notify", "textlog", "launcher", "hydra", "search", "job", "pictures", "checkpoint"}
)
_SEEDS = frozenset({"seed", "job", "random_state", "seed_everything"})
# Places whose class is aurl's own machinery. Which class it is, and where it lies, changed with the layout of aurl.
_WATCHERS = ("anomaly.detectors.", "quality.metrics.")
_MACHINERY = frozenset({"trainer", "sample", "quality", "anomaly", "anomaly.recovery", "trainer.early_stopping"})
_WATCH = "anomaly."
_ONLY_WATCHING = ("observe", "warn")
# Keys that aurl gained since its first runs, with what runs without them did: there they are no difference.
GAINED: Mapping[str, Json] = {
    "sample.valid": False,
    "model.shared_draw": False,
    "model.adversarial_every": 1,
    "data.tokens_per_batch": None,
    "data.sort_window": 1024,
    "data.width_multiple": 1,
    "optim.decay_embeddings": True,
    "optim.warmup_steps": 100,  # null from then on, which is the same in all but the shortest runs
    "trainer.clip": "fixed",
}
_NO_CHOICE = frozenset({"hydra", "debug", "launcher", "search", "experiment", "logging", "notify"})


def flatten(nested: Mapping[Any, Any], separator: str = ".") -> dict[str, Any]:
    """A nested mapping by the names that lead to each value: `{"optim.lr": 0.1}`; lists and `{}` stay values.

    Raises:
        DataError: it has more than 100,000 values or 256 levels, as one that contains itself.
    """
    found: dict[str, Any] = {}
    open_levels = [("", iter(nested.items()))]
    while open_levels:
        path, entries = open_levels[-1]
        for key, value in entries:
            name = f"{path}{key}"
            if isinstance(value, Mapping) and value:
                open_levels.append((f"{name}{separator}", iter(value.items())))
                break
            found[name] = value
        else:
            open_levels.pop()
        if len(found) > _MOST_KEYS or len(open_levels) > _MOST_LEVELS:
            raise DataError(f"a configuration of more than {_MOST_KEYS} values or {_MOST_LEVELS} levels")
    return found


def config_of(folder: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """The flat configuration of a run.

    Read from `config.json`, else from `.hydra/config.yaml` (interpolations as written), else from the key `config` of
    `run.json`, where `Monitor.open` keeps what it was given. Empty where there is none of these; one that cannot be
    read, or is larger than any configuration, counts as none.

    Args:
        document: the content of `run.json`.
    """
    found = next((nested for nested in _nested(RunDirectory(folder), document) if isinstance(nested, Mapping)), {})
    try:
        return flatten(found)
    except DataError:
        return {}


def settings_of(folder: Path, document: Mapping[str, Any]) -> dict[str, Json]:
    """The flat configuration of a run, and the options chosen for its groups (`"model": "vae"`).

    Groups without settings of their own (`scale`, `experiment`) are left out where there is a configuration: they are
    bundles of settings that are all in it.
    """
    flat = config_of(folder, document)
    chosen = choices(RunDirectory(folder).hydra / "hydra.yaml")
    groups = {key.partition(".")[0] for key in flat if "." in key}
    told = {name: option for name, option in chosen.items() if not flat or name.partition("/")[0] in groups}
    return {name: option for name, option in told.items() if name not in flat} | flat


@lru_cache(maxsize=16_384)
def is_bookkeeping(key: str) -> bool:
    """Whether a key says where a run goes, what it is called or how it is watched, and nothing about what is trained.

    So do the seed, and the classes of sinks, detectors and quality metrics, which have moved within aurl.
    """
    leaf = key.rpartition(".")[2]
    return (
        key in _BOOKKEEPING
        or key.partition(".")[0] in _BOOKKEEPING_GROUPS
        or leaf in _SEEDS
        or leaf.endswith("_seed")
        or (leaf == TARGET and key.startswith(_WATCHERS))
    )


def comparable(config: Mapping[str, Json]) -> dict[str, Json]:
    """What a run tries out: its flat configuration without bookkeeping, nulls and empty mappings.

    A class of aurl's own counts by its name alone (`AdamW`), since its module may have moved, and in places where
    older versions of aurl had no class at all (`trainer`, `sample`, ...) not at all. Settings of the detectors count
    where the policy lets them change the training. A key that older runs lack is left out where it does what they did.
    """
    watches = config.get("anomaly.policy") in _ONLY_WATCHING
    names = (key for key in config if not is_bookkeeping(key) and not (watches and key.startswith(_WATCH)))
    kept = {key: setting(key, config[key]) for key in names}
    return {key: value for key, value in kept.items() if value is not None and value not in ({}, GAINED.get(key))}


def setting(key: str, value: Json) -> Json:
    """A value as two runs are compared by it, see `comparable`."""
    if isinstance(value, str) and value.startswith("aurl.") and key.endswith(TARGET):
        return None if key.removesuffix(f".{TARGET}") in _MACHINERY else value.rpartition(".")[2]
    return value


def group_key(config: Mapping[str, Json]) -> str | None:
    """Eight hex digits that runs share which differ in their seed and in bookkeeping alone; None without a config."""
    if not config:
        return None
    told = sorted((key, frozen(value)) for key, value in comparable(config).items())
    return hashlib.blake2b(repr(told).encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def frozen(value: Json) -> Hashable:
    """A value as it counts when two are compared: 1 and 1.0 are the same setting, true and 1 are not."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return type(value).__name__, value
    if isinstance(value, (int, float)):
        try:
            return "float", float(value)
        except OverflowError:
            return "int", str(value)
    if isinstance(value, Mapping):
        return "dict", tuple(sorted((str(key), frozen(item)) for key, item in value.items()))
    return "list", tuple(frozen(item) for item in value) if isinstance(value, (list, tuple)) else repr(value)


def choices(hydra_yaml: Path) -> dict[str, Json]:
    """The options chosen for the config groups, from Hydra's own record of a run.

    Only this block of the file is looked at: parsing a thousand such files as YAML would take ten seconds.
    """
    try:
        lines = read_regular(hydra_yaml, MOST_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return {}
    found: dict[str, Json] = {}
    inside = False
    for line in lines:
        if inside and not line.startswith("      "):
            break
        if inside:
            name, _, option = line.strip().partition(": ")
            option = option.strip("'\"")
            if name.partition("/")[0] not in _NO_CHOICE and option != "null":
                found[name] = option
        inside = inside or line == "    choices:"
    return found


def _nested(run: RunDirectory, document: Mapping[str, Any]) -> Iterator[object]:
    yield json_mapping(run.config_json, MOST_BYTES) or None
    yield _yaml(run.hydra / "config.yaml")
    yield document.get("config")


def _yaml(path: Path) -> Any:
    try:
        return yaml_document(path)
    except (OSError, ValueError):
        return None
