"""The parts of a report as HTML."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aurl.machine.untrusted import read_regular
from aurl.record import Kind, Record
from aurl.report.curves import charts, left_out
from aurl.report.story import Story
from aurl.scalars import describe
from aurl.show.chart import draw
from aurl.show.markup import escaped, flat, plain, table
from aurl.show.page import Section
from aurl.show.wording import duration, local_time

KEY = ("val/loss/total", "val/loss/recon", "val/loss/kl", "val/accuracy", "loss/total", "accuracy",
        "quality/mean/overall", "quality/mean/copied_fraction", "quality/mean/valid_tokens", "throughput/tokens",
        "throughput/samples", "time/step", "system/ram_gb", "system/gpu_used_gb")  # fmt: skip
_STATUS = {
    "done": "finished as planned",
    "running": "still running when this was written",
    "stopped": "stopped before its plan was through",
    "failed": "ended with an error",
    "preempted": "pre-empted; it can be resumed",
    "crashed": "its process is gone without a word; the event log holds what happened until then",
    "unreadable": "its run.json cannot be read; told from the event log",
}
_MOST_NOTES = 40
_MOST_FILE_BYTES = 4 * 2**20


def header(story: Story) -> str:
    """Name, status and the facts of the run."""
    run, document = story.run, story.run.document
    start = story.of(Kind.START)[-1].fields if story.of(Kind.START) else {}
    facts = {
        "run": run.id,
        "started": _date(run.started),
        "took": duration(took) if (took := run.duration(time.time())) is not None else None,
        "steps": _of(run.step, start.get("steps") or document.get("steps")),
        "model": start.get("model"),
        "parameters": f"{start['parameters']:,}" if isinstance(start.get("parameters"), int) else None,
        "device": start.get("device"),
        "seed": document.get("seed"),
        "tags": ", ".join(map(str, document.get("tags") or ())) or None,
    }
    rows = "".join(f"<div><dt>{name}</dt><dd>{escaped(value)}</dd></div>" for name, value in facts.items() if value)
    message = f"<p>{escaped(document['message'])}</p>" if document.get("message") else ""
    status = f"<b>{escaped(run.status)}</b> {_STATUS.get(run.status, '')}"
    return (
        f'<h1>{escaped(run.name)}</h1><p class="status {_word(run.status)}">{status}</p>'
        f'{message}<dl class="facts">{rows}</dl>'
    )


def results(story: Story) -> list[Section]:
    """Last and best values of what matters most."""
    rows = []
    for name in KEY:
        found = story.run.summary.get(name)
        if not found or not isinstance(found.get("last"), (int, float)):
            continue
        told = describe(name)
        best = found.get("best") if told.better != "neither" else None
        shown = f"{told.show(best)} at step {found.get('best_step')}" if isinstance(best, (int, float)) else ""
        rows.append([label(story, name), told.show(found["last"]), shown])
    return [Section("Results", table(["", "last", "best"], rows))] if rows else []


def label(story: Story, name: str) -> str:
    """A scalar's name for people; of musical quality with the profile, without which it says nothing."""
    told = describe(name).label or name
    profiles = [record.fields["profile"] for record in story.of(Kind.QUALITY) if record.fields.get("profile")]
    return f"{told} (like {plain(profiles[-1])})" if profiles and name.startswith("quality/") else told


def alerts(story: Story) -> list[Section]:
    """Every incident with its evidence, cause and what to do."""
    found = story.alerts
    if not found:
        watched = "Nothing to report: no detector found anything wrong." if story.of(Kind.START) else ""
        return [Section("Alerts", f"<p>{watched}</p>")] if watched else []
    return [Section("Alerts", f'<ol class="alerts">{"".join(map(_alert, found))}</ol>', len(found))]


