"""The music of a run: its samples with players, and their scores beside those of real music."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from aurl.record import Kind, Record
from aurl.report.story import Story
from aurl.scalars import describe
from aurl.show.markup import escaped, plain, table
from aurl.show.page import Section
from aurl.show.player import sample_figure, sample_notes

MOST_SAMPLES = 12
_MEAN = "quality/mean/"


class _Sample(NamedTuple):
    record: Record
    overall: float


def music(story: Story) -> list[Section]:
    """Scores of the last evaluation, and samples: the newest, the best, and the first of all, to hear the way."""
    return [*_scores(story), *_samples(story)]


def _scores(story: Story) -> list[Section]:
    evaluations = [record for record in story.of(Kind.QUALITY) if record.fields.get("scope") == "evaluation"]
    if not evaluations:
        return []
    last = evaluations[-1]
    scalars, fields = last.scalars, last.fields
    said = f"{_number(scalars, 'quality/samples', '.0f')} samples at step {last.step}, scored against "
    said += f"{plain(fields.get('profile'))}. Overall {_number(scalars, f'{_MEAN}overall', '.3f')}"
    said += (
        f" (95 % interval {_number(scalars, 'quality/ci_low', '.3f')} to {_number(scalars, 'quality/ci_high', '.3f')}"
    )
    said += f"); real validation music lies between {_number(scalars, 'quality/band_low', '.3f')} and "
    said += f"{_number(scalars, 'quality/band_high', '.3f')} (5th to 95th percentile)."
    trend = fields.get("trend")
    if isinstance(trend, Mapping) and trend.get("direction"):
        said += f" Trend over {trend.get('evaluations')} evaluations: {trend.get('direction')} (Mann-Kendall, "
        said += f"p = {plain(trend.get('p'))})."
    rows = [
        [describe(name).label or name.removeprefix(_MEAN), f"{value:.3f}"]
        for name, value in scalars.items()
        if name.startswith(_MEAN) and math.isfinite(value)
    ]
    return [Section("Musical quality", f"<p>{escaped(said)}</p>{table(['mean of samples', ''], rows)}")]


def _samples(story: Story) -> list[Section]:
    shown = "".join(_figure(story.path, sample) for sample in _chosen(story))
    if not shown:
        return []
    return [Section("Samples", f'<div class="samples">{shown}</div>', len(story.of(Kind.SAMPLE)))]


def _chosen(story: Story) -> list[_Sample]:
    """The newest step's samples, the best scored, and the first sample of each of some steps before."""
    scores = {
        str(record.fields.get("path")): record.scalars.get("quality/overall", math.nan)
        for record in story.of(Kind.QUALITY)
        if record.fields.get("scope") == "sample"
    }
    told = {str(record.fields.get("path")): record for record in story.of(Kind.SAMPLE)}
    samples = [_Sample(record, scores.get(path, math.nan)) for path, record in told.items()]
    if not samples:
        return []
    newest = [one for one in samples if one.record.step == samples[-1].record.step][:4]
    scored = [one for one in samples if not math.isnan(one.overall)]
    best = [max(scored, key=lambda one: one.overall)] if scored else []
    slot = newest[0].record.fields.get("slot")
    way = [one for one in samples if one.record.fields.get("slot") == slot]
    wanted = {id(one.record) for one in [*newest, *best, *way[:: max(1, len(way) // (MOST_SAMPLES - 5))]]}
    return [one for one in samples if id(one.record) in wanted][-MOST_SAMPLES:]


def _figure(folder: Path, sample: _Sample) -> str:
    record = sample.record
    path = record.fields.get("path")
    said = [f"step {record.step}", f"slot {plain(record.fields.get('slot'))}", plain(record.fields.get("mode"))]
    if not math.isnan(sample.overall):
        said.append(f"quality {sample.overall:.2f}")
    return sample_figure(sample_notes(folder, path), ", ".join(said), str(path))


def _number(scalars: Mapping[str, float], name: str, form: str) -> str:
    value = scalars.get(name, math.nan)
    return format(value, form) if math.isfinite(value) else "unknown"
