"""What was varied: the settings of N runs as numbers that a surrogate can learn from.

Every parameter lies on the unit interval, u in 0..1, in which a sweep is supposed to search evenly; `encode` gives the
columns a surrogate sees: a number is its u, a category one column a level, 1/sqrt(2) where it applies, so that any two
levels are 1 apart.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.show.arrays import Floats

Setting: TypeAlias = Any
"""One value of a config key: a number, text, true, null, or a list of them."""

FEWEST_FOR_LEVEL = 2
_LOG_RATIO = 4.0
_IDLE = 0.5
_FEW_NUMBERS = 2


@dataclass(frozen=True, slots=True)
class Number:
    """A parameter that is a number.

    Attributes:
        name: the config key.
        low, high: the range searched, in the parameter's own unit, low < high.
        log: whether the range is searched evenly in the logarithm (low > 0).
    """

    name: str
    low: float
    high: float
    log: bool = False

    @property
    def width(self) -> int:
        """How many columns it takes."""
        return 1

    def encode(self, settings: Sequence[Setting]) -> Floats:
        """Settings [N] as a column [N, 1]; 0 at `low`, 1 at `high`."""
        low, span = self._scale(self.low), self._scale(self.high) - self._scale(self.low)
        return np.array([[(self._scale(float(setting)) - low) / span] for setting in settings])

    def at(self, u: Floats) -> Floats:
        """Columns [M, 1] at unit coordinates [M]."""
        return u[:, None]

    def setting(self, u: float) -> float:
        """The setting at a unit coordinate."""
        low, high = self._scale(self.low), self._scale(self.high)
        value = low + u * (high - low)
        return math.exp(value) if self.log else value

    def _scale(self, value: float) -> float:
        return math.log(max(value, 1e-300)) if self.log else value


@dataclass(frozen=True, slots=True)
class Category:
    """A parameter with levels that have no order, or only two.

    Attributes:
        name: the config key.
        levels: its settings, each once.
    """

    name: str
    levels: tuple[Setting, ...]

    @property
    def width(self) -> int:
        """How many columns it takes."""
        return len(self.levels)

    def encode(self, settings: Sequence[Setting]) -> Floats:
        """Settings [N] as columns [N, levels]."""
        places = {spell(level): place for place, level in enumerate(self.levels)}
        return self._columns(np.array([places[spell(setting)] for setting in settings], int))

    def at(self, u: Floats) -> Floats:
        """Columns [M, levels] at unit coordinates [M], each level having an equal share of 0..1."""
        return self._columns(np.minimum((u * self.width).astype(int), self.width - 1))

    def setting(self, u: float) -> Setting:
        """The setting at a unit coordinate."""
        return self.levels[min(int(u * self.width), self.width - 1)]

    def _columns(self, places: NDArray[np.int_]) -> Floats:
        columns: Floats = np.eye(self.width)[places] / math.sqrt(2)
        return columns


@dataclass(frozen=True, slots=True)
class Conditional:
    """A number that only some of the runs have, as `optim.beta` of those with `optim.kind=adam`.

    Attributes:
        number: its range, where it is set.
        parent: the category whose levels say where it is set.
        levels: those levels, as `spell` spells them.
    """

    number: Number
    parent: str
    levels: frozenset[str]

    @property
    def name(self) -> str:
        """The config key."""
        return self.number.name

    @property
    def width(self) -> int:
        """How many columns it takes."""
        return 1

    def encode(self, settings: Sequence[Setting]) -> Floats:
        """Settings [N] as a column [N, 1]; in the middle where it is not set, so that it makes no difference there."""
        there = [setting for setting in settings if setting is not None]
        column = np.full((len(settings), 1), _IDLE)
        column[[setting is not None for setting in settings]] = self.number.encode(there)
        return column

    def at(self, u: Floats) -> Floats:
        """Columns [M, 1] at unit coordinates [M], where it is set."""
        return u[:, None]

    def setting(self, u: float) -> float:
        """The setting at a unit coordinate, where it is set."""
        return self.number.setting(u)


Parameter: TypeAlias = Number | Category | Conditional


@dataclass(frozen=True, slots=True)
class Space:
    """The parameters that a surrogate learns from, D of them in W columns."""

    parameters: tuple[Parameter, ...]

    @property
    def names(self) -> list[str]:
        return [parameter.name for parameter in self.parameters]

    def encode(self, columns: Mapping[str, Sequence[Setting]]) -> Floats:
        """The settings of N runs, by parameter, as [N, W]."""
        return np.hstack([parameter.encode(columns[parameter.name]) for parameter in self.parameters])

    def at(self, u: Floats) -> Floats:
        """Unit coordinates [M, D] as [M, W]; a conditional number is idle where its parent has another level."""
        columns = [parameter.at(u[:, place]) for place, parameter in enumerate(self.parameters)]
        for place, parameter in enumerate(self.parameters):
            if isinstance(parameter, Conditional):
                parent = self.names.index(parameter.parent)
                chosen = self.parameters[parent]
                idle = np.array([spell(chosen.setting(one)) not in parameter.levels for one in u[:, parent].tolist()])
                columns[place] = np.where(idle[:, None], _IDLE, columns[place])
        return np.hstack(columns)


@dataclass(frozen=True, slots=True)
class DeclaredRange:
    """A range that a sweep declared for a number, which its runs need not reach."""

    low: float
    high: float
    log: bool = False


def space_of(
    columns: Mapping[str, Sequence[Setting]], declared: Mapping[str, DeclaredRange] | None = None
) -> tuple[Space, dict[str, str]]:
    """The space of these settings, and of each parameter that was left out the reason.

    Args:
        columns: settings of N runs by config key; None where a run has no such key.
        declared: ranges where they are known; others are those observed.
    """
    declared = declared or {}
    kept: list[Parameter] = []
    left_out: dict[str, str] = {}
    for name, settings in columns.items():
        found = _conditional(name, columns) or _parameter(name, settings, declared.get(name))
        if isinstance(found, str):
            left_out[name] = found
        else:
            kept.append(found)
    return Space(tuple(kept)), left_out


def spell(setting: Setting) -> str:
    """A setting as text; equal settings, 1 and 1.0 among them, are spelled alike."""
    if isinstance(setting, float) and setting.is_integer() and abs(setting) < 2**53:
        setting = int(setting)
    return json.dumps(setting, sort_keys=True, default=str)


def is_number(setting: Setting) -> bool:
    """Whether a setting is a finite number; true and false are none."""
    return isinstance(setting, (int, float)) and not isinstance(setting, bool) and math.isfinite(setting)


def _parameter(name: str, settings: Sequence[Setting], declared: DeclaredRange | None) -> Parameter | str:
    levels = {spell(setting): setting for setting in settings}
    if len(levels) < 2:
        return "has one value only"
    if all(is_number(setting) for setting in settings):
        return _number(name, [float(setting) for setting in settings], declared)
    if None in levels.values() and sum(is_number(setting) for setting in settings) > _FEW_NUMBERS:
        return "is set in some of the runs only, and no other setting says in which"
    if len(levels) * FEWEST_FOR_LEVEL > len(settings):
        return "has a value of its own in nearly every run"
    return Category(name, tuple(levels[key] for key in sorted(levels)))


def _conditional(name: str, columns: Mapping[str, Sequence[Setting]]) -> Conditional | None:
    """The number that is set exactly where a category has some of its levels; None for anything else."""
    there = [setting is not None for setting in columns[name]]
    values = [float(setting) for setting in columns[name] if setting is not None and is_number(setting)]
    if all(there) or len(values) != sum(there) or len(set(values)) <= _FEW_NUMBERS:
        return None
    for parent, settings in columns.items():
        levels = {spell(setting) for setting in settings}
        if parent == name or None in settings or len(levels) * FEWEST_FOR_LEVEL > len(settings):
            continue
        if any(isinstance(setting, float) for setting in settings):
            continue
        inside = {spell(setting) for setting, is_set in zip(settings, there, strict=True) if is_set}
        outside = {spell(setting) for setting, is_set in zip(settings, there, strict=True) if not is_set}
        if not inside & outside and isinstance(_parameter(parent, settings, None), Category):
            return Conditional(_number(name, values, None), parent, frozenset(inside))
    return None


def _number(name: str, settings: Sequence[float], declared: DeclaredRange | None) -> Number:
    low, high = min(settings), max(settings)
    if declared is None:
        return Number(name, low, high, _is_scale(settings))
    log = declared.log and min(low, declared.low) > 0
    return Number(name, min(low, declared.low), max(high, declared.high), log)


def _is_scale(settings: Sequence[float]) -> bool:
    """Whether the logarithms lie more evenly than the numbers, as those of learning rates and sizes do."""
    distinct = np.unique(settings)
    if distinct[0] <= 0 or distinct[-1] < _LOG_RATIO * distinct[0]:
        return False
    return abs(_skewness(np.log(distinct))) < abs(_skewness(distinct))


def _skewness(values: Floats) -> float:
    away = values - values.mean()
    spread = float(np.sqrt((away**2).mean()))
    return float((away**3).mean()) / spread**3 if spread else 0.0
