from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from aurl.errors import CheckpointError, ConfigError
from aurl.train import checkpointer
from aurl.train.checkpointer import Checkpointer


def write(path: Path) -> None:
    path.mkdir(parents=True)


def keeper(tmp_path: Path, **settings: object) -> Checkpointer:
    made = Checkpointer(**settings)  # type: ignore[arg-type]
    made.folder = tmp_path / "checkpoints"
    made.folder.mkdir(exist_ok=True)
    return made


def there(tmp_path: Path) -> list[int]:
    return sorted(int(place.name[5:]) for place in (tmp_path / "checkpoints").glob("step_*"))


def save(made: Checkpointer, step: int, value: float) -> bool:
    return made.save(step, {"val/loss/total": value}, write).best


def test_latest_and_best_point_and_the_rest_is_removed(tmp_path: Path) -> None:
    made = keeper(tmp_path, keep_last=2, keep_best=1)
    losses = {10: 3.0, 20: 1.0, 30: 2.0, 40: 1.5, 50: 1.2}
    best = {step: save(made, step, loss) for step, loss in losses.items()}
    assert best == {10: True, 20: True, 30: False, 40: False, 50: False}
    assert there(tmp_path) == [20, 40, 50]
    assert (made.folder / "latest").resolve().name == "step_00000050"
    assert (made.folder / "best").resolve().name == "step_00000020"
    assert made.best_value == 1.0


def test_larger_is_better_for_a_metric_that_says_so(tmp_path: Path) -> None:
    made = keeper(tmp_path, metric="quality/overall")
    assert made.save(1, {"quality/overall": 0.2}, write).best
    assert made.save(2, {"quality/overall": 0.5}, write).best
    assert not made.save(3, {"quality/overall": 0.4}, write).best


def test_nan_is_never_best(tmp_path: Path) -> None:
    made = keeper(tmp_path)
    assert not save(made, 1, math.nan)
    assert save(made, 2, 5.0)
    assert not save(made, 3, math.nan)
    assert not made.save(4, {}, write).best
    assert (made.folder / "best").resolve().name == "step_00000002"


def test_one_in_so_many_hours_is_kept_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.time", lambda: now)
    made = keeper(tmp_path, keep_last=1, keep_best=0, keep_every_hours=2)
    for step in range(1, 7):
        now += 3600
        save(made, step, 1.0)
    assert there(tmp_path) == [2, 4, 6]


def test_memory_survives_a_resume(tmp_path: Path) -> None:
    first = keeper(tmp_path, keep_last=1)
    save(first, 1, 1.0)
    state = json.loads(json.dumps(first.state_dict()))  # as stored in the checkpoint of step 2
    save(first, 2, 2.0)
    second = keeper(tmp_path, keep_last=1)
    second.load_state_dict(state)
    second.count("step_00000002", {"val/loss/total": 2.0})
    assert second.best_value == 1.0
    assert not save(second, 3, 1.5)
    assert there(tmp_path) == [1, 3]


def test_a_failed_write_moves_no_pointer(tmp_path: Path) -> None:
    made = keeper(tmp_path)
    save(made, 1, 1.0)

    def fail(path: Path) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        made.save(2, {"val/loss/total": 0.5}, fail)
    assert (made.folder / "latest").resolve().name == "step_00000001"
    assert made.best_value == 1.0


def test_due(tmp_path: Path) -> None:
    assert Checkpointer(every=None).due(7, evaluated=True)
    assert not Checkpointer(every=None).due(7, evaluated=False)
    assert Checkpointer(every=5).due(10, evaluated=False)
    assert not Checkpointer(every=5).due(11, evaluated=True)


def test_resolve_names_what_there_is(tmp_path: Path) -> None:
    made = keeper(tmp_path)
    save(made, 3, 1.0)
    assert checkpointer.resolve(tmp_path).name == "step_00000003"
    with pytest.raises(CheckpointError, match="has: step_00000003"):
        checkpointer.resolve(tmp_path, "step_00000004")


@pytest.mark.parametrize(
    "bad",
    [{"every": 0}, {"keep_last": 0}, {"keep_best": -1}, {"keep_every_hours": 0}, {"mode": "auto", "metric": "lr"}],
)
def test_values_out_of_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Checkpointer(**bad)  # type: ignore[arg-type]
