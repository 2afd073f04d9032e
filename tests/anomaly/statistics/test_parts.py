from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from aurl.lint.findings import examine
from aurl.lint.log import TableLog
from aurl.lint.overrides import read
from tests.lint.files import Rows


def findings(name: str, part: Callable[[int, float], float], zscore: str = "5") -> list[tuple[str, str, str]]:
    """What is told of a log whose whole loss is healthy, while one of its parts does as it is told."""
    noise = random.Random(2)
    rows = []
    for at in range(1200):
        falling = math.exp(-at / 200)
        own = 0.3 * falling + 0.1 + noise.gauss(0, 0.004)
        rows.append({"step": at, "loss": 2 * falling + 0.5 + noise.gauss(0, 0.01), name: part(at, own)})
    found = examine(TableLog(Rows(rows), {}), read([f"zscore={zscore}"]).anomaly)
    return [(one.type, one.severity.value, str(one.worst.fields["metric"])) for one in found]


def climbs(at: int, own: float) -> float:
    return own * (1 + max(0, at - 600) / 40)


def test_a_part_that_climbs_is_told_though_the_whole_falls() -> None:
    assert findings("mel_loss", climbs) == [("training_divergence", "warning", "loss/mel_loss")]


@pytest.mark.parametrize("name", ["reg_loss", "l2_loss", "gan_balance_loss"])
def test_what_grows_in_healthy_runs_may_grow(name: str) -> None:
    assert all(metric != f"loss/{name}" for _, _, metric in findings(name, climbs))


@pytest.mark.parametrize(
    "part",
    [
        lambda _, own: own,
        lambda at, own: own * (2 if at > 600 else 1),  # parts trade with each other
        lambda at, own: own * (30 if at == 700 else 1),
        lambda at, own: 0.02 + 0.4 * (at > 8) * own,  # it begins at nearly nothing
    ],
)
def test_a_part_that_only_moves_is_healthy(part: Callable[[int, float], float]) -> None:
    assert findings("mel_loss", part) == []
