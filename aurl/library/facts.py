"""What is told of one run in a table: JSON values, by the names that filters and columns use."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, TypeAlias

from aurl.machine.numbers import valid_text
from aurl.record import Severity
from aurl.runs.listing import RunSummary
from aurl.show.wording import finite, whole

Facts: TypeAlias = dict[str, Any]

MAIN_LOSSES = ("val/loss/total", "loss/total", "val/loss", "loss")
MAIN_QUALITIES = ("quality/mean/overall", "quality/overall")


def facts_of(run: RunSummary, config: Mapping[str, Any]) -> Facts:
    """A run as tables show it; every text in it is the run's own and not to be trusted.

    `loss` and `quality` are the first of `MAIN_LOSSES` and `MAIN_QUALITIES` that the run has.

    Args:
        config: flat, see `aurl.runs.settings.config_of`.
    """
    document = run.document
    alerts = document.get("alerts")
    counts = alerts if isinstance(alerts, Mapping) else {}
    seed = document["seed"] if document.get("seed") is not None else config.get("seed")
    return {
        "id": valid_text(run.id),
        "name": valid_text(run.name),
        "status": run.status,
        "error": valid_text(run.error),
        "message": valid_text(document.get("message") or ""),
        "tags": [valid_text(tag) for tag in run.tags],
        "notes": valid_text(run.own.notes),
        "star": run.own.star,
        "archived": run.own.archived,
        "seed": plain(seed),
        "model": valid_text(document.get("model") or _model(config)),
        "host": valid_text(document.get("host") or ""),
        "step": run.step,
        "steps": whole(document.get("steps")),
        "epoch": finite(document.get("epoch")),
        "epochs": finite(document.get("epochs")),
        "started": finite(run.started),
        "begun": finite(run.begun),
        "ended": finite(run.ended),
        "updated": finite(run.updated),
        "duration": finite(run.duration(time.time())),
        "loss": _statistics(run, MAIN_LOSSES),
        "quality": _statistics(run, MAIN_QUALITIES)["last"],
        "alerts": {severity.value: whole(counts.get(severity.value)) or 0 for severity in Severity},
        "samples": whole(document.get("samples")) or 0,
        "resumes": len(resumes) if isinstance(resumes := document.get("resumes"), list) else 0,
    }


def _model(config: Mapping[str, Any]) -> str:
    told = (config.get(key) for key in ("model", "model.name", "model._target_"))
    return next((value for value in told if isinstance(value, str) and value), "")


def plain(value: Any) -> Any:
    """A value as JSON can hold it: a number that is not finite is spelled out."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _statistics(run: RunSummary, names: tuple[str, ...]) -> dict[str, Any]:
    metric = next((name for name in names if isinstance(run.summary.get(name), Mapping)), None)
    summary = run.summary.get(metric or "", {})
    return {"metric": metric} | {key: finite(summary.get(key)) for key in ("last", "best", "best_step")}
