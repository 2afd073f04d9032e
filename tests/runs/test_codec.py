from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.errors import RecordError
from aurl.record import Kind, Record
from aurl.runs.codec import decode, encode

names = st.text(min_size=1, max_size=20).filter(lambda s: s.encode("utf-8", "ignore").decode() == s)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
field_names = names.filter(lambda s: s not in {"v", "kind", "step", "time", "scalars", "fields", "nonfinite"})
records = st.builds(
    Record,
    kind=st.sampled_from(Kind),
    step=st.integers(0, 2**53),
    scalars=st.dictionaries(names, st.floats(), max_size=6),
    fields=st.dictionaries(field_names, json_values, max_size=4),
    time=st.floats(0, 4e9),
)


def same_number(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@given(records)
def test_a_record_survives_the_round_trip(record: Record) -> None:
    line = encode(record)
    back = decode(line)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert (back.kind, back.step, back.time) == (record.kind, record.step, record.time)
    assert dict(back.fields) == dict(record.fields)
    assert back.scalars.keys() == record.scalars.keys()
    assert all(same_number(back.scalars[name], value) for name, value in record.scalars.items())


@given(records)
def test_lines_are_standard_json(record: Record) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    parsed = json.loads(encode(record), parse_constant=refuse)
    assert set(parsed) <= {"v", "kind", "step", "time", "scalars", "fields", "nonfinite"}


def test_non_finite_scalars_are_spelled_beside() -> None:
    record = Record(Kind.STEP, 1, {"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1.0})
    parsed = json.loads(encode(record))
    assert parsed["scalars"] == {"a": None, "b": None, "c": None, "d": 1.0}
    assert parsed["nonfinite"] == {"a": "NaN", "b": "Infinity", "c": "-Infinity"}


def test_finite_values_whose_sum_overflows_stay_finite() -> None:
    parsed = json.loads(encode(Record(Kind.STEP, 1, {"a": 1e308, "b": 1e308})))
    assert parsed["scalars"] == {"a": 1e308, "b": 1e308}
    assert not parsed.get("nonfinite")


def test_values_that_json_lacks_are_made_to_fit() -> None:
    fields = {
        "path": Path("a/b"),
        "array": np.arange(3),
        "huge": 2**70,
        "text": "\ud800",
        "set": {1},
        "np": np.float64(2),
    }
    back = decode(encode(Record(Kind.NOTE, 1, {"x": np.float32(0.5)}, fields)))  # type: ignore[arg-type]
    assert back.fields == {"path": "a/b", "array": [0, 1, 2], "huge": str(2**70), "text": "?", "set": [1], "np": 2.0}
    assert back.scalars == {"x": 0.5}


def test_what_a_later_version_writes_is_kept() -> None:
    back = decode(b'{"v":9,"kind":"dream","step":3,"time":1,"scalars":{"a":1},"fields":{"b":2},"mood":"good"}\n')
    assert back.kind == "dream"
    assert back.fields == {"b": 2, "mood": "good"}


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"1", b'{"kind":1,"step":1}', b'{"kind":"step"}', b"\xff\xfe", b'{"kind":"st']
)
def test_what_is_no_record_is_refused(line: bytes) -> None:
    with pytest.raises(RecordError):
        decode(line)


@given(st.binary(max_size=80))
def test_any_bytes_give_a_record_or_a_record_error(line: bytes) -> None:
    with suppress(RecordError):
        assert isinstance(decode(line), Record)
