"""Scores of musical quality while a model trains: the node `quality` of a config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aurl.machine.env import default_cache
from aurl.quality.judge import TRAIN, QualityJudge, open_judge
from aurl.quality.metric import Metric
from aurl.quality.reference.overall_quality import OverallQuality
from aurl.quality.reference.selection import MetricSelection
from aurl.record import Json
from aurl.train.part import Part, Training


class Scoring(Part):
    """Has every sample scored on the thread that writes it, and each evaluation as a whole.

    Args:
        metrics: by name; those set to null are left out, and without any nothing is scored.
        reference: what samples are compared with: `train`, a built-in profile, a profile file or a folder of MIDI.
        bars: compare with windows of so many bars; null for as many as a sample has.
        copying: length of the n-grams that count as copied from the training set; null turns `copied_fraction` off.
        published: also the metrics of MusPy and MusDr.
        seed: of the bootstrap and the shuffled bars.

    Raises:
        ConfigError: two metrics or two measures of one name, or a metric under another name than its own.
    """

    def __init__(
        self,
        *,
        metrics: Mapping[str, Metric | OverallQuality | None] | None = None,
        reference: str = TRAIN,
        bars: int | None = None,
        copying: int | None = 8,
        published: bool = False,
        seed: int = 1,
    ) -> None:
        self.selection = MetricSelection.of(metrics or {})
        self._settings: dict[str, Any] = {"reference": reference, "bars": bars, "copying": copying}
        self._settings |= {"published": published, "seed": seed}
        self._judge: QualityJudge | None = None

    def begin(self, training: Training) -> None:
        """Fit or load the reference.

        Raises:
            DataError: a reference that cannot be read.
        """
        super().begin(training)
        if not self.selection.names:
            return
        monitor, corpus = training.monitor, training.data.corpus
        self._judge, warnings = open_judge(self.selection, corpus, default_cache(), monitor.write, **self._settings)
        training.on_sample.append(self._judge.on_sample)
        training.on_round.append(self._judge.on_round)
        for warning in warnings:
            monitor.note(warning, level="warning", module="quality")

    def at_step_end(self, evaluated: bool) -> None:
        """Give the scores of this very step to the parts that decide by them."""
        if self._judge is not None and self._judge.step == self.training.step and self.training.wanted("quality/"):
            self.training.progress.scalars |= self._judge.latest

    def state_dict(self) -> dict[str, Json]:
        return self._judge.state_dict() if self._judge is not None else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self._judge is not None:
            self._judge.load_state_dict(state)
