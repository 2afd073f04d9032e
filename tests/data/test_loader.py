from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.data.batch import Batch
from aurl.data.batching import Batching, FixedRows, TokenBudget
from aurl.data.loader import TrainLoader, generator
from aurl.data.windows import Windows
from aurl.errors import DataError
from aurl.music.augment import Augment
from aurl.music.notes import Notes
from aurl.music.tokenizer import RemiTokenizer
from tests.data.pieces import piece

REMI = RemiTokenizer()
PIECES = [piece(length, pitch=36 + 4 * number) for number, length in enumerate((3, 8, 12, 16, 5, 9))]  # 15 windows
AUGMENT = Augment(transpose_probability=0.7, velocity_probability=0.5)


ROWS, BUDGET = FixedRows(4), TokenBudget(100, sort_window=6)
EITHER = pytest.mark.parametrize("batching", [ROWS, BUDGET], ids=["rows", "tokens"])


def loader(batching: Batching = ROWS, **changes: int) -> TrainLoader:
    arguments = {"seed": 1} | changes
    return TrainLoader(Windows(PIECES, REMI, bars=4, seq_len=64, augment=AUGMENT), batching=batching, **arguments)


def rows(batches: list[Batch]) -> list[tuple[int, ...]]:
    """Every sequence without its padding."""
    return [
        tuple(row[:length].tolist())
        for batch in batches
        for row, length in zip(batch.tokens, batch.usage.lengths, strict=True)
    ]


def same(left: list[Batch], right: list[Batch]) -> bool:
    return len(left) == len(right) and all(
        torch.equal(a.tokens, b.tokens) and a.usage == b.usage for a, b in zip(left, right, strict=True)
    )


def test_an_epoch_has_every_window_once() -> None:
    batches = list(loader().epoch(0))
    assert [len(batch) for batch in batches] == [4, 4, 4, 3]
    assert loader().batches(0) == 4
    pieces = sorted(number for batch in batches for number in batch.usage.pieces)
    assert pieces == [0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 5]


@EITHER
def test_every_window_comes_once_whatever_the_batches_are(batching: Batching) -> None:
    for epoch in range(3):
        batches = list(loader(batching).epoch(epoch))
        assert len(batches) == loader(batching).batches(epoch)
        pieces = sorted(number for batch in batches for number in batch.usage.pieces)
        assert pieces == [0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 5]


def test_a_budget_of_tokens_is_kept_and_used() -> None:
    batches = [batch for epoch in range(4) for batch in loader(BUDGET).epoch(epoch)]
    assert max(batch.usage.area for batch in batches) <= 100
    assert {batch.tokens.numel() == batch.usage.area for batch in batches} == {True}


@EITHER
@pytest.mark.parametrize("start", range(4))
def test_an_epoch_taken_up_in_the_middle_goes_on_with_the_same_batches(start: int, batching: Batching) -> None:
    whole = list(loader(batching).epoch(3))
    assert same(whole[start:], list(loader(batching).epoch(3, start)))


@EITHER
def test_other_epochs_and_seeds_give_other_orders_cuts_and_augmentations(batching: Batching) -> None:
    places = ((1, 0), (1, 1), (2, 0), (0, 1), (-1, 0))
    seen = [rows(list(loader(batching, seed=seed).epoch(epoch))) for seed, epoch in places]
    assert len({tuple(each) for each in seen}) == 5
    assert len({tuple(sorted(each)) for each in seen}) == 5
    assert seen[0] == rows(list(loader(batching, seed=1).epoch(0)))


@EITHER
def test_epochs_do_not_depend_on_those_before(batching: Batching) -> None:
    used = loader(batching)
    for epoch in (0, 5, 2):
        next(used.epoch(epoch))  # left in the middle
    assert same(list(used.epoch(1)), list(loader(batching).epoch(1)))


def test_two_epochs_can_be_read_side_by_side() -> None:
    both = loader()
    first, second = both.epoch(0), both.epoch(1)
    mixed = [(next(first), next(second)) for _ in range(4)]
    assert same([pair[0] for pair in mixed], list(loader().epoch(0)))
    assert same([pair[1] for pair in mixed], list(loader().epoch(1)))


