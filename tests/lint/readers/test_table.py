from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurl.lint.readers.table import DELIMITERS, Shape, called_after, names_of, shape_of


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_found(delimiter: str) -> None:
    text = "\n".join(delimiter.join(cells) for cells in [("step", "loss"), ("1", "0.5"), ("2", "0.4")])
    assert shape_of(text) == Shape(delimiter, ("step", "loss"), 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss\n0.5\n0.4\n", Shape(",", ("loss",), 1)),
        ("step;loss\n1;0,5\n2;0,4\n", Shape(";", ("step", "loss"), 1)),
        ("# step loss\n1 0.5\n2 0.4\n", Shape(" ", ("step", "loss"), 1)),
        ("# made by me, today\nstep,loss\n1,0.5\n", Shape(",", ("step", "loss"), 2)),
        ("\n\nstep,loss\n1,0.5\n", Shape(",", ("step", "loss"), 3)),
        ("1,0.5\n2,0.4\n", Shape(",", ("column_1", "column_2"), 0)),
        (",loss,loss,loss_2\n0,1,2,3\n", Shape(",", ("column_1", "loss", "loss_2", "loss_2_2"), 1)),
        ('"step","the, loss"\n1,0.5\n', Shape(",", ("step", "the, loss"), 1)),
        ("step  loss\n   1   0.5\n  10  0.25\n", Shape(" ", ("step", "loss"), 1)),
        ("step,loss,note\n1,0.5,all good\n2,,\n", Shape(",", ("step", "loss", "note"), 1)),
    ],
)
def test_shapes(text: str, expected: Shape) -> None:
    assert shape_of(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "step,loss\n", "Dear reader,\nthis is prose.\n", "import os\n\nx = os.name\n", '"', "a,b\nc,d\n"],
)
def test_what_is_no_table(text: str) -> None:
    assert shape_of(text) is None


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("0.9\n0.8\n0.7\n", ("loss_log",)),
        ("1.5 0\n1.4 100\n1.3 200\n", ("loss_log", "step")),
        ("1,1.5\n2,1.4\n3,1.3\n", ("step", "loss_log")),
        ("1.5,-200.5\n1.4,-180.5\n1.3,-170.5\n", ("column_1", "column_2")),
        ("1 2 0.5\n2 3 0.4\n3 4 0.3\n", ("column_1", "column_2", "column_3")),
        ("step,x\n1,0.5\n2,0.4\n3,0.3\n", ("step", "x")),
    ],
)
def test_the_only_column_without_a_name_is_what_the_file_is_called_after(text: str, header: tuple[str, ...]) -> None:
    shape = shape_of(text)
    assert shape is not None
    assert called_after(shape, "loss_log", text).header == header


@given(st.text())
def test_any_text_has_a_shape_or_none(text: str) -> None:
    shape = shape_of(text)
    assert shape is None or (shape.header and len(set(shape.header)) == len(shape.header))


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=5), min_size=1, max_size=8))
def test_names_are_unique(cells: list[str]) -> None:
    names = names_of(cells)
    assert len(names) == len(cells) == len(set(names))
    assert all(names)


@given(
    st.lists(st.text("abcxyz_/", min_size=2, max_size=8), min_size=2, max_size=5, unique=True),
    st.integers(2, 20),
    st.sampled_from([",", "\t", ";", "|"]),
)
def test_what_the_csv_module_writes_is_recognised(names: list[str], count: int, delimiter: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(names)
    writer.writerows([[at + 0.5] * len(names) for at in range(count)])
    assert shape_of(text.getvalue()) == Shape(delimiter, tuple(names), 1)
