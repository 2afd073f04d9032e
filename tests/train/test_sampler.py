from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from aurl.errors import ConfigError
from aurl.models.base import Losses, MusicModel
from aurl.music.notes import Notes
from aurl.music.tokenizer import RemiTokenizer
from aurl.train.sampler import Sampler

REMI = RemiTokenizer()
PIECE = Notes.build(np.arange(0, 192, 12), [12] * 16, [60 + i % 5 for i in range(16)])


class Parrot(MusicModel):
    """Says one piece again and again; remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.asked: list[tuple[list[int], int, int | None]] = []

    def forward(self, tokens_BT: Tensor, phase: str = "generator", step: int = 0) -> Losses:
        return Losses(self.weight.sum(), {})

    def generate(self, seeds: Sequence[int], *, length: int, prompt_T: Tensor | None = None, **_: Any) -> Tensor:
        self.asked.append((list(seeds), length, None if prompt_T is None else len(prompt_T)))
        return torch.tensor(np.stack([REMI.encode(PIECE)] * len(seeds)))


def draw(sampler: Sampler, model: Parrot, **options: Any) -> list[tuple[int, int, str, int]]:
    drawn = sampler.draw(model, REMI, [PIECE], 192, 2, **options)
    return [(slot, seed, mode, decoded.notes.bars) for slot, seed, mode, decoded in drawn]


def test_slots_have_fixed_seeds_and_keep_the_bars_of_the_windows() -> None:
    model = Parrot()
    found = draw(Sampler(count=3, continuations=1, seed=10), model)
    assert found == [(0, 10, "continuation", 2), (1, 11, "prior", 2), (2, 12, "prior", 2)]
    assert [(seeds, length) for seeds, length, _ in model.asked] == [([10], 192), ([11, 12], 192)]


def test_more_slots_are_drawn_for_scoring() -> None:
    sampler = Sampler(count=2, scored=5, continuations=0)
    assert len(draw(sampler, Parrot())) == 2
    assert [slot for slot, *_ in draw(sampler, Parrot(), scoring=True)] == [0, 1, 2, 3, 4]


def test_the_prompt_is_the_first_bar_with_notes() -> None:
    model = Parrot()
    late = Notes.build(PIECE.onset + 96, PIECE.duration, PIECE.pitch)
    list(Sampler(count=1, continuations=1, prompt_bars=1).draw(model, REMI, [late], 192, 4))
    assert model.asked[0][2] == len(REMI.encode(PIECE.window(0, 1), end=False))


def test_due() -> None:
    assert Sampler(every=None).due(7, evaluated=True)
    assert not Sampler(every=None).due(7, evaluated=False)
    assert Sampler(every=5).due(10, evaluated=False)
    assert not Sampler(every=0).due(10, evaluated=True)
    assert not Sampler(count=0, scored=0, continuations=0).due(10, evaluated=True)


@pytest.mark.parametrize(
    "bad", [{"count": -1, "continuations": 0}, {"continuations": 9}, {"temperature": 0}, {"top_p": 0}, {"bars": 0},
            {"prompt_bars": 0}, {"top_k": -1}, {"length": 1}, {"every": -1}, {"scored": -1}],
)  # fmt: skip
def test_values_out_of_range_name_the_key(bad: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"sample.{next(iter(bad))}="):
        Sampler(**bad)


def test_valid_samples_need_a_grammar() -> None:
    class Mute(RemiTokenizer):
        def grammar(self) -> None:  # type: ignore[override]
            return None

    with pytest.raises(ConfigError, match="sample.valid=true: Mute tells no grammar"):
        next(Sampler(valid=True, count=1, continuations=0).draw(Parrot(), Mute(), [], 64, 4))
