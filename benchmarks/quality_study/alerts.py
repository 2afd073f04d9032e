"""How often `quality_degradation` cries wolf, and how surely it hears that notes become wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aurl import presets
from aurl.record import Kind, Record
from benchmarks.quality_study.scores import Floats

SAMPLES = 16
EVALUATIONS = 30
TURN = 20
"""The evaluation from which on the notes are wrong."""


def alerts(scores: Floats) -> list[int]:
    """The evaluations at which a run with these scores, float64 [evaluations, samples], is alerted."""
    node = presets.load("anomaly", "default")
    watching = presets.build_watch({**node, "detectors": {_TYPE: node["detectors"][_TYPE]}})
    found = []
    for record in _records(scores):
        found += [record.step // 100 - 1 for alert in watching.observe(record) if alert.fields["type"] == _TYPE]
    return found


def false_alarms(real: Floats, streams: int, seed: int) -> tuple[int, int]:
    """Alerts, and evaluations, of streams whose samples are drawn from the same scores from beginning to end."""
    rng = np.random.default_rng(seed)
    found = [len(alerts(rng.choice(real, (EVALUATIONS, SAMPLES)))) for _ in range(streams)]
    return sum(found), streams * EVALUATIONS


def power(real: Floats, wrong: Floats, streams: int, seed: int) -> float:
    """The share of streams that are alerted after their samples are drawn from `wrong` instead."""
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(streams):
        scores = np.concatenate([rng.choice(real, (TURN, SAMPLES)), rng.choice(wrong, (EVALUATIONS - TURN, SAMPLES))])
        found += any(evaluation >= TURN for evaluation in alerts(scores))
    return found / streams


def _records(scores: Floats) -> Iterator[Record]:
    for evaluation, values in enumerate(scores.tolist()):
        step = 100 * (evaluation + 1)
        for value in values:
            yield Record(Kind.QUALITY, step, {"quality/overall": value}, {"scope": "sample"}, float(step))
    yield Record(Kind.EVAL, step + 100, {"val/loss/total": 1.0}, {}, float(step + 100))


_TYPE = "quality_degradation"