def _alert(alert: Record) -> str:
    fields = alert.fields
    severity = _word(fields.get("severity"))
    onset = fields.get("onset_step")
    began = f", began at step {onset}" if isinstance(onset, int) and onset != alert.step else ""
    cause = f"<p><b>Likely cause</b> {escaped(fields['cause'])}</p>" if fields.get("cause") else ""
    advice = "".join(f"<li>{escaped(item)}</li>" for item in _listed(fields.get("suggestions")))
    return (
        f'<li class="{severity}"><h3><span>{severity}</span> {escaped(fields.get("type"))}'
        f" <small>step {alert.step}{began}</small></h3><p>{escaped(fields.get('message'))}</p>{cause}"
        f"{f'<ul>{advice}</ul>' if advice else ''}</li>"
    )


def curves(story: Story) -> list[Section]:
    """All charts, groups in the order in which people look at them."""
    parts = []
    for title, group in charts(story):
        drawn = "".join(map(draw, group))
        if drawn:
            parts.append(f'<h3>{escaped(title)}</h3><div class="charts">{drawn}</div>')
    if more := left_out(story):
        parts.append(f"<p>{more} more scalars are in events/scalars.parquet.</p>")
    return [Section("Curves", "".join(parts))] if parts else []


def data(story: Story) -> list[Section]:
    """The corpus and what was used of it."""
    rows = []
    for record in [*story.of(Kind.DATA)[:1], *story.of(Kind.DATA)[1:][-1:]]:
        rows += [[name.replace("_", " "), plain(value)] for name, value in flat(record.fields).items()]
    return [Section("Data", table(["", ""], rows))] if rows else []


def config(story: Story) -> list[Section]:
    """The whole configuration, and what was typed."""
    argv = story.run.document.get("argv")
    typed = f"<pre>{escaped(' '.join(map(str, argv)))}</pre>" if isinstance(argv, list) else ""
    rows = [[name, plain(value)] for name, value in sorted(story.config.items())]
    content = typed + (f"<details><summary>{len(rows)} keys</summary>{table(['', ''], rows)}</details>" if rows else "")
    return [Section("Configuration", content)] if content else []


def environment(story: Story) -> list[Section]:
    """Machine, versions, commit, packages."""
    document = story.run.document
    names = ("host", "platform", "cpu", "ram_gb", "gpus", "python", "torch", "cuda", "aurl", "git", "job", "imported")
    rows = [[name, plain(value)] for at in names for name, value in flat({at: document.get(at)}).items() if value]
    content = table(["", ""], rows) if rows else ""
    content += _file(story.path / "packages.txt", "installed packages")
    content += _file(story.path / "git.diff", "uncommitted changes")
    return [Section("Environment", content)] if content else []


def notes(story: Story) -> list[Section]:
    """What was said beside the numbers, warnings and worse; then how to go on."""
    said = [note for note in story.of(Kind.NOTE) if note.fields.get("level") in ("warning", "error", "critical")]
    rows = [[str(note.step), str(note.fields.get("level")), str(note.fields.get("message"))] for note in said]
    parts = [Section("Warnings", table(["step", "", ""], rows[-_MOST_NOTES:]), len(rows))] if rows else []
    place = story.path
    commands = [f"aurl compare {place.parent}", f"aurl lint {place}", f"aurl plot {place} -o figure.pdf"]
    if story.of(Kind.CHECKPOINT):
        commands = [f"aurl generate {place} n=8", f"python train.py resume={place}", *commands]
    return [*parts, Section("Go on", f"<pre>{escaped(chr(10).join(commands))}</pre>")]


def _file(path: Path, title: str) -> str:
    try:
        text = read_regular(path, _MOST_FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    lines = text.count("\n")
    return f"<details><summary>{title}, {lines} lines</summary><pre>{escaped(text)}</pre></details>"


def _word(value: object) -> str:
    """A class name: letters alone."""
    return "".join(sign for sign in str(value) if sign.isascii() and sign.isalpha())


def _listed(value: object) -> Iterator[Any]:
    yield from value if isinstance(value, (list, tuple)) else ()


def _of(step: int, steps: object) -> str:
    return f"{step:,} of {steps:,}" if isinstance(steps, int) and steps else f"{step:,}"


def _date(seconds: float | None) -> str | None:
    when = None if seconds is None else local_time(seconds)
    return None if when is None else f"{when.astimezone():%Y-%m-%d %H:%M:%S %Z}"
