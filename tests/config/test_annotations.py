from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, TypeVar, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.config.annotations import choices, describe, fits
from tests.config.parts import Console, Model, Sink

T = TypeVar("T")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
NODE = {"_target_": "tests.config.parts.Console"}


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (1, int, True),
        (True, int, False),
        (1.0, int, False),
        ("1", int, False),
        (1, float, True),
        (True, float, False),
        (float("nan"), float, True),
        (1, bool, False),
        (False, bool, True),
        ("x", str, True),
        (1, str, False),
        (None, str, False),
        (None, None, True),
        ("a/b", Path, True),
        (3, Path, False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (True, Literal[1], False),
        (None, Optional[int], True),  # noqa: UP045
        (None, int | None, True),
        ("x", int | None, False),
        ("x", Union[int, str], True),  # noqa: UP007
        ([1, 2], list[int], True),
        ([1, "x"], list[int], False),
        ("abc", Sequence[str], False),
        (["abc"], Sequence[str], True),
        ([], Iterable[int], True),
        ([1], list, True),
        ([1, 2.5], tuple[int, float], True),
        ([1], tuple[int, float], False),
        ([1, 2, 3], tuple[int, ...], True),
        ([1, "x"], tuple[int, ...], False),
        ({"a": 1}, Mapping[str, int], True),
        ({"a": "x"}, dict[str, int], False),
        ({"a": [1]}, Mapping[str, Sequence[int]], True),
        ([1], dict, False),
        (3, Annotated[int, "steps"], True),
        ("x", Annotated[int, "steps"], False),
        ("anything", Any, True),
        ({"any": "thing"}, T, True),
        (NODE, Sink, True),
        (NODE, Model, True),  # of another class: told by who visits the node
        ("text", Model | None, False),
        (NODE, Sink | None, True),
        (NODE, int, False),
        ({"_target_": "no.such.thing"}, Sink, True),
        ({"_target_": "tests.config.parts.Model", "_partial_": True}, Sink, True),
        ({"console": NODE}, Mapping[str, Sink], True),
        ({"console": 3}, Mapping[str, Model], False),
        ([NODE], Sequence[Console], True),
    ],
)
def test_fits(value: object, annotation: Any, expected: bool) -> None:
    assert fits(value, annotation) is expected


@settings(deadline=None)
@given(VALUES)
def test_a_union_takes_what_one_of_its_members_takes(value: object) -> None:
    for left, right in ((int, str), (float, list[int]), (bool, None)):
        assert fits(value, left | right) is (fits(value, left) or fits(value, right))


@settings(deadline=None)
@given(VALUES)
def test_integers_are_numbers(value: object) -> None:
    assert fits(value, float) or not fits(value, int)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "an integer"),
        (float | None, "a number or null"),
        (Literal["a", "b"], "one of 'a', 'b'"),
        (Sequence[float], "a list, each a number"),
        (tuple[int, str], "a list of 2 (an integer, text)"),
        (Mapping[str, bool], "a mapping, each value true or false"),
        (Path, "a path"),
        (Sink, "a group of keys that makes a tests.config.parts.Sink"),
    ],
)
def test_describe(annotation: Any, words: str) -> None:
    assert describe(annotation) == words


def test_choices() -> None:
    assert choices(Literal["a", "b"] | None) == ["a", "b"]
    assert choices(int) == []
