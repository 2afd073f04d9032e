"""The generated pieces of a run: their scores, and their notes for a piano roll."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from aurl.dashboard.live.catalog import RunEntry
from aurl.dashboard.routes import paths
from aurl.dashboard.routes.requests import Parts, RefusedError, answer, parts, whole_number
from aurl.dashboard.store.serializers import evaluation_json, sample_json
from aurl.music.midi import MAX_BYTES, MidiError, parse_midi
from aurl.music.notes import DEFAULT_BAR, TICKS_PER_BEAT
from aurl.show.player import music_json

MOST_NOTES = 50_000
_EXTREMES = 5
_METRICS = (
    "rhythm_consistency", "rhythm_diversity", "harmonic_coherence", "melodic_contour", "note_density", "pitch_range",
    "dynamic_range", "repetition_score", "structural_coherence", "overall",
)  # fmt: skip


async def samples(request: Request) -> Response:
    """`/api/samples`."""
    known = parts(request)
    entry = known.run(request)
    low = whole_number(request, "from", 0, 0, 2**62)
    high = whole_number(request, "to", 2**62, 0, 2**62)
    slot = request.query_params.get("slot", "")
    limit = whole_number(request, "limit", 500, 1, 5000)
    return await run_in_threadpool(_samples, known, entry, (low, high), slot, limit)


async def notes(request: Request) -> Response:
    """`/api/notes`: one piece as columns of notes."""
    known = parts(request)
    entry = known.run(request)
    return await run_in_threadpool(_notes, known, entry, request.query_params.get("path", ""))


def _samples(known: Parts, entry: RunEntry, span: tuple[int, int], slot: str, limit: int) -> Response:
    store = known.open(entry)
    with store.lock:
        every = list(store.events.samples.values())
        evaluations = [evaluation_json(record) for record in store.events.evaluations]
    wanted = [
        sample
        for sample in reversed(every)
        if span[0] <= sample.record.step <= span[1] and slot in ("", str(sample.record.fields.get("slot")))
    ]
    scored = [
        (sample.quality.scalars["quality/overall"], sample.id)
        for sample in every
        if sample.quality is not None and "quality/overall" in sample.quality.scalars
    ]
    scored.sort()
    document: dict[str, Any] = {
        "samples": [sample_json(sample, entry.path, entry.row["key"]) for sample in wanted[:limit]],
        "total": len(wanted),
        "slots": sorted({one for sample in every if isinstance(one := sample.record.fields.get("slot"), int)}),
        "steps": sorted({sample.record.step for sample in every}),
        "evaluations": evaluations,
        "metrics": list(_METRICS),
        "band": (evaluations[-1]["band"] or None) if evaluations else None,
        "best": [id_ for _, id_ in reversed(scored[-_EXTREMES:])],
        "worst": [id_ for _, id_ in scored[:_EXTREMES]],
    }
    return answer(document)


def _notes(known: Parts, entry: RunEntry, relative: str) -> Response:
    suffix = PurePosixPath(relative).suffix.lower()
    data = (
        paths.read_inside(known.catalog.root, entry.path, relative, MAX_BYTES) if suffix in (".mid", ".midi") else None
    )
    if data is None or entry.blocked:
        raise RefusedError(404, "no such MIDI file in this run")
    try:
        piece = parse_midi(data)
    except MidiError as error:
        return answer(_unshown(relative, f"the MIDI file cannot be shown: {error}"))
    if len(piece) > MOST_NOTES:
        return answer(_unshown(relative, f"{len(piece)} notes; at most {MOST_NOTES} are shown"))
    copied = known.copies.spans(entry, piece, _copied_fraction(known, entry, relative))
    return answer({**music_json(piece), "name": PurePosixPath(relative).name, "copied": copied})


def _unshown(relative: str, why: str) -> dict[str, Any]:
    """A piece that stays silent; no error of HTTP, for the page shows the reason and goes on."""
    silence = {"bar": DEFAULT_BAR, "tempo": 120.0, "seconds": 0.0, "bars": 0, "notes": [], "copied": None}
    return {"ticks_per_beat": TICKS_PER_BEAT, "name": PurePosixPath(relative).name, "error": why, **silence}


def _copied_fraction(known: Parts, entry: RunEntry, relative: str) -> float | None:
    """What the run logged for this sample."""
    store = known.open(entry)
    with store.lock:
        sample = store.events.samples.get(PurePosixPath(relative).stem)
    if sample is None or sample.quality is None:
        return None
    return sample.quality.scalars.get("quality/copied_fraction")
