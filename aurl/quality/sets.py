"""Many samples compared with real music as a set: what no single sample can show, such as too little variety."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aurl.quality.reference.distributions import Overlap, set_overlaps
from aurl.quality.reference.frechet import frechet_distance, real_band
from aurl.quality.reference.profile import Profile, Scored, usual_bars
from aurl.quality.reference.table import Table, mean, null


@dataclass(frozen=True, slots=True)
class SetScore:
    """How a set of samples lies to the real music of a profile.

    Attributes:
        size: samples in the set.
        profile: what it was compared with, windows of the samples' length.
        overlaps: of the raw measures, by name; NaN where a measure is defined for fewer than two samples.
        frechet: distance over all measures; NaN with fewer than 8 samples.
        frechet_real: 5th and 95th percentile of the distance of as many real windows; NaN where there are too few.
    """

    size: int
    profile: str
    overlaps: Mapping[str, Overlap]
    frechet: float
    frechet_real: tuple[float, float]

    @property
    def overlap(self) -> float:
        """The mean overlapping area of the measures, 0..1; NaN where none is defined."""
        return mean(found.area for found in self.overlaps.values())

    @property
    def divergence(self) -> float:
        """The mean Kullback-Leibler divergence of the measures, nats; NaN where none is defined."""
        return mean(found.divergence for found in self.overlaps.values())

    def to_json(self) -> dict[str, Any]:
        """JSON values; what is not defined is null."""
        return {
            "files": self.size,
            "profile": self.profile,
            "overlap": {name: null(found.area) for name, found in self.overlaps.items()},
            "divergence": {name: null(found.divergence) for name, found in self.overlaps.items()},
            "frechet": null(self.frechet),
            "frechet_real": [null(bound) for bound in self.frechet_real],
        }


def score_set(samples: Sequence[Scored], profile: Profile, *, seed: int = 1) -> SetScore:
    """The samples, one or more, against the windows of the profile that are as long as most of them.

    Args:
        seed: of the draws of real windows.
    """
    bars = usual_bars(samples)
    real = profile.at(bars).real
    table = Table.of((sample.raw for sample in samples), real.names)
    return SetScore(
        len(samples),
        profile.label(bars),
        set_overlaps(table, real),
        frechet_distance(table, real),
        real_band(real, len(samples), seed=seed),
    )
