"""How the metric moves with one setting, or with two, the others averaged over their ranges (partial dependence).

Source: Friedman, "Greedy function approximation", Annals of Statistics 29, 2001, section 8.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aurl.compare.impact.sensitivity import Sensitivity
from aurl.compare.impact.surrogates import Function
from aurl.compare.search_space import Category, Conditional, Number, Parameter
from aurl.record import Json
from aurl.show.arrays import Floats

_POINTS, _PAIR_POINTS, _BACKGROUND = 21, 12, 32


def curve(found: Sensitivity, place: int) -> dict[str, Json]:
    """The mean metric over one parameter: x (settings), y, and the 95 % interval of y over plausible functions.

    `log` tells whether x is better drawn on a logarithmic axis.
    """
    parameter = found.space.parameters[place]
    ticks = _ticks(parameter, _POINTS)
    spread = _averaged(found.draws, found, [place], ticks[:, None])
    mean = _averaged(found.mean, found, [place], ticks[:, None])[0]
    low, high = np.quantile(spread, (0.025, 0.975), axis=0)
    return {
        "x": [parameter.setting(u) for u in ticks.tolist()],
        "y": mean.tolist(),
        "low": np.minimum(low, mean).tolist(),
        "high": np.maximum(high, mean).tolist(),
        "log": _is_log(parameter),
    }


def surface(found: Sensitivity, names: Sequence[str]) -> dict[str, Json]:
    """The mean metric over two parameters: x and y (settings), and z, a row for each y."""
    places = [found.space.names.index(name) for name in names]
    first, second = (found.space.parameters[place] for place in places)
    across, along = _ticks(first, _PAIR_POINTS), _ticks(second, _PAIR_POINTS)
    points = np.array([(u, v) for v in along for u in across])
    mean = _averaged(found.mean, found, places, points)[0]
    return {
        "x": [first.setting(u) for u in across.tolist()],
        "y": [second.setting(v) for v in along.tolist()],
        "z": mean.reshape(len(along), len(across)).tolist(),
    }


def _is_log(parameter: Parameter) -> bool:
    number = parameter.number if isinstance(parameter, Conditional) else parameter
    return isinstance(number, Number) and number.log


def _ticks(parameter: Parameter, points: int) -> Floats:
    """Unit coordinates: evenly over a number's range, or the middle of each level."""
    if isinstance(parameter, Category):
        return (np.arange(parameter.width) + 0.5) / parameter.width
    return np.linspace(0.0, 1.0, points)


def _averaged(function: Function, found: Sensitivity, places: Sequence[int], points: Floats) -> Floats:
    """The function at P settings of some parameters, [S, P], averaged over 32 settings of the others."""
    from scipy.stats import qmc

    background = qmc.Sobol(len(found.space.parameters), rng=np.random.default_rng(2)).random(_BACKGROUND)
    u: Any = np.tile(background, (len(points), 1))
    u[:, list(places)] = np.repeat(points, _BACKGROUND, axis=0)
    values = function(found.space.at(u))
    mean: Floats = values.reshape(len(values), len(points), _BACKGROUND).mean(axis=2)
    return mean
