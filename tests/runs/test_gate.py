"""What passes the gate can be written and read again, and holds no secret."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aurl.errors import RecordError
from aurl.record import Kind, Record
from aurl.runs.codec import decode, encode
from aurl.runs.gate import Gate

hostile_text = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["\ud800", "\x00", "a\nb", "\u2028", "__class__"]
)
hostile_steps = st.one_of(
    st.integers(-5, 2**70), st.floats(), st.booleans(), st.none(), hostile_text, st.decimals(), st.complex_numbers(),
    st.integers(0, 100).map(np.int32), st.integers(0, 100).map(np.float32), st.integers(0, 9).map(torch.tensor),
    st.integers(0, 9).map(float), st.lists(st.integers(), max_size=2),
)  # fmt: skip
hostile_values = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.none(), hostile_text, st.decimals(), st.complex_numbers(),
    st.floats(width=16).map(np.float16), st.floats(width=32).map(torch.tensor),
    st.lists(st.floats(), max_size=2).map(np.array),
)  # fmt: skip
hostile_names = hostile_text | st.integers() | st.none() | st.floats() | st.binary(max_size=4)
hostile_fields = st.recursive(
    hostile_values | st.just(Path("/a")) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(hostile_text, inner, max_size=3) | st.sets(st.integers())
    ),
    max_leaves=8,
)
hostile_scalars = st.dictionaries(hostile_names, hostile_values, max_size=4)
hostile_mappings = st.dictionaries(hostile_text, hostile_fields, max_size=3)


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


@settings(max_examples=300)
@given(hostile_steps, hostile_scalars, hostile_mappings, hostile_values)
def test_what_passes_is_read_as_it_was_written(step: Any, scalars: Any, fields: Any, when: Any) -> None:
    try:
        record = Gate().record(Record(Kind.STEP, step, scalars, fields, when))
    except RecordError:
        return
    back = decode(encode(record))
    assert (back.kind, back.step, back.time) == (record.kind, record.step, record.time)
    assert back.scalars.keys() == record.scalars.keys()
    assert all(same(back.scalars[name], value) for name, value in record.scalars.items())
    assert encode(back) == encode(record)


@settings(max_examples=200)
@example(step=0, scalars={"": 1j, None: torch.tensor(0.0)}, fields={})
@given(step=hostile_steps, scalars=hostile_scalars, fields=hostile_mappings)
def test_what_encode_writes_decode_reads(step: Any, scalars: Any, fields: Any) -> None:
    """Without the gate too: a replayed or imported record may be anything."""
    try:
        line = encode(Record(Kind.STEP, step, scalars, fields, 0.0))
    except RecordError:
        return
    back = decode(line)
    assert encode(decode(encode(back))) == encode(back)
    assert isinstance(back.step, int)


@given(st.integers(0, 2**53), st.dictionaries(st.text("abc/", max_size=5), st.floats(), max_size=5))
def test_a_plain_record_passes_untouched_the_second_time(step: int, scalars: dict[str, float]) -> None:
    gate = Gate()
    first = gate.record(Record(Kind.STEP, step, scalars, {"epoch": 3, "eta": None}, 1.0))
    assert gate.is_plain(step, scalars, {"epoch": 3, "eta": None}) or not scalars
    assert gate.record(first) is first or not scalars


def test_a_nest_without_end_becomes_text_and_the_line_can_be_read() -> None:
    ring: dict[str, Any] = {}
    ring["ring"] = ring
    record = Gate().record(Record(Kind.NOTE, 1, fields={"ring": ring, "deep": [[[[1]]]]}))
    assert decode(encode(record)).fields["deep"] == [[[[1]]]]


def test_secrets_are_masked_in_names_fields_and_keys() -> None:
    gate = Gate()
    token = "hf_AbCdEfGhIjKlMnOpQrStUvWxYz"
    fields = {"message": f"push with {token}", "password": "hunter2", "deep": [{"api_key": "x"}], "epoch": 3}
    for _ in range(2):
        record = gate.record(Record(Kind.NOTE, 1, {f"loss/{token}": 1.0}, fields))
        assert token not in encode(record).decode()
        assert record.fields == {
            "message": "push with ***",
            "password": "***",
            "deep": [{"api_key": "***"}],
            "epoch": 3,
        }
    assert gate.record(Record(Kind.STEP, 1, {}, {"password": 1234})).fields == {"password": "***"}


@pytest.mark.parametrize("when", [math.nan, math.inf, None, "now"])
def test_a_time_that_is_none_is_refused(when: Any) -> None:
    with pytest.raises(RecordError, match="time"):
        Gate().record(Record(Kind.NOTE, 1, {}, {}, when))


def test_a_decimal_that_is_no_number_passes_as_nan() -> None:
    assert math.isnan(Gate().record(Record(Kind.STEP, 1, {"a": Decimal("NaN")})).scalars["a"])  # type: ignore[dict-item]
