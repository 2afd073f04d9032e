"""Which settings tell runs apart, the most telling first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from aurl.record import Json
from aurl.runs.settings import TARGET, frozen, is_bookkeeping, setting

_UNSET = ("unset",)
_DEEPEST = 12
_FEW_RUNS = 4  # among so few, a single run that differs is worth a column


def differing(configs: Sequence[Mapping[str, Json]]) -> list[str]:
    """The keys that do not have the same value in all of these flat configurations, the most telling first.

    A key tells the more, the more runs do not have its commonest value. What a choice brings with it (the sizes of a
    model, where the model differs) stands after the choice, and bookkeeping is left out. A run without any
    configuration does not count.
    """
    ways, brought = _ways(configs)
    return sorted(ways, key=lambda key: (key in brought, -odd_ones(ways[key]), key.count("."), key))


def telling(configs: Sequence[Mapping[str, Json]], most: int) -> list[str]:
    """The first of these keys that are worth a column: not those that a choice brings with it, and not those in which
    one run alone differs from many."""
    ways, brought = _ways(configs)
    least = 2 if sum(1 for config in configs if config) > _FEW_RUNS else 1
    return [key for key in differing(configs) if key not in brought and odd_ones(ways[key]) >= least][:most]


def _ways(configs: Sequence[Mapping[str, Json]]) -> tuple[dict[str, tuple[Hashable, ...]], set[str]]:
    """The values that differ, by key, in the order of the configurations; and the keys that a choice brings with it."""
    known = [config for config in configs if config]
    ways = {key: way for key in _keys(known) if len(set(way := _way(known, key))) > 1}
    chosen: dict[str, list[str]] = {}  # by group: `model/size` is chosen for the keys of `model`
    for key in ways:
        if "/" in key:
            chosen.setdefault(key.partition("/")[0], []).append(key)
    return ways, {key for key in ways if any(_alike(ways, choice, key) for choice in _choices_above(key, chosen))}


def _choices_above(key: str, chosen: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What could have been chosen that brings this key: each group that it lies in, its class, its options."""
    parts = key.split(".")
    for count in range(1, min(len(parts), _DEEPEST)):
        group = ".".join(parts[:count])
        yield group
        yield f"{group}.{TARGET}"
        yield from chosen.get(group, ())


def _alike(ways: Mapping[str, Sequence[Hashable]], choice: str, key: str) -> bool:
    return choice != key and choice in ways and _pattern(ways[choice]) == _pattern(ways[key])


def odd_ones(values: Sequence[Hashable]) -> int:
    """How many values are not the commonest."""
    return len(values) - max(Counter(values).values(), default=0)


def short_names(keys: Sequence[str]) -> list[str]:
    """The last parts of each key, as many as tell it from the others: `lr`, `encoder.size`, `model` of `model.name`."""
    parts = [_words(key) for key in keys]

    def tail(words: list[str], count: int) -> str:
        return ".".join(words[-count:])

    def short(words: list[str], key: str) -> str:
        counts = range(1, len(words) + 1)
        alone = (n for n in counts if [tail(other, n) for other in parts].count(tail(words, n)) == 1)
        return tail(words, n) if (n := next(alone, 0)) else key

    return [short(words, key) for words, key in zip(parts, keys, strict=True)]


def _words(key: str) -> list[str]:
    words = key.split(".")
    return words[:-1] if len(words) > 1 and words[-1] in (TARGET, "name") else words


def _keys(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    return [key for key in dict.fromkeys(key for config in configs for key in config) if not is_bookkeeping(key)]


def _way(configs: Sequence[Mapping[str, Json]], key: str) -> tuple[Hashable, ...]:
    return tuple(frozen(setting(key, config[key])) if key in config else _UNSET for config in configs)


def _pattern(way: Sequence[Hashable]) -> tuple[int, ...]:
    """Which runs share a value, whatever the values are."""
    first: dict[Hashable, int] = {}
    return tuple(first.setdefault(value, len(first)) for value in way)
