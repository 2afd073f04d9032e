"""Rows kept from a first reading, as numbers: in memory as long as they are few, then in a nameless file."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from typing import IO

_HELD = 1 << 22  # numbers in memory, 32 MiB
_READ = 1 << 16


class KeptRows:
    """Rows of any length, each with a number for its kind and one for its place, to be read again and again."""

    def __init__(self) -> None:
        self._numbers = array("d")
        self._file: IO[bytes] | None = None
        self._spilled = 0

    def append(self, kind: int, place: int, values: Sequence[float]) -> None:
        """Keep one row."""
        self._numbers.extend((len(values), kind, place))
        self._numbers.extend(values)
        if len(self._numbers) >= _HELD:
            self._spill()

    def __iter__(self) -> Iterator[tuple[int, int, list[float]]]:
        """Kind, place and values of each row, in order."""
        waiting: list[float] = []
        for chunk in self._chunks():
            waiting += chunk
            at, end = 0, len(waiting)
            while at < end and at + 3 + (count := int(waiting[at])) <= end:
                yield int(waiting[at + 1]), int(waiting[at + 2]), waiting[at + 3 : at + 3 + count]
                at += 3 + count
            del waiting[:at]

    def _chunks(self) -> Iterator[list[float]]:
        at = 0
        while self._file is not None and at < self._spilled:
            self._file.seek(8 * at)
            chunk = array("d")
            chunk.frombytes(self._file.read(8 * min(_READ, self._spilled - at)))
            at += len(chunk)
            yield chunk.tolist()
        for begin in range(0, len(self._numbers), _READ):
            yield self._numbers[begin : begin + _READ].tolist()

    def _spill(self) -> None:
        if self._file is None:
            self._file = TemporaryFile()  # noqa: SIM115  it lives as long as this object, and has no name
        self._file.seek(0, 2)
        self._numbers.tofile(self._file)
        self._spilled += len(self._numbers)
        self._numbers = array("d")
