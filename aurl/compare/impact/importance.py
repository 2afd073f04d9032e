"""What the settings do to the metric: analysis of variance of a grid, surrogates otherwise, or nothing can be said."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import orjson

from aurl.compare.cache import recall, remember
from aurl.compare.caveats import MOST_LISTED, Columns, adaptive, entangled, gaps
from aurl.compare.impact.dependence import curve, surface
from aurl.compare.impact.interactions import METHOD as PAIR_METHOD
from aurl.compare.impact.interactions import interactions
from aurl.compare.impact.sensitivity import LEAST_R2, Sensitivity, sensitivity
from aurl.compare.model import Comparison, Impact
from aurl.compare.run_data import RunData
from aurl.compare.search_space import Setting, spell
from aurl.compare.statistics.anova import LEVEL, Grid, analyse, is_grid
from aurl.compare.statistics.diverging import diverging
from aurl.record import Json
from aurl.show.arrays import Floats
from aurl.show.wording import shortened

TOGETHER = " & "
"""Stands between settings that always changed together."""
_VERSION = 2
"""Counted up when what is computed here changes."""
_MOST_CURVES, _MOST_SURFACES = 8, 3


def impact(comparison: Comparison) -> Impact:
    """The impact of each varying key on the comparison's metric; where there is no evidence, notes say why."""
    runs = sorted(comparison.runs, key=_natural)
    counted = [run for run in runs if run.fate == "counted" and comparison.metric in run.finals]
    tried = [run for run in runs if run.fate == "failed" or run in counted]
    names = labels(comparison)
    columns = _varying({name: _column(keys, counted) for name, keys in names.items()})
    y = np.array([run.finals[comparison.metric] for run in counted], float)
    together = [_told_together(name) for name, keys in names.items() if len(keys) > 1]
    trials = {name: _column(keys, tried) for name, keys in names.items()}
    seeds, failed = [run.seed for run in counted], [run.fate == "failed" for run in tried]
    key = _key([together, columns, y.tolist(), seeds, trials, failed])
    if (known := recall([key]).get(key)) is not None:
        return _restored(orjson.loads(known))
    found = _analysed(columns, y, seeds)
    found = replace(
        found,
        notes=(*together, *found.notes, *adaptive(columns), *entangled(columns), *gaps(columns)),
        diverging=_failing(trials, failed),
    )
    remember({key: orjson.dumps(asdict(found), option=orjson.OPT_SERIALIZE_NUMPY)})
    return found


def _key(data: object) -> str:
    """The same for the same data, and for another version of what computes with them another one."""
    text = orjson.dumps([_VERSION, data], option=orjson.OPT_NON_STR_KEYS, default=str)
    return f"impact:{hashlib.sha256(text).hexdigest()}"


def _restored(saved: Mapping[str, Any]) -> Impact:
    lists = ("rows", "interactions", "notes", "diverging")
    return Impact(**{**saved, **{name: tuple(saved[name]) for name in lists}})


def labels(comparison: Comparison) -> dict[str, tuple[str, ...]]:
    """What can be told apart: a name for each varying key, or for each set of keys that changed together."""
    together = {keys[0]: tuple(keys) for keys in comparison.confounded}
    others = {key for keys in comparison.confounded for key in keys[1:]}
    names = [together.get(key, (key,)) for key in comparison.differences if key not in others]
    return {TOGETHER.join(keys): keys for keys in names}


def _analysed(columns: Columns, y: Floats, seeds: Sequence[Json]) -> Impact:
    if len(y) < 3 or not columns:
        return Impact(
            notes=(f"Importance: not enough evidence, {len(y)} counted runs in which no two settings compare.",)
        )
    if float(np.ptp(y)) <= 1e-12 * max(1.0, float(np.abs(y).max())):
        return Impact(notes=("Importance: the metric is the same in every run.",))
    if is_grid(columns):
        return _of_grid(analyse(columns, y, seeds), columns, y)
    found = sensitivity(columns, y)
    if isinstance(found, str):
        return Impact(notes=(f"Importance: not enough evidence. {found[0].upper()}{found[1:]}.",))
    return _of_surrogate(found, columns, y)


def _of_grid(grid: Grid, columns: Columns, y: Floats) -> Impact:
    if not grid.noise > 0:
        return Impact(
            notes=("Importance: runs of one configuration are identical, so there is no noise to test against.",)
        )
    effects: dict[str, Mapping[str, Json]] = {
        name: {
            "x": [level for level, _, _ in means],
            "y": [mean for _, mean, _ in means],
            "low": [ci[0] for _, _, ci in means],
            "high": [ci[1] for _, _, ci in means],
            "log": False,
        }
        for name, means in grid.means.items()
    }
    smallest = min(effect.p for effect in grid.settings)
    if smallest >= LEVEL:
        told = f"No setting's effect stands out from the noise (ANOVA, Holm p >= {smallest:.2g})."
        return Impact(notes=(f"Importance: not enough evidence. {told}",), effects=effects)
    return Impact(
        rows=tuple(
            {"param": effect.names[0], "importance": effect.share, "ci": list(effect.ci), "method": grid.method}
            for effect in grid.settings
        ),
        interactions=tuple(
            {
                "params": list(effect.names),
                "strength": effect.share,
                "ci": list(effect.ci),
                "p": effect.p,
                "method": grid.method,
                **_cell_means(effect.names, grid, columns, y),
            }
            for effect in grid.pairs
            if effect.p < LEVEL
        ),
        effects=effects,
        tests={effect.names[0]: effect.p for effect in grid.settings},
    )


