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


@pytest.mark.parametrize(
    ("given_text", "meant"),
    [
        ("data.root=~/midi", ["/home/eva/midi"]),
        ("data.root='~/my midi'", ["/home/eva/my midi"]),
        ('+data.root="~"', ["/home/eva"]),
        ("data.root=~", ["/home/eva"]),
        ("hydra.run.dir=~/runs/x", ["/home/eva/runs/x"]),
        ("data.root=~/a,~/b,/c", ["/home/eva/a", "/home/eva/b", "/c"]),
        ("data.roots=[~/a, '~/b,c']", [["/home/eva/a", "/home/eva/b,c"]]),
        ("data.root='~nobody_of_this_name/x'", ["~nobody_of_this_name/x"]),
        ("name='half~done ~/x'", ["half~done ~/x"]),
    ],
)
def test_the_home_folder_is_expanded_as_in_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given_text: str, meant: list[object]
) -> None:
    """Bash leaves the `~` of `data.root=~/midi` alone, and Hydra's grammar refuses it."""
    monkeypatch.setenv("HOME", "/home/eva")
    [override] = parse(quote_options([given_text], [tmp_path]))
    values = override.value().list if override.is_sweep_override() else [override.value()]  # type: ignore[union-attr]
    assert [getattr(value, "text", value) for value in values] == meant


@pytest.mark.parametrize("folder", ["/home/jos\u00e9 m", "/home/a,b", "/home/it's"])
def test_a_home_folder_of_any_name_is_one_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("HOME", folder)
    [override] = parse(quote_options(["data.root=~/midi"], [tmp_path]))
    assert override.value() == f"{folder}/midi"


def test_a_group_that_is_left_out_is_no_home_folder(tmp_path: Path) -> None:
    assert quote_options(["~experiment", "~data=x"], [tmp_path]) == ["~experiment", "~data=x"]
