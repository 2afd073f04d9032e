"""What trackers are told about a run before its first step: taken from the run directory alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from aurl.machine.secrets import mask
from aurl.runs.listing import document_of
from aurl.runs.rundir import RunDirectory
from aurl.sinks import hyperparameters

_NOT_IN_AN_ID = re.compile(r"[^\w-]+")
_LONGEST_NAME = 128
_MACHINE_KEYS = ("torch", "cuda", "python", "aurl", "platform", "cpu", "ram_gb", "gpus", "seed")


class Identity(NamedTuple):
    """How a run is known to trackers.

    Attributes:
        id: the same each time for the same run, also on resume and on replay.
        name: what the page shows.
        project: the experiment's name.
        group: one for all jobs of a sweep; None for a single run.
        tags: those of the run.
        notes: the command that started it, secrets masked.
        config: nested, secrets masked, and what is known of the machine under `env`.
        commit: of the code; None where it is not known.
    """

    id: str
    name: str
    project: str
    group: str | None
    tags: list[str]
    notes: str
    config: dict[str, Any]
    commit: str | None


def identity(run: RunDirectory) -> Identity:
    """Read `run.json` and `config.json`; a run without them gets its folder's name."""
    about = document_of(run.run_json)
    name = str(about.get("name") or run.id)
    sweep = _sweep(run.path)
    config = mask(_nested(hyperparameters.read(run)))
    assert isinstance(config, dict)
    git = about.get("git") or {}
    env = {key: about[key] for key in _MACHINE_KEYS if about.get(key) is not None}
    return Identity(
        id=_id(run, about, sweep),
        name=(run.id if name == run.id else f"{name} {run.id}")[:_LONGEST_NAME],
        project=_NOT_IN_AN_ID.sub("-", name)[:_LONGEST_NAME],
        group=f"{name} {sweep}" if sweep else None,
        tags=[str(tag)[:64] for tag in about.get("tags") or ()],
        notes=" ".join(map(str, about.get("argv") or ())),
        config=config | ({"env": env} if env else {}),
        commit=git.get("sha"),
    )


def _sweep(path: Path) -> str | None:
    """The stamp of the sweep that a run is a job of: `outputs/<name>/sweeps/<stamp>/<job>_<overrides>`."""
    return path.parent.name if path.parent.parent.name == "sweeps" else None


def _id(run: RunDirectory, about: Mapping[str, Any], sweep: str | None) -> str:
    """Readable and the server's own: two runs of one name on two machines must not become one."""
    began = {key: about.get(key) for key in ("started", "host", "name")}
    digest = hashlib.blake2b(orjson.dumps([run.id, sweep, began], default=str), digest_size=4).hexdigest()
    return f"{_NOT_IN_AN_ID.sub('-', run.id)[:40].strip('-')}-{digest}"


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """`{"optim.lr": 1}` to `{"optim": {"lr": 1}}`; a key that is a value elsewhere stays dotted."""
    nested: dict[str, Any] = {}
    for dotted, value in flat.items():
        *path, last = dotted.split(".")
        place: Any = nested
        for key in path:
            place = place.setdefault(key, {}) if isinstance(place, dict) else None
        if isinstance(place, dict) and last not in place:
            place[last] = value
        else:
            nested[dotted] = value
    return nested
