"""Whatever way a block of lines takes, it gives what the reader of the event log gives."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.dashboard.store import parsing
from aurl.dashboard.store.parsing import Parsed, Parser, epoch_of
from aurl.record import Kind, Record
from aurl.runs.codec import encode
from tests.dashboard.runs import alert, step

VALUES = st.one_of(st.floats(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
NAMES = st.sampled_from(["loss/total", "loss/kl", "lr", "a}b", 'a"b', "a:1", "", "grad/1e5", "é"])
FIELDS: Any = st.dictionaries(
    st.sampled_from(["epoch", "batch", "batches", "eta", "path", "}"]),
    st.one_of(st.none(), st.integers(0, 9), st.floats(0, 9), st.text(max_size=3)),
)
RECORDS = st.builds(
    Record,
    kind=st.sampled_from([Kind.STEP, Kind.STEP, Kind.STEP, Kind.SYSTEM, Kind.EVAL, Kind.ALERT, "newer"]),
    step=st.integers(0, 10**6),
    scalars=st.dictionaries(NAMES, VALUES, max_size=4),
    fields=FIELDS,
    time=st.floats(0, 2e9),
)
LINES = st.lists(
    st.one_of(RECORDS.map(encode), st.sampled_from([b"\n", b"{\n", b'{"kind":1}\n', b"[1]\n"])), min_size=1
)


@pytest.fixture
def always_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "FAST_BYTES", 0)


def contents(parsed: Parsed) -> dict[Any, Any]:
    """Every value with its kind, line, step, time and epoch."""
    found = {}
    for batch in parsed.batches:
        for name, (values, rows) in batch.columns.items():
            for value, row in zip(values, range(len(batch)) if rows is None else rows, strict=True):
                place = (batch.kind, int(batch.line[row]), int(batch.step[row]), float(batch.time[row]))
                found[(*place, repr(float(batch.epoch[row])), name)] = repr(float(value))
    return found


@settings(max_examples=150, deadline=None)
@given(LINES)
def test_polars_and_the_codec_agree(lines: list[bytes]) -> None:
    block = b"".join(lines)
    slow = Parser()._slow(block)
    fast = Parser()._fast(block) if b'"nonfinite"' not in block else None
    if fast is not None:
        assert contents(fast) == contents(slow)
        assert fast.records == slow.records
        assert (fast.lines, fast.skipped) == (slow.lines, 0)
    assert slow.lines == len(lines)


def test_polars_is_used_for_plain_steps(always_fast: None) -> None:
    block = b"".join(encode(step(number, loss_total=2.5, lr=0.1)) for number in range(1, 50))
    parsed = Parser()._fast(block)
    assert parsed is not None
    (batch,) = parsed.batches
    assert set(batch.columns) == {"loss/total", "lr"}
    assert batch.columns["lr"][1] is None
    assert batch.epoch[9] == pytest.approx(0.1)


def test_a_name_that_first_comes_late_is_not_dropped(always_fast: None) -> None:
    lines = [encode(step(number, loss_total=1.0)) for number in range(1, 400)]
    lines.append(encode(step(400, loss_total=1.0, probe_late=7.0)))
    (batch,) = Parser().parse(b"".join(lines)).batches
    values, rows = batch.columns["probe/late"]
    assert values.tolist() == [7.0]
    assert rows is not None
    assert rows.tolist() == [399]


def test_alerts_among_steps_keep_their_place(always_fast: None) -> None:
    records = [step(1), alert(1), step(2), alert(2), step(3)]
    parsed = Parser().parse(b"".join(map(encode, records)))
    assert [(number, record.step) for number, record in parsed.records] == [(1, 1), (3, 2)]
    assert parsed.batches[0].between(0, 3).step.tolist() == [1, 2]


def test_torn_lines_are_counted_and_skipped(always_fast: None) -> None:
    parsed = Parser().parse(encode(step(1)) + b'{"v":1,"kind":"st\n' + encode(step(2)))
    assert parsed.skipped == 1
    assert parsed.batches[0].step.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("fields", "epoch"),
    [
        ({"epoch": 3, "batch": 5, "batches": 10}, 2.5),
        ({"epoch": 3}, 3.0),
        ({"epoch": 3, "batch": 5, "batches": 0}, 3.0),
        ({"epoch": "3"}, math.nan),
        ({}, math.nan),
    ],
)
def test_epochs_as_fractions(fields: dict[str, Any], epoch: float) -> None:
    assert epoch_of(fields) == pytest.approx(epoch, nan_ok=True)
