"""Records to JSON lines and back.

One line is `{"v":1,"kind":"step","step":12,"time":...,"scalars":{...},"fields":{...}}` and one newline. JSON has no
NaN: a non-finite scalar is null, and `"nonfinite":{"loss/kl":"NaN"}` stands beside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson

from aurl.errors import RecordError
from aurl.record import Kind, Record

VERSION = 1
_KNOWN_KEYS = frozenset({"v", "kind", "step", "time", "scalars", "fields", "nonfinite"})
_KINDS: dict[str, Kind] = {kind.value: kind for kind in Kind}
_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode(record: Record) -> bytes:
    """The record as one line of UTF-8 JSON, newline included.

    Values that JSON lacks are made to fit rather than refused: paths and unknown objects become strings, numpy
    scalars numbers, lone surrogates replacement characters, integers beyond 64 bits floats (as scalars) or strings.
    """
    scalars = record.scalars
    line: dict[str, Any] = {
        "v": VERSION,
        "kind": record.kind,
        "step": record.step,
        "time": record.time,
        "scalars": scalars,
        "fields": record.fields,
    }
    try:
        # One sum finds any NaN or infinity; a finite sum proves that all are finite.
        if not math.isfinite(sum(scalars.values())):
            line["nonfinite"] = _nonfinite(scalars)
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except (TypeError, ValueError, OverflowError):
        return _encode_anything(record)


def decode(line: bytes | str) -> Record:
    """The record of one line.

    Keys of a later version are kept in `fields`; a null scalar without a `nonfinite` note is NaN.

    Raises:
        RecordError: the line is not a JSON object with a kind and a step.
    """
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise RecordError(f"not a JSON line: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str) or not isinstance(data.get("step"), int):
        raise RecordError("not a record: needs a string 'kind' and an integer 'step'")
    kind: str = data["kind"]
    return Record(
        kind=_KINDS.get(kind, kind),
        step=data["step"],
        scalars=_decode_scalars(data.get("scalars"), data.get("nonfinite")),
        fields=_decode_fields(data),
        time=_decode_time(data.get("time")),
    )


def _nonfinite(scalars: Mapping[str, float]) -> dict[str, str]:
    return {name: _spell(value) for name, value in scalars.items() if not math.isfinite(value)}


def _spell(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _encode_anything(record: Record) -> bytes:
    scalars = {_text(name): _number(value) for name, value in record.scalars.items()}
    line = {
        "v": VERSION,
        "kind": _text(record.kind),
        "step": int(record.step),
        "time": float(record.time),
        "scalars": scalars,
        "fields": _plain(record.fields),
    }
    if nonfinite := _nonfinite(scalars):
        line["nonfinite"] = nonfinite
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        return math.nan


def _text(value: object) -> str:
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return float(value) if isinstance(value, float) else value  # np.float64 is a float that orjson refuses
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, Mapping):
        return {_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return _plain(value.tolist()) if hasattr(value, "tolist") else _text(value)  # numpy arrays, torch tensors


def _decode_scalars(scalars: Any, nonfinite: Any) -> dict[str, float]:
    if not isinstance(scalars, dict):
        return {}
    spelled = nonfinite if isinstance(nonfinite, dict) else {}
    return {
        name: _NONFINITE.get(str(spelled.get(name)), math.nan) if value is None else value
        for name, value in scalars.items()
        if value is None or isinstance(value, (int, float))
    }


def _decode_fields(data: dict[str, Any]) -> dict[str, Any]:
    fields = data.get("fields")
    kept = dict(fields) if isinstance(fields, dict) else {}
    for key in data.keys() - _KNOWN_KEYS:
        kept.setdefault(key, data[key])
    return kept


def _decode_time(time: Any) -> float:
    return float(time) if isinstance(time, (int, float)) else 0.0
