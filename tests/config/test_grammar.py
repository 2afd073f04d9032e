from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.config.grammar import parse, quote_options
from aurl.errors import ConfigError

NEARLY_OVERRIDES = st.from_regex(r"[+~]{0,2}[a-z./@]{1,6}=[a-z0-9\[\]{}'\",.:()$\\ ]{0,12}")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=20) | NEARLY_OVERRIDES, max_size=3))
def test_any_text_is_read_or_refused_with_a_message(overrides: list[str]) -> None:
    try:
        read: object = [override.input_line for override in parse(overrides)]
    except ConfigError as error:
        read = bool(str(error).strip())
    assert read in (overrides, True)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20) | st.from_regex(r"(model|data/x|logging)=\[?[a-z0-9., ]{0,10}\]?"))
def test_quoting_twice_is_quoting_once(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "groups"
    (folder / "model").mkdir(parents=True, exist_ok=True)
    (folder / "logging").mkdir(exist_ok=True)
    [once] = quote_options([text], [folder])
    assert quote_options([once], [folder]) == [once]


@pytest.mark.parametrize(
    ("given_text", "written"),
    [
        ("debug=nan", "debug='nan'"),
        ("+debug=nan", "+debug='nan'"),
        ("debug=[nan,overfit]", "debug=['nan',overfit]"),
        ("debug=nan,overfit", "debug='nan',overfit"),
        ("debug=overfit", "debug=overfit"),
        ("debug=1", "debug='1'"),
        ("debug=null", "~debug"),
        ("debug@other=inf", "debug@other='inf'"),
        ("debug='nan'", "debug='nan'"),
        ("seed=1", "seed=1"),
        ("lr=nan", "lr=nan"),
        ("debug", "debug"),
    ],
)
def test_options_that_read_as_numbers_are_quoted(tmp_path: Path, given_text: str, written: str) -> None:
    (tmp_path / "debug").mkdir()
    assert quote_options([given_text], [tmp_path]) == [written]


def test_quoted_options_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "debug").mkdir()
    [override] = parse(quote_options(["debug=nan"], [tmp_path]))
    assert override.value() == "nan"


def test_the_caret_stands_under_the_first_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(["name=a=b"])
    shown, caret = str(caught.value).splitlines()[1:3]
    assert shown[caret.index("^") :] == "=b"
