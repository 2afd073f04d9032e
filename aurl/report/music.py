"""The music of a run: its samples with players, and their scores beside those of real music."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from aurl.errors import AurlError
from aurl.music.midi import read_midi
from aurl.music.notes import TICKS_PER_BEAT
from aurl.record import Kind, Record
from aurl.report.story import Story
from aurl.scalars import describe
from aurl.show.markup import escaped, plain, section, table

MOST_SAMPLES = 12
_MOST_NOTES = 4000
_MEAN = "quality/mean/"


class _Sample(NamedTuple):
    record: Record
    overall: float


def music(story: Story) -> str:
    """Scores of the last evaluation, and samples: the newest, the best, and the first of all, to hear the way."""
    return _scores(story) + _samples(story)


def _scores(story: Story) -> str:
    evaluations = [record for record in story.of(Kind.QUALITY) if record.fields.get("scope") == "evaluation"]
    if not evaluations:
        return ""
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
    return section("Musical quality", f"<p>{escaped(said)}</p>{table(['mean of samples', ''], rows)}")


def _samples(story: Story) -> str:
    shown = "".join(_figure(story.path, sample, number) for number, sample in enumerate(_chosen(story)))
    if not shown:
        return ""
    count = len(story.of(Kind.SAMPLE))
    return section("Samples", f'<div class="samples">{shown}</div>', count)


def _chosen(story: Story) -> list[_Sample]:
    """The newest step's samples, the best scored, and the first sample of each of some steps before."""
    scores = {
        record.fields.get("path"): record.scalars.get("quality/overall", math.nan)
        for record in story.of(Kind.QUALITY)
        if record.fields.get("scope") == "sample"
    }
    told = {record.fields.get("path"): record for record in story.of(Kind.SAMPLE)}
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


def _figure(folder: Path, sample: _Sample, number: int) -> str:
    record = sample.record
    notes = _notes(folder, record.fields.get("path"))
    said = [f"step {record.step}", f"slot {plain(record.fields.get('slot'))}", plain(record.fields.get("mode"))]
    if not math.isnan(sample.overall):
        said.append(f"quality {sample.overall:.2f}")
    title = escaped(", ".join(said))
    if isinstance(notes, str):
        return f'<figure class="sample"><figcaption>{title}</figcaption><p>{escaped(notes)}</p></figure>'
    content = orjson.dumps(notes).decode().replace("<", "\\u003c")
    return (
        f'<figure class="sample"><figcaption>{title}</figcaption>'
        f'<canvas role="img" aria-label="Piano roll of {title}"></canvas>'
        f'<button type="button">Play</button><small>{escaped(record.fields.get("path"))}, {len(notes["notes"])} notes, '
        f"{notes['seconds']:.0f} s</small>"
        f'<script type="application/json" id="sample-{number}">{content}</script></figure>'
    )


def _notes(folder: Path, path: object) -> dict[str, Any] | str:
    """What the player needs: seconds, bar lines, and a row `start, length, pitch, velocity` for each note."""
    place = folder / str(path)
    if not place.resolve().is_relative_to(folder.resolve()):
        return f"{path}: lies outside of the run"
    try:
        notes = read_midi(place)
    except (AurlError, OSError) as error:
        return f"{path}: {error}"
    tick = 60.0 / notes.tempo / TICKS_PER_BEAT
    rows = list(_rows(notes, tick))
    bars = [round(bar * notes.bar * tick, 3) for bar in range(notes.bars + 1)]
    return {"seconds": round(notes.seconds, 3), "bars": bars, "notes": rows}


def _rows(notes: Any, tick: float) -> Iterator[list[float]]:
    columns = zip(notes.onset, notes.duration, notes.pitch, notes.velocity, strict=True)
    for number, (onset, length, pitch, velocity) in enumerate(columns):
        if number == _MOST_NOTES:
            return
        yield [round(float(onset) * tick, 3), round(float(length) * tick, 3), int(pitch), int(velocity)]


def _number(scalars: Mapping[str, float], name: str, form: str) -> str:
    value = scalars.get(name, math.nan)
    return format(value, form) if math.isfinite(value) else "unknown"
