"""What `Monitor.open` does before there is a Monitor: checks options, chooses sinks and detectors, locks the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aurl.anomaly.watch import Watch
from aurl.errors import ConfigError, RunError
from aurl.record import Json
from aurl.runs.listing import document_of
from aurl.runs.lock import begin, holds_run
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink

RESUMES = (None, False, True, "never", "allow", "must", "takeover")


class Opening(NamedTuple):
    """What a Monitor is made of, for a run that is locked."""

    run: RunDirectory
    sinks: list[Sink]
    watch: Watch
    policy: str
    name: str


def check_options(resume: object, start: Mapping[str, Json]) -> None:
    """Refuse what cannot be meant.

    Raises:
        ConfigError: names the option and what is allowed.
    """
    if "run" in start:
        raise ConfigError("run=: is what the START record calls the run directory; name=TEXT names the run")
    if resume not in RESUMES:
        raise ConfigError(f"resume={resume!r}: allowed are {', '.join(map(repr, RESUMES))}")


def lock(run: RunDirectory, resume: object, start: Mapping[str, Json]) -> None:
    """Make the run's folders and lock them, where the options allow it.

    Raises:
        RunError: the directory holds a run and going on was not asked for, or none where one must be, or somebody
            writes to it.
    """
    if resume == "must" and not holds_run(run):
        raise RunError(f"{run.path}: holds no run to go on with (resume='must'); leave out resume to begin one")
    goes_on = resume not in (None, False, "never") or start.get("resumed_from") is not None
    begin(run, resume=goes_on, how="resume=True")


def prepare(
    run: RunDirectory,
    *,
    name: str | None,
    logging: str | Sequence[str | Sink],
    notify: str | Sequence[str | Sink],
    anomaly: str | Mapping[str, Any],
    config: Mapping[str, Any] | None,
    tags: Sequence[str],
) -> Opening:
    """Choose sinks and detectors; the arguments are those of `Monitor.open`.

    Name, tags and configuration that are not given stay those of the run that is gone on with.

    Raises:
        ConfigError: an unknown option; nothing was written.
    """
    from aurl.anomaly.chosen import choose_watch
    from aurl.machine import env
    from aurl.sinks.chosen import choose_sinks
    from aurl.sinks.runfile import RunFile
    from aurl.sinks.textlog import TextLog

    before = document_of(run.run_json)
    name = name or before.get("name") or run.id
    config = before.get("config", {}) if config is None else config
    watch, policy = choose_watch(anomaly, config)
    chosen = choose_sinks(logging) + choose_sinks(notify, "notify")
    tags = tags or before.get("tags", [])
    info: dict[str, Json] = {"id": run.id, "name": name, "tags": list(tags), "config": dict(config)}
    info |= env.snapshot(Path.cwd())
    return Opening(run, [TextLog(), RunFile(info), *chosen], watch, policy, name)
