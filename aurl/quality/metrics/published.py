"""The metrics that papers report, beside aurl's own."""

from __future__ import annotations

from aurl.music.notes import Notes
from aurl.quality.metrics.musdr_metrics import musdr_metrics
from aurl.quality.metrics.muspy_metrics import muspy_metrics


def published_metrics(notes: Notes) -> dict[str, float]:
    """MusPy's ten and MusDr's three, by names of their own."""
    notes = notes.heard()
    muspy = {f"muspy_{name}": value for name, value in muspy_metrics(notes).items()}
    return muspy | {f"musdr_{name}": value for name, value in musdr_metrics(notes).items()}
