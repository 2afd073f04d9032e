"""`nan_values`: a scalar is NaN or infinite."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from aurl.anomaly.base import Detector, alert
from aurl.errors import ConfigError
from aurl.record import Json, Kind, Record, Severity

_WATCHED = frozenset({Kind.STEP, Kind.EVAL})


class NanValues(Detector):
    """Alerts at the first non-finite value of a metric, and again when a loss stays non-finite.

    The first is critical, since a single bad batch can still be skipped; `confirm` of the same metric in a row are
    fatal, for then the weights themselves are lost. One alert for each of the two, until the metric is finite again.

    Args:
        confirm: consecutive non-finite values that make it fatal, at least 2.
    """

    def __init__(self, *, confirm: int = 3) -> None:
        if confirm < 2:
            raise ConfigError(f"anomaly.confirm={confirm}: nan_values needs at least 2")
        self.confirm = confirm
        self._run: dict[str, int] = {}
        self._onset: dict[str, int] = {}

    def observe(self, record: Record) -> Iterable[Record]:
        if record.kind not in _WATCHED:
            return ()
        if not self._run and math.isfinite(sum(record.scalars.values())):
            return ()
        return self._look(record)

    def state_dict(self) -> dict[str, Json]:
        return {"run": dict(self._run), "onset": dict(self._onset)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._run = dict(state.get("run") or {})
        self._onset = dict(state.get("onset") or {})

    def _look(self, record: Record) -> list[Record]:
        found = []
        for name, value in record.scalars.items():
            if math.isfinite(value):
                self._run.pop(name, None)
                self._onset.pop(name, None)
                continue
            self._run[name] = self._run.get(name, 0) + 1
            self._onset.setdefault(name, record.step)
            if self._run[name] in {1, self.confirm}:
                found.append(self._alert(record, name, value))
        return found

    def _alert(self, record: Record, name: str, value: float) -> Record:
        count = self._run[name]
        fatal = count >= self.confirm and "loss" in name
        again = f" for {count} records in a row" if count > 1 else ""
        return alert(
            record,
            "nan_values",
            Severity.FATAL if fatal else Severity.CRITICAL,
            f"{name} is {value}{again}",
            metric=name,
            value=value,
            suggestions=(
                "lower optim.lr and raise optim.warmup_steps",
                "lower trainer.clip_norm",
                "set trainer.precision=fp32 to rule out overflow",
                "resume from the last checkpoint: resume=latest",
            ),
            onset_step=self._onset[name],
            count=count,
        )
