"""A sweep that goes on: what is done is left alone, what was interrupted goes on, what never began begins."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aurl.monitor import EXIT_CODES
from aurl.runs.listing import RunSummary, is_run, read_run
from aurl.runs.trash import throw_away
from aurl.sweeps.jobs import NEVER, Ended

if TYPE_CHECKING:
    from aurl.run import Outcome

_MOST_NAMED = 10


def last_time(folder: Path, sweep: Path, metric: str, *, retry_failed: bool) -> Outcome | Path | None:
    """What became of a job of this sweep the last time.

    Args:
        folder: the job's own; its overrides name it, so that the same job has the same one.
        metric: the scalar whose best value the job's value is.
        retry_failed: move a job that failed to the sweep's trash, so that it begins anew.

    Returns:
        How it ended, where it is over; its folder, where it is to go on; None where it is to begin.

    Raises:
        RunError: a failed run cannot be moved.
    """
    if not is_run(folder):
        return None
    run = read_run(folder)
    if run.status not in EXIT_CODES or run.status == "preempted":
        return folder
    if run.status == "failed" and retry_failed:
        throw_away(folder, sweep)
        return None
    return _outcome(run, metric)


def _outcome(run: RunSummary, metric: str) -> Outcome:
    from aurl.run import Outcome

    code, best = run.document.get("exit_code"), (run.summary.get(metric) or {}).get("best")
    message = str(run.document.get("message") or "")
    if run.status == "failed":
        message += "; this is from before: retry_failed=true makes the sweep repeat it"
    return Outcome(
        run.status,
        code if isinstance(code, int) else EXIT_CODES[run.status],
        float(best) if isinstance(best, (int, float)) else math.nan,
        message,
        run.path,
    )


def unfinished(jobs: Sequence[Ended]) -> str:
    """Which jobs of a sweep were interrupted and which never began, and the command that goes on; empty for none."""
    parts = []
    for status, told in (("preempted", "interrupted"), (NEVER, "never begun")):
        names = [Path(job.folder).name for job in jobs if job.status == status]
        if names:
            more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            parts.append(f"{told}: {', '.join(names[:_MOST_NAMED])}{more}")
    if not parts:
        return ""
    sweep = next(job.sweep for job in jobs if job.sweep)
    return f"jobs {'; '.join(parts)}. Go on with: aurl train resume={shlex.quote(sweep)}"
