"""Which key of a run is its seed, and which keys make no difference: said by the user, or recognised.

A key is recognised as a seed by its name and by many values: `data.rng: 7`, `replicate: 3`. Runs that differ in it
alone are then repeats of one another, and not configurations of one run each.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace

from aurl.compare.run_data import RunData
from aurl.errors import ConfigError, did_you_mean
from aurl.record import Json
from aurl.runs.settings import comparable, frozen, is_bookkeeping

_NAMES = re.compile(
    r"seeds?|rng|prng|random(state|number)?|repl(ica|icate)s?|rep(eat|eats|etition|etitions)?|reps|trial|restart"
    r"|run(id|index|no|number|idx)|repeat(id|index)"
)
_FEWEST_VALUES = 3


def with_seeds(
    runs: Sequence[RunData], seed_key: str | None = None, ignored: Sequence[str] = ()
) -> tuple[list[RunData], list[str]]:
    """The runs with their seeds known, and without the keys that make no difference; what was recognised, in sentences.

    Args:
        seed_key: the key that holds the seed, where it is given.
        ignored: keys that make no difference, each with all keys below it.

    Raises:
        ConfigError: no run has such a key.
    """
    known = {key for run in runs for key in run.config}
    for option, typed in (("--seed-key", [seed_key] if seed_key else []), ("--ignore", ignored)):
        for key in typed:
            if not any(_lies_at(name, key) for name in known):
                hint = did_you_mean(key, [name for name in known if not is_bookkeeping(name)])
                raise ConfigError(f"{option} {key}: no run has such a setting.{hint}")
    found, told = [*runs], []
    if seed_key:
        found = [replace(run, seed=run.config.get(seed_key)) for run in runs]
        found = _without(found, lambda name: name == seed_key)
    else:
        recognised = [key for key in sorted(known) if _looks_like_a_seed(key, runs)]
        if recognised:
            told = [
                f"{', '.join(recognised)} is taken for a seed by its name and values; --seed-key KEY names another."
            ]
            found = _without([replace(run, seed=_joined(run, recognised)) for run in runs], recognised.__contains__)
    hidden = {name for name in known if any(_lies_at(name, key) for key in ignored)}
    nuisance = sorted(hidden | {name for name in known if _is_seed_name(name) and is_bookkeeping(name)})
    return _told_apart(_without(found, hidden.__contains__), runs, nuisance), told


def _told_apart(runs: Sequence[RunData], whole: Sequence[RunData], keys: Sequence[str]) -> list[RunData]:
    """Runs with the same settings and seed that differ in another seed, or in an ignored key, as runs of two seeds."""
    if not keys:
        return [*runs]
    same: dict[Hashable, list[int]] = defaultdict(list)
    for at, run in enumerate(runs):
        same[frozen(comparable(run.config)), str(run.seed)].append(at)
    found = [*runs]
    if not any(len(places) > 1 for places in same.values()):
        return found
    varying = [
        key for key in keys if any(len({str(whole[at].config.get(key)) for at in group}) > 1 for group in same.values())
    ]
    for at, run in enumerate(runs):
        others = [str(whole[at].config.get(key)) for key in varying]
        if varying:
            found[at] = replace(run, seed="/".join([str(run.seed), *others]))
    return found


def _without(runs: Iterable[RunData], gone: Callable[[str], bool]) -> list[RunData]:
    return [replace(run, config={key: value for key, value in run.config.items() if not gone(key)}) for run in runs]


def _joined(run: RunData, keys: Sequence[str]) -> Json:
    values = [run.config.get(key) for key in keys]
    several = run.seed is not None or len(values) > 1
    return "/".join(map(str, [*([run.seed] if run.seed is not None else []), *values])) if several else values[0]


def _looks_like_a_seed(key: str, runs: Sequence[RunData]) -> bool:
    """Whether a key that would make a difference is called like a seed, and has many whole numbers for values."""
    if is_bookkeeping(key) or not _is_seed_name(key):
        return False
    values = [run.config[key] for run in runs if run.config.get(key) is not None]
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    return whole and len({frozen(value) for value in values}) >= _FEWEST_VALUES


def _is_seed_name(key: str) -> bool:
    parts = [part for part in re.split(r"[./]", key.lower()) if part]
    leaf = parts[-1] if parts else ""
    bare = re.sub(r"[^a-z]", "", leaf)
    return _NAMES.fullmatch(bare) is not None or "seed" in bare or any(part in {"seed", "seeds"} for part in parts[:-1])


def _lies_at(name: str, key: str) -> bool:
    return name == key or name.startswith((f"{key}.", f"{key}/"))
