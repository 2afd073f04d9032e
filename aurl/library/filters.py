"""The filter of runs: `model=vae and (status=failed or loss > 2.5)`, parsed by hand; nothing is ever evaluated.

The dashboard, `aurl runs` and `aurl.Runs(...).where(...)` read the same language.

    filter := clause ("or" clause)*          clause := test ("and" test)*
    test   := "not" test | "(" filter ")" | key operator value | key "in" "(" value ("," value)* ")" | word
Operators are = != < <= > >= and ~ (contains). Words in quotes may hold anything. A word alone is looked for in names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from aurl.errors import USAGE, AurlError

Test: TypeAlias = Callable[[Mapping[str, Any]], bool]

MOST_LETTERS, MOST_DEPTH = 2000, 50
WORD_KEYS = ("name", "id", "path", "run_name", "type", "message", "tags", "notes")
_TOKEN = re.compile(
    r"\s*(?:(?P<quoted>\"[^\"]*\"|'[^']*')|(?P<operator><=|>=|!=|==|[=<>~(),])|(?P<word>[^\s=<>~!(),\"']+))"
)
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class FilterError(AurlError, ValueError):
    """A filter that cannot be read.

    Attributes:
        at: the position in the text where it goes wrong, from 0.
    """

    exit_code = USAGE

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def parse_filter(text: str) -> Test:
    """What the filter says, as a test of one row; an empty filter lets everything through.

    A key is one of the row's own (`alerts.fatal` looks inside), `tag`, a key of its `config`, whole or by its last
    parts, or a scalar of its `summary`: `val/accuracy` is the last value, `val/accuracy.best` (or .min, .max, .mean)
    another. Where several config keys end alike, one that fits is enough. A missing value passes `!=` alone.

    Raises:
        FilterError: with what was expected, and where.
    """
    if len(text) > MOST_LETTERS:
        raise FilterError(f"a filter of {len(text)} letters; at most {MOST_LETTERS} are read", MOST_LETTERS)
    return _Parser(text).whole() if text.strip() else lambda row: True


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                start = at + len(text[at:]) - len(text[at:].lstrip())
                raise FilterError(f"cannot read {text[start : start + 20]!r}", start)
            kind = str(match.lastgroup)
            self._tokens.append((kind, match[kind], match.start(kind)))
            at = match.end()
        self._place = 0
        self._depth = 0

    def whole(self) -> Test:
        test = self._either()
        if self._place < len(self._tokens):
            raise self._expected("'and' or 'or'")
        return test

    def _either(self) -> Test:
        tests = [self._both()]
        while self._takes_word("or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._single()]
        while self._takes_word("and"):
            tests.append(self._single())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _single(self) -> Test:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise FilterError(f"nested deeper than {MOST_DEPTH}", len(self._text))
        try:
            if self._takes_word("not"):
                test = self._single()
                return lambda row: not test(row)
            if self._takes("("):
                inner = self._either()
                if not self._takes(")"):
                    raise self._expected("')'")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Test:
        key = self._value("a key")
        if self._takes_word("in"):
            return _one_of(key, self._list())
        for operator in ("<=", ">=", "!=", "==", "=", "<", ">", "~"):
            if self._takes(operator):
                return _compare(key, "=" if operator == "==" else operator, self._value("a value"))
        return lambda row: any(_contains(row.get(name), key) for name in WORD_KEYS)

    def _list(self) -> list[str]:
        if not self._takes("("):
            raise self._expected("'(' after 'in'")
        values = [self._value("a value")]
        while self._takes(","):
            values.append(self._value("a value"))
        if not self._takes(")"):
            raise self._expected("',' or ')'")
        return values

    def _value(self, what: str) -> str:
        if self._place < len(self._tokens):
            kind, text, _ = self._tokens[self._place]
            if kind != "operator" and not (kind == "word" and text in ("and", "or", "in")):
                self._place += 1
                return text[1:-1] if kind == "quoted" else text
        raise self._expected(what)

    def _takes(self, sign: str) -> bool:
        return self._takes_token("operator", sign)

    def _takes_word(self, word: str) -> bool:
        return self._takes_token("word", word)

    def _takes_token(self, kind: str, text: str) -> bool:
        if self._place < len(self._tokens) and self._tokens[self._place][:2] == (kind, text):
            self._place += 1
            return True
        return False

    def _expected(self, what: str) -> FilterError:
        if self._place == len(self._tokens):
            return FilterError(f"expected {what} at the end", len(self._text))
        _, found, at = self._tokens[self._place]
        return FilterError(f"expected {what} before {found!r}", at)


def _one_of(key: str, values: list[str]) -> Test:
    tests = [_compare(key, "=", value) for value in values]
    return lambda row: any(test(row) for test in tests)


def _compare(key: str, operator: str, wanted: str) -> Test:
    if operator == "!=":
        equal = _compare(key, "=", wanted)
        return lambda row: not equal(row)
    if operator == "=":
        return lambda row: any(_equals(value, wanted) for value in look_up(row, key))
    if operator == "~":
        return lambda row: any(_contains(value, wanted) for value in look_up(row, key))
    bound = _number(wanted)
    if bound is None:
        return lambda row: False
    compare = _COMPARE[operator]
    return lambda row: any((n := _number(value)) is not None and compare(n, bound) for value in look_up(row, key))


def look_up(row: Mapping[str, Any], key: str) -> list[Any]:
    """The values that a key stands for in a row, see `parse_filter`; empty where it has none."""
    if key == "tag":
        return list(row.get("tags") or [])
    config = row.get("config")
    settings = config if isinstance(config, Mapping) else {}
    if key in row and key != "config":
        return [_one_value(row[key]), *([settings[key]] if key in settings else [])]
    head, _, rest = key.partition(".")
    if rest and isinstance(inner := row.get(head), Mapping) and rest in inner:
        return [inner[rest]]
    found = [settings[key]] if key in settings else [each for at, each in settings.items() if at.endswith(f".{key}")]
    return found or _statistic(row.get("summary"), key)


def _statistic(summary: Any, key: str) -> list[Any]:
    """A scalar's last value, or the one that the key's ending names."""
    if not isinstance(summary, Mapping):
        return []
    name, _, which = key.rpartition(".")
    for scalar, statistic in ((key, "last"), (name, which)):
        told = summary.get(scalar)
        if isinstance(told, Mapping) and statistic in told:
            return [told[statistic]]
    return []


def _one_value(value: Any) -> Any:
    """Of a loss its last value, of counts their sum; anything else is itself."""
    if not isinstance(value, Mapping):
        return value
    return value["last"] if "last" in value else sum(value.values())


def _equals(value: Any, wanted: str) -> bool:
    if isinstance(value, list):
        return any(_equals(item, wanted) for item in value)
    if isinstance(value, bool) or value is None:
        return wanted.lower() == {True: "true", False: "false", None: "null"}[value]
    number = _number(wanted)
    if isinstance(value, (int, float)) and number is not None:
        return float(value) == number
    return str(value).casefold() == wanted.casefold()


def _contains(value: Any, wanted: str) -> bool:
    if isinstance(value, list):
        return any(_contains(item, wanted) for item in value)
    return value is not None and wanted.casefold() in str(value).casefold()


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
