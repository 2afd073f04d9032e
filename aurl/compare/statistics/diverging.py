"""Which settings the failed runs share: a failure is information that no mean of the survivors holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from aurl.compare.search_space import Setting, is_number, spell
from aurl.compare.statistics.holm import holm
from aurl.show.arrays import Floats

Flags: TypeAlias = NDArray[np.bool_]
Objects: TypeAlias = NDArray[np.object_]

LEVEL = 0.05
_FEW_LEVELS = 2


@dataclass(frozen=True, slots=True)
class Diverging:
    """A setting on which failure depends.

    Attributes:
        name: the config key.
        side: "=", ">=" or "<=": which runs fail more often; for numbers the cut that separates best.
        setting: the level, or where the cut lies.
        failed, tried: of the runs on that side; `failed_else`, `tried_else`: of the others.
        p: of the test over the whole setting, Holm-adjusted over the settings.
        method: the library call.
    """

    name: str
    side: str
    setting: Setting
    failed: int
    tried: int
    failed_else: int
    tried_else: int
    p: float
    method: str


def diverging(columns: Mapping[str, Sequence[Setting]], failed: Sequence[bool]) -> list[Diverging]:
    """The settings whose runs fail more often than chance would have it, the clearest first.

    A number's values in failed and other runs are compared by the Mann-Whitney test, the levels of anything else by
    Fisher's exact test; p is adjusted over all settings by Holm's method. Once a setting is found, the runs on its side
    are set aside, and the others are searched for a setting that explains what failures are left.

    Args:
        columns: settings of N runs by key, those that failed among them.
        failed: of each run, whether it failed.
    """
    lost = np.asarray(failed, bool)
    values = {name: np.array([*settings, None], object)[:-1] for name, settings in columns.items()}
    found: list[Diverging] = []
    while values and lost.any() and not lost.all():
        clearest, inside = _clearest(values, lost)
        if clearest.p >= LEVEL:
            break
        found.append(clearest)
        values = {name: settings[~inside] for name, settings in values.items() if name != clearest.name}
        lost = lost[~inside]
    return found


def _clearest(values: Mapping[str, Objects], lost: Flags) -> tuple[Diverging, Flags]:
    """The setting of the least p, and which runs are on its side."""
    tested = [_test(name, settings.tolist(), lost) for name, settings in values.items()]
    adjusted = holm([one.p for one, _ in tested])
    least = int(np.argmin(adjusted))
    clearest, inside = tested[least]
    return replace(clearest, p=float(adjusted[least])), inside


def _test(name: str, settings: Sequence[Setting], failed: Flags) -> tuple[Diverging, Flags]:
    levels = {spell(setting): setting for setting in settings}
    if all(is_number(setting) for setting in settings) and len(levels) > _FEW_LEVELS:
        return _by_rank(name, np.array(settings, float), failed)
    return _by_level(name, [spell(setting) for setting in settings], levels, failed)


def _by_rank(name: str, values: Floats, failed: Flags) -> tuple[Diverging, Flags]:
    from scipy.stats import mannwhitneyu

    p = float(mannwhitneyu(values[failed], values[~failed]).pvalue)
    cuts = [(side, cut) for cut in np.unique(values).tolist() for side in (">=", "<=")]
    sides = [(side, cut, values >= cut if side == ">=" else values <= cut) for side, cut in cuts]
    side, cut, inside = max(sides, key=lambda one: _contrast(one[2], failed))
    return Diverging(name, side, cut, *_counts(inside, failed), p, "scipy.stats.mannwhitneyu, Holm"), inside


def _by_level(
    name: str, spelled: Sequence[str], levels: Mapping[str, Setting], failed: Flags
) -> tuple[Diverging, Flags]:
    from scipy.stats import fisher_exact

    column = np.array(spelled)
    table = [[int((failed & (column == level)).sum()), int((~failed & (column == level)).sum())] for level in levels]
    p = float(fisher_exact(table).pvalue) if len(levels) > 1 else 1.0
    worst = max(levels, key=lambda level: _contrast(column == level, failed))
    counts = _counts(column == worst, failed)
    return Diverging(name, "=", levels[worst], *counts, p, "scipy.stats.fisher_exact, Holm"), column == worst


def _contrast(inside: Flags, failed: Flags) -> float:
    """Youden's index: the share of the failed runs that are inside, minus that of the others."""
    return float(inside[failed].mean() - inside[~failed].mean())


def _counts(inside: Flags, failed: Flags) -> tuple[int, int, int, int]:
    return int(failed[inside].sum()), int(inside.sum()), int(failed[~inside].sum()), int((~inside).sum())
