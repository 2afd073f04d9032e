"""The quality of a run's samples as records: one for each sample, one for each evaluation.

Pure: no thread, no file. Whoever generates samples calls `sample` for each and `evaluation` after the last one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aurl.music.notes import Notes
from aurl.quality.metrics.published import published_metrics
from aurl.quality.reference.copying import CopyIndex
from aurl.quality.reference.profile import Profile, Scored, usual_bars
from aurl.quality.reference.statistics import bootstrap_ci, mann_kendall
from aurl.quality.reference.table import mean, null
from aurl.quality.sets import SetScore, score_set
from aurl.record import Json, Kind, Record

OVERALL = "overall_quality"
MEAN = "quality/mean/"
"""Prefix of an evaluation's means, so that they are not mixed up with the scores of single samples."""


@dataclass(frozen=True, slots=True)
class _ScoredSample:
    scored: Scored
    copied: float
    valid: float


class QualityTrack:
    """Scores samples and follows their mean over the evaluations of a run.

    A sample's record has the scalars `quality/overall`, `quality/<metric>`, `quality/copied_fraction`; undefined ones
    are left out and explained in the field `reasons`. An evaluation's record has the means of these under
    `quality/mean/`, `quality/mean/valid_tokens`, the bootstrap interval of the mean `quality/ci_low` and `_high`, the
    band of real music `quality/band_low` and `_high` (5th and 95th percentile of single windows), and
    `quality/samples`; the field `band` has that of every metric. Both name the profile; the field `scope` tells them
    apart. Where published metrics are asked for, an evaluation has `quality/overlap` and `quality/divergence`, means of
    what the field `overlap` has by measure (area, divergence), and `quality/frechet` beside `quality/frechet_real`.

    Args:
        profile: what samples are compared with.
        index: the training set's n-grams; the profile's own by default. None where copying is not looked for.
        published: whether the metrics of MusPy and MusDr, and for evaluations the measures of the set, are given too.
        confidence: of the interval of the mean.
        level: p under which a trend counts.
        seed: of the bootstrap.
    """

    def __init__(
        self,
        profile: Profile,
        index: CopyIndex | None = None,
        *,
        published: bool = False,
        confidence: float = 0.95,
        level: float = 0.01,
        seed: int = 1,
    ) -> None:
        self.profile = profile
        self._index = index or profile.index
        self._published = published
        self._confidence = confidence
        self._level = level
        self._seed = seed
        self._samples: list[_ScoredSample] = []
        self._means: list[float] = []

    def sample(
        self,
        step: int,
        notes: Notes,
        *,
        time: float = 0.0,
        valid_tokens: float = math.nan,
        fields: Mapping[str, Json] | None = None,
    ) -> Record:
        """Score one sample of the evaluation under way.

        Args:
            step: optimiser steps finished when it was generated.
            time: seconds since the epoch.
            valid_tokens: share of its tokens that meant something.
            fields: what else the record tells, such as slot and path.
        """
        scored = self.profile.score(notes)
        copied = self._index.copied_fraction(notes) if self._index is not None else math.nan
        self._samples.append(_ScoredSample(scored, copied, valid_tokens))
        scalars = {f"quality/{name}": value for name, value in _named(scored.metrics)}
        scalars["quality/copied_fraction"] = copied
        if self._published:
            scalars |= {f"quality/published/{name}": value for name, value in published_metrics(notes).items()}
        about: dict[str, Json] = {
            "scope": "sample",
            "profile": scored.profile_name,
            "bars": scored.bars,
            "reasons": {name: reason for name, reason in scored.reasons.items() if name in scored.metrics},
        }
        return Record(Kind.QUALITY, step, _finite(scalars), about | dict(fields or {}), time)

    def evaluation(self, step: int, *, time: float = 0.0, fields: Mapping[str, Json] | None = None) -> Record | None:
        """The record of the samples since the last evaluation; None if there were none."""
        samples, self._samples = self._samples, []
        if not samples:
            return None
        overall = [sample.scored.overall for sample in samples]
        self._means.append(mean(overall))
        bars = usual_bars([sample.scored for sample in samples])
        scalars = self._scalars(samples, overall, bars)
        trend = mann_kendall(self._means, level=self._level)
        metrics = samples[0].scored.metrics
        about: dict[str, Json] = {
            "scope": "evaluation",
            "profile": self.profile.label(bars),
            "trend": {"direction": trend.direction, "p": trend.p, "evaluations": trend.n},
            "undefined": {name: n for name in metrics if (n := sum(name in s.scored.reasons for s in samples))},
            "band": {name: [low, high] for name, (low, high) in self._bands(bars) if not math.isnan(low)},
        }
        if self._published:
            whole = score_set([sample.scored for sample in samples], self.profile, seed=self._seed)
            scalars |= _set_scalars(whole)
            about["overlap"] = {name: [null(o.area), null(o.divergence)] for name, o in whole.overlaps.items()}
        return Record(Kind.QUALITY, step, _finite(scalars), about | dict(fields or {}), time)

    def _bands(self, bars: int) -> list[tuple[str, tuple[float, float]]]:
        """By metric: the 5th and the 95th percentile of real music's scores."""
        band = self.profile.at(bars).band
        return [("overall" if name == OVERALL else name, (low, high)) for name, (low, _, high) in band.items()]

    def _scalars(self, samples: Sequence[_ScoredSample], overall: Sequence[float], bars: int) -> dict[str, float]:
        reference = self.profile.at(bars)
        scalars = {
            f"{MEAN}{name}": mean([dict(_named(sample.scored.metrics))[name] for sample in samples])
            for name, _ in _named(samples[0].scored.metrics)
        }
        scalars[f"{MEAN}copied_fraction"] = mean([sample.copied for sample in samples])
        scalars[f"{MEAN}valid_tokens"] = mean([sample.valid for sample in samples])
        interval = bootstrap_ci(overall, confidence=self._confidence, seed=self._seed)
        scalars["quality/ci_low"], scalars["quality/ci_high"] = max(0.0, interval[0]), min(1.0, interval[1])
        if OVERALL in reference.band:
            scalars["quality/band_low"], _, scalars["quality/band_high"] = reference.band[OVERALL]
        scalars["quality/samples"] = float(len(samples))
        return scalars

    def state_dict(self) -> dict[str, Json]:
        """The means so far, so that a resumed run goes on with its trend."""
        return {"means": [None if math.isnan(mean) else mean for mean in self._means]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._means = [math.nan if mean is None else float(mean) for mean in state["means"]]


def _named(metrics: Mapping[str, float]) -> list[tuple[str, float]]:
    """Scores by their scalar's last part: `overall_quality` is shown as `overall`."""
    return [("overall" if name == OVERALL else name, value) for name, value in metrics.items()]


def _set_scalars(whole: SetScore) -> dict[str, float]:
    return {
        "quality/overlap": whole.overlap,
        "quality/divergence": whole.divergence,
        "quality/frechet": whole.frechet,
        "quality/frechet_real": whole.frechet_real[1],
    }


def _finite(scalars: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in scalars.items() if not math.isnan(value)}
