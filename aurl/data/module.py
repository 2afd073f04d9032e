"""Everything a training needs of its data: batches to learn from, batches to be judged by, and a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

from aurl.data.batch import Batch, collate
from aurl.data.batching import Batching, FixedRows, TokenBudget
from aurl.data.loader import TrainLoader
from aurl.data.measure import Measured, measure
from aurl.data.sources import Source
from aurl.data.windows import Windows
from aurl.errors import ConfigError, DataError, did_you_mean
from aurl.music.augment import Augment
from aurl.music.corpus import SPLITS, Corpus
from aurl.music.notes import Notes
from aurl.music.tokens import Tokenizer

REJECTED_SHOWN = 1000
DEFAULT_TOKENS, DEFAULT_ROWS = 4096, 32


class MusicData:
    """A corpus as token sequences of some bars each.

    Args:
        source: gives the corpus.
        tokenizer: writes the sequences.
        augment: changes training sequences at random; none leaves them as they are.
        bars: length of a sequence in bars.
        seq_len: tokens a sequence has at most; the rest of a longer one is cut.
        batch_size: training sequences a batch and process, in random order; left out, batches are made by tokens.
        tokens_per_batch: tokens a training batch and process at most, padding counted, of sequences about as long as
            each other; left out, and without `batch_size`, 4096.
        sort_window: training sequences that are sorted by length at a time, for `tokens_per_batch`.
        width_multiple: training batches are padded to a multiple of so many tokens, so that a compiled model meets few
            shapes.
        eval_batch_size: sequences a batch of validation; `batch_size`, or 32, where left out.
        workers: processes that make training batches; 0 makes them in the training process, which takes about 0.1 ms
            a sequence.
        pad_to_seq_len: pad every batch to `seq_len` instead of to its longest sequence, so that a compiled model
            meets one shape only.
        root, resolution, pedal, tracks: not used here; places for `data.root` and so on, to which the yaml of a source
            refers.

    Raises:
        ConfigError: a number outside its range, or a seq_len that cannot hold a single note.
    """

    def __init__(
        self,
        source: Source,
        tokenizer: Tokenizer,
        augment: Augment | None = None,
        *,
        bars: int = 4,
        seq_len: int = 192,
        batch_size: int | None = None,
        tokens_per_batch: int | None = None,
        sort_window: int = 1024,
        width_multiple: int = 1,
        eval_batch_size: int | None = None,
        workers: int = 0,
        pad_to_seq_len: bool = False,
        root: str | None = None,
        resolution: int | str | None = None,
        pedal: str | None = None,
        tracks: bool | None = None,
    ) -> None:
        _require("bars", bars, 1)
        _require("width_multiple", width_multiple, 1)
        _require("workers", workers, 0)
        shortest = len(tokenizer.encode(Notes.build([0], [12], [60])))
        _require("seq_len", seq_len, shortest, f" (the header, one note and the end token take {shortest})")
        self.tokenizer = tokenizer
        self.seq_len = seq_len
        self.batching = _batching(
            batch_size, tokens_per_batch, sort_window, seq_len if pad_to_seq_len else width_multiple, seq_len
        )
        eval_batch_size = (batch_size or DEFAULT_ROWS) if eval_batch_size is None else eval_batch_size
        _require("eval_batch_size", eval_batch_size, 1)
        self.root, self.resolution, self.pedal, self.tracks = root, resolution, pedal, tracks
        self._source = source
        self._augment = augment
        self.bars = bars
        self._eval_batch_size = eval_batch_size
        self._workers = workers
        self._width = (lambda longest: seq_len) if pad_to_seq_len else None
        self._seed = 0
        self._corpus: Corpus | None = None
        self._windows: dict[str, Windows] = {}
        self._measured: Measured | None = None

    @property
    def corpus(self) -> Corpus:
        """The pieces that `setup` loaded."""
        if self._corpus is None:
            raise RuntimeError("MusicData.setup() comes first")
        return self._corpus

    @property
    def smaller_batch(self) -> tuple[str, str]:
        """The setting that says how large a training batch is, and the same with half of it."""
        size = self.batching.size
        return f"data.{size.name}={size.value}", f"data.{size.name}={max(1, size.value // 2)}"

    def setup(self, seed: int = 0) -> None:
        """Load the corpus, once; `seed` is that of the training batches where `train_loader` is given none.

        Raises:
            DataError: the source cannot be read, or there is nothing to train on or to validate with.
        """
        self._seed = seed
        if self._corpus is not None:
            return
        corpus = self._source.load()
        if corpus.resolution != self.tokenizer.resolution:
            self.tokenizer = self.tokenizer.at(corpus.resolution)
        for split in SPLITS:
            pieces = [piece for piece in getattr(corpus, split) if len(piece)]
            augment = self._augment if split == "train" else None
            self._windows[split] = Windows(
                pieces, self.tokenizer, bars=self.bars, seq_len=self.seq_len, augment=augment
            )
        _require_pieces(corpus, self._windows)
        _require_room(self.batching, self._windows["train"])
        self._corpus = corpus

    def train_loader(self, seed: int | None = None, rank: int = 0, world: int = 1) -> TrainLoader:
        """The training batches of process `rank` of `world`, fixed by the seed (that of `setup` where left out)."""
        return TrainLoader(
            self._split("train"),
            seed=self._seed if seed is None else seed,
            batching=self.batching,
            workers=self._workers,
            rank=rank,
            world=world,
        )

    def eval_batches(self, split: str = "validation", limit: int | None = None) -> Iterator[Batch]:
        """Batches that cover every bar of a split once, always the same; at most `limit` of them.

        Raises:
            DataError: there is no such split, or it has no pieces.
        """
        windows = self._split(split)
        if not windows.pieces:
            raise DataError(f"split '{split}' of {self.corpus.name} has no pieces: choose another, or add files")
        return islice(self._eval_batches(windows), limit)

    def describe(self) -> dict[str, Any]:
        """What the corpus holds, as JSON values: the fields of a DATA record at the start of a run."""
        corpus, train = self.corpus, self._split("train")
        measured = self._measure()
        rejected = [asdict(each) for each in corpus.rejected]
        size = self.batching.size
        return {
            "corpus": corpus.name,
            "fingerprint": corpus.fingerprint,
            "tokenizer": self.tokenizer.fingerprint,
            "vocab_size": self.tokenizer.vocab_size,
            "bars": self.bars,
            "seq_len": self.seq_len,
            size.name: size.value,
            "pieces": {split: len(windows.pieces) for split, windows in self._windows.items()},
            "notes": {split: sum(map(len, windows.pieces)) for split, windows in self._windows.items()},
            "windows": {split: len(windows) for split, windows in self._windows.items()},
            "tokens": round(measured.lengths["mean"] * len(train)),
            "tokens_per_note": round(measured.tokens_per_note, 3),
            "lengths": measured.lengths,
            "cut_share": round(measured.cut_share, 4),
            "altered_share": round(measured.altered_share, 4),
            "resolution": corpus.resolution,
            "lost": dict(corpus.lost),
            "cache_hits": corpus.cache_hits,
            "rejected_count": len(rejected),
            "rejected": rejected[:REJECTED_SHOWN],
            "warnings": [*corpus.warnings, *self._warnings(measured)],
        }

    def _measure(self) -> Measured:
        if self._measured is None:
            self._measured = measure(self._split("train"))
        return self._measured

    def _warnings(self, measured: Measured) -> Iterator[str]:
        loaded = sum(len(getattr(self.corpus, split)) for split in SPLITS)
        if silent := loaded - sum(len(windows.pieces) for windows in self._windows.values()):
            yield f"{silent} pieces have no notes and are left out."
        rows = self.batching.rows if isinstance(self.batching, FixedRows) else 0
        if (available := len(self._split("train"))) < rows:
            yield f"data.batch_size={rows}, but an epoch has {available} sequences: batches are smaller."
        if measured.cut_share > 0.05:
            yield (
                f"{measured.cut_share:.0%} of the sequences are longer than data.seq_len={self.seq_len} and are cut; "
                f"95% fit into {measured.lengths['p95']}."
            )
        if measured.altered_share > 0.01:
            yield f"The tokenizer cannot write {measured.altered_share:.0%} of the notes exactly and rounds them."

    def _split(self, split: str) -> Windows:
        if split not in self._windows and self.corpus:
            raise DataError(f"split '{split}': needs one of {', '.join(SPLITS)}.{did_you_mean(split, SPLITS)}")
        return self._windows[split]

    def _eval_batches(self, windows: Windows) -> Iterator[Batch]:
        tiles = windows.tiles()
        while chosen := list(islice(tiles, self._eval_batch_size)):
            made = [windows.plain(piece, start) for piece, start in chosen]
            cells = sum(windows.cells(each, start) for each, (_, start) in zip(made, chosen, strict=True))
            yield replace(collate(made, self.tokenizer.pad, self._width), cells=cells)


def _require(name: str, value: int, least: int, why: str = "") -> None:
    if not isinstance(value, int) or value < least:
        raise ConfigError(f"data.{name}={value}: needs a whole number, at least {least}{why}")


def _batching(rows: int | None, tokens: int | None, sort_window: int, multiple: int, seq_len: int) -> Batching:
    if rows is not None and tokens is not None:
        raise ConfigError(
            f"data.batch_size={rows}, data.tokens_per_batch={tokens}: a batch is measured by one of them; set only "
            "one, or the other to null"
        )
    _require("sort_window", sort_window, 1)
    if rows is not None:
        _require("batch_size", rows, 1)
        return FixedRows(rows, multiple)
    tokens = DEFAULT_TOKENS if tokens is None else tokens
    _require("tokens_per_batch", tokens, 1)
    return TokenBudget(tokens, sort_window, multiple, seq_len)


def _require_room(batching: Batching, windows: Windows) -> None:
    """A batch holds one sequence at least, whichever it is."""
    if not isinstance(batching, TokenBudget) or batching.tokens >= windows.seq_len:
        return
    longest = batching.width(windows.longest, windows.seq_len)
    if batching.tokens < longest:
        raise ConfigError(
            f"data.tokens_per_batch={batching.tokens}: is below the longest sequence, which has {longest} tokens; give "
            f"at least {longest}, or lower data.seq_len={windows.seq_len}, which cuts it"
        )


def _require_pieces(corpus: Corpus, windows: dict[str, Windows]) -> None:
    counts = {split: len(windows[split].pieces) for split in ("train", "validation")}
    if all(counts.values()):
        return
    raise DataError(
        f"{corpus.name}: {counts['train']} pieces with notes to train on and {counts['validation']} to validate with "
        f"({len(corpus.rejected)} files rejected); each needs at least 1. Add files, or choose another data source"
    )
