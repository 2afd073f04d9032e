from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.record import Kind, Record
from aurl.show.wording import duration, eta, eta_spread, finite, losses, memory, number, printable, whole
from tests.sinks.conftest import LOSSES


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-5, "0s"),
        (45.4, "45s"),
        (59.4, "59s"),
        (59.6, "1min"),
        (12 * 60, "12min"),
        (3599, "1h"),
        (2 * 3600 + 15 * 60, "2h 15min"),
        (7200, "2h"),
        (86399, "1d"),
        (3 * 86400 + 4 * 3600, "3d 4h"),
        (86400 * 400, "400d"),
    ],
)
def test_duration_reads_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(0, 1e9))
def test_duration_is_off_by_no_more_than_half_its_smallest_unit(seconds: float) -> None:
    units = {"s": 1, "min": 60, "h": 3600, "d": 86400}
    parts = [(part.rstrip("smindh"), part.lstrip("0123456789")) for part in duration(seconds).split()]
    told = sum(int(amount) * units[unit] for amount, unit in parts)
    half = 0.5 if seconds < 59.5 else 30 if seconds < 86370 else 1800
    assert abs(told - seconds) <= half


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.45, "0.45"), (1.23456e-5, "1.235e-05"), (math.nan, "nan"), (-math.inf, "-inf"), (10**400, "inf"), ("x", "nan")],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def test_printable_escapes_what_could_forge_a_line() -> None:
    assert printable("a\nb\x1b[31m\u202eé\ud800\u2028") == "a\\nb\\x1b[31m\\u202eé\\ud800\\u2028"


@given(st.text(st.characters()))
def test_printable_text_is_one_encodable_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    shown.encode()


def test_losses_stand_in_a_fixed_order_without_their_prefix() -> None:
    assert losses(Record(Kind.STEP, 1, LOSSES)) == "total: 0.575, recon: 0.45, kl: 0.125, aux: 3"
    assert losses(Record(Kind.EVAL, 1, {"val/loss/kl": math.nan, "val/loss/total": 1.0})) == "total: 1, kl: nan"
    assert losses(Record(Kind.STEP, 1, {"lr": 1.0})) == ""


def test_a_hostile_loss_name_or_value_stays_readable() -> None:
    scalars = {"loss/a: 1}\n": 1.0, "loss/": "x", "loss/big": 10**400}
    assert losses(Record(Kind.STEP, 1, scalars)) == "a__1__: 1, _: nan, big: inf"  # type: ignore[arg-type]


def test_eta_and_its_spread() -> None:
    fields = {"eta": 8100, "eta_low": 7200, "eta_high": 9600.0}
    assert eta(fields) == "2h 15min"
    assert eta_spread(fields) == "2h 15min (2h-2h 40min)"
    assert eta_spread({"eta": 8100, "eta_low": 8101, "eta_high": 8099}) == "2h 15min"
    assert eta({"eta": None}) == eta({"eta": math.inf}) == eta({}) == ""


def test_memory_shows_what_was_measured() -> None:
    gpu = {"system/gpu_used_gb": 3.2, "system/gpu_total_gb": 4}
    assert memory({"system/ram_gb": 8.5, **gpu}) == "GPU 3.20GB/4.00GB, RAM: 8.50GB"
    assert memory({"system/ram_gb": 8.5, "system/gpu_used_gb": math.nan}) == "RAM: 8.50GB"
    assert memory(gpu) == ""


def test_only_real_finite_numbers_and_whole_counts_pass() -> None:
    assert [finite(value) for value in (1, 2.5, True, math.nan, "1", None, 10**400)] == [
        1.0,
        2.5,
        None,
        None,
        None,
        None,
        None,
    ]
    assert [whole(value) for value in (3, 0, -1, True, 2.0, None)] == [3, 0, None, None, None, None]
