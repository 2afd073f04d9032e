"""One corpus' held-out windows, as they are and spoilt, scored against the profile of its other pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from aurl.music.notes import Notes
from aurl.quality.profile import Profile, Scored
from aurl.quality.windows import windows
from benchmarks.quality_study.corruptions import FURTHER, LEVELS, TEN, Corruption, Spoiling
from scripts.make_profiles import Split

OVERALL = "overall_quality"
Floats = NDArray[np.float64]
Spoilt = Mapping[str, Mapping[float, Sequence[Scored]]]


@dataclass(frozen=True)
class Study:
    """The scores of one corpus.

    Attributes:
        corpus: its name.
        profile: fitted on the pieces that are not held out.
        windows: the held-out windows.
        real: their scores.
        spoilt: the scores of the windows spoilt, by corruption and level.
    """

    corpus: str
    profile: Profile
    windows: Sequence[Notes]
    real: Sequence[Scored]
    spoilt: Spoilt

    def values(self, metric: str, corruption: str = "", level: float = 1.0) -> Floats:
        """Scores of a metric, of the real windows or of those spoilt; NaN where undefined."""
        scored = self.spoilt[corruption][level] if corruption else self.real
        return np.array([one.metrics[metric] for one in scored])


def study(
    corpus: str,
    split: Split,
    *,
    bars: int,
    most: int,
    corruptions: Mapping[str, Corruption] = TEN | FURTHER,
    seed: int = 1,
) -> Study:
    """Spoil and score at most `most` held-out windows of `bars` bars; equal arguments give equal scores."""
    profile = Profile.fit(split.train, bars, name=corpus)
    held_out = windows(split.held_out, bars, most=most)
    spoilt = {name: _levels(name, spoil, held_out, profile, seed) for name, spoil in corruptions.items()}
    return Study(corpus, profile, held_out, [profile.score(window) for window in held_out], spoilt)


def _levels(
    name: str, spoil: Corruption, held_out: Sequence[Notes], profile: Profile, seed: int
) -> Mapping[float, Sequence[Scored]]:
    scored = {}
    for level in LEVELS:
        how = Spoiling(np.random.default_rng([seed, crc32(name.encode()), round(100 * level)]), level, held_out)
        scored[level] = [profile.score(spoil(window, how)) for window in held_out]
    return scored


def auc(real: Floats, spoilt: Floats) -> float:
    """The area under the ROC curve: how often real music scores higher than spoilt, ties by half; NaN left out.

    The Mann-Whitney statistic; NaN where either has no score.
    """
    real, spoilt = real[~np.isnan(real)], spoilt[~np.isnan(spoilt)]
    if not len(real) or not len(spoilt):
        return float("nan")
    return float((real[:, None] > spoilt).mean() + (real[:, None] == spoilt).mean() / 2)


def means_of(values: Floats, size: int, seed: int, *, draws: int = 2000) -> Floats:
    """Means of `size` scores drawn with replacement, float64 [draws]."""
    means: Floats = np.random.default_rng(seed).choice(values, (draws, size)).mean(axis=1)
    return means


def monotony(study: Study, corruption: str) -> tuple[float, list[float]]:
    """Spearman's correlation of the level with the mean overall quality, and the means from level 0 on."""
    means = [float(study.values(OVERALL).mean())]
    means += [float(study.values(OVERALL, corruption, level).mean()) for level in LEVELS]
    return rank_correlation(np.arange(len(means)), np.array(means)), means


def rank_correlation(x: NDArray[np.int64] | Floats, y: Floats) -> float:
    """Spearman's correlation; ties share their mean rank."""
    return float(np.corrcoef(_ranks(np.asarray(x, float)), _ranks(y))[0, 1])


def _ranks(values: Floats) -> Floats:
    below, ties = (values[:, None] > values).sum(axis=1), (values[:, None] == values).sum(axis=1)
    ranks: Floats = below + (ties - 1) / 2
    return ranks
