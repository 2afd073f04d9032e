"""What is told of a run's series, alerts, samples and checkpoints, as JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aurl.dashboard.store.columns import Rows, Series
from aurl.dashboard.store.events import RunEvents, Sample
from aurl.dashboard.store.store import RunStore
from aurl.library.facts import plain
from aurl.record import Record
from aurl.scalars import describe
from aurl.show.wording import finite

MOST_SERIES = 2000
_ALERT_TEXTS = ("type", "severity", "metric", "message", "cause", "detector")
_BAND = ("quality/band_low", "quality/band_high")


def series_json(store: RunStore) -> list[dict[str, Any]]:
    """All series of a run, sorted by name."""
    found = store.series()
    names = {name for name, _ in found}
    with store.lock:
        return [_series(name, series, store.rows[series.kind], names) for name, series in found]


def grouped(series: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The series by the part of their name before the first slash, losses first."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for one in series:
        groups.setdefault(str(one["scalar"]).split("/", 1)[0], []).append(one)
    first = ("loss", "val", "accuracy", "quality", "lr", "grad", "kl", "gan")
    order = sorted(groups, key=lambda prefix: (first.index(prefix) if prefix in first else len(first), prefix))
    return [{"prefix": prefix, "total": len(groups[prefix]), "series": groups[prefix]} for prefix in order]


def alert_json(number: int, record: Record, events: RunEvents, key: str, run_name: str) -> dict[str, Any]:
    """One alert; its id stays the same as long as the log does."""
    fields = record.fields
    suggestions = fields.get("suggestions")
    return {
        "run": key,
        "run_name": run_name,
        "id": f"{key}-{number}",
        "index": number,
        "step": record.step,
        "onset_step": plain(fields.get("onset_step")),
        "time": finite(record.time),
        **{name: None if fields.get(name) is None else str(fields[name]) for name in _ALERT_TEXTS},
        "value": plain(fields.get("value")),
        "expected": plain(fields.get("expected")),
        "suggestions": [str(item) for item in suggestions] if isinstance(suggestions, (list, tuple)) else [],
        "count": plain(fields.get("count")),
        "superseded": number in events.superseded,
    }


def sample_json(sample: Sample, run: Path, key: str) -> dict[str, Any]:
    """One sample, with the addresses of those of its files that are there."""
    record, quality = sample.record, sample.quality
    files: dict[str, str | None] = {}
    missing = []
    for name, field in (("midi", "path"), ("image", "image"), ("audio", "audio")):
        relative = record.fields.get(field)
        there = isinstance(relative, str) and (run / relative).is_file()
        if isinstance(relative, str) and not there:
            missing.append(name)
        files[name] = str(relative) if there else None
    scores = quality_json(quality)
    return {
        "id": sample.id,
        "step": record.step,
        "time": finite(record.time),
        **{name: plain(record.fields.get(name)) for name in ("slot", "seed", "mode", "epoch")},
        **{name: None if path is None else f"/file/{key}/{path}" for name, path in files.items()},
        "path": files["midi"],
        "missing": missing,
        "scalars": plain(dict(record.scalars)),
        "quality": scores,
        "overall": scores.get("overall"),
        "copied_fraction": scores.get("copied_fraction"),
        "profile": plain(quality.fields.get("profile")) if quality else None,
        "reasons": plain(quality.fields.get("reasons")) if quality else None,
    }


def quality_json(record: Record | None) -> dict[str, float | None]:
    """The scores of a QUALITY record by their short names."""
    scalars = record.scalars if record else {}
    return {name.removeprefix("quality/"): finite(value) for name, value in scalars.items()}


def evaluation_json(record: Record) -> dict[str, Any]:
    """The scores of one evaluation, and the band of real music."""
    return {
        "step": record.step,
        "time": finite(record.time),
        "scalars": plain(dict(record.scalars)),
        "fields": plain(dict(record.fields)),
        "band": band_json(record),
    }


def band_json(record: Record) -> dict[str, Any]:
    """Where real music lies, by the short name of each metric: the lower and the upper end."""
    told = record.fields.get("band")
    if isinstance(told, Mapping):
        return {str(name): plain(ends) for name, ends in told.items()}
    low, high = (finite(record.scalars.get(name)) for name in _BAND)
    return {} if low is None or high is None else {"overall": [low, high]}


def checkpoints_json(events: RunEvents, run: Path, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The checkpoints, newest first; which of them is the latest and which the best, and which are still on disk."""
    marks = document.get("checkpoints")
    named = marks if isinstance(marks, Mapping) else {}
    return [
        {
            "path": path,
            "step": record.step,
            "time": finite(record.time),
            "latest": path == named.get("latest"),
            "best": path == named.get("best"),
            "reason": plain(record.fields.get("reason")),
            "metric": plain(record.fields.get("metric")),
            "value": plain(record.fields.get("value")),
            "exists": ".." not in path and (run / path).is_dir(),
        }
        for path, record in reversed(events.checkpoints.items())
    ]


def ingest_json(store: RunStore) -> dict[str, Any]:
    """How far the log has been read."""
    return {
        "state": store.state,
        "read": store.tail.bytes_read(),
        "size": store.tail.size(),
        "skipped": store.skipped + store.tail.skipped,
    }


def number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _series(name: str, series: Series, rows: Rows, names: set[str]) -> dict[str, Any]:
    scalar = describe(series.scalar)
    values = series.values.view()
    known = np.isfinite(values)
    finite_values = values if known.all() else values[known]
    last_row = -1 if series.rows is None or not len(series.rows) else int(series.rows.view()[-1])
    steps = rows.step.view()
    return {
        "name": name,
        "scalar": series.scalar,
        "kind": series.kind,
        "label": scalar.label,
        "unit": scalar.unit,
        "format": scalar.format,
        "better": scalar.better,
        "count": len(values),
        "nonfinite": int(len(values) - len(finite_values)),
        "last": number(values[-1]) if len(values) else None,
        "min": float(finite_values.min()) if len(finite_values) else None,
        "max": float(finite_values.max()) if len(finite_values) else None,
        "last_step": int(steps[last_row]) if len(values) and len(steps) else None,
        "pair": _pair(series.scalar, names),
    }


def _pair(scalar: str, names: set[str]) -> str | None:
    other = scalar.removeprefix("val/") if scalar.startswith("val/") else f"val/{scalar}"
    return other if other in names else None
