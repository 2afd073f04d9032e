"""Whether musical quality rises as a model learns, from the event logs of runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from aurl.runs.listing import find_runs
from benchmarks.default_run import curve
from benchmarks.quality_study.scores import rank_correlation
from benchmarks.quality_study.tables import markdown


def table(folders: Iterable[Path]) -> str:
    """For each run under the folders: first and last evaluation, and Spearman's correlation of quality and -loss."""
    rows = []
    for folder in folders:
        for run in find_runs(folder):
            measured = curve(run.path).drop_nulls(["quality/mean/overall", "val/loss/total"])
            if len(measured) < 3:
                continue
            quality, loss = (measured[name].to_numpy() for name in ("quality/mean/overall", "val/loss/total"))
            rho = rank_correlation(-np.asarray(loss), np.asarray(quality))
            ends = [f"{values[0]:.2f} to {values[-1]:.2f}" for values in (loss, quality)]
            rows.append([run.id, str(len(measured)), *ends, f"{rho:.2f}"])
    return markdown(["run", "evaluations", "validation loss", "quality", "Spearman with minus the loss"], rows)
