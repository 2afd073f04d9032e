from __future__ import annotations

import pytest

from aurl.errors import ConfigError
from aurl.lint.log import TableLog
from aurl.record import Kind, Record
from tests.lint.files import Rows, series


def replay(
    given: list[dict[str, float]], steps: list[int] | None = None, **roles: str
) -> tuple[list[Record], TableLog]:
    log = TableLog(Rows(given, steps), roles)
    return list(log.records()), log


def test_rows_of_one_step_are_one_record_of_each_kind() -> None:
    found, _ = replay(
        [{"step": 1, "loss": 3}, {"step": 1, "lr": 0.1}, {"step": 1, "val_loss": 4}, {"step": 2, "loss": 2}]
    )
    assert [(record.kind, record.step, dict(record.scalars)) for record in found[1:-1]] == [
        (Kind.STEP, 1, {"loss/total": 3, "lr": 0.1}),
        (Kind.EVAL, 1, {"val/loss/total": 4}),
        (Kind.STEP, 2, {"loss/total": 2}),
    ]
    assert found[0].kind == Kind.START
    assert found[-1].kind == Kind.END


def test_a_metric_logged_twice_at_a_step_is_kept_twice() -> None:
    found, _ = replay([{"step": 1, "loss": 3}, {"step": 1, "loss": 2}, {"step": 2, "loss": 1}, {"step": 3, "loss": 1}])
    assert series(found, "loss/total") == [(1, 3), (1, 2), (2, 1), (3, 1)]


def test_rows_without_a_step_belong_to_the_last_one() -> None:
    found, _ = replay([{"step": 10, "loss": 3}, {"epoch": 1, "val_loss": 4}, {"step": 20, "loss": 2}])
    assert series(found, "val/loss/total") == [(10, 4)]


def test_rows_are_counted_where_nothing_else_counts() -> None:
    found, log = replay([{"loss": 3}, {"loss": 2}])
    assert series(found, "loss/total") == [(1, 3), (2, 2)]
    assert found[0].fields["steps"] == 2
    assert log.counting == "the row number, since no column counts steps"


def test_a_log_of_epochs_gives_records_of_epochs() -> None:
    found, log = replay([{"epoch": at, "loss": 3 - at, "val_loss": 4} for at in range(3)])
    assert [(record.kind, record.step) for record in found[1:-1]] == [
        (kind, step) for step in range(3) for kind in (Kind.EPOCH, Kind.EVAL)
    ]
    assert log.counting == "epochs, column 'epoch'"
    assert found[3].fields == {"epoch": 1}


