"""What happened in a run beside its curves: alerts, samples and their scores, checkpoints, notes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from aurl.record import Record

MOST_ALERTS, MOST_NOTES, MOST_SAMPLES, MOST_EVALUATIONS = 10_000, 1_000, 20_000, 20_000


@dataclass(slots=True)
class Sample:
    """One generated piece, and its scores once they are there.

    Attributes:
        id: its place in the run, `000400_0`; a sample that is made again takes the place of the first.
        record: the SAMPLE record.
        quality: the QUALITY record of this sample, None until it comes.
    """

    id: str
    record: Record
    quality: Record | None = None


@dataclass(slots=True)
class RunEvents:
    """Everything but the curves of one run, bounded in number.

    Attributes:
        alerts: the newest, each with its number within the run.
        data: all that DATA records tell, later ones over earlier ones.
        superseded: numbers of alerts and notes after which the run went back to an earlier step.
        samples: by id, oldest first.
        checkpoints: by path, oldest first.
        changes: counts what was taken in, so that a reader can tell whether anything is new.
    """

    alerts: deque[tuple[int, Record]] = field(default_factory=lambda: deque(maxlen=MOST_ALERTS))
    alert_count: int = 0
    superseded: set[int] = field(default_factory=set)
    samples: dict[str, Sample] = field(default_factory=dict)
    evaluations: deque[Record] = field(default_factory=lambda: deque(maxlen=MOST_EVALUATIONS))
    checkpoints: dict[str, Record] = field(default_factory=dict)
    notes: deque[Record] = field(default_factory=lambda: deque(maxlen=MOST_NOTES))
    starts: list[Record] = field(default_factory=list)
    data: Record | None = None
    end: Record | None = None
    changes: int = 0

    def add(self, record: Record) -> None:
        """Take in one record of any kind; steps and other plain curves are let pass."""
        take = _TAKERS.get(str(record.kind))
        if take is not None:
            self.changes += 1
            take(self, record)

    def rewind(self, step: int) -> None:
        """The run went back to this step: what it said of later ones no longer holds."""
        self.superseded.update(number for number, alert in self.alerts if alert.step > step)
        self.evaluations = deque((kept for kept in self.evaluations if kept.step <= step), MOST_EVALUATIONS)
        self.samples = {id_: sample for id_, sample in self.samples.items() if sample.record.step <= step}

    def records(self) -> list[Record]:
        """Records from which `add` makes the same again, but for what was superseded."""
        scored = [sample.quality for sample in self.samples.values() if sample.quality is not None]
        found = [
            *self.starts,
            *(alert for _, alert in self.alerts),
            *(sample.record for sample in self.samples.values()),
        ]
        found += [*scored, *self.evaluations, *self.checkpoints.values(), *self.notes]
        return found + [record for record in (self.data, self.end) if record is not None]

    def _take_alert(self, record: Record) -> None:
        self.alerts.append((self.alert_count, record))
        self.alert_count += 1

    def _take_sample(self, record: Record) -> None:
        id_ = sample_id(record)
        self.samples.pop(id_, None)
        self.samples[id_] = Sample(id_, record)
        if len(self.samples) > MOST_SAMPLES:
            del self.samples[next(iter(self.samples))]

    def _take_quality(self, record: Record) -> None:
        if record.fields.get("scope") == "sample":
            sample = self.samples.get(sample_id(record))
            if sample is not None:
                sample.quality = record
        else:
            self.evaluations.append(record)

    def _take_checkpoint(self, record: Record) -> None:
        path = str(record.fields.get("path"))
        self.checkpoints.pop(path, None)
        self.checkpoints[path] = record

    def _take_note(self, record: Record) -> None:
        self.notes.append(record)

    def _take_start(self, record: Record) -> None:
        self.starts.append(record)
        self.end = None

    def _take_data(self, record: Record) -> None:
        before = self.data
        if before is not None:  # the corpus is told at the start, its use at each epoch
            record = replace(
                record, fields={**before.fields, **record.fields}, scalars={**before.scalars, **record.scalars}
            )
        self.data = record

    def _take_end(self, record: Record) -> None:
        self.end = record


_TAKERS = {
    "alert": RunEvents._take_alert,
    "sample": RunEvents._take_sample,
    "quality": RunEvents._take_quality,
    "checkpoint": RunEvents._take_checkpoint,
    "note": RunEvents._take_note,
    "start": RunEvents._take_start,
    "data": RunEvents._take_data,
    "end": RunEvents._take_end,
}


def sample_id(record: Record) -> str:
    """`000400_0`: the file's name without its ending, or step and slot where there is no file."""
    path = record.fields.get("path")
    if isinstance(path, str) and path:
        return PurePosixPath(path).stem
    return f"{record.step:06d}_{record.fields.get('slot', 0)}"
