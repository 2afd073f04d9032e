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
from aurl.machine.numbers import LARGEST_STEP, named_values, real_number, valid_text, whole_step
from aurl.machine.untrusted import parse_json
from aurl.record import Kind, Record

VERSION = 1
_KNOWN_KEYS = frozenset({"v", "kind", "step", "time", "scalars", "fields", "nonfinite"})
_KINDS: dict[str, Kind] = {kind.value: kind for kind in Kind}
DEEPEST = 60  # levels of nesting in fields; what lies deeper becomes text
_NONFINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode(record: Record) -> bytes:
    """The record as one line of UTF-8 JSON, newline included.

    What it writes, `decode` reads. Values that JSON lacks are made to fit: paths and unknown objects become strings,
    numpy scalars numbers, lone surrogates replacement characters, integers beyond 64 bits floats (as scalars) or
    strings, and what is nested deeper than 60 levels its text.

    Raises:
        RecordError: a step, name or value that no record can hold, see `aurl.machine.numbers`.
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
        if type(record.step) is not int or not 0 <= record.step <= LARGEST_STEP or not math.isfinite(record.time):
            return _encode_anything(record)
        # One sum finds any NaN or infinity; a finite sum proves that all are finite.
        if not math.isfinite(sum(scalars.values())):
            line["nonfinite"] = _nonfinite(scalars)
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except RecordError:
        raise
    except (TypeError, ValueError, OverflowError, RuntimeError):  # the last is what torch says of a complex value
        return _encode_anything(record)


def decode(line: bytes | str) -> Record:
    """The record of one line.

    Keys of a later version are kept in `fields`; a null scalar without a `nonfinite` note is NaN.

    Raises:
        RecordError: the line is not a JSON object with a kind and a step.
    """
    try:
        data = parse_json(line)
    except ValueError as error:
        raise RecordError(f"not a JSON line: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
        raise RecordError("not a record: needs a string 'kind' and a whole 'step'")
    kind: str = data["kind"]
    return Record(
        kind=_KINDS.get(kind, kind),
        step=whole_step(data.get("step")),
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
    scalars = {name: real_number(name, value) for name, value in named_values(record.scalars).items()}
    when = real_number("time", record.time)
    line = {
        "v": VERSION,
        "kind": valid_text(record.kind),
        "step": whole_step(record.step),
        "time": when if math.isfinite(when) else 0.0,
        "scalars": scalars,
        "fields": plain(record.fields),
    }
    if nonfinite := _nonfinite(scalars):
        line["nonfinite"] = nonfinite
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON has it: what JSON lacks becomes a number, a list or text."""
    if value is None or isinstance(value, (bool, float)):
        return float(value) if isinstance(value, float) else value  # np.float64 is a float that orjson refuses
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, str) or depth >= DEEPEST:
        return valid_text(value)
    if isinstance(value, Mapping):
        return {valid_text(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in value]
    return plain(value.tolist(), depth + 1) if hasattr(value, "tolist") else valid_text(value)  # arrays, tensors


def _decode_scalars(scalars: Any, nonfinite: Any) -> dict[str, float]:
    if not isinstance(scalars, dict):
        return {}
    spelled = nonfinite if isinstance(nonfinite, dict) else {}
    return {
        name: _NONFINITE.get(str(spelled.get(name)), math.nan) if value is None else float(value)
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
