"""Sets of samples compared with sets of real music, one measure at a time.

Yang & Lerch, "On the evaluation of generative models in music", Neural Computing and Applications 32, 2020: the
distances within the reference and those from the samples to it are smoothed to densities, whose overlapping area and
Kullback-Leibler divergence are reported. Unlike in their code both densities are evaluated on one grid, without which
neither number means anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aurl.quality.reference.table import Table
from aurl.quality.sheet import Floats

_GRID = 1024
_MARGIN = 3.0  # bandwidths of room on either side
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two densities compared.

    Attributes:
        area: integral of the smaller one, 0..1; 1 for equal densities.
        divergence: KL(samples || reference) in nats, 0 for equal densities.
    """

    area: float
    divergence: float


def overlap(samples: Floats, reference: Floats) -> Overlap:
    """The overlap of two sets of numbers by Gaussian kernel densities; NaN where a set has fewer than 2.

    Bandwidth by Scott's rule, sd n^(-1/5), for each set.
    """
    samples, reference = samples[~np.isnan(samples)], reference[~np.isnan(reference)]
    if min(len(samples), len(reference)) < 2:
        return Overlap(math.nan, math.nan)
    low = min(samples.min(), reference.min())
    high = max(samples.max(), reference.max())
    if high <= low:
        return Overlap(1.0, 0.0)
    widths = [max(_bandwidth(values), (high - low) / _GRID) for values in (samples, reference)]
    low, high = low - _MARGIN * max(widths), high + _MARGIN * max(widths)
    ours, theirs = (_density(v, w, low, high) for v, w in zip((samples, reference), widths, strict=True))
    divergence = float((ours * np.log((ours + _TINY) / (theirs + _TINY))).sum())
    return Overlap(float(np.minimum(ours, theirs).sum()), max(0.0, divergence))


def set_overlaps(samples: Table, reference: Table) -> dict[str, Overlap]:
    """By measure: the distances from samples to reference against those within the reference."""
    found = {}
    for name in reference.names:
        ours, theirs = (column[~np.isnan(column)] for column in (samples.column(name), reference.column(name)))
        within = np.abs(theirs[:, None] - theirs)[np.triu_indices(len(theirs), 1)]
        between = np.abs(ours[:, None] - theirs).ravel()
        found[name] = overlap(between, within)
    return found


def _bandwidth(values: Floats) -> float:
    return float(values.std(ddof=1) * len(values) ** -0.2)


def _density(values: Floats, width: float, low: float, high: float) -> NDArray[np.float64]:
    """Probabilities of the grid's cells, float64 [1024], by linear binning and a Gaussian in the Fourier domain.

    Silverman, "Kernel density estimation using the fast Fourier transform", Applied Statistics 31, 1982.
    """
    place = (values - low) / (high - low) * (_GRID - 1)
    cell = np.minimum(place.astype(np.int64), _GRID - 2)
    part = place - cell
    counts = np.bincount(cell, 1 - part, _GRID) + np.bincount(cell + 1, part, _GRID)
    spread = width / (high - low) * (_GRID - 1)
    frequency = 2 * np.pi * np.fft.rfftfreq(2 * _GRID)
    smooth = np.fft.irfft(np.fft.rfft(counts, 2 * _GRID) * np.exp(-0.5 * (spread * frequency) ** 2))[:_GRID]
    density: NDArray[np.float64] = np.maximum(smooth, 0) / np.maximum(smooth, 0).sum()
    return density
