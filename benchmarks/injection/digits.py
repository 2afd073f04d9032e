"""The handwritten digits that scikit-learn ships (Alpaydin and Kaynak 1998): 1,797 of 8 x 8 pixels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple

import torch
from torch import Tensor

CLASSES = 10
_HELD_OUT = 360


class Digits(NamedTuple):
    """Images [N, 64] from 0 to 1 and their classes [N], to learn from and held out."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor


@lru_cache(maxsize=1)
def _all() -> tuple[Tensor, Tensor]:
    try:
        datasets = import_module("sklearn.datasets")
    except ImportError as error:
        raise SystemExit("the digits come with scikit-learn: pip install -c constraints.txt scikit-learn") from error
    x, y = datasets.load_digits(return_X_y=True)
    return torch.tensor(x / 16.0, dtype=torch.float32), torch.tensor(y, dtype=torch.int64)


def digits(seed: int, items: int | None = None, label_noise: float = 0.0) -> Digits:
    """A split drawn by the seed.

    Args:
        items: images to learn from; all but the 360 held out if None.
        label_noise: share of the labels to learn from that are drawn at random.
    """
    random = torch.Generator().manual_seed(seed)
    x, y = _all()
    order = torch.randperm(len(x), generator=random)
    test, train = order[:_HELD_OUT], order[_HELD_OUT:][:items]
    labels = y[train].clone()
    wrong = torch.rand(len(labels), generator=random) < label_noise
    labels[wrong] = torch.randint(CLASSES, (int(wrong.sum()),), generator=random)
    return Digits(x[train], labels, x[test], y[test])


def batches(data: Digits, size: int, seed: int) -> Iterator[list[Tensor]]:
    """Shuffled batches without end, each epoch in a new order; the last of an epoch may be smaller."""
    random = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(data.train_x), generator=random)
        for at in range(0, len(order), size):
            chosen = order[at : at + size]
            yield [data.train_x[chosen], data.train_y[chosen]]
