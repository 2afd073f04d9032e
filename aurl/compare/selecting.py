"""Which runs take part, and which group is the baseline, as people type it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aurl.compare.model import Group
from aurl.compare.run_data import RunData
from aurl.errors import ConfigError, did_you_mean
from aurl.record import Json
from aurl.runs.listing import RunSummary
from aurl.runs.settings import is_bookkeeping
from aurl.show.naming import same_value, show_value
from aurl.show.wording import shortened

_SHOWN = 8
_OF_THE_RUN = ("name", "status", "seed", "id")


def select(
    found: Sequence[RunSummary], runs: Sequence[RunData], filters: Mapping[str, str]
) -> tuple[list[RunSummary], list[RunData]]:
    """The runs that have these settings.

    Args:
        filters: by key, the value as typed; beside settings also `name`, `status`, `seed` and `id`.

    Raises:
        ConfigError: no run has such a key, or none this value.
    """
    kept = [at for at, run in enumerate(runs) if _has(run, filters)]
    if not kept:
        raise ConfigError(_why_none(runs, filters))
    return [found[at] for at in kept], [runs[at] for at in kept]


def choose_baseline(groups: Sequence[Group], typed: str) -> str:
    """The id of the group that is meant: by its id, or by settings that it alone has.

    Raises:
        ConfigError: no group, or several.
    """
    if any(group.id == typed for group in groups):
        return typed
    wanted = dict(part.strip().partition("=")[::2] for part in typed.split(","))
    matching = [group for group in groups if group.runs and all(_has(run, wanted) for run in group.runs)]
    if len(matching) == 1:
        return matching[0].id
    names = [group.id for group in matching or groups]
    problem = f"{len(matching)} groups have it" if matching else "no group has it"
    raise ConfigError(f"--baseline {typed}: {problem}. Groups: {shortened(names, _SHOWN, '; ')}")


def _has(run: RunData, wanted: Mapping[str, str]) -> bool:
    return all(same_value(_value(run, key), typed) for key, typed in wanted.items())


def _value(run: RunData, key: str) -> Json:
    return getattr(run, key, None) if key in _OF_THE_RUN else run.config.get(key)


def _why_none(runs: Sequence[RunData], filters: Mapping[str, str]) -> str:
    for key, typed in filters.items():
        known = [run for run in runs if key in run.config or key in _OF_THE_RUN]
        if not known:
            keys = {name for run in runs for name in run.config if not is_bookkeeping(name)}
            return f"{key}={typed}: no run has such a setting.{did_you_mean(key, [*keys, *_OF_THE_RUN])}"
        if not any(same_value(_value(run, key), typed) for run in known):
            values = list(dict.fromkeys(show_value(_value(run, key)) for run in known))
            return f"{key}={typed}: no run has this value. There are: {', '.join(values[:_SHOWN])}"
    return f"no run has all of {', '.join(f'{key}={typed}' for key, typed in filters.items())}"
