"""What an experiment file changes of the options that were typed: nothing typed may be overruled in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aurl.config.build import to_plain
from aurl.config.compose import compose_in
from aurl.config.grammar import parse
from aurl.config.session import ConfigSource, session
from aurl.runs.settings import flatten

_FILES = ("experiment", "debug")  # options that set keys of other groups


def overruled(overrides: Sequence[str], config: Mapping[str, Any], source: ConfigSource | None = None) -> list[str]:
    """One sentence for each typed option of which a typed experiment or debug file changes keys that were not typed.

    Args:
        overrides: of one run, known to compose.
        config: what they compose to, plain and resolved.
    """
    parsed = parse(overrides)
    files = [one for one in parsed if one.key_or_group in _FILES and one.value() not in (None, "none")]
    if not files:
        return []
    with session(source) as opened:
        typed = [one for one in parsed if one.key_or_group not in _FILES and opened.is_group(one.key_or_group)]
        if not typed:
            return []
        others = [text for text, one in zip(overrides, parsed, strict=True) if one not in files]
        without = flatten(to_plain(compose_in(opened, [*others, *(f"{one.key_or_group}=none" for one in files)])))
    given = flatten(config)
    by = " and ".join(f"{one.key_or_group}={one.value()}" for one in files)
    found = []
    for option in typed:
        prefix = option.key_or_group.replace("/", ".") + "."
        changed = [key for key, value in without.items() if key.startswith(prefix) and given.get(key, value) != value]
        if changed:
            told = ", ".join(f"{key}={given[key]}" for key in changed)
            found.append(f"{option.input_line}: {by} changes {told}; type such a key as well to have it otherwise.")
    return found
