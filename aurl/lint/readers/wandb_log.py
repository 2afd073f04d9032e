"""A Weights & Biases run on this disk: the `.wandb` file that `wandb` writes, offline and online alike.

Read without the package, by the field numbers of `wandb/proto/wandb_internal.proto`, which W&B keeps stable since it
syncs files of older clients.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from aurl.errors import DataError
from aurl.formats.protobuf import fields
from aurl.formats.skipping import OnSkip
from aurl.formats.wandb_file import entries
from aurl.lint.readers.source import LogSource, Row
from aurl.record import Json

_HISTORY, _CONFIG, _RUN = 2, 5, 17
_ITEM, _STEP = 1, 2
_KEY, _NESTED_KEY, _VALUE = 1, 2, 16
_RUN_ID, _RUN_CONFIG, _RUN_GROUP, _DISPLAY_NAME, _TAG = 1, 4, 6, 8, 10
_OWN = "_"  # `_step`, `_runtime`, `_timestamp`, `_wandb` are W&B's own
_NOT_JSON = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_DEEPEST = 8


def wandb_files(folder: Path) -> list[Path]:
    """The `.wandb` files of a run's folder (`offline-run-...` or `run-...`), or of the `latest-run` link to one."""
    return sorted(file for file in folder.glob("run-*.wandb") if file.is_file())


class WandbLog(LogSource):
    """The history of one W&B run.

    Attributes:
        config: what `wandb.config` held, flat.
        run: `id`, `name`, `group`, `tags` as far as they were given.
    """

    format = "W&B run"

    def __init__(self, path: Path) -> None:
        super().__init__(path, "the header of a .wandb file")
        self.config: dict[str, Json] = {}
        self.run: dict[str, Json] = {}

    def rows(self, on_skip: OnSkip) -> Iterator[Row]:
        for number, entry in enumerate(entries(self.path, on_skip), 1):
            try:
                for field, message in fields(entry):
                    if not isinstance(message, bytes):
                        continue
                    if field == _HISTORY and (row := _row(number, message)) is not None:
                        yield row
                    elif field == _CONFIG:
                        self.config.update(_config(message))
                    elif field == _RUN:
                        self._take_run(message)
            except DataError as error:
                on_skip(number, str(error))

    def _take_run(self, message: bytes) -> None:
        names = {_RUN_ID: "id", _RUN_GROUP: "group", _DISPLAY_NAME: "name"}
        for field, value in fields(message):
            if not isinstance(value, bytes):
                continue
            if field == _RUN_CONFIG:
                self.config.update(_config(value))
            elif field == _TAG:
                tags = self.run.setdefault("tags", [])
                assert isinstance(tags, list)
                tags.append(_text(value))
            elif field in names and value:
                self.run[names[field]] = _text(value)


def _row(number: int, history: bytes) -> Row | None:
    values: dict[str, float] = {}
    step: int | None = None
    time: float | None = None
    for field, message in fields(history):
        if not isinstance(message, bytes):
            continue
        if field == _STEP:
            step = next((int(value) for at, value in fields(message) if at == 1 and isinstance(value, int)), 0)
        elif field == _ITEM:
            name, value = _item(message)
            if name == "_timestamp" and isinstance(value, (int, float)):
                time = float(value)
            elif name == "_step" and isinstance(value, (int, float)):
                step = int(value)
            elif not name.startswith(_OWN):
                values.update(_numbers(name, value))
    return Row(number, values, step, time) if values else None


def _config(message: bytes) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for field, update in fields(message):
        if field == 1 and isinstance(update, bytes):
            name, value = _item(update)
            if not name.startswith(_OWN):
                found.update(_flat(name, value))
    return found


def _item(message: bytes) -> tuple[str, Any]:
    """The name and the JSON value of a history or config item; nested keys are joined by dots."""
    key, nested, value = "", [], b"null"
    for field, content in fields(message):
        if not isinstance(content, bytes):
            continue
        if field == _KEY:
            key = _text(content)
        elif field == _NESTED_KEY:
            nested.append(_text(content))
        elif field == _VALUE:
            value = content
    try:
        return key or ".".join(nested), orjson.loads(value)
    except orjson.JSONDecodeError:
        return key or ".".join(nested), _NOT_JSON.get(_text(value))


def _numbers(name: str, value: Any, depth: int = 0) -> dict[str, float]:
    """The numbers of a logged value; dictionaries are logged as `name.key`, media and text are left out."""
    if isinstance(value, str):
        value = _NOT_JSON.get(value)
    if isinstance(value, (int, float)):
        return {name: float(value)}
    if isinstance(value, Mapping) and "_type" not in value and depth < _DEEPEST:
        return {k: v for key, item in value.items() for k, v in _numbers(f"{name}.{key}", item, depth + 1).items()}
    return {}


def _flat(name: str, value: Any, depth: int = 0) -> dict[str, Json]:
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return {k: v for key, item in value.items() for k, v in _flat(f"{name}.{key}", item, depth + 1).items()}
    return {name: value}


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
