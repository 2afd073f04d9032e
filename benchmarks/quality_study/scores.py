"""One corpus' held-out windows, as they are and spoilt, scored against the profile of its other pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from aurl.music.notes import Notes
from aurl.quality.reference.profile import Profile, Scored
from aurl.quality.reference.windows import windows
from benchmarks.quality_study.corruptions import ALL, LEVELS, Spoiling
from scripts.make_profiles import Split

OVERALL = "overall_quality"
Floats = NDArray[np.float64]


class Study:
    """The scores of one corpus' held-out windows, as they are and spoilt; equal arguments give equal scores.

    What is asked for is scored when it is first asked for.

    Args:
        corpus: its name.
        split: pieces to fit a profile on, and pieces held out.
        bars: length of the windows.
        most: windows at most.
        seed: of the corruptions.

    Attributes:
        profile: fitted on the pieces that are not held out.
        windows: the held-out windows.
    """

    def __init__(self, corpus: str, split: Split, *, bars: int, most: int, seed: int = 1) -> None:
        self.corpus = corpus
        self.profile = Profile.fit(split.train, bars, name=corpus)
        self.windows: Sequence[Notes] = windows(split.held_out, bars, most=most)
        self._seed = seed
        self._scored: dict[tuple[str, float], list[Scored]] = {}

    def values(self, metric: str, corruption: str = "", level: float = 1.0) -> Floats:
        """Scores of a metric, float64 [windows], of the real windows or of those spoilt; NaN where undefined."""
        key = (corruption, level if corruption else 0.0)
        if key not in self._scored:
            self._scored[key] = [self.profile.score(notes) for notes in self._music(*key)]
        return np.array([one.metrics[metric] for one in self._scored[key]])

    def _music(self, corruption: str, level: float) -> Iterator[Notes]:
        seed = [self._seed, crc32(corruption.encode()), round(100 * level)]
        how = Spoiling(np.random.default_rng(seed), level, self.windows)
        for window in self.windows:
            yield ALL[corruption](window, how) if corruption else window


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
