"""Override strings read with Hydra's own grammar, and the errors it gives made readable.

Two traps of that grammar are handled here. `debug=nan` reads as the float NaN and is refused, though `nan` is an option
of a group. And an error of the grammar rarely says where: the override is read a second time for the column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from antlr4 import CommonTokenStream, InputStream  # type: ignore[import-untyped]
from antlr4.error.ErrorListener import ErrorListener  # type: ignore[import-untyped]
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.grammar.gen.OverrideLexer import OverrideLexer
from hydra.grammar.gen.OverrideParser import OverrideParser

from aurl.config.phrases import ConfigFaultsError
from aurl.machine.secrets import mask_override

_KEY = re.compile(r"^(?P<prefix>[+~]*)(?P<group>[\w/\-]+)(?P<package>@[^=]*)?=(?P<value>.+)$", re.DOTALL)
NONE = "none"
_HOME_QUOTED = re.compile(r"(?P<before>^|[\[,]\s*)(?P<quote>['\"])(?P<path>~[\w.-]*)(?=/|(?P=quote))")
_HOME_BARE = re.compile(r"(?P<before>^|[\[,]\s*)(?P<path>~[\w.-]*(?:/[^,\[\]{}()'\"=]*)?)(?=$|[,\]])")
_PLAIN_PATH = re.compile(r"[\w\-./]+", re.ASCII)
_PLAIN_OPTIONS = re.compile(r"^\[?[\w\-/., ]+\]?$")


def parse(overrides: Sequence[str]) -> list[Override]:
    """Hydra's `Override` objects of these strings.

    Raises:
        ConfigError: a string does not follow the grammar; names the place in each one that does not.
    """
    parser = OverridesParser.create()
    parsed: list[Override] = []
    problems: list[str] = []
    for text in overrides:
        try:
            parsed += parser.parse_overrides([text])
        except HydraException as error:
            problems.append(_explain(text, error))
        else:
            if not parsed[-1].key_or_group:
                problems.append(f"{mask_override(text)}: the key is missing before '='; write KEY=VALUE.")
    if problems:
        raise ConfigFaultsError(problems)
    return parsed


def quote_options(overrides: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """The overrides with the options of groups written so that Hydra takes them.

    `debug=nan` becomes `debug='nan'`, since `nan` alone is a number; `experiment=null`, alone or among the values of a
    sweep, becomes the option `none` where the group has one, and `~experiment` elsewhere. `data.root=~/midi` names the
    user's home, as in a shell, which leaves a `~` behind `=` alone.

    Args:
        folders: the config folders, whose sub-folders are the groups.
    """

    def holds(place: str) -> bool:
        return any((folder / place).exists() for folder in folders)

    return [_expand_home(_quote_option(text, holds)) for text in overrides]


def _expand_home(text: str) -> str:
    key, sign, value = text.partition("=")
    if "~" in value:
        value = _HOME_QUOTED.sub(lambda found: found["before"] + found["quote"] + _home(found["path"]), value)
        value = _HOME_BARE.sub(lambda found: found["before"] + _as_value(found["path"]), value)
    return key + sign + value


def _home(path: str) -> str:
    try:
        return str(Path(path).expanduser())
    except RuntimeError:  # no such user
        return path


def _as_value(path: str) -> str:
    expanded = _home(path)
    return expanded if _PLAIN_PATH.fullmatch(expanded) else quoted(expanded)


def _quote_option(text: str, holds: Callable[[str], bool]) -> str:
    match = _KEY.match(text)
    if not match or not _PLAIN_OPTIONS.match(match["value"]) or not holds(match["group"]):
        return text
    none = holds(f"{match['group']}/{NONE}.yaml")
    if match["value"] == "null" and not match["prefix"] and not none:
        return f"~{match['group']}{match['package'] or ''}"

    def option(found: re.Match[str]) -> str:
        return NONE if none and found[0] == "null" else _quoted(found[0])

    value = re.sub(r"[^\[\], ]+", option, match["value"])
    return f"{match['prefix']}{match['group']}{match['package'] or ''}={value}"


def quoted(path: Path | str) -> str:
    """The text as a value of an override: in Hydra's grammar backslashes escape only right before a quote."""
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), str(path))
    return f"'{escaped}'"


def _quoted(option: str) -> str:
    return option if isinstance(_read(option), str) else f"'{option}'"


def _read(value: str) -> object:
    try:
        return OverridesParser.create().parse_rule(value, "element")
    except HydraException:
        return value  # left as it is: parsing the whole override says what is wrong


def _explain(text: str, error: Exception) -> str:
    shown = mask_override(text)
    if "=" not in text and not text.startswith("~"):
        return f"{shown}: not an override; write KEY=VALUE, such as trainer.epochs=3."
    column, problem = next(iter(_faults(text)), (None, str(error).splitlines()[0]))
    lines = [f"cannot read this override ({problem}):", f"  {shown}"]
    if column is not None and shown == text and "\n" not in text:
        lines.append(" " * (2 + column) + "^")
    lines.append(f"{_advice(text)}.")
    return "\n".join(lines)


def _advice(text: str) -> str:
    for left, right in ("[]", "{}", "()"):
        if text.count(left) != text.count(right):
            return f"Each '{left}' needs its '{right}'; quote a value that means the sign itself: KEY=\"'...'\""
    if text.count("'") % 2 or text.count('"') % 2:
        return "A quote is not closed"
    return "Quote a value that holds any of = { } [ ] ( ) , : or quotes, twice for the shell: KEY=\"'...'\""


class _Listener(ErrorListener):  # type: ignore[misc]
    """Keeps the column and message of every fault."""

    def __init__(self) -> None:
        self.faults: list[tuple[int, str]] = []

    def syntaxError(  # noqa: N802, PLR0917  antlr's interface
        self, recognizer: Any, symbol: Any, line: int, column: int, msg: str, e: Any
    ) -> None:
        self.faults.append((column, _plain_words(msg)))


def _faults(text: str) -> list[tuple[int, str]]:
    """Column and message of each fault that the grammar finds in an override."""
    listener = _Listener()
    lexer = OverrideLexer(InputStream(text))
    parser = OverrideParser(CommonTokenStream(lexer))
    for source in (lexer, parser):
        source.removeErrorListeners()
        source.addErrorListener(listener)
    parser.override()  # type: ignore[no-untyped-call]
    return listener.faults


def _plain_words(message: str) -> str:
    message = message.replace("<EOF>", "the end").replace("'the end'", "the end")
    message = re.sub(r"expecting \{.*\}$", "", message).strip()
    return re.sub(r"^token recognition error at: ", "not understood: ", message)
