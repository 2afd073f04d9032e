"""A batch of token sequences, and what it was made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from aurl.data.windows import Window


@dataclass(frozen=True, slots=True)
class BatchUsage:
    """What a batch of B sequences was made of.

    Attributes:
        pieces: [B] index of each sequence's piece in its split.
        augmented: the pieces whose sequence was changed by an augmentation.
        types: how many sequences each type of augmentation changed.
        transpositions: how many sequences were moved by how many semitones, 0 included.
        lengths: [B] tokens of each sequence without padding.
        cut: sequences that were cut to seq_len.
        area: tokens with padding, rows times width.
    """

    pieces: tuple[int, ...]
    augmented: tuple[int, ...]
    types: Mapping[str, int]
    transpositions: Mapping[int, int]
    lengths: tuple[int, ...]
    cut: int
    area: int

    @property
    def tokens(self) -> int:
        """Tokens without padding."""
        return sum(self.lengths)


@dataclass(frozen=True, slots=True)
class Batch:
    """Token sequences ready for a model.

    Attributes:
        tokens: int64 [B, T], filled with the padding token after the end of each sequence.
        usage: what they were made of.
        cells: voices x sixteenths of the music in it, in batches of an evaluation; 0 where nobody asks.
    """

    tokens: Tensor
    usage: BatchUsage
    cells: float = 0.0

    def __len__(self) -> int:
        return self.tokens.shape[0]

    def to(self, device: torch.device | str) -> Batch:
        """The batch on a device; to a GPU from pinned memory, so that the copy overlaps with what runs there."""
        device = torch.device(device)
        tokens = self.tokens.pin_memory() if device.type == "cuda" and not self.tokens.is_cuda else self.tokens
        return replace(self, tokens=tokens.to(device, non_blocking=True))


def collate(windows: Sequence[Window], pad: int, width: Callable[[int], int] | None = None) -> Batch:
    """One batch of windows, padded to the longest of them, or to what `width` makes of its length."""
    lengths = tuple(len(window.tokens) for window in windows)
    longest = max(lengths)
    tokens = torch.full((len(windows), width(longest) if width else longest), pad, dtype=torch.int64)
    for row, window in zip(tokens.numpy(), windows, strict=True):
        row[: len(window.tokens)] = window.tokens
    usage = BatchUsage(
        pieces=tuple(window.piece for window in windows),
        augmented=tuple(window.piece for window in windows if window.applied.types),
        types=Counter(name for window in windows for name in window.applied.types),
        transpositions=Counter(window.applied.transposition for window in windows),
        lengths=lengths,
        cut=sum(window.cut > 0 for window in windows),
        area=tokens.numel(),
    )
    return Batch(tokens, usage)
