"""Each record as one sentence, the same in the text log and on the console."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from aurl.record import Kind, Record, Severity
from aurl.scalars import describe
from aurl.show.wording import duration, finite, number, printable

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_SEVERITY_LEVELS = {
    Severity.INFO.value: "INFO",
    Severity.WARNING.value: "WARNING",
    Severity.CRITICAL.value: "ERROR",
    Severity.FATAL.value: "CRITICAL",
}
_STATUS_LEVELS = {"done": "INFO", "stopped": "WARNING", "preempted": "WARNING", "failed": "ERROR"}


def level(record: Record) -> str:
    """One of `LEVELS`: of an alert by its severity, of a note by its own level, of an end by its status."""
    choose = _LEVELS.get(record.kind)
    return choose(record) if choose else "INFO"


def _alert_level(record: Record) -> str:
    return _SEVERITY_LEVELS.get(str(record.fields.get("severity")), "WARNING")


def _note_level(record: Record) -> str:
    name = str(record.fields.get("level", "info")).upper()
    return name if name in LEVELS else "INFO"


def _end_level(record: Record) -> str:
    return _STATUS_LEVELS.get(str(record.fields.get("status")), "WARNING")


def headline(record: Record) -> str:
    """One printable line that says what happened; empty for a kind that has none, such as SYSTEM."""
    say = _SAYINGS.get(record.kind)
    return printable(say(record) or "-") if say else ""


def position(record: Record) -> str:
    """`after epoch 5` or `at step 400`, whichever the record knows."""
    epoch = record.fields.get("epoch")
    return f"at step {record.step}" if epoch is None else f"after epoch {epoch}"


def _start(record: Record) -> str:
    fields = record.fields
    resumed = fields.get("resumed_from")
    begins = "started" if resumed is None else f"resumed from step {resumed}"
    parts = [str(fields[name]) for name in ("model", "device", "precision") if fields.get(name)]
    if (parameters := finite(fields.get("parameters"))) is not None:
        parts.insert(1 if fields.get("model") else 0, f"{parameters:,.0f} parameters")
    if fields.get("epochs") and fields.get("batches"):
        parts.append(f"{fields['epochs']} epochs of {fields['batches']} batches")
    return f"Run {fields.get('run') or fields.get('name')} {begins}{_list(parts)}"


def _step(record: Record) -> str:
    return f"Step {record.step}{_list(shown(record.scalars, ('lr', 'grad/norm', 'throughput/tokens')))}"


def _eval(record: Record) -> str:
    others = [name for name in record.scalars if not name.startswith("val/loss/")]
    return f"Validation at step {record.step}{_list(shown(record.scalars, others))}"


def _epoch(record: Record) -> str:
    return f"Epoch {record.fields.get('epoch', '?')} complete"


def _data(record: Record) -> str:
    names = [name for name in record.scalars if name not in ("data/files", "data/augmented")]
    parts = shown(record.scalars, names)
    pieces = record.fields.get("pieces")
    if isinstance(pieces, Mapping):
        parts.append(f"{', '.join(f'{count} {split}' for split, count in pieces.items())} pieces")
    rejected = record.fields.get("rejected_count", record.fields.get("rejected"))
    if rejected:
        parts.append(f"{len(rejected) if isinstance(rejected, (list, tuple)) else rejected} files rejected")
    return f"Data {position(record)}{_list(parts)}"


def _sample(record: Record) -> str:
    return f"Sample at step {record.step}{_list(shown(record.scalars, record.scalars))}"


def _quality(record: Record) -> str:
    """A score, always with the name of what it is a likeness to."""
    fields, scalars = record.fields, record.scalars
    against = f" (like {fields['profile']})" if fields.get("profile") else ""
    if fields.get("scope") == "sample":
        which = f" of sample {fields['slot']}" if "slot" in fields else ""
        parts = _named(scalars, ("quality/overall", "quality/copied_fraction"))
        return f"Quality{which} at step {record.step}{against}{_list(parts)}"
    if "quality/mean/overall" not in scalars:
        parts = [f"{name.removeprefix('quality/')} {number(value)}" for name, value in scalars.items()]
        return f"Quality at step {record.step}{against}{_list(parts)}"
    parts = [f"overall {number(scalars['quality/mean/overall'])}"]
    for label, name in (("95% interval", "ci"), ("real music", "band")):
        if f"quality/{name}_low" in scalars:
            low, high = scalars[f"quality/{name}_low"], scalars[f"quality/{name}_high"]
            parts.append(f"{label} {number(low)} to {number(high)}")
    parts += _named(scalars, ("quality/mean/copied_fraction", "quality/mean/valid_tokens", "quality/samples"))
    trend = fields.get("trend")
    if isinstance(trend, Mapping) and trend.get("direction"):
        parts.append(f"trend {trend['direction']}")
    return f"Quality at step {record.step}{against}{_list(parts)}"


def _named(scalars: Mapping[str, float], names: Iterable[str]) -> list[str]:
    return [f"{name.rsplit('/', 1)[-1].replace('_', ' ')} {number(scalars[name])}" for name in names if name in scalars]


def _alert(record: Record) -> str:
    fields = record.fields
    parts = [f"{fields.get('type', 'alert')} at step {record.step}: {fields.get('message', '')}"]
    times = finite(fields.get("count"))
    if times is not None and times > 1:
        parts.append(f"({times:.0f} times since the last report)")
    if fields.get("cause"):
        parts.append(f"Cause: {fields['cause']}")
    suggestions = fields.get("suggestions")
    if isinstance(suggestions, (list, tuple)) and suggestions:
        parts.append(f"Try: {'; '.join(str(item) for item in suggestions)}")
    return " ".join(parts)


def _checkpoint(record: Record) -> str:
    fields = record.fields
    parts = [str(fields["reason"])] if fields.get("reason") else []
    value = finite(fields.get("value"))
    if fields.get("best") and value is not None:
        parts.append(f"{fields.get('metric')} {number(value)}, the best so far")
    return f"Checkpoint {fields.get('path', '')} saved at step {record.step}{_list(parts)}"


def _note(record: Record) -> str:
    return str(record.fields.get("message", ""))


def _end(record: Record) -> str:
    total = finite(record.scalars.get("time/total"))
    took = "" if total is None else f" in {duration(total)}"
    message = record.fields.get("message")
    why = f": {message}" if message else ""
    return f"Run {record.fields.get('status', 'ended')} after {record.step} steps{took}{why}"


def shown(scalars: Mapping[str, float], names: Iterable[str]) -> list[str]:
    """`["learning rate 0.0003", "5120 tokens/s"]`: values with a label or a unit, of those names that are there."""
    return [_labelled(name, scalars[name]) for name in names if name in scalars]


def _labelled(name: str, value: float) -> str:
    before, spec, after = _frame(name)
    try:
        return f"{before}{value:{spec}}{after}"
    except (TypeError, ValueError, OverflowError):  # something other than a float
        return f"{before}{number(value)}{after}"


@lru_cache(maxsize=4096)
def _frame(name: str) -> tuple[str, str, str]:
    scalar = describe(name)
    if scalar.unit:
        return "", scalar.format, f" {scalar.unit}"
    label = scalar.label  # lower case but for "KL" and its like
    return (label if label[1:2].isupper() else label[:1].lower() + label[1:]) + " ", scalar.format, ""


def _list(parts: list[str]) -> str:
    return f": {', '.join(parts)}" if parts else ""


_SAYINGS: dict[str, Callable[[Record], str]] = {
    Kind.START: _start,
    Kind.STEP: _step,
    Kind.EVAL: _eval,
    Kind.EPOCH: _epoch,
    Kind.DATA: _data,
    Kind.SAMPLE: _sample,
    Kind.QUALITY: _quality,
    Kind.ALERT: _alert,
    Kind.CHECKPOINT: _checkpoint,
    Kind.NOTE: _note,
    Kind.END: _end,
}
_LEVELS: dict[str, Callable[[Record], str]] = {
    Kind.ALERT: _alert_level,
    Kind.NOTE: _note_level,
    Kind.END: _end_level,
}
