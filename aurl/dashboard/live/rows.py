"""One line of the table of runs: what `run.json` tells, and for a live run the end of its log."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from aurl.errors import RecordError
from aurl.library.facts import facts_of
from aurl.machine.numbers import valid_text
from aurl.machine.portable import read_at
from aurl.machine.secrets import mask
from aurl.machine.untrusted import open_regular
from aurl.record import Record
from aurl.runs.codec import decode
from aurl.runs.listing import RunSummary
from aurl.runs.settings import settings_of
from aurl.show.wording import finite

Row: TypeAlias = dict[str, Any]

MOST_SHOWN_NOTES = 2000  # letters of a note that the table carries; the run's own page has all
_TAIL_BYTES = 32 * 1024
_STALL_SECONDS, _STALL_STEPS = 60.0, 20.0


def key_of(relative: str) -> str:
    """16 hex digits that stand for a run's path in addresses."""
    return hashlib.blake2b(relative.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def row_of(run: RunSummary, root: Path, config: Mapping[str, Any], group: str | None = None) -> Row:
    """A run as the table shows it, JSON values only; every string in it is the run's own and not to be trusted.

    Args:
        group: what runs share that differ in the seed alone, see `group_key`.
    """
    relative = os.path.relpath(run.path, root)
    facts = facts_of(run, config)
    return facts | {
        "key": key_of(relative),
        "path": valid_text(relative),
        "notes": facts["notes"][:MOST_SHOWN_NOTES],
        "own_name": valid_text(run.own.name),
        "given_tags": [valid_text(tag) for tag in run.given_tags],
        "version": run.own.version,
        "progress": min(1.0, run.step / facts["steps"]) if facts["steps"] else None,
        "eta": None,
        "eta_low": None,
        "eta_high": None,
        "rate": None,
        "stalled": False,
        "config": {},
        "group": group,
    }


def add_progress(row: Row, run: Path, now: float) -> None:
    """What the last records of a live run say: step, loss, remaining time, and whether it stands still."""
    steps = [record for record in last_records(run) if record.kind == "step"]
    if not steps:
        return
    last = steps[-1]
    row["step"] = max(row["step"], last.step)
    row["progress"] = min(1.0, row["step"] / row["steps"]) if row["steps"] else None
    for name in ("eta", "eta_low", "eta_high"):
        row[name] = finite(last.fields.get(name))
    span = last.time - steps[0].time
    if span > 0 and last.step > steps[0].step:
        row["rate"] = (last.step - steps[0].step) / span
    patience = max(_STALL_SECONDS, _STALL_STEPS / row["rate"] if row["rate"] else 0.0)
    row["stalled"] = now - max(last.time, row["updated"] or 0.0) > patience
    if row["loss"]["metric"] == "loss/total" and "loss/total" in last.scalars:
        row["loss"]["last"] = finite(last.scalars["loss/total"])


def last_records(run: Path) -> list[Record]:
    """The whole records in the last 32 KiB of a run's log."""
    try:
        with open_regular(run / "events" / "records.jsonl", follow=False) as file:
            size = os.fstat(file.fileno()).st_size
            block = read_at(file.fileno(), _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    except OSError:
        return []
    lines = block[: block.rfind(b"\n") + 1].split(b"\n")[1 if size > _TAIL_BYTES else 0 : -1]
    records = []
    for line in lines:
        try:
            records.append(decode(line))
        except RecordError:
            continue
    return records


def readable_config(run: RunSummary) -> dict[str, Any]:
    """The flat config of a run; one that is nested so deeply that nothing could be done with it counts as none."""
    config = settings_of(run.path, run.document)
    try:
        mask(config)
    except RecursionError:
        return {}
    return config