@pytest.mark.parametrize("world", [2, 3, 4, 7, 40])
def test_processes_share_an_epoch_by_tokens(world: int) -> None:
    shares = [list(loader(BUDGET, rank=rank, world=world).epoch(0)) for rank in range(world)]
    assert {len(share) for share in shares} == {loader(BUDGET, world=world).batches(0)}
    alone = [rows([batch]) for batch in loader(BUDGET).epoch(0)]
    together = [rows([batch]) for share in shares for batch in share]
    assert all(batch in together for batch in alone)
    assert len(together) - len(alone) < world


@pytest.mark.parametrize("world", [2, 3, 4, 7, 40])
def test_processes_share_an_epoch(world: int) -> None:
    shares = [list(loader(rank=rank, world=world).epoch(0)) for rank in range(world)]
    assert {len(share) for share in shares} == {loader(world=world).batches(0)}
    assert {tuple(map(len, share)) for share in shares} == {tuple(map(len, shares[0]))}
    alone = rows(list(loader().epoch(0)))
    together = [row for share in shares for row in rows(share)]
    assert set(together) == set(alone)
    assert len(together) - len(alone) < world or world > len(alone)


def test_the_global_generators_are_left_alone() -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    before = (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist())
    list(loader().epoch(0))
    assert before == (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist())


@pytest.mark.parametrize("start", [-1, 5, 100])
def test_a_batch_that_the_epoch_has_not_is_refused(start: int) -> None:
    with pytest.raises(DataError, match=rf"batch {start} of epoch 2: there are 4 batches in it"):
        loader().epoch(2, start)


def test_a_fixed_width_gives_one_shape() -> None:
    assert {tuple(batch.tokens.shape[1:]) for batch in loader(FixedRows(4, 64)).epoch(0)} == {(64,)}


def test_one_short_piece_is_enough() -> None:
    alone = TrainLoader(
        Windows([Notes.build([0], [12], [60])], REMI, bars=4, seq_len=64), seed=0, batching=FixedRows(32)
    )
    assert [tuple(batch.tokens.shape) for batch in alone.epoch(0)] == [(1, 9)]


@given(st.integers(-(2**70), 2**70), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_streams_differ_in_each_part_of_their_key(seed: int, epoch: int, number: int) -> None:
    keys = {(seed, epoch, number), (seed + 1, epoch, number), (seed, epoch ^ 1, number), (seed, epoch, number ^ 1)}
    assert len({generator(*key).integers(2**63) for key in keys}) == 4
    assert generator(seed, epoch, number).integers(2**63) == generator(seed, epoch, number).integers(2**63)


@pytest.mark.slow
def test_workers_make_the_same_batches() -> None:
    with_worker = loader(BUDGET, workers=1)
    assert same(list(with_worker.epoch(0)), list(loader(BUDGET).epoch(0)))
    next(with_worker.epoch(1))  # left in the middle
    assert same(list(with_worker.epoch(2, 1)), list(loader(BUDGET).epoch(2, 1)))


PROGRAM = """
import os, signal
from aurl.data.batching import FixedRows
from aurl.data.loader import TrainLoader
from aurl.data.windows import Windows
from aurl.music.notes import Notes
from aurl.music.tokenizer import RemiTokenizer

if __name__ == "__main__":
    piece = Notes.build(range(0, 48 * 100, 12), 12, 60)
    windows = Windows([piece], RemiTokenizer(), bars=1, seq_len=32)
    loader = TrainLoader(windows, seed=0, batching=FixedRows(1), workers=1)
    batches = loader.epoch(0)
    next(batches)
    signal.signal(signal.SIGTERM, lambda *_: print("told to stop", flush=True))
    os.killpg(os.getpgrp(), signal.SIGTERM)
    print(sum(1 for _ in batches), "more batches")
    next(loader.epoch(1))  # ends with a worker in the middle of an epoch
"""


@pytest.mark.slow
def test_a_signal_to_the_group_leaves_the_workers_running_and_the_program_ends_by_itself(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, check=False, start_new_session=True
    )
    assert (done.stdout, done.stderr, done.returncode) == ("told to stop\n99 more batches\n", "", 0)
