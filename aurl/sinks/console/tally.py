"""What a run came to: counted from its records, told as a table at its end."""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.scalars import describe
from aurl.show.wording import LOSS_ORDER, duration, finite, number, printable

_QUALITY = "quality/mean/overall"
_TRACKED = ("loss/", "val/", _QUALITY, "quality/mean/copied_fraction")
_PLAIN_OVERRIDE = re.compile(r"[\w./-]+")


@dataclass(slots=True)
class Track:
    """The last and the best value of one scalar; NaN is never the best."""

    last: float = math.nan
    best: float = math.nan
    best_step: int = 0

    def add(self, value: float, step: int, better: str) -> None:
        """Take the next value; `better` as in `aurl.scalars.Scalar`."""
        self.last = value
        wins = {"lower": value < self.best, "higher": value > self.best}.get(better, False)
        if wins or (math.isnan(self.best) and better != "neither"):
            self.best, self.best_step = value, step


class Tally:
    """Counts what this session of a run did (records of earlier sessions are not seen again)."""

    def __init__(self) -> None:
        self._tracks: dict[str, Track] = {}
        self._last_step: Record | None = None
        self._alerts: Counter[str] = Counter()
        self._samples = 0
        self._checkpoints = 0
        self._best_checkpoint = ""
        self._profile = ""

    def observe(self, record: Record) -> None:
        """Count one record."""
        fields = record.fields
        if record.kind is Kind.STEP:
            self._last_step = record
        elif record.kind in (Kind.EVAL, Kind.EPOCH, Kind.QUALITY):
            self._track(record)
        elif record.kind is Kind.ALERT:
            self._alerts[str(fields.get("type", "alert"))] += int(finite(fields.get("count")) or 1)
        elif record.kind is Kind.SAMPLE:
            self._samples += 1
        elif record.kind is Kind.CHECKPOINT:
            self._checkpoints += 1
            if fields.get("best"):
                self._best_checkpoint = str(fields.get("path", ""))

    def rows(self, run: RunDirectory, end: Record) -> list[tuple[str, str]]:
        """The summary as label and printable value: what happened, then what to do next."""
        total = finite(end.scalars.get("time/total"))
        message = end.fields.get("message")
        status = str(end.fields.get("status", "ended"))
        took = "" if total is None else f" in {duration(total)}"
        rows = [
            ("status", f"{status}: {message}" if message else status),
            ("steps", f"{end.step}{took}"),
            *self._loss_rows(),
            ("alerts", ", ".join(f"{name} {times}" for name, times in self._alerts.most_common()) or "none"),
            ("samples", str(self._samples)),
            ("checkpoints", str(self._checkpoints) + _best(self._best_checkpoint)),
            ("run", near(run.path)),
            *(("next", command) for command in self._next(run, status)),
        ]
        return [(printable(label), printable(value)) for label, value in rows]

    def _track(self, record: Record) -> None:
        self._profile = str(record.fields.get("profile") or self._profile)
        for name, value in record.scalars.items():
            if name.startswith(_TRACKED):
                self._tracks.setdefault(name, Track()).add(value, record.step, describe(name).better)

    def _loss_rows(self) -> list[tuple[str, str]]:
        now = {} if self._last_step is None else self._last_step.scalars
        rows = {name: number(value) for name, value in now.items() if name.startswith("loss/")}
        rows |= {name: _last_and_best(track) for name, track in self._tracks.items()}
        if _QUALITY in rows and self._profile:
            rows[_QUALITY] += f", like {self._profile}"
        return sorted(rows.items(), key=lambda row: _place(row[0]))

    def _next(self, run: RunDirectory, status: str) -> list[str]:
        path = near(run.path)
        commands = []
        if status != "done" and (self._checkpoints or (run.checkpoints / "latest").exists()):
            value = path if _PLAIN_OVERRIDE.fullmatch(path) else f'"{path}"'
            commands.append(shlex.join(["aurl", "train", f"resume={value}"]))
        commands.append(shlex.join(["aurl", "runs", near(run.path.parent)]))
        commands.append(shlex.join(["aurl", "dashboard", near(run.path.parent)]))
        if (run.events / "tensorboard").is_dir():
            commands.append(shlex.join(["tensorboard", "--logdir", path]))
        return commands


def _last_and_best(track: Track) -> str:
    if math.isnan(track.best):
        return number(track.last)
    return f"{number(track.last)}, best {number(track.best)} at step {track.best_step}"


def _place(name: str) -> tuple[int, int]:
    group = next(place for place, prefix in enumerate(_TRACKED) if name.startswith(prefix))
    measure = name.rsplit("/", 1)[-1]
    return group, LOSS_ORDER.index(measure) if measure in LOSS_ORDER else len(LOSS_ORDER)


def _best(path: str) -> str:
    return f", best {path}" if path else ""


def near(path: Path) -> str:
    """The path as a person here would type it: relative where it lies below this folder."""
    absolute, here = path.absolute(), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
