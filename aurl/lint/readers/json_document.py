"""One JSON document: Hugging Face's trainer_state.json, a list of entries, or a list of values for each metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from aurl.errors import DataError
from aurl.formats.skipping import OnSkip
from aurl.lint.readers.cells import numbers, texts
from aurl.lint.readers.json_lines import parse
from aurl.lint.readers.source import LogSource, Row
from aurl.lint.readers.splits import MARKS, marked
from aurl.lint.readers.text import EXPECTED, unreadable

_HIDES_NANS = (
    "transformers writes a running mean in place of a NaN loss unless the run had logging_nan_inf_filter=False, "
    "so a clean loss here is no proof"
)


_LARGEST = 32 << 20  # bytes; it takes about six times as much memory


class JsonDocument(LogSource):
    """A file that is one JSON value, read whole.

    Understood are `{"log_history": [{...}, ...]}` (transformers), `[{...}, ...]`, and `{"loss": [...], ...}` or
    `{"history": {"loss": [...]}}` (Keras).

    Raises:
        DataError: it is not JSON, or none of these.
    """

    format = "JSON document"

    def __init__(self, path: Path) -> None:
        document = parse(_content(path))
        if document is None:
            raise DataError(f"{path}: not valid JSON, perhaps cut off; {EXPECTED}")
        entries, why = _entries(document)
        if not entries:
            raise DataError(
                f"{path}: JSON without a log in it; expected is log_history (trainer_state.json), a list of objects, "
                "or a list of numbers for each metric"
            )
        super().__init__(path, why)
        self._entries = entries
        if isinstance(document, dict) and "log_history" in document:
            self.format = "Hugging Face trainer state"
            self.notes = (_HIDES_NANS,)
            self.facts = _facts(document)

    def rows(self, on_skip: OnSkip) -> Iterator[Row]:
        for at, entry in enumerate(self._entries, 1):
            if not isinstance(entry, Mapping):
                on_skip(at, "not an object")
            elif "train_runtime" not in entry:  # the summary at the end: its train_loss is the mean of the whole run
                yield Row(at, marked(numbers(entry), texts(entry, MARKS)))


def _content(path: Path) -> bytes:
    try:
        if (size := path.stat().st_size) > _LARGEST:
            raise DataError(
                f"{path}: one JSON value of {size / 1e6:,.0f} MB; up to {_LARGEST >> 20} MB are read whole; write one "
                "object a line (JSON lines), which may be of any size"
            )
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def _entries(document: Any) -> tuple[list[Any], str]:
    """The entries of a document and how they were found; none where it holds no log."""
    if isinstance(document, dict):
        for key in ("log_history", "history"):
            if isinstance(document.get(key), (list, dict)):
                return _rows(document[key]), f"entries under {key}"
    why = "a list of values for each metric" if isinstance(document, dict) else "a list of entries"
    return _rows(document), why


def _rows(value: Any) -> list[Any]:
    if isinstance(value, dict):
        series = {name: values for name, values in value.items() if isinstance(values, list)}
        return [dict(zip(series, row, strict=True)) for row in zip_longest(*series.values())]
    if isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value):
        return value
    return []


def _facts(document: Mapping[str, Any]) -> dict[str, int]:
    planned = {"steps": document.get("max_steps"), "epochs": document.get("num_train_epochs")}
    return {name: value for name, value in planned.items() if isinstance(value, int) and value > 0}
