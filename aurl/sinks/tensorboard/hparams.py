"""TensorBoard's hparams page: a row for each run, with its configuration and how it came out.

Field numbers are those of tensorboard/plugins/hparams/{api,plugin_data}.proto.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from aurl.formats.protobuf import double, integer, nested, string
from aurl.scalars import describe
from aurl.sinks.tensorboard import events as tfevents

_EXPERIMENT, _START, _END = 2, 3, 4  # fields of HParamsPluginData
_TEXT, _BOOL, _NUMBER = 1, 2, 3  # DataType
_STATUS = {"done": 1, "preempted": 3}  # Status; whatever else ended has failed
_FAILED = 2
_VALIDATION = 2  # DatasetType


def session_start(time: float, hparams: Mapping[str, bool | float | str]) -> bytes:
    """The event with this run's configuration."""
    entries = [nested(1, string(1, key) + nested(2, _value(value))) for key, value in hparams.items()]
    return _event(time, "session_start_info", _START, b"".join(entries) + double(5, time))


def session_end(time: float, status: str) -> bytes:
    """The event with this run's ending; a preempted one counts as running, since it will go on."""
    return _event(time, "session_end_info", _END, integer(1, _STATUS.get(status, _FAILED)) + double(2, time))


def experiment(
    time: float, hparams: Mapping[str, bool | float | str], chosen: Collection[str], metrics: Iterable[str]
) -> bytes:
    """The event that says which columns the table has: those `chosen` first, and these scalars.

    Without it TensorBoard makes a column of every scalar. It takes the first of these events that it finds, for all
    runs that it shows together.
    """
    infos = [nested(4, _column(key, value, key in chosen)) for key, value in hparams.items()]
    return _event(time, "experiment", _EXPERIMENT, b"".join(infos) + b"".join(nested(5, _metric(m)) for m in metrics))


def _event(time: float, tag: str, field: int, content: bytes) -> bytes:
    data = integer(1, 0) + nested(field, content)
    return tfevents.tensor(time, 0, f"_hparams_/{tag}", tfevents.NULL_TENSOR, plugin="hparams", data=data)


def _column(key: str, value: bool | float | str, differs: bool) -> bytes:
    kind = _BOOL if isinstance(value, bool) else _TEXT if isinstance(value, str) else _NUMBER
    return string(1, key) + integer(4, kind) + integer(7, differs)


def _metric(tag: str) -> bytes:
    scalar = describe(tag.removeprefix("best/"))
    best = "Best " if tag.startswith("best/") else ""
    label = f"{best}{scalar.label[0].lower() + scalar.label[1:] if best else scalar.label}"
    shown = f"{label} ({scalar.unit})" if scalar.unit else label
    return nested(1, string(2, tag)) + string(3, shown) + integer(5, _VALIDATION)


def _value(value: bool | float | str) -> bytes:
    """A google.protobuf.Value."""
    if isinstance(value, bool):
        return integer(4, value)
    return string(3, value) if isinstance(value, str) else double(2, value)
