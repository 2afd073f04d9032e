"""Opens a log of any format: a guess by content, the name only where contents are alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from aurl.errors import DataError
from aurl.formats.tfrecord import begins_with_frame
from aurl.formats.wandb_file import begins_with_header
from aurl.lint.log import Log, TableLog
from aurl.lint.readers.cells import numbers
from aurl.lint.readers.csv_log import CsvLog
from aurl.lint.readers.event_folders import event_files, event_log
from aurl.lint.readers.json_document import JsonDocument
from aurl.lint.readers.json_lines import JsonLines, parse
from aurl.lint.readers.printed_log import PrintedLog
from aurl.lint.readers.source import LogSource, NothingToJudgeError
from aurl.lint.readers.table import called_after, shape_of
from aurl.lint.readers.text import EXPECTED, bounded_lines, decoded, encoding_of, head, unreadable
from aurl.lint.readers.tfevents_log import EventFile, TfeventsLog
from aurl.lint.readers.wandb_log import WandbLog, wandb_files
from aurl.lint.run_log import RunLog
from aurl.runs.eventlog import segments

_TABLE_CHARACTERS = 1 << 21
_JSON_LIST = re.compile(r"\[\s*(?:[{\]]|$)")  # `[2024-01-01 12:00:00] ...` is what a loop printed
_JSON_OBJECT = re.compile(r"\{\s*(?:[\"}]|$)")  # `{'loss': 0.5}` too


def open_log(path: Path, roles: Mapping[str, str] | None = None) -> Log:
    """A log of any format that lint knows: an aurl run directory, CSV, JSON, tfevents (a file or a folder), a W&B run
    (its `.wandb` file or its folder), or the text that a loop printed.

    Args:
        path: a file, a run directory, or the folder of one run's event files.
        roles: what the user knows better than the guess: column by role (see `aurl.anomaly.statistics.roles.Role`), an
            empty string for `step` to count rows.

    Raises:
        ConfigError: a role names a column that the log does not have.
        DataError: the file is missing, empty, corrupt or of no known format; the message says what was expected.
        NothingToJudgeError: it is a text without numbers that have names.
    """
    roles = roles or {}
    try:
        if path.is_dir():
            return _open_folder(path, roles)
        run = run_of(path)
        return RunLog(run, roles) if run is not None else TableLog(_source(path), roles)
    except OSError as error:
        raise unreadable(path, error) from error


def run_of(path: Path) -> Path | None:
    """The run directory that this path is, or is the live event log of."""
    folder = path if path.is_dir() else path.parent.parent
    log = segments(folder / "events")
    return folder if log and (path == folder or path in log) else None


def _open_folder(path: Path, roles: Mapping[str, str]) -> Log:
    if run_of(path) is not None:
        return RunLog(path, roles)
    if files := event_files(path):
        return TableLog(event_log(path, files), roles)
    if files_of_wandb := wandb_files(path):
        return TableLog(WandbLog(files_of_wandb[-1]), roles)
    raise DataError(f"{path}: no log in this folder; {EXPECTED}")


def _source(path: Path) -> LogSource:
    begin = head(path)
    if begins_with_frame(begin):
        return TfeventsLog(path, [EventFile(path)], "TFRecord frames")
    if begins_with_header(begin):
        return WandbLog(path)
    if "tfevents" in path.name:
        raise DataError(f"{path}: no event file, or its first event is damaged; {EXPECTED}")
    encoding = encoding_of(path, begin)
    text = decoded(begin, encoding).lstrip()
    if not text:
        raise DataError(f"{path}: only blank lines; {EXPECTED}")
    if _JSON_LIST.match(text) or (_JSON_OBJECT.match(text) and _is_document(path, encoding)):
        return JsonDocument(path)
    if _JSON_OBJECT.match(text):
        return JsonLines(path, encoding)
    return _table_or_text(path, encoding)


def _table_or_text(path: Path, encoding: str) -> LogSource:
    text = _lines(path, encoding)
    shape = shape_of(text)
    if shape is not None:
        shape = called_after(shape, path.stem, text)
    if shape is not None and shape.is_certain:
        return CsvLog(path, shape, encoding)
    try:
        return PrintedLog(path, encoding)
    except NothingToJudgeError:
        if shape is None:
            raise
        return CsvLog(path, shape, encoding)


def _is_document(path: Path, encoding: str) -> bool:
    """Whether the object that a file begins with is all of it: it spans lines, or is alone and holds lists."""
    with path.open(encoding=encoding, errors="replace") as file:
        filled = (line for line, _ in bounded_lines(file) if not line.isspace())
        first, second = next(filled, ""), next(filled, "")
    entry = parse(first)
    if isinstance(entry, dict):
        return not second and ("log_history" in entry or not numbers(entry))
    return first.rstrip().endswith(("{", "[", ",", ":")) and not isinstance(parse(second), dict)


def _lines(path: Path, encoding: str) -> str:
    """Enough of a table to see its shape, also of one with thousands of columns."""
    with path.open(encoding=encoding, errors="replace") as file:
        return file.read(_TABLE_CHARACTERS)
