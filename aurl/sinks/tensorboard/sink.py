"""The TensorBoard sink: `events/tensorboard/`, read by TensorBoard itself and by `tbparse`.

It knows records and the files that they name, nothing else, so it can be fed from the event log of a finished run and
writes the same again. What belongs to one page of TensorBoard stands in a module of its own, `tensorboard_<page>.py`.

Readers differ in two ways that shape what is written. TensorBoard's data server keeps, of each tag, only the last
point of a step: so epoch means get tags of their own (`epoch/loss/total`), the samples of one step are told apart by
their slot (`sample/notes/0`), and texts of one step are gathered. The Python readers drop points that a resume
supersedes only where a session start says so: so one is written whenever training goes back.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Mapping

from aurl.errors import ConfigError
from aurl.formats.tfrecord import frame
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.scalars import describe
from aurl.sinks import hyperparameters
from aurl.sinks.append_file import AppendFile
from aurl.sinks.base import Sink
from aurl.sinks.bests import Bests
from aurl.sinks.tensorboard import events as tfevents
from aurl.sinks.tensorboard import hparams as tensorboard_hparams
from aurl.sinks.tensorboard.layout import layout
from aurl.sinks.tensorboard.pictures import picture
from aurl.sinks.tensorboard.samples import sample

BUFFER_BYTES = 1 << 20
_FREQUENT = frozenset({Kind.STEP, Kind.SYSTEM})
_EVENT_FILE = re.compile(r"events\.out\.tfevents\.(\d+)\..*")


class TensorBoardSink(Sink):
    """Writes a run for TensorBoard, in a new event file each time it is opened.

    Shown are scalars (with their names and units, and a layout for the custom-scalars page), samples, alerts and
    notes, the configuration beside the results on the hparams page, and the artifacts that records announce:
    histograms, the model's graph, loss landscape, latents, attention.

    Args:
        flush_seconds: steps wait in memory for at most this long; a kill loses no more (`aurl replay` brings it
            back from the event log). Any other record is written at the next flush.
        images: copy piano rolls and other pictures into the event file.
        audio: copy the samples' sound into the event file, some 0.4 MB for 10 seconds.

    Raises:
        ConfigError: `flush_seconds` is negative.
    """

    def __init__(self, flush_seconds: float = 2.0, images: bool = True, audio: bool = True) -> None:
        if flush_seconds < 0:
            raise ConfigError(f"tensorboard: flush_seconds={flush_seconds}: needs at least 0")
        self._flush_seconds, self._images, self._audio = flush_seconds, images, audio
        self._run: RunDirectory | None = None
        self._file: AppendFile | None = None
        self._frames: list[bytes] = []
        self._bytes = 0
        self._due = 0.0
        self._resumed = False
        self._last_step: int | None = None
        self._texts: dict[str, tuple[int, str]] = {}
        self._described: set[str] = set()
        self._bests = Bests()

    def open(self, run: RunDirectory) -> None:
        self.close()
        self._run, self._described, self._bests = run, set(), Bests.of(run)
        folder = run.events / "tensorboard"
        folder.mkdir(parents=True, exist_ok=True)
        earlier = [int(match[1]) for file in folder.iterdir() if (match := _EVENT_FILE.fullmatch(file.name))]
        self._resumed = bool(earlier)
        self._last_step = None
        # Readers take the files in the order of their names, so a clock set back must not put this one first.
        stamp = max(int(time.time()), 1 + max(earlier, default=0))
        self._file = AppendFile(folder / f"events.out.tfevents.{stamp:010d}.{_host()}.{os.getpid()}.0")
        self._add(tfevents.file_version(time.time()))
        self._write()

    def write(self, record: Record) -> None:
        kind = record.kind
        if kind in (Kind.START, Kind.STEP):
            self._mark_restart(record)
        if record.scalars:
            self._add_scalars(record, _tagged(record))
        if kind not in _FREQUENT:
            self._add_rare(record)
            self._due = 0.0

    def flush(self) -> None:
        if self._frames and (time.monotonic() >= self._due or self._bytes >= BUFFER_BYTES):
            self._write()

    def close(self) -> None:
        if self._file is not None:
            try:
                self._write()
            finally:
                file, self._file = self._file, None
                file.close()

    def _add(self, event: bytes) -> None:
        framed = frame(event)
        self._frames.append(framed)
        self._bytes += len(framed)

    def _write(self) -> None:
        if self._file is None:
            return
        data = b"".join(self._frames)
        self._frames.clear()
        self._bytes = 0
        self._due = time.monotonic() + self._flush_seconds
        self._file.write(data)

    def _mark_restart(self, record: Record) -> None:
        """Say that later points are superseded, where this record shows that training continues from before them."""
        if record.kind is Kind.START:
            resumed_from = record.fields.get("resumed_from")
            if isinstance(resumed_from, int):
                self._restart_at(resumed_from + 1, record.time)
            return
        if self._resumed or (self._last_step is not None and record.step < self._last_step):
            self._restart_at(record.step, record.time)
        self._last_step = record.step

    def _restart_at(self, step: int, when: float) -> None:
        self._add(tfevents.session_start(when, step))
        self._resumed = False
        self._last_step = None

    def _add_scalars(self, record: Record, tagged: Mapping[str, float]) -> None:
        if tagged.keys() <= self._described:
            self._add(tfevents.scalars(record.time, record.step, tagged.items()))
            return
        told = [(tag, value, *_description(tag)) for tag, value in tagged.items()]
        self._add(tfevents.described_scalars(record.time, record.step, told))
        self._described.update(tagged)

    def _add_rare(self, record: Record) -> None:
        """What is not written every step; `run` is None where `open` failed, and then nothing is written at all."""
        run = self._run
        if run is None:
            return
        self._bests.take(record)
        if record.kind is Kind.START:
            self._add(layout(record.time))
            hparams = hyperparameters.tunable(hyperparameters.read(run))
            self._add(tensorboard_hparams.session_start(record.time, hparams))
        elif record.kind is Kind.SAMPLE:
            for event in sample(record, run, images=self._images, audio=self._audio):
                self._add(event)
        elif record.kind is Kind.ALERT:
            self._add_text(record, *_alert_text(record))
        elif record.kind is Kind.NOTE and "artifact" in record.fields:
            for event in picture(record, run, images=self._images):
                self._add(event)
        elif record.kind is Kind.NOTE:
            self._add_text(record, *_note_text(record))
        elif record.kind is Kind.END:
            self._end(record, run)

    def _end(self, record: Record, run: RunDirectory) -> None:
        """The final metrics, and the columns of the hparams page."""
        best = self._bests.scalars()
        if best:
            self._add_scalars(record, best)
        hparams = hyperparameters.tunable(hyperparameters.read(run))
        metrics = [*best, *self._bests.seen]
        self._add(tensorboard_hparams.experiment(record.time, hparams, hyperparameters.chosen(run), metrics))
        self._add(tensorboard_hparams.session_end(record.time, str(record.fields.get("status"))))

    def _add_text(self, record: Record, tag: str, markdown: str) -> None:
        step, before = self._texts.get(tag, (record.step, ""))
        if step == record.step and before:
            markdown = f"{before}\n\n{markdown}"
        self._texts[tag] = (record.step, markdown)
        self._add(tfevents.text(record.time, record.step, tag, markdown))


def _tagged(record: Record) -> Mapping[str, float]:
    if record.kind is Kind.EPOCH:
        return {f"epoch/{name}": value for name, value in record.scalars.items()}
    slot = record.fields.get("slot") if record.kind in (Kind.SAMPLE, Kind.QUALITY) else None
    if slot is not None:
        return {f"{name}/{slot}": value for name, value in record.scalars.items()}
    return record.scalars


def _description(tag: str) -> tuple[str, str]:
    """Display name with unit, and what TensorBoard shows behind the chart's information sign."""
    plain = re.sub(r"/\d+$", "", tag.removeprefix("epoch/").removeprefix("best/"))
    scalar = describe(plain)
    name = f"{scalar.label} ({scalar.unit})" if scalar.unit else scalar.label
    of = {"epoch": ", mean over an epoch", "best": ", best evaluation"}.get(tag.partition("/")[0], "")
    better = "" if scalar.better == "neither" else f"; {scalar.better} is better"
    return name, f"{name}{of}{better}"


def _alert_text(record: Record) -> tuple[str, str]:
    fields = record.fields
    lines = [f"**{fields.get('severity', 'warning')}**: {fields.get('message', '')}"]
    if fields.get("cause"):
        lines.append(f"Cause: {fields['cause']}")
    suggestions = fields.get("suggestions")
    if isinstance(suggestions, (list, tuple)) and suggestions:
        lines.append("\n".join(f"- {item}" for item in suggestions))
    return f"alerts/{fields.get('type', 'alert')}", "\n\n".join(lines)


def _note_text(record: Record) -> tuple[str, str]:
    fields = record.fields
    return f"notes/{fields.get('module', 'train')}", f"**{fields.get('level', 'info')}**: {fields.get('message', '')}"


def _host() -> str:
    return re.sub(r"[^\w.-]", "_", socket.gethostname()) or "host"
