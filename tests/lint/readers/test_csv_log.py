from __future__ import annotations

import math
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aurl.lint.readers.csv_log import CsvLog
from aurl.lint.readers.source import Row
from aurl.lint.readers.table import shape_of
from tests.lint.files import DATA, rows, write


def read(path: Path, encoding: str = "utf-8") -> tuple[list[dict[str, float]], list[tuple[int, str]]]:
    shape = shape_of(path.read_bytes().decode(encoding, "replace"))
    assert shape is not None
    found, skipped = rows(CsvLog(path, shape, encoding))
    assert [row.number for row in found] == sorted({row.number for row in found})
    return [row.values for row in found], skipped


def test_empty_cells_are_not_logged_and_nan_is_nan(tmp_path: Path) -> None:
    found, skipped = read(write(tmp_path / "a.csv", "step,loss,val\n1,0.5,\n2,NaN,\n3,,0.7\n"))
    assert [set(values) for values in found] == [{"step", "loss"}, {"step", "loss"}, {"step", "val"}]
    assert math.isnan(found[1]["loss"])
    assert skipped == []


def test_lightning_writes_a_row_for_each_moment() -> None:
    found, skipped = read(DATA / "lightning_metrics.csv")
    assert skipped == []
    assert found[0] == {"lr-SGD": 0.05, "step": 0.0}
    assert [values["val_loss"] for values in found if "val_loss" in values] == [
        1.1072312593460083, 0.9551738500595093, 0.9413096904754639,
    ]  # fmt: skip


def test_the_same_names_again_are_no_row(tmp_path: Path) -> None:
    found, skipped = read(write(tmp_path / "a.csv", "step,loss\n1,5\n2,4\nstep,loss\n2,4\n3,3\n"))
    assert [values["step"] for values in found] == [1, 2, 2, 3]
    assert skipped == []


def test_other_names_in_the_middle_count_from_there(tmp_path: Path) -> None:
    found, _ = read(write(tmp_path / "a.csv", "step,loss\n1,5\n2,4\nstep,lr,loss\n3,0.1,3\n"))
    assert found == [{"step": 1, "loss": 5}, {"step": 2, "loss": 4}, {"step": 3, "lr": 0.1, "loss": 3}]


def test_remarks_and_text_columns_are_passed_over(tmp_path: Path) -> None:
    text = "step,loss,note\n# resumed\n1,0.5,fine\nresumed on node 7,,\n2,0.4,fine\n\n"
    found, skipped = read(write(tmp_path / "a.csv", text))
    assert found == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.4}]
    assert skipped == []


def test_a_remark_as_wide_as_the_table_renames_nothing(tmp_path: Path) -> None:
    text = "step,loss\n1,0.5\n# saved, resumed\nall,good\n2,0.4\n# step,lr\n3,0.1\n"
    found, _ = read(write(tmp_path / "a.csv", text))
    assert found == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.4}, {"step": 3, "lr": 0.1}]


def test_a_word_in_the_row_may_say_that_it_is_validation(tmp_path: Path) -> None:
    text = "epoch,split,loss\n1,train,0.5\n1,Val,0.7\n2,train,0.4\n2,val,\n"
    found, _ = read(write(tmp_path / "a.csv", text))
    assert found == [{"epoch": 1, "loss": 0.5}, {"epoch": 1, "val/loss": 0.7}, {"epoch": 2, "loss": 0.4}, {"epoch": 2}]


def test_a_torn_last_line_is_told_and_left_out(tmp_path: Path) -> None:
    found, skipped = read(write(tmp_path / "a.csv", "step,loss,lr\n1,0.5,0.1\n2,0.4,0.1\n3,0."))
    assert found[-1]["step"] == 2
    assert skipped == [(4, "the last line is torn")]


def test_short_lines_that_end_lack_their_last_cells(tmp_path: Path) -> None:
    found, skipped = read(write(tmp_path / "a.csv", "step,loss,lr\n1,0.5\n2,0.4,0.1\n3,0.3\n"))
    assert found == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.4, "lr": 0.1}, {"step": 3, "loss": 0.3}]
    assert skipped == []


