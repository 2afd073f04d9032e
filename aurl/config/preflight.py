"""Everything about a run or a sweep that can be found wrong before it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from aurl.config.build import to_plain
from aurl.config.compose import compose_in
from aurl.config.overrides import MOST_JOBS, expand_in
from aurl.config.phrases import ConfigFaultsError
from aurl.config.places import unused_keys
from aurl.config.session import ConfigSource, Session, session
from aurl.config.validate import validate
from aurl.errors import ConfigError
from aurl.machine.secrets import mask_override

# Looks at a resolved config for faults that no signature shows, such as files that do not exist.
Inspect: TypeAlias = Callable[[Mapping[str, Any]], Sequence[str]]


def preflight(
    overrides: Sequence[str],
    multirun: bool = False,
    source: ConfigSource | None = None,
    *,
    root: type | None = None,
    inspect: Inspect | None = None,
    construct: Inspect | None = None,
    most: int = MOST_JOBS,
) -> list[dict[str, Any]]:
    """The resolved config of each job, composed and validated before any of them starts.

    Args:
        overrides: as `aurl.config.flags.split_argv` gives them.
        source: where configs are read from; aurl's own folder by default.
        root: the class that takes the keys of the top level; `aurl.config.experiment.Experiment` by default.
        inspect: a further check of each config.
        construct: builds what a config names, to find values out of range; called where every signature fits.
        most: jobs of a sweep looked at; of a larger one every single value is looked at once.

    Raises:
        ConfigError: lists all faults of all jobs, each once, with the job where it was met first.
    """
    if root is None:
        from aurl.config.experiment import Experiment

        root = Experiment
    expected = root  # narrowed for the comprehension below
    with session(source) as opened:
        jobs = expand_in(opened, overrides, most) if multirun else [list(overrides)]
        configs, found, unused = [], [], []
        for job in jobs:
            config, problems, idle = _look(opened, job, expected, not multirun, inspect=inspect, construct=construct)
            configs.append(config)
            found.append(problems)
            unused.append(idle)
        # What one job of a sweep does not use another may: `data=synthetic,midi_folder data.root=DIR`.
        if all(unused):
            found = [[*problems, *idle] for problems, idle in zip(found, unused, strict=True)]
    if any(found):
        raise ConfigFaultsError(_merge(jobs, found))
    return configs


def _look(
    opened: Session,
    job: Sequence[str],
    root: type,
    alone: bool,
    *,
    inspect: Inspect | None,
    construct: Inspect | None,
) -> tuple[dict[str, Any], list[str], list[str]]:
    """The resolved config of one job, all that is wrong with it, and what is set in it and used by nothing."""
    try:
        composed = compose_in(opened, job, alone=alone)
        config = to_plain(composed)
    except ConfigError as error:
        return {}, list(error.problems) if isinstance(error, ConfigFaultsError) else [str(error)], []
    problems = [fault.problem for fault in validate(config, root)]
    if construct and not problems:
        problems += construct(config)
    return config, [*problems, *(inspect(config) if inspect else ())], unused_keys(composed, opened.folders)


def _merge(jobs: Sequence[Sequence[str]], found: Sequence[Sequence[str]]) -> list[str]:
    """Each problem once, with the first job that has it where not all of them do."""
    first: dict[str, int] = {}
    for number, problems in enumerate(found):
        for problem in problems:
            first.setdefault(problem, number)
    return [
        problem if all(problem in problems for problems in found) else f"{_job(number, jobs[number])}: {problem}"
        for problem, number in first.items()
    ]


def _job(number: int, overrides: Sequence[str]) -> str:
    return f"job {number} ({' '.join(map(mask_override, overrides))})"
