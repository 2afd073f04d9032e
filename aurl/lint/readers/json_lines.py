"""JSON lines: one object a line, nested ones flattened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from aurl.formats.skipping import OnSkip
from aurl.lint.readers.cells import numbers, texts
from aurl.lint.readers.source import LogSource, Row
from aurl.lint.readers.splits import MARKS, marked
from aurl.lint.readers.text import LONGEST_LINE, bounded_lines


class JsonLines(LogSource):
    """A file of JSON objects, one a line, of which each may name other columns; NaN and Infinity are understood."""

    format = "JSON lines"

    def __init__(self, path: Path, encoding: str) -> None:
        super().__init__(path, "an object on each line")
        self._encoding = encoding

    def rows(self, on_skip: OnSkip) -> Iterator[Row]:
        with self.path.open(encoding=self._encoding, errors="replace") as file:
            for line, (text, is_cut) in enumerate(bounded_lines(file), 1):
                if is_cut:
                    on_skip(line, f"a line of more than {LONGEST_LINE:,} characters")
                    continue
                if not text.strip():
                    continue
                entry = parse(text)
                if isinstance(entry, dict):
                    yield Row(line, marked(numbers(entry), texts(entry, MARKS)))
                else:
                    torn = not text.endswith("\n")
                    on_skip(line, "the last line is torn" if torn else "not a JSON object")


def parse(text: str | bytes) -> Any:
    """The value of a JSON text, NaN and Infinity (which Python's own writer makes) included; None if it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None
