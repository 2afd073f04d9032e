from __future__ import annotations

import pytest
import torch

from aurl.errors import ConfigError
from aurl.train.plan import Plan
from aurl.train.progress import Progress


@pytest.mark.parametrize(
    ("epochs", "steps", "expected"),
    [
        (3, None, (30, 3)),
        (None, 25, (25, 3)),
        (3, 25, (25, 3)),
        (2, 25, (20, 2)),
        (None, 10, (10, 1)),
        (None, 1, (1, 1)),
    ],
)
def test_totals(epochs: int | None, steps: int | None, expected: tuple[int, int]) -> None:
    assert Plan(epochs=epochs, steps=steps).totals(lambda epoch: 10) == expected


def test_epochs_of_different_length_are_added_up() -> None:
    assert Plan(epochs=3).totals(lambda epoch: 5 + epoch) == (18, 3)
    assert Plan(steps=12).totals(lambda epoch: 5 + epoch) == (12, 3)
    asked: list[int] = []
    assert Plan(steps=10_000).totals(lambda epoch: asked.append(epoch) or 4) == (10_000, 2500)
    assert len(asked) == 64


def test_evaluation_at_epoch_ends_or_by_steps() -> None:
    assert Plan(epochs=1).evaluates(7, epoch_ends=True)
    assert not Plan(epochs=1).evaluates(7, epoch_ends=False)
    assert Plan(epochs=1, eval_every=5).evaluates(10, epoch_ends=False)
    assert not Plan(epochs=1, eval_every=5).evaluates(11, epoch_ends=True)


@pytest.mark.parametrize("bad", [{"epochs": 0}, {"epochs": 1, "steps": 0}, {"epochs": 1, "eval_every": 0}, {}])
def test_values_out_of_range_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="trainer\\."):
        Plan(**bad)


def test_the_mean_of_a_loss_is_over_the_steps_that_have_it() -> None:
    progress = Progress()
    for step in range(4):
        progress.add({"loss/total": torch.tensor(1.0 + step), **({"loss/disc": torch.tensor(6.0)} if step % 2 else {})})
    assert progress.means() == {"loss/total": 2.5, "loss/disc": 6.0}
    again = Progress()
    again.load_state_dict(progress.state_dict())
    assert again.means() == progress.means()
    old = {key: value for key, value in progress.state_dict().items() if key != "counts"}
    again.load_state_dict(old)  # of a checkpoint from before each loss was counted
    assert again.means() == {"loss/total": 2.5, "loss/disc": 3.0}
    progress.next_epoch()
    assert progress.means() == {}
