from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.lint.readers.numerals import TOKEN, is_progress, is_range, is_time, progress, scale_of, unit_of, value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 1e-3), ("1.2E+00", 1.2), ("5e-05", 5e-05), (".5", 0.5), ("-.5", -0.5), ("+2", 2.0), ("1.", 1.0),
        ("nan", math.nan), ("-nan", math.nan), ("NaN", math.nan), ("inf", math.inf), ("-inf", -math.inf),
        ("1.#QNAN", math.nan), ("-1.#INF", -math.inf), ("1e999", math.inf), ("1,234.5", 1234.5),
        ("12,345,678", 12345678.0), ("0,512", 0.512), ("3/10", 3.0), ("1,200/4,800", 1200.0), ("10 / 3715", 10.0),
    ],
)  # fmt: skip
def test_numbers(text: str, expected: float) -> None:
    assert TOKEN.findall(f"loss: {text}") == [text]
    assert value(text) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01",
        "2024/05/01 12:00:03",
        "12:00:03,123",
        "00:10",
        "1:03:01",
        "2024-05-01T12:00:03.5Z",
        "05/01 12:00:00",
    ],
)
def test_dates_and_times_are_no_numbers(text: str) -> None:
    assert TOKEN.findall(f"at {text} loss") == [text]
    assert is_time(text)
    assert value(text) is None


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("v0.1.2", []), ("top5 acc", []), ("Acc@1 70.0", ["70.0"]), ("resnet50-v2", []), ("D(x): 0.5", ["0.5"]),
        ("number of nan iterations: 0", ["0"]), ("3D loss: 1.5", ["1.5"]), ("net #0: 2", ["2"]), ("a-1", ["1"]),
        ("1-100batch", ["1-100"]), ("[1,  2000] loss", ["1", "2000"]), ("[1, 2, 3]", ["1", "2", "3"]),
        ("12,851,0.61", ["12", "851", "0.61"]), ("\u7b2c3\u8f6e", ["3"]), ("banana", []), ("nano", []),
    ],
)  # fmt: skip
def test_what_only_looks_like_a_number(text: str, tokens: list[str]) -> None:
    assert TOKEN.findall(text) == tokens


@pytest.mark.parametrize(
    ("text", "unit", "scale"),
    [
        ("ms, mfu", "ms", 1e-3), ("it/s]", "it/s", 1.0), ("%|", "%", 1.0), ("k tok/s", "k", 1e3), ("h", "h", 3600.0),
        ("GiB(32%)", "GiB", 2.0**30), (" seconds", "", 1.0), ("samples/sec", "samples/sec", 1.0), ("mean", "", 1.0),
        ("th step", "th", 1.0), ("s: 5", "", 1.0), ("ms/step - loss", "ms/step", 1.0), ("", "", 1.0),
        ("/s (", "/s", 1.0),
    ],
)  # fmt: skip
def test_units(text: str, unit: str, scale: float) -> None:
    assert unit_of(text) == unit
    assert scale_of(unit) == scale


def test_progress_and_ranges() -> None:
    assert (progress("9861/10000"), is_progress("3 / 7"), is_progress("0.6/0.7")) == ((9861.0, 10000.0), True, False)
    assert (is_range("1-100"), is_range("-100"), value("1-100")) == (True, False, None)


_FORMATS = st.sampled_from(["{}", "{:.4f}", "{:.3e}", "{:g}", "{:+.2f}", "{:E}"])


@given(
    st.floats(allow_nan=True, width=32),
    _FORMATS,
    st.sampled_from(["loss: {}", "loss={},", "loss {} |", "'loss': '{}'}}"]),
)
def test_a_number_in_any_format_is_read_as_python_reads_it(number: float, form: str, place: str) -> None:
    text = form.format(number)
    (token,) = TOKEN.findall(place.format(text))
    assert value(token) == pytest.approx(float(text), nan_ok=True)


@given(st.integers(0, 10**12))
def test_thousands(number: int) -> None:
    (token,) = TOKEN.findall(f"samples: {number:,} of")
    assert value(token) == number


@given(st.text(max_size=200))
def test_any_text_falls_into_words_and_tokens(text: str) -> None:
    parts = TOKEN.split(text)
    assert "".join(parts) == text
    assert all(value(token) is not None or is_time(token) or is_range(token) for token in parts[1::2])
