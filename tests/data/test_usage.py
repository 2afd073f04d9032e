from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.data.batch import BatchUsage
from aurl.data.usage import Usage, summarise
from aurl.record import Kind
from aurl.runs.codec import decode, encode


def usage_of(*pieces: int, augmented: tuple[int, ...] = (), length: int = 10, shift: int = 0) -> BatchUsage:
    return BatchUsage(
        pieces=pieces,
        augmented=augmented,
        types={"transpose": len(augmented)} if augmented else {},
        transpositions={shift: len(pieces)},
        lengths=(length,) * len(pieces),
        cut=1,
        area=25 * len(pieces),
    )


BATCHES = (usage_of(1, 2, 2), usage_of(2, 3, augmented=(3,), shift=-5, length=20), usage_of(3, augmented=(3,)))


def counted(*batches: BatchUsage) -> Usage:
    usage = Usage()
    for batch in batches:
        usage.add(batch)
    return usage


def test_pieces_are_counted_once_and_sequences_each_time() -> None:
    usage = counted(*BATCHES)
    assert (usage.files, usage.augmented, usage.sequences, usage.tokens, usage.cut) == (3, 1, 6, 80, 3)
    assert dict(usage.types) == {"transpose": 2}
    assert dict(usage.transpositions) == {0: 4, -5: 2}


def test_the_record_holds_all_counts_and_survives_the_log() -> None:
    record = decode(encode(counted(*BATCHES).record(12, {"cache_hits": 3})))
    assert (record.kind, record.step) == (Kind.DATA, 12)
    assert record.time > 0
    assert dict(record.scalars) == pytest.approx(
        {"data/files": 3, "data/augmented": 1, "data/tokens": 80, "data/padding_share": 1 - 80 / 150}
    )
    assert dict(record.fields) == {
        "files": 3,
        "augmented": 1,
        "sequences": 6,
        "cut": 3,
        "augmentations": {"transpose": 2},
        "transpositions": {"-5": 2, "0": 4},
        "lengths": {"min": 10, "mean": 13.3, "p50": 10, "p95": 20, "max": 20},
        "cache_hits": 3,
    }


@pytest.mark.parametrize("stopped_after", range(4))
def test_counting_goes_on_after_a_resume_as_if_never_stopped(stopped_after: int) -> None:
    first = counted(*BATCHES[:stopped_after])
    second = Usage()
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for batch in BATCHES[stopped_after:]:
        second.add(batch)
    assert second.state_dict() == counted(*BATCHES).state_dict()
    assert second.record(1).fields == counted(*BATCHES).record(1).fields


def test_a_checkpoint_of_before_padding_was_counted_tells_no_share_of_it() -> None:
    state = counted(*BATCHES).state_dict()
    del state["area"]
    usage = Usage()
    usage.load_state_dict(state)
    assert "data/padding_share" not in usage.record(1).scalars


def test_reset_forgets_everything() -> None:
    usage = counted(*BATCHES)
    usage.reset()
    assert usage.state_dict() == Usage().state_dict()
    assert usage.record(0).fields["lengths"] == {}


@given(st.lists(st.integers(1, 300), min_size=1, max_size=200))
@settings(max_examples=100, deadline=None)
def test_percentiles_are_those_of_numpy(lengths: list[int]) -> None:
    values, counts = np.unique(lengths, return_counts=True)
    summary = summarise(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    median, high = np.percentile(lengths, [50, 95], method="inverted_cdf")
    assert (summary["min"], summary["max"]) == (min(lengths), max(lengths))
    assert (summary["p50"], summary["p95"]) == (median, high)
    assert summary["mean"] == pytest.approx(np.mean(lengths), abs=0.051)
