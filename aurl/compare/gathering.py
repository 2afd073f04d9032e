"""From runs to groups of them, with their statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from aurl.compare.grouping import confounded, distinct, split, varying
from aurl.compare.model import Group, Mode
from aurl.compare.run_data import RunData
from aurl.compare.statistics.claims import heavy_tails
from aurl.compare.statistics.estimates import iqm, iqm_interval, mean_interval
from aurl.compare.statistics.progress import band, reached, within
from aurl.record import Json
from aurl.show.naming import NOTHING_VARIES, group_id

NO_SETTINGS = "has no settings (config.json, .hydra/config.yaml), so it belongs to no group"
_FEWEST, _FAR = 3, 50.0
_MOST_IN_A_NAME = 6
_MOST_BANDS = 100  # nobody tells more curves apart, and a thousand take half a second


def with_known_settings(runs: Sequence[RunData]) -> list[RunData]:
    """The runs; where some have settings, those without any are left out, since nobody knows where they belong."""
    if not any(run.config for run in runs):
        return list(runs)
    return [
        run if run.config or run.fate == "left out" else replace(run, fate="left out", why=NO_SETTINGS) for run in runs
    ]


def differences(runs: Sequence[RunData]) -> dict[str, list[Json]]:
    """The keys that vary, with the value of each run; where nothing is known of any run but its name, the name."""
    if not any(run.config for run in runs):
        return {"name": [run.name for run in runs]} if len({run.name for run in runs}) > 1 else {}
    return varying([run.config for run in runs], [run.seed for run in runs])


def values_of(columns: Mapping[str, Sequence[Json]]) -> dict[str, tuple[Json, ...]]:
    """The values that occur, by key."""
    return {key: tuple(distinct(column)) for key, column in columns.items()}


def groups_of(runs: Sequence[RunData], columns: Mapping[str, Sequence[Json]], metric: str, mode: Mode) -> list[Group]:
    """The groups, best mean (interquartile mean where tails are heavy) first, those without a value last."""
    parts = split(runs, columns)
    names = _names([config for config, _ in parts])
    drawn = len(parts) <= _MOST_BANDS
    built = [
        _group(name, config, members, metric, drawn=drawn) for name, (config, members) in zip(names, parts, strict=True)
    ]
    heavy = heavy_tails(built)
    built = [replace(group, centre=group.iqm if heavy else group.mean) for group in built]
    sign = 1 if mode == "min" else -1
    return sorted(built, key=lambda group: (group.centre is None, sign * (group.centre or 0.0)))


def without_repeats(runs: Sequence[RunData], columns: Mapping[str, Sequence[Json]]) -> list[RunData]:
    """The runs; of counted ones with the same settings and seed only the last stays counted.

    They share everything, so that two of them are no more evidence than one.
    """
    repeated: dict[str, str] = {}
    for _, members in split(runs, columns):
        last: dict[str, RunData] = {}
        for run in members:
            if run.fate == "counted" and run.seed is not None:
                if str(run.seed) in last:
                    repeated[last[str(run.seed)].id] = run.id
                last[str(run.seed)] = run
    return [
        replace(run, fate="left out", why=f"has the settings and the seed of {repeated[run.id]}")
        if run.id in repeated
        else run
        for run in runs
    ]


def without_blown_up(
    runs: Sequence[RunData], columns: Mapping[str, Sequence[Json]], metric: str, mode: Mode
) -> list[RunData]:
    """The runs; a counted one that ended far beyond its group and worse than it began has failed, though finite.

    Far is fifty robust standard deviations of all runs around their groups' medians; it takes three runs in a group.
    """
    sign = 1.0 if mode == "min" else -1.0
    away: dict[str, float] = {}
    for _, members in split(runs, columns):
        finals = {run.id: run.finals[metric] for run in members if run.fate == "counted"}
        if len(finals) >= _FEWEST:
            middle = float(np.median([*finals.values()]))
            away |= {run_id: sign * (value - middle) for run_id, value in finals.items()}
    spread = 1.4826 * float(np.median(np.abs([*away.values()]))) if away else 0.0
    blown = {run_id for run_id, size in away.items() if spread > 0 and size > _FAR * spread}
    return [
        replace(run, fate="failed", why=f"blew up: it ended at {run.finals[metric]:.4g}, far beyond its like")
        if run.id in blown and sign * (run.finals[metric] - _first(run, metric)) > 0
        else run
        for run in runs
    ]


def _first(run: RunData, metric: str) -> float:
    values = run.curves[metric].values
    finite = values[np.isfinite(values)]
    return float(finite[0]) if len(finite) else float("inf")


def with_target(
    runs: Iterable[RunData], target: float, watts: Mapping[str, float], *, metric: str, mode: Mode
) -> list[RunData]:
    """The runs with when they reached the target: step, seconds of work, and joules where power is known.

    Args:
        watts: mean power by run id.
    """
    results = []
    for run in runs:
        curve = run.curves.get(metric)
        when = None if curve is None else reached(within(curve, run.read_step), target, mode)
        if when is None:
            results.append(run)
            continue
        step, seconds = when
        joules = seconds * watts[run.id] if run.id in watts else None
        results.append(replace(run, target_step=step, target_seconds=seconds, target_joules=joules))
    return results


def target_of(groups: Sequence[Group]) -> float | None:
    """What every group reaches: the mean of the worst one."""
    means = [group.centre for group in groups if group.centre is not None]
    return means[-1] if means else None


def _group(name: str, config: Mapping[str, Json], runs: Sequence[RunData], metric: str, *, drawn: bool) -> Group:
    counted = [run for run in runs if run.fate == "counted"]
    values = {run.id: run.finals[metric] for run in counted}
    x = list(values.values())
    return Group(
        id=name,
        config=config,
        runs=tuple(runs),
        values=values,
        mean=float(np.mean(x)) if x else None,
        median=float(np.median(x)) if x else None,
        iqm=iqm(x),
        ci=mean_interval(x),
        iqm_ci=iqm_interval(x),
        failed=sum(run.fate == "failed" for run in runs),
        band=band([within(run.curves[metric], run.read_step) for run in counted]) if drawn else None,
    )


def _names(configs: Sequence[Mapping[str, Json]]) -> list[str]:
    """A name for each group: all keys that vary while they are few, else as few as tell the groups apart."""
    keys = list(configs[0]) if configs else []
    if len(keys) > _MOST_IN_A_NAME:
        keys = _telling(configs, keys)
    whole = [group_id({key: config[key] for key in keys}) for config in configs]
    short = [group_id({key: config[key] for key in keys if config[key] is not None}) for config in configs]
    return short if len(set(short)) == len(set(whole)) and NOTHING_VARIES not in short else whole


def _telling(configs: Sequence[Mapping[str, Json]], keys: Sequence[str]) -> list[str]:
    columns = {key: [config[key] for config in configs] for key in keys}
    together = {key for names in confounded(columns) for key in names[1:]}
    ranked = sorted((key for key in keys if key not in together), key=lambda key: -len(distinct(columns[key])))
    chosen: list[str] = []
    apart = 1
    for key in ranked:
        parts = len(split(configs, {name: columns[name] for name in [*chosen, key]}))
        if parts > apart:
            chosen, apart = [*chosen, key], parts
        if apart == len(configs):
            break
    return chosen