def _cell_means(names: Sequence[str], grid: Grid, columns: Columns, y: Floats) -> dict[str, Json]:
    """The mean at each combination of two settings' levels, as `dependence.surface` has it."""
    first, second = ([level for level, _, _ in grid.means[name]] for name in names)
    here, there = ([spell(setting) for setting in columns[name]] for name in names)

    def mean(a: Setting, b: Setting) -> float:
        chosen = [one for one, u, v in zip(y.tolist(), here, there, strict=True) if (u, v) == (spell(a), spell(b))]
        return float(np.mean(chosen))

    return {"x": first, "y": second, "z": [[mean(a, b) for a in first] for b in second]}


def _of_surrogate(found: Sensitivity, columns: Columns, y: Floats) -> Impact:
    names = found.space.names
    order = [int(place) for place in np.argsort(-found.total, kind="stable")]
    pairs = interactions(found, columns, y)
    return Impact(
        rows=tuple(
            {
                "param": names[place],
                "importance": float(found.total[place]),
                "ci": [float(found.low[place]), float(found.high[place])],
                "method": found.method,
            }
            for place in order
        ),
        interactions=tuple(
            {
                "params": list(pair.names),
                "strength": pair.share,
                "ci": [pair.low, pair.high],
                "p": pair.p,
                "method": PAIR_METHOD,
                **(surface(found, pair.names) if at < _MOST_SURFACES else {}),
            }
            for at, pair in enumerate(pairs)
        ),
        effects={names[place]: curve(found, place) for place in order[:_MOST_CURVES]},
        notes=(*found.notes, *_left_out(found), *_disagreement(found)),
        r2=found.r2,
        cross={names[place]: float(found.cross[place]) for place in order if np.isfinite(found.cross[place])},
    )


def _left_out(found: Sensitivity) -> list[str]:
    told = [f"{name} {reason}" for name, reason in found.left_out.items()]
    return [f"Not in the surrogate: {shortened(told, MOST_LISTED)}."] if told else []


def _disagreement(found: Sensitivity) -> list[str]:
    """A warning where the two surrogates put another setting first, or the second does not predict."""
    if np.isnan(found.cross).any():
        return [f"The cross-check ({found.cross_method}) does not predict (R2 {found.cross_r2:.2f} < {LEAST_R2})."]
    first, other = int(found.total.argmax()), int(found.cross.argmax())
    if first == other or found.low[first] <= found.high[other]:
        return []
    names = found.space.names
    return [f"The cross-check ({found.cross_method}) puts {names[other]} first instead of {names[first]}."]


def _failing(columns: Columns, failed: Sequence[bool]) -> tuple[Mapping[str, Json], ...]:
    """In a grid every run counts; elsewhere runs of one configuration are not independent, and count as one."""
    columns = _varying(columns)
    if not columns or is_grid(columns):
        return tuple({**asdict(one), "unit": "runs"} for one in diverging(columns, failed))
    rows = [tuple(map(spell, row)) for row in zip(*columns.values(), strict=True)]
    lost: dict[tuple[str, ...], list[bool]] = {}
    for row, failure in zip(rows, failed, strict=True):
        lost.setdefault(row, []).append(failure)
    first = [rows.index(row) for row in lost]
    kept = {name: [settings[place] for place in first] for name, settings in columns.items()}
    mostly = [sum(failures) >= len(failures) / 2 for failures in lost.values()]
    return tuple({**asdict(one), "unit": "configurations"} for one in diverging(kept, mostly))


def _natural(run: RunData) -> list[str]:
    """By path, job 2 before job 10: the order in which a sweep started its runs."""
    return [part.zfill(9) if part.isdigit() else part for part in re.split(r"(\d+)", str(run.path))]


def _column(keys: Sequence[str], runs: Sequence[RunData]) -> list[Setting]:
    return [run.config.get(keys[0]) for run in runs]


def _varying(columns: Columns) -> dict[str, Sequence[Setting]]:
    return {name: settings for name, settings in columns.items() if len({spell(setting) for setting in settings}) > 1}


def _told_together(name: str) -> str:
    return f"{name.replace(TOGETHER, ' and ')} always changed together, so their effects cannot be told apart."
