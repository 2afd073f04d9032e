"""Which piece belongs to training, validation or test: decided by what is in it, so that more files change little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aurl.music.corpus import digest
from aurl.music.notes import Notes

FEWEST = 3


class Splits(NamedTuple):
    """Pieces by split, and what a user should know about it, one sentence each."""

    train: tuple[Notes, ...]
    validation: tuple[Notes, ...]
    test: tuple[Notes, ...]
    warnings: tuple[str, ...]


def split_pieces(
    pieces: Sequence[Notes], validation: float, test: float, key: Callable[[Notes], bytes] = digest
) -> Splits:
    """Give each piece to the split that a hash of its notes falls into; copies of a piece stay together.

    A piece keeps its split when others come or go. With three different pieces or more no split of a fraction above 0
    is empty: it takes the pieces that miss it by least. With fewer, all are trained on and validated on.

    Args:
        validation, test: expected fractions of the pieces, >= 0 and below 1 in sum.
        key: pieces with the same key share a split; by default copies do.
    """
    keys = [key(piece) for piece in pieces]
    places = {one: _place(one) for one in keys}
    warnings = []
    if key is digest and (copies := len(pieces) - len(places)):
        warnings.append(f"{copies} of {len(pieces)} pieces hold the same notes as another one; copies share a split.")
    if len(places) < FEWEST:
        warnings.append(
            f"{len(places)} different piece(s) cannot be split: validation measures the training pieces, test is empty."
        )
        everything = tuple(pieces)
        return Splits(everything, everything if validation else (), (), tuple(warnings))
    bounds = {"test": (0.0, test), "validation": (test, test + validation), "train": (test + validation, 1.0)}
    members = _fill_empty({name: _inside(places, *bound) for name, bound in bounds.items()}, bounds, places)
    chosen = {one: name for name, held in members.items() for one in held}
    by_split = {
        name: tuple(piece for piece, one in zip(pieces, keys, strict=True) if chosen[one] == name) for name in bounds
    }
    return Splits(by_split["train"], by_split["validation"], by_split["test"], tuple(warnings))


def _place(key: bytes) -> float:
    return int.from_bytes(key[:6], "big") / 2**48


def _inside(places: dict[bytes, float], low: float, high: float) -> set[bytes]:
    return {key for key, place in places.items() if low <= place < high}


def _fill_empty(
    members: dict[str, set[bytes]], bounds: dict[str, tuple[float, float]], places: dict[bytes, float]
) -> dict[str, set[bytes]]:
    for name, (low, high) in bounds.items():
        if not members[name] and high > low:
            spare = [key for keys in members.values() if len(keys) > 1 for key in keys]
            nearest = min(spare, key=lambda key: (abs(places[key] - (low + high) / 2), key))
            for keys in members.values():
                keys.discard(nearest)
            members[name].add(nearest)
    return members
