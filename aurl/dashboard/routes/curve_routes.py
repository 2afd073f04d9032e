"""Curves of one run or of many, and bands over runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from aurl.dashboard.routes.requests import Parts, RefusedError, answer, choice, names, parts, real, whole_number
from aurl.dashboard.store import packing
from aurl.dashboard.store.bands import band_of
from aurl.dashboard.store.curves import AXES, Abscissa, Abscissas, Axis, DrawnCurve, Snapshot, draw
from aurl.dashboard.store.serializers import ingest_json, number
from aurl.library.facts import plain
from aurl.show.arrays import Floats

MOST_CURVES = 1000
MOST_NUMBERS = 1_000_000
_SPARK_POINTS = 64
_SPARKS_AT_ONCE = 60


@dataclass(frozen=True, slots=True)
class _Wanted:
    axis: Axis
    low: float
    high: float
    points: int
    smooth: float


async def curves(request: Request) -> Response:
    """`/api/curves`."""
    known = parts(request)
    keys, wanted_names = known.runs(request), names(request)
    if len(keys) * len(wanted_names) > MOST_CURVES:
        raise RefusedError(400, f"{len(keys)} runs x {len(wanted_names)} names: at most {MOST_CURVES} curves at once")
    wanted = _wanted(request, max(1, len(keys) * len(wanted_names)))
    pack = choice(request, "format", ("json", "binary"))
    return await run_in_threadpool(_curves, known, keys, wanted_names, wanted, pack)


async def sparks(request: Request) -> Response:
    """`/api/sparks`: the main loss of each run in a few points."""
    known = parts(request)
    keys = known.runs(request)[:_SPARKS_AT_ONCE]
    return await run_in_threadpool(lambda: answer({"sparks": {key: _spark(known, key) for key in keys}}))


async def bands(request: Request) -> Response:
    """`/api/bands`: mean and interval over the runs of each group."""
    known = parts(request)
    groups = [[key for key in group.split(",") if key] for group in request.query_params.getlist("group")]
    if sum(map(len, groups)) > MOST_CURVES or len(groups) > MOST_CURVES:
        raise RefusedError(400, f"at most {MOST_CURVES} runs in all groups")
    wanted = replace(_wanted(request, 1), points=whole_number(request, "points", 300, 10, 2000))
    return await run_in_threadpool(_bands, known, groups, names(request), wanted)


def _wanted(request: Request, how_many: int) -> _Wanted:
    points = whole_number(request, "points", 1500, 10, 20_000)
    while points > 20 and how_many * points * 3 > MOST_NUMBERS:
        points //= 2
    smooth = real(request, "smooth", 0.0)
    if not 0 <= smooth < 1:
        raise RefusedError(400, f"smooth={smooth}: allowed is 0 up to 0.9999")
    low, high = real(request, "from", -math.inf), real(request, "to", math.inf)
    return _Wanted(choice(request, "x", AXES), low, high, points, min(smooth, 0.9999))


def _curves(known: Parts, keys: Sequence[str], wanted_names: Sequence[str], wanted: _Wanted, pack: str) -> Response:
    drawn: list[dict[str, Any]] = []
    about: dict[str, Any] = {}
    known.begin_to_open(keys)
    for key in keys:
        try:
            about[key], found = _one_run(known, key, wanted_names)
        except RefusedError as refused:
            about[key] = {"error": str(refused)}
            drawn += [{"run": key, "name": name, "error": str(refused)} for name in wanted_names]
            continue
        places = Abscissas(wanted.axis)
        steps = about[key]["alert_steps"]
        drawn += [_drawn(key, name, points, wanted, places=places, alert_steps=steps) for name, points in found.items()]
    document = {"x": wanted.axis, "curves": drawn, "runs": about}
    if pack == "binary":
        return Response(packing.pack_binary(document), media_type=packing.BINARY)
    return Response(packing.pack_json(document), media_type=packing.JSON)


def _one_run(known: Parts, key: str, wanted: Sequence[str]) -> tuple[dict[str, Any], dict[str, Snapshot | None]]:
    store = known.open(known.by_key(key))
    with store.lock:
        found = {name: store.snapshot(name) for name in wanted}
        store.mark()
        about = {"generation": store.generation, "cursor": store.cursor, "first_time": number(store.first_time)}
    return about | {"alert_steps": store.alert_steps(), "ingest": ingest_json(store), "error": None}, found


def _drawn(
    key: str,
    name: str,
    points: Snapshot | None,
    wanted: _Wanted,
    *,
    places: Abscissas,
    alert_steps: Sequence[int],
) -> dict[str, Any]:
    if points is None:
        return {"run": key, "name": name, "error": f"the run has no scalar {name!r} (yet)"}
    curve = draw(
        points,
        places.of(points),
        low=wanted.low,
        high=wanted.high,
        most=wanted.points,
        smooth=wanted.smooth,
        keep_steps=alert_steps,
    )
    return {
        "run": key,
        "name": name,
        "count": curve.count,
        "total": curve.total,
        "exact": curve.exact,
        "x": curve.x,
        "y": curve.y,
        "smooth": curve.smooth,
        "step": None if wanted.axis == "step" else curve.step.astype(np.float64),
        "nonfinite": [[x, step, plain(value)] for x, step, value in curve.nonfinite],
        "nonfinite_total": curve.nonfinite_total,
        "range": [number(curve.low), number(curve.high)],
        "alerts": _alerts_on(curve, alert_steps),
    }


def _alerts_on(curve: DrawnCurve, alert_steps: Sequence[int]) -> list[float]:
    """Where on the axis the alert steps lie."""
    if not len(curve.x) or not alert_steps:
        return []
    steps = np.array(alert_steps)
    at = np.searchsorted(curve.step, steps, "right") - 1
    inside = (at >= 0) & (steps <= curve.step[-1])
    return [float(x) for x in np.unique(curve.x[at[inside]])]


def _spark(known: Parts, key: str) -> dict[str, Any] | None:
    try:
        entry = known.by_key(key)
        store = known.open(entry, wait=0.5)
    except RefusedError:
        return None
    metric = entry.row["loss"]["metric"]
    for name in ("loss/total", metric, "val/loss/total"):
        points = store.snapshot(name) if name else None
        if points is not None:
            curve = draw(points, Abscissa.of(points, "step"), most=_SPARK_POINTS)
            return {"metric": name, "x": curve.x.tolist(), "y": curve.y.tolist(), "state": store.state}
    return None


def _stretch(points: Snapshot, how: _Wanted) -> tuple[Floats, Floats]:
    """x and y of every finite point in the stretch, smoothed as asked for."""
    most = max(1, len(points.values))
    curve = draw(points, Abscissa.of(points, how.axis), low=how.low, high=how.high, most=most, smooth=how.smooth)
    inside = (curve.x >= how.low) & (curve.x <= how.high)
    return curve.x[inside], (curve.y if curve.smooth is None else curve.smooth)[inside]


def _bands(known: Parts, groups: Sequence[Sequence[str]], wanted: Sequence[str], how: _Wanted) -> Response:
    found: list[dict[str, Any]] = []
    for number_, group in enumerate(groups):
        stores = []
        for key in group:
            try:
                stores.append(known.open(known.by_key(key)))
            except RefusedError:
                continue
        for name in wanted:
            drawn: list[tuple[Floats, Floats]] = []
            for store in stores:
                points = store.snapshot(name)
                if points is not None:
                    drawn.append(_stretch(points, how))
            drawn = [curve for curve in drawn if len(curve[0])]
            found.append({"group": number_, "name": name, "n": len(drawn), **band_of(drawn, how.points)})
    return Response(packing.pack_json({"x": how.axis, "bands": found}), media_type=packing.JSON)
