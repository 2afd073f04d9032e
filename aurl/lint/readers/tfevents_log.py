"""TensorBoard event files: those of one run together, scalars as plain values (torch, aurl) and as tensors (TF 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import count
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

from aurl.formats.skipping import OnSkip
from aurl.formats.tfrecord import frames
from aurl.lint.readers.source import LogSource, Row

_SCALARS = "scalars"
_NUMBERS = {  # where a TensorProto of each type keeps its numbers: tensorflow/core/framework/{types,tensor}.proto
    1: ("float_val", Struct("<f")),
    2: ("double_val", Struct("<d")),
    3: ("int_val", Struct("<i")),
    9: ("int64_val", Struct("<q")),
}


class EventFile(NamedTuple):
    """One file of a run.

    Attributes:
        group: put before the tags of a file that a writer keeps apart: `val` for Keras's `validation/` folder;
            empty for a file of the run itself.
    """

    path: Path
    group: str = ""


class TfeventsLog(LogSource):
    """The event files of one run, read side by side in the order in which the events were written.

    Args:
        path: the folder, or the one file.
        files: the run's event files.
    """

    format = "tfevents"

    def __init__(self, path: Path, files: Sequence[EventFile], why: str) -> None:
        super().__init__(path, why)
        self._files = files

    def rows(self, on_skip: OnSkip) -> Iterator[Row]:
        numbers = count(1)
        for when, step, values in merge(*(_events(file, on_skip) for file in self._files), key=lambda event: event[0]):
            yield Row(next(numbers), values, step, when)


def _events(file: EventFile, on_skip: OnSkip) -> Iterator[tuple[float, int, dict[str, float]]]:
    """Time, step and scalars of each event that has some."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # its stubs are a package more
    from tensorboard.compat.proto.event_pb2 import Event

    scalar_tags: set[str] = set()
    for at, content in enumerate(frames(file.path, on_skip), 1):
        try:
            event = Event.FromString(content)
        except DecodeError:
            on_skip(at, "not an event")
            continue
        values = {}
        for item in event.summary.value:
            if (number := _scalar(item, scalar_tags)) is not None:
                values[named(item.tag, file.group)] = number
        if values:
            yield event.wall_time, event.step, values


def _scalar(item: Any, scalar_tags: set[str]) -> float | None:
    """The number of a Summary.Value; None for text, images, histograms and other tensors.

    A tensor is a scalar if the `scalars` plugin claims its tag, which may stand only at the tag's first value.
    """
    kind = item.WhichOneof("value")
    if kind == "simple_value":
        return float(item.simple_value)
    if kind != "tensor":
        return None
    if item.metadata.plugin_data.plugin_name == _SCALARS:
        scalar_tags.add(item.tag)
    return _of_tensor(item.tensor) if item.tag in scalar_tags else None


def _of_tensor(tensor: Any) -> float | None:
    name, layout = _NUMBERS.get(tensor.dtype, (None, None))
    if name is None or layout is None:
        return None
    if listed := getattr(tensor, name):
        return float(listed[0])
    content = tensor.tensor_content
    return float(layout.unpack_from(content)[0]) if len(content) >= layout.size else None


def named(tag: str, group: str) -> str:
    """The name of a tag in a file of this group.

    `SummaryWriter.add_scalars("Loss", {"val": x})` writes tag `Loss` in folder `Loss_val`: that is `Loss/val`.
    """
    begin = f"{tag.replace('/', '_')}_"
    if group.startswith(begin):
        return f"{tag}/{group.removeprefix(begin)}"
    return f"{group}/{tag}" if group else tag
