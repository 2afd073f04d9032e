"""A Weights & Biases run on this disk: the `.wandb` file that `wandb` writes, offline and online alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aurl.errors import DataError
from aurl.formats.protobuf import fields
from aurl.formats.skipping import OnSkip
from aurl.formats.wandb_file import CONFIG, HISTORY, RUN, entries, items, text
from aurl.lint.readers.source import LogSource, Row
from aurl.record import Json
from aurl.runs.settings import flatten

_STEP = 2
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
                    if field == HISTORY and (row := _row(number, message)) is not None:
                        yield row
                    elif field == CONFIG:
                        self.config.update(_config(message))
                    elif field == RUN:
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
                tags.append(text(value))
            elif field in names and value:
                self.run[names[field]] = text(value)


def _row(number: int, history: bytes) -> Row | None:
    values: dict[str, float] = {}
    step: int | None = None
    time: float | None = None
    for field, message in fields(history):
        if field == _STEP and isinstance(message, bytes):
            step = next((int(value) for at, value in fields(message) if at == 1 and isinstance(value, int)), 0)
    for name, value in items(history):
        if name == "_timestamp" and isinstance(value, (int, float)):
            time = float(value)
        elif name == "_step" and isinstance(value, (int, float)):
            step = int(value)
        elif not name.startswith(_OWN):
            values.update(_numbers(name, value))
    return Row(number, values, step, time) if values else None


def _config(message: bytes) -> dict[str, Json]:
    return flatten({name: value for name, value in items(message) if not name.startswith(_OWN)})


def _numbers(name: str, value: Any, depth: int = 0) -> dict[str, float]:
    """The numbers of a logged value; dictionaries are logged as `name.key`, media and text are left out."""
    if isinstance(value, str):
        value = _NOT_JSON.get(value)
    if isinstance(value, (int, float)):
        return {name: float(value)}
    if isinstance(value, Mapping) and "_type" not in value and depth < _DEEPEST:
        return {k: v for key, item in value.items() for k, v in _numbers(f"{name}.{key}", item, depth + 1).items()}
    return {}
