"""Which settings differ between runs, which of them move together, and which runs differ in nothing but the seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from aurl.record import Json
from aurl.runs.settings import comparable, frozen

Settings = Mapping[str, Json]
Item = TypeVar("Item")
_ALONE = 5


def varying(settings: Sequence[Settings], seeds: Sequence[Json]) -> dict[str, list[Json]]:
    """The keys that make a difference, with the value of each run (None where it has no such key).

    Left out are names, paths, sinks and the seed, keys that repeat the seed, and keys that follow from the option of
    their group: where `model` varies, `model._target_` does too and says nothing more. An option is left out where runs
    that chose differently have the same settings all the same.
    """
    compared = [comparable(flat) for flat in settings]
    names = dict.fromkeys(key for flat in compared for key in flat)
    columns = {key: [flat.get(key) for flat in compared] for key in names}
    differing = {key: column for key, column in columns.items() if _differs(column)}
    differing = {key: column for key, column in differing.items() if not _repeats(column, seeds)}
    chosen = [key for key in differing if _is_option(key, names)]
    plain = [column for key, column in differing.items() if key not in chosen]
    idle = {key for key in chosen if _has_settings(key, names) and not _is_settled(differing[key], plain)}
    differing = {key: column for key, column in differing.items() if key not in idle}
    options = {key: column for key, column in differing.items() if key in chosen}
    return {
        key: column for key, column in differing.items() if key in options or not _follows(key, column, options, names)
    }


def confounded(columns: Mapping[str, Sequence[Json]]) -> tuple[tuple[str, ...], ...]:
    """Sets of keys that always change together, so that nothing can tell which of them made a difference.

    Where every configuration has a value of its own, as in a random search, any two keys change at the same time; there
    they are together only if one rises, or falls, wherever the other rises.
    """
    together: dict[Hashable, list[str]] = defaultdict(list)
    configurations = len(set(zip(*map(_codes, columns.values()), strict=True)))
    for key, column in columns.items():
        codes = _codes(column)
        own = _ALONE < max(codes, default=0) + 1 == configurations
        together[_order(column) or key if own else codes].append(key)
    return tuple(tuple(keys) for keys in together.values() if len(keys) > 1)


def split(items: Sequence[Item], columns: Mapping[str, Sequence[Json]]) -> list[tuple[dict[str, Json], list[Item]]]:
    """The items that agree in all columns, and the values they agree in, in the order in which they first occur."""
    groups: dict[Hashable, tuple[dict[str, Json], list[Item]]] = {}
    for at, item in enumerate(items):
        config = {key: column[at] for key, column in columns.items()}
        groups.setdefault(frozen(config), (config, []))[1].append(item)
    return list(groups.values())


def distinct(column: Iterable[Json]) -> list[Json]:
    """The values that occur, numbers in ascending order, each once; a missing one is None and comes last."""
    values = list({frozen(value): value for value in column}.values())
    return sorted(values, key=lambda value: (value is None, not _is_number(value), _rank(value)))


def listed_values(value: Json) -> Sequence[Any]:
    """A list of the comparison's JSON, such as `ci`, as the list that it is."""
    assert isinstance(value, (list, tuple))
    return value


def _rank(value: Json) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, (int, float)) else (0.0, str(value))


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _differs(column: Sequence[Json]) -> bool:
    first = column[0] if column else None
    return not all(value is first or (type(value) is type(first) and value == first) for value in column) and (
        len({frozen(value) for value in column}) > 1
    )


def _repeats(column: Sequence[Json], seeds: Sequence[Json]) -> bool:
    return any(seed is not None for seed in seeds) and all(map(_equal, column, seeds))


def _equal(first: Json, second: Json) -> bool:
    return first == second


def _is_option(key: str, names: Mapping[str, None]) -> bool:
    """Whether a key names an option of a config group: keys lie below it, as `model.d_model` below `model`."""
    return "/" in key or any(name.startswith(f"{key}.") for name in names)


def _follows(
    key: str, column: Sequence[Json], options: Mapping[str, Sequence[Json]], names: Mapping[str, None]
) -> bool:
    """Whether the value is settled once the options of the groups around the key are known."""
    root = key.partition(".")[0]
    around = [values for option, values in options.items() if option.replace("/", ".").partition(".")[0] == root]
    if not around or key in options:
        return False
    return _is_settled(column, around)


def _has_settings(option: str, names: Mapping[str, None]) -> bool:
    """Whether the settings that come with an option are known, so that what it does can be seen from them."""
    root = option.replace("/", ".").partition(".")[0]
    return any(name.startswith(f"{root}.") for name in names)


def _is_settled(column: Sequence[Json], others: Sequence[Sequence[Json]]) -> bool:
    """Whether runs that agree in the other columns agree in this one."""
    settled: dict[Hashable, Hashable] = {}
    for at, value in enumerate(column):
        key = tuple(frozen(values[at]) for values in others)
        if settled.setdefault(key, frozen(value)) != frozen(value):
            return False
    return True


def _order(column: Sequence[Json]) -> tuple[int, ...] | None:
    """The order of a column of numbers, the same for one that falls where this one rises; None for anything else."""
    if not all(map(_is_number, column)):
        return None
    places = {value: at for at, value in enumerate(sorted({float(str(value)) for value in column}))}
    ranks = tuple(places[float(str(value))] for value in column)
    return min(ranks, tuple(len(places) - 1 - rank for rank in ranks))


def _codes(column: Sequence[Json]) -> tuple[int, ...]:
    seen: dict[Hashable, int] = {}
    return tuple(seen.setdefault(frozen(value), len(seen)) for value in column)
