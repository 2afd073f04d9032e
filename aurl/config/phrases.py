"""The words of config errors, so that one mistake reads the same whoever finds it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches

from aurl.errors import ConfigError, did_you_mean


class ConfigFaultsError(ConfigError):
    """Everything that is wrong with a config: one fault as it is, several as a numbered list.

    Attributes:
        problems: the faults, each a message of its own.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        lines = (f"  {number}. {_indent(problem)}" for number, problem in enumerate(problems, 1))
        several = "\n".join([f"{len(problems)} faults in the config:", *lines])
        super().__init__(problems[0] if len(problems) == 1 else several)


def unknown_key(key: str, siblings: Iterable[str], everywhere: Iterable[str] = (), note: str = "") -> str:
    """`trainer.epoch: no such key. Did you mean 'trainer.epochs'? Keys of trainer: epochs, ...`

    Args:
        key: the dotted key that is not there.
        siblings: the keys that its parent has.
        everywhere: all dotted keys of the config, for a key given without its group.
        note: what the parent is, shown beside its name.
    """
    parent = key.rpartition(".")[0]
    siblings = sorted(siblings)
    owner = f"{parent or 'the config'}{f' ({note})' if note else ''}"
    suggestion = suggest(key, siblings, everywhere)
    if not siblings:
        return f"{key}: no such key.{suggestion} {owner} has no keys."
    return f"{key}: no such key.{suggestion} Keys of {owner}: {', '.join(siblings)}."


def suggest(key: str, siblings: Iterable[str], everywhere: Iterable[str] = ()) -> str:
    """`" Did you mean 'trainer.epochs'?"`: a sibling spelt alike, the same name elsewhere, or a key spelt alike."""
    parent, _, name = key.rpartition(".")
    everywhere = list(everywhere)
    close = [f"{parent}.{match}" if parent else match for match in get_close_matches(name, list(siblings), 1)]
    close = close or [known for known in everywhere if known.rpartition(".")[2] == name]
    close = close or get_close_matches(key, [known for known in everywhere if known not in key], 1, cutoff=0.75)
    return f" Did you mean '{close[0]}'?" if close else ""


def unknown_option(group: str, name: str, options: Iterable[str], where: str = "") -> str:
    """`model=vea: no such option. Did you mean 'vae'? Options of model: transformer, vae.`"""
    options = sorted(options)
    return (
        f"{group}={name}: no such option{where}.{did_you_mean(name, options)} Options of {group}: {', '.join(options)}."
    )


def dotted(node: object, path: str = "") -> Iterator[str]:
    """All dotted keys below a plain mapping, inner ones included, in order."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            child = f"{path}.{key}" if path else str(key)
            yield child
            yield from dotted(value, child)


def _indent(text: str) -> str:
    return text.replace("\n", "\n     ")
