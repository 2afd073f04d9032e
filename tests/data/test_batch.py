from __future__ import annotations

import pickle

import numpy as np
import torch

from aurl.data.batch import collate
from aurl.data.windows import Window
from aurl.music.augment import Applied


def window(length: int, piece: int = 0, cut: int = 0, applied: Applied | None = None) -> Window:
    return Window(np.arange(1, length + 1, dtype=np.int32), piece, cut, applied or Applied())


def test_sequences_are_padded_to_the_longest() -> None:
    batch = collate([window(3), window(5)], pad=9)
    assert batch.tokens.tolist() == [[1, 2, 3, 9, 9], [1, 2, 3, 4, 5]]
    assert batch.tokens.dtype == torch.int64
    assert len(batch) == 2


def test_the_width_may_be_more_than_the_longest() -> None:
    assert collate([window(3)], pad=0, width=lambda longest: 2 * longest).tokens.tolist() == [[1, 2, 3, 0, 0, 0]]


def test_usage_tells_what_the_batch_was_made_of() -> None:
    made = [
        window(3, piece=7, applied=Applied(("transpose", "tempo"), -2)),
        window(4, piece=8, cut=2),
        window(5, piece=7, applied=Applied(("tempo",), 0)),
    ]
    usage = collate(made, pad=0).usage
    assert usage.pieces == (7, 8, 7)
    assert usage.augmented == (7, 7)
    assert dict(usage.types) == {"transpose": 1, "tempo": 2}
    assert dict(usage.transpositions) == {-2: 1, 0: 2}
    assert (usage.lengths, usage.tokens, usage.area, usage.cut) == ((3, 4, 5), 12, 15, 1)


def test_a_batch_moves_and_travels_whole() -> None:
    batch = collate([window(3, piece=1)], pad=0)
    for copy in (batch.to("cpu"), pickle.loads(pickle.dumps(batch))):
        assert torch.equal(copy.tokens, batch.tokens)
        assert copy.usage == batch.usage
