from __future__ import annotations

import itertools
from functools import partial

import pytest
import torch
from torch.optim import lr_scheduler

from aurl.errors import ConfigError
from aurl.train.optim import AdamW
from aurl.train.optim.schedules import NAMED, TorchSchedule, schedule_of


def shares(
    name: str, total: int, warmup: int | None = 0, floor: float = 0.0, decay: float | None = None
) -> list[float]:
    schedule = schedule_of(name, warmup_steps=warmup, min_lr_ratio=floor, decay_share=decay)
    schedule.check(total)
    return [schedule.share(step, total) for step in range(total)]


def test_the_rate_warms_up_peaks_and_falls_to_its_floor() -> None:
    optim = AdamW(lr=1.0, warmup_steps=10, schedule="cosine", min_lr_ratio=0.1)
    rates = [optim.lr_at(step, 110) for step in range(111)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1.0
    assert rates[60] == pytest.approx(0.55)
    assert rates[110] == pytest.approx(0.1)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


def test_linear_and_constant() -> None:
    assert shares("linear", 100)[25] == pytest.approx(0.75)
    assert set(shares("constant", 10)) == {1.0}


def test_wsd_stays_at_its_peak_and_falls_in_the_last_share() -> None:
    rates = shares("wsd", 100, warmup=10, floor=0.2, decay=0.3)
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert set(rates[10:71]) == {1.0}
    assert all(a > b for a, b in itertools.pairwise(rates[70:]))
    assert rates[85] == pytest.approx(0.2 + 0.8 * (1 - 0.5**0.5))
    assert rates[99] > 0.2


def test_one_cycle_is_that_of_torch() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    torchs = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=40, pct_start=12 / 40, final_div_factor=4)
    expected = []
    for _ in range(40):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(expected) < 40:
            torchs.step()
    ours = shares("one_cycle", 40, warmup=11, floor=0.01)
    assert ours == pytest.approx(expected, abs=1e-6)
    assert max(range(40), key=shares("one_cycle", 40, warmup=None).__getitem__) == 12


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("total", [1, 2, 3, 10, 399, 5000])
def test_every_schedule_fits_every_run_and_stays_between_0_and_its_peak(name: str, total: int) -> None:
    rates = shares(name, total, warmup=None, floor=0.1)
    assert all(0 < rate <= 1 for rate in rates)
    assert max(rates) >= 0.9
    beyond = schedule_of(name, warmup_steps=None, min_lr_ratio=0.1, decay_share=None).share(total + 7, total)
    assert beyond == pytest.approx(1.0 if name == "constant" else 0.1)


def test_the_warm_up_that_nobody_typed_is_at_most_a_quarter_of_the_run() -> None:
    assert AdamW(lr=1.0).schedule.warmup(20) == 5
    assert AdamW(lr=1.0).schedule.warmup(100_000) == 100


def test_each_phase_has_its_own_peak() -> None:
    optim = AdamW(lr=1.0, discriminator_lr=0.25, warmup_steps=0)
    assert optim.lr_at(0, 10, "discriminator") == 0.25
    assert AdamW(lr=1.0, warmup_steps=0).lr_at(0, 10, "discriminator") == 1.0


@pytest.mark.parametrize(
    "given",
    [
        partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=7, T_mult=2),
        partial(lr_scheduler.LambdaLR, lr_lambda=lambda step: 0.9**step),
        partial(lr_scheduler.OneCycleLR, max_lr=1.0, total_steps=30),
    ],
)
def test_a_scheduler_of_torch_gives_the_same_rates_from_anywhere(given: partial[lr_scheduler.LRScheduler]) -> None:
    schedule = TorchSchedule(scheduler=given)
    forward = [schedule.share(step, 30) for step in range(30)]
    assert len(set(forward)) > 10
    assert [TorchSchedule(scheduler=given).share(step, 30) for step in (29, 11)] == [forward[29], forward[11]]
    assert [schedule.share(step, 30) for step in (29, 0, 17, 16)] == [forward[step] for step in (29, 0, 17, 16)]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (partial(lr_scheduler.ReduceLROnPlateau), "goes by a metric"),
        (partial(lr_scheduler.StepLR), "step_size"),
    ],
)
def test_a_scheduler_that_cannot_serve_is_refused(make: partial[lr_scheduler.LRScheduler], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TorchSchedule(scheduler=make)


@pytest.mark.parametrize(
    "make",
    [
        partial(lr_scheduler.OneCycleLR, max_lr=1.0, total_steps=31),
        partial(lr_scheduler.CosineAnnealingLR, T_max=31),
    ],
)
def test_a_scheduler_longer_than_the_run_is_refused(make: partial[lr_scheduler.LRScheduler]) -> None:
    with pytest.raises(ConfigError, match="31: the run has 30 steps"):
        TorchSchedule(scheduler=make).check(30)


def test_a_scheduler_that_ends_before_the_run_is_told_when_it_does() -> None:
    schedule = TorchSchedule(scheduler=partial(lr_scheduler.OneCycleLR, max_lr=1.0, total_steps=5))
    with pytest.raises(ConfigError, match="the run has 9 steps"):
        [schedule.share(step, 9) for step in range(9)]


def test_numbers_beside_a_schedule_of_its_own_are_refused() -> None:
    own = TorchSchedule(scheduler=partial(lr_scheduler.ConstantLR, factor=0.5))
    with pytest.raises(ConfigError, match="optim.warmup_steps=3: .*null"):
        AdamW(schedule=own, warmup_steps=3)