def test_lines_with_more_cells_than_names_are_told(tmp_path: Path) -> None:
    found, skipped = read(write(tmp_path / "a.csv", "step,loss\n1,0.5,,\n2,0.4,7\n3,0.3\n"))
    assert [values["step"] for values in found] == [1, 3]
    assert skipped == [(3, "3 cells, but 2 names")]


def test_a_quote_without_its_end_costs_its_lines_only(tmp_path: Path) -> None:
    body = "".join(f"{step},0.5,x\n" for step in range(60_000))
    found, skipped = read(write(tmp_path / "a.csv", f'step,loss,note\n1,0.5,"oops\n{body}'))
    assert len(skipped) == 1
    assert "field" in skipped[0][1]
    assert len(found) > 30_000


def test_encodings(tmp_path: Path) -> None:
    text = "step,Fläche\n1,0.5\n"
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        found, _ = read(write(tmp_path / f"{encoding}.csv", text.encode(encoding)), encoding)
        assert found == [{"step": 1, "Fläche": 0.5}]


def test_rows_can_be_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "step,loss\n1,0.5\n2,0.4\n")
    shape = shape_of(path.read_text())
    assert shape is not None
    source = CsvLog(path, shape, "utf-8")
    assert rows(source) == rows(source) == ([Row(2, {"step": 1, "loss": 0.5}), Row(3, {"step": 2, "loss": 0.4})], [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats() | st.none() | st.just("x"), min_size=3, max_size=3), min_size=1))
def test_finite_numbers_come_back_whatever_stands_between(tmp_path: Path, table: list[list[object]]) -> None:
    lines = ["a,b,c", *(",".join("" if cell is None else repr(cell) for cell in line) for line in table)]
    shape = shape_of("a,b,c\n1,2,3\n")
    assert shape is not None
    found, _ = rows(CsvLog(write(tmp_path / "a.csv", "\n".join(lines) + "\n"), shape, "utf-8"))
    expected = [
        {name: cell for name, cell in zip("abc", line, strict=True) if isinstance(cell, float) and not math.isnan(cell)}
        for line in table
    ]
    got = [{name: value for name, value in row.values.items() if not math.isnan(value)} for row in found]
    assert [values for values in got if values] == [values for values in expected if values]


def test_a_summary_of_names_and_values_among_the_rows(tmp_path: Path) -> None:
    summary = "Epoch 1 Summary,train_loss=0.85,val_loss=0.7,n="
    text = f"epoch,batch,loss,acc\n1,1,0.9,0.1\n1,2,0.8,0.2\n{summary}\n2,1,0.6,0.3\n{summary},x=\n"
    found, skipped = read(write(tmp_path / "a.csv", text))
    assert [values.get("loss") for values in found] == [0.9, 0.8, None, 0.6, None]
    assert found[2] == found[4] == {"train_loss": 0.85, "val_loss": 0.7}
    assert skipped == []


def test_the_monitor_of_stable_baselines_has_rewards(tmp_path: Path) -> None:
    text = '#{"t_start": 1.5, "env_id": "X"}\nr,l,t\n-20.5,10,0.1\n-18.0,12,0.3\n'
    found, _ = read(write(tmp_path / "monitor.csv", text))
    assert found == [
        {"reward": -20.5, "episode length": 10, "time": 0.1},
        {"reward": -18.0, "episode length": 12, "time": 0.3},
    ]


def test_the_results_of_yolo_have_names_by_their_places(tmp_path: Path) -> None:
    line = " {}/99     3.1G   0.05  0.02   0.01   0.08    13    640   0.9   0.8   0.7  0.5   0.06   0.03   0.02\n"
    found, _ = read(write(tmp_path / "results.txt", "".join(line.format(at) for at in range(9))))
    assert len(found) == 9
    assert {name: found[0][name] for name in ("loss", "box_loss", "precision", "val/box_loss", "val/cls_loss")} == {
        "loss": 0.08, "box_loss": 0.05, "precision": 0.9, "val/box_loss": 0.06, "val/cls_loss": 0.02,
    }  # fmt: skip