def test_epochs_with_many_rows_are_no_steps() -> None:
    found, _ = replay([{"epoch": at // 10, "loss": 3} for at in range(30)])
    assert [step for step, _ in series(found, "loss/total")] == list(range(1, 31))


def test_a_restart_supersedes_what_it_writes_again() -> None:
    steps = [1, 2, 3, 4, 3, 4, 5]
    found, log = replay([{"step": step, "loss": at} for at, step in enumerate(steps)])
    assert series(found, "loss/total") == [(1, 0), (2, 1), (3, 4), (4, 5), (5, 6)]
    assert found[0].fields["steps"] == 5
    resumed = [record.fields["resumed_from"] for record in found if record.kind == Kind.START]
    assert resumed == [None, 2]
    assert log.notes == [
        "restarted: the step goes back at row 5 from step 4 to 3; 2 rows superseded by it are left out"
    ]


def test_batches_of_epochs_are_added_up() -> None:
    found, log = replay([{"epoch": at // 4, "step": at % 4, "loss": 3} for at in range(12)])
    assert [step for step, _ in series(found, "loss/total")] == list(range(12))
    assert log.counting == "column 'step', which begins anew each epoch, added up"
    found, _ = replay([{"epoch": at // 4, "step": at % 4 + 1, "loss": 3} for at in range(12)])
    assert [step for step, _ in series(found, "loss/total")] == list(range(1, 13))


def test_the_step_of_the_whole_run_is_preferred() -> None:
    given = [{"epoch": at // 4, "batch_idx": at % 4, "global_step": 10 * at, "loss": 3} for at in range(12)]
    found, log = replay(given)
    assert log.counting == "column 'global_step'"
    assert series(found, "loss/total")[-1] == (110, 3)


def test_a_value_with_a_step_of_its_own() -> None:
    given, steps = [], []
    for step in range(200):
        given.append({"loss": 3.0})
        steps.append(step)
        if step % 20 == 19:
            given.append({"val_loss": 4.0})
            steps.append(step // 20)
    found, log = replay(given, steps)
    assert series(found, "val/loss/total") == [(step, 4) for step in range(19, 200, 20)]
    assert log.notes == ["val_loss: counts something else than loss; placed at the step when it was written"]


def test_a_column_that_the_user_names() -> None:
    given = [{"n": at * 2.0, "step": at, "my": 3.0, "other_loss": 1.0} for at in range(5)]
    found, log = replay(given, step="n", loss="my")
    assert series(found, "loss/total") == [(at * 2, 3.0) for at in range(5)]
    assert "column 'my' -> loss/total (training loss): given by you" in log.explanation


def test_no_column_by_the_user_s_wish() -> None:
    found, _ = replay([{"step": 7 * at, "loss": 3.0} for at in range(5)], step="")
    assert [step for step, _ in series(found, "loss/total")] == [1, 2, 3, 4, 5]


def test_a_column_that_cannot_count() -> None:
    with pytest.raises(ConfigError, match=r"step=loss: this column does not count steps \(0 whole numbers, 3 others"):
        replay([{"loss": at + 0.5, "lr": 1.0} for at in range(3)], step="loss")


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"loss=trian_loss: this log has no such column. Did you mean 'train_loss'\?"):
        replay([{"train_loss": 1.0}], loss="trian_loss")


def test_time_from_a_clock_that_never_falls() -> None:
    found, _ = replay([{"loss": 1, "elapsed": 10.0}, {"loss": 1, "elapsed": 12.0}])
    assert [record.time for record in found[1:-1]] == [10, 12]
    found, _ = replay([{"loss": 1, "time": 10.0}, {"loss": 1, "time": 9.0}])
    assert [record.time for record in found[1:-1]] == [0, 0]
    found, _ = replay([{"loss": 1, "train_time_ms": 10.0}, {"loss": 1, "train_time_ms": 12.0}])
    assert [record.time for record in found[1:-1]] == [0.010, 0.012]


def test_without_a_loss_the_columns_are_listed() -> None:
    _, log = replay([{"quux": 1.0, "step": 1}, {"quux": 2.0, "step": 2}])
    assert not log.is_judgeable
    assert log.seen == ["quux", "step"]


def test_of_several_runs_the_last_is_judged_unless_it_was_only_begun() -> None:
    long, short = [(step, 3.0) for step in range(1, 41)], [(1, 9.0), (2, 8.0)]
    found, log = replay([{"step": step, "loss": loss} for step, loss in [*short, *long, *short]])
    assert series(found, "loss/total") == long
    assert found[0].fields["steps"] == 40
    assert log.notes[0] == "several runs: the longest is judged, which ends before row 43; what follows is left out"
    assert "2 rows superseded by it are left out" in log.notes[1]
    again = [(step, 2.0) for step in range(1, 21)]
    found, log = replay([{"step": step, "loss": loss} for step, loss in [*long, *again]])
    assert series(found, "loss/total") == again


def test_of_several_runs_by_epochs_the_longest_is_judged() -> None:
    found, _ = replay([{"epoch": at, "loss": 1 / at} for at in [*range(1, 30), 1]])
    assert [step for step, _ in series(found, "loss/total")] == list(range(1, 30))


def test_a_setting_that_was_printed_counts_no_steps() -> None:
    found, log = replay([{"iterations": 2000}, {"iterations": 9000}, *({"loss": 3.0} for _ in range(40))])
    assert log.counting == "the row number, since no column counts steps"
    given = [{"step": at, "loss": 3.0} for at in range(40)]
    found, log = replay([{"iterations": 2000}, {"iterations": 9000}, *given])
    assert log.counting == "column 'step'"
    assert len(series(found, "loss/total")) == 40


def test_a_number_that_is_always_the_same_counts_no_steps() -> None:
    found, _ = replay([{"iterations": 500, "loss" if at % 2 else "lr": 3.0} for at in range(20)])
    assert [step for step, _ in series(found, "loss/total")] == list(range(2, 21, 2))
