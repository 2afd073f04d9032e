"""How often `quality_degradation` cries wolf, and how surely it hears that notes become wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aurl.anomaly.chosen import build_watch
from aurl.machine.conf import load_option
from aurl.record import Kind, Record
from benchmarks.quality_study.scores import Floats

SAMPLES = 16
EVALUATIONS = 30
TURN = 20
"""The evaluation from which on the notes are wrong."""
LONG = 200
STAYS = 0.8
"""The share of a wobbling model's deviation that is left at the next evaluation."""


def alerts(scores: Floats) -> list[int]:
    """The evaluations at which a run whose samples score so, float64 [evaluations, samples], is alerted."""
    node = load_option("anomaly", "default")
    watching = build_watch({**node, "detectors": {_TYPE: node["detectors"][_TYPE]}})
    told = [alert for record in _records(scores) for alert in watching.observe(record)]
    return [alert.step // 100 - 2 for alert in told if alert.fields["status"] != "end"]


def false_alarms(real: Floats, streams: int, seed: int, evaluations: int = EVALUATIONS, **how: float) -> float:
    """Alerts per evaluation of streams whose samples are drawn from the same scores from beginning to end.

    Args:
        how: `samples` an evaluation, and the model's `wobble`, see `stream`.
    """
    rng = np.random.default_rng(seed)
    found = sum(len(alerts(stream(real, evaluations, rng, **how))) for _ in range(streams))
    return found / (streams * evaluations)


def power(real: Floats, wrong: Floats, streams: int, seed: int) -> float:
    """The share of streams that are alerted after their samples are drawn from `wrong` instead."""
    rng = np.random.default_rng(seed)
    found = 0
    for _ in range(streams):
        scores = np.concatenate([stream(real, TURN, rng), stream(wrong, EVALUATIONS - TURN, rng)])
        found += any(evaluation >= TURN for evaluation in alerts(scores))
    return found / streams


def stream(
    scores: Floats, evaluations: int, rng: np.random.Generator, samples: float = SAMPLES, wobble: float = 0.0
) -> Floats:
    """Scores of a run that neither learns nor forgets, float64 [evaluations, samples].

    Args:
        wobble: standard deviation of the model's own mean, an autoregression of the first order with coefficient
            `STAYS`, in units of the standard error of 16 samples.
    """
    drawn: Floats = rng.choice(scores, (evaluations, int(samples)))
    deviations = np.empty(evaluations)
    deviation = rng.normal()
    for evaluation in range(evaluations):
        deviations[evaluation] = deviation
        deviation = STAYS * deviation + np.sqrt(1 - STAYS**2) * rng.normal()
    moved: Floats = drawn + (wobble * scores.std() / np.sqrt(SAMPLES) * deviations)[:, None]
    return moved


def _records(scores: Floats) -> Iterator[Record]:
    """A record for each sample, as the loop writes them; what ends the last round follows."""
    for evaluation, samples in enumerate(scores.tolist()):
        step = 100 * (evaluation + 1)
        for score in samples:
            yield Record(Kind.QUALITY, step, {"quality/overall": score}, {"scope": "sample"}, float(step))
    yield Record(Kind.EVAL, step + 100, {"val/loss/total": 1.0}, {}, float(step + 100))


_TYPE = "quality_degradation"
"""The alert; it is told with the first record after the evaluation that it is about."""
