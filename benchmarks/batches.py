"""Padding, and real tokens a CPU second, of batches of equal rows and of equal tokens, in turn in one process.

python -m benchmarks.batches            # chorales, and a mixed corpus: bands beside melodies alone
python -m benchmarks.batches --steps 5  # fewer steps of each kind a turn

Both kinds train copies of one model. The budget is the mean width times the rows, so that a step has about as many real
tokens either way. Only forward, backward and the making of the batch are timed, in seconds of CPU of this thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import count
from statistics import median

import numpy as np
import torch

from aurl.data.batch import Batch
from aurl.data.module import MusicData
from aurl.data.source import Source
from aurl.data.sources import Chorales, Synthetic
from aurl.data.split import split_pieces
from aurl.models.transformer import Transformer
from aurl.music.augment import Augment
from aurl.music.corpus import Corpus, load_chorales
from aurl.music.multitrack import MultitrackTokenizer
from aurl.music.notes import Notes
from aurl.music.score import Instrument
from aurl.music.tokenizer import RemiTokenizer
from aurl.music.tokens import Tokenizer

TURNS = 3


class Mixed(Source):
    """Chorales as a band plays them, sopranos alone, and made-up songs: windows of very different length."""

    def load(self) -> Corpus:
        chorales = load_chorales().train[:120]
        songs = Synthetic(pieces=80, bars=24).load().train
        splits = split_pieces([*map(banded, chorales[:60]), *map(melody, chorales[60:]), *songs], 0.1, 0.0)
        return Corpus("mixed", splits.train, splits.validation)


def banded(piece: Notes) -> Notes:
    """Every note on two instruments, and a drum on each beat."""
    beats = np.arange(0, piece.end, 12)
    drum = np.full(len(beats), 2)
    return Notes.build(
        np.concatenate([piece.onset, piece.onset, beats]),
        np.concatenate([piece.duration, piece.duration, np.full(len(beats), 6)]),
        np.concatenate([piece.pitch, piece.pitch - 12, np.full(len(beats), 42)]),
        np.concatenate([piece.velocity, piece.velocity, np.full(len(beats), 80)]),
        bar=piece.bar,
        tempo=piece.tempo,
        track=np.concatenate([np.zeros(len(piece), np.int64), np.ones(len(piece), np.int64), drum]),
        tracks=(Instrument(0), Instrument(48), Instrument(0, drum=True)),
    )


def melody(piece: Notes) -> Notes:
    """The highest note of each onset."""
    return piece.select(np.append(np.diff(piece.onset) > 0, True))


class Side:
    """One kind of batches, and a model that learns from them."""

    def __init__(self, source: Source, tokenizer: Tokenizer, seq_len: int, **size: int) -> None:
        self.data = MusicData(source, tokenizer, Augment(tempo_probability=0.5), seq_len=seq_len, **size)  # type: ignore[arg-type]
        self.data.setup(1)
        used = self.data.tokenizer
        torch.manual_seed(0)
        self.model = Transformer(
            used.vocab_size, seq_len, used.pad, used.bos, used.eos, d_model=128, n_layers=4, n_heads=4
        )
        self._batches = self._endless()
        self.tokens = self.area = 0

    def turn(self, steps: int) -> float:
        """Real tokens a CPU second over so many steps."""
        tokens, began = 0, time.thread_time()
        for _ in range(steps):
            batch = next(self._batches)
            self.model(batch.tokens, "generator", 0).objective.backward()
            self.model.zero_grad(set_to_none=True)
            tokens += batch.usage.tokens
            self.area += batch.usage.area
        self.tokens += tokens
        return tokens / (time.thread_time() - began)

    def _endless(self) -> Iterator[Batch]:
        loader = self.data.train_loader()
        for epoch in count():
            yield from loader.epoch(epoch)


def padding(data: MusicData) -> float:
    """The share of an epoch's batches that is padding."""
    usages = [batch.usage for batch in data.train_loader().epoch(0)]
    return 1 - sum(usage.tokens for usage in usages) / sum(usage.area for usage in usages)


def main() -> None:
    parser = argparse.ArgumentParser("benchmarks.batches")
    parser.add_argument("--steps", type=int, default=12, help="steps of each kind a turn")
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    corpora: list[tuple[str, Source, Tokenizer, int, int, int]] = [
        ("chorales", Chorales(), RemiTokenizer(), 192, 8, 1024),
        ("mixed", Mixed(), MultitrackTokenizer(), 512, 16, 2560),
    ]
    print("| corpus | batches | padding | real tokens a step | a CPU second | ratio |")
    print("|---|---|---|---|---|---|")
    for name, source, tokenizer, seq_len, rows, budget in corpora:
        sides = {
            f"{rows} rows": Side(source, tokenizer, seq_len, batch_size=rows),
            f"{budget} tokens": Side(source, tokenizer, seq_len, tokens_per_batch=budget),
        }
        for side in sides.values():
            side.turn(2)  # allocators and caches warm
        rates: dict[str, list[float]] = {kind: [] for kind in sides}
        for _ in range(TURNS):
            for kind, side in sides.items():
                rates[kind].append(side.turn(steps))
        base = median(next(iter(rates.values())))
        for kind, side in sides.items():
            rate = median(rates[kind])
            real = side.tokens / (2 + TURNS * steps)
            share = padding(side.data)
            print(f"| {name} | {kind} | {share:.1%} | {real:.0f} | {rate:.0f} | {rate / base:.2f} |", flush=True)


if __name__ == "__main__":
    main()
