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


def alerts(means: Floats) -> list[int]:
    """The evaluations at which a run with these mean scores, float64 [evaluations], is alerted."""
    node = presets.load("anomaly", "default")
    watching = presets.build_watch({**node, "detectors": {_TYPE: node["detectors"][_TYPE]}})
    found = []
    for record in _records(means):
        found += [record.step // 100 - 1 for alert in watching.observe(record) if alert.fields["type"] == _TYPE]
    return found


def false_alarms(real: Floats, streams: int, seed: int) -> tuple[int, int]:
    """Alerts, and evaluations, of streams whose samples are drawn from the same scores from beginning to end."""
    rng = np.random.default_rng(seed)
    found = [len(alerts(_means(real, EVALUATIONS, rng))) for _ in range(streams)]
    return sum(found), streams * EVALUATIONS


def power(real: Floats, wrong: Floats, streams: int, seed: int) -> float:
    """The share of streams that are alerted after their samples are drawn from `wrong` instead."""
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(streams):
        means = np.concatenate([_means(real, TURN, rng), _means(wrong, EVALUATIONS - TURN, rng)])
        found += any(evaluation >= TURN for evaluation in alerts(means))
    return found / streams


def _means(scores: Floats, evaluations: int, rng: np.random.Generator) -> Floats:
    means: Floats = rng.choice(scores, (evaluations, SAMPLES)).mean(axis=1)
    return means


def _records(means: Floats) -> Iterator[Record]:
    """One score an evaluation: of several the detector takes the mean."""
    for evaluation, mean in enumerate(means.tolist()):
        step = 100 * (evaluation + 1)
        yield Record(Kind.QUALITY, step, {"quality/overall": mean}, {"scope": "sample"}, float(step))
    yield Record(Kind.EVAL, step + 100, {"val/loss/total": 1.0}, {}, float(step + 100))


_TYPE = "quality_degradation"
