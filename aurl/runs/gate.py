"""The one gate before a run's log: what comes in leaves it plain and without secrets, or as one error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from aurl.errors import RecordError
from aurl.machine.deferred import Deferred
from aurl.machine.numbers import LARGEST_STEP, named_values, real_number, valid_text, whole_step
from aurl.machine.secrets import key_strength, mask, mask_text
from aurl.record import Json, Record
from aurl.runs.codec import plain

REMEMBERED = 200_000  # names that need no second look
_FLOATS = frozenset({float})
_HARMLESS = frozenset({int, float, bool, type(None)})


class Gate:
    """Makes steps, names, values and fields plain, and masks secrets; what it has seen before passes at once.

    Steps become ints from 0 to 2^53, names text, values floats. In names and fields secrets are replaced by `***`, and
    values that JSON lacks by text or numbers, so that sinks see what the log holds.
    """

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._fields: set[str] = set()

    def is_plain(self, step: Any, scalars: Any, fields: Mapping[str, Any]) -> bool:
        """Whether nothing has to be done. A microsecond: sets and maps, no loop of our own."""
        return (
            type(step) is int
            and 0 <= step <= LARGEST_STEP
            and type(scalars) is dict
            and self._names.issuperset(scalars)
            and _FLOATS.issuperset(map(type, scalars.values()))
            and self._fields.issuperset(fields)
            and _HARMLESS.issuperset(map(type, fields.values()))
        )

    def scalars(self, scalars: Mapping[Any, Any]) -> Deferred:
        """The scalars under clean names; those on an accelerator are on their way when this returns.

        Raises:
            RecordError: a name that is no text, or a value that is no number; it names the metric.
        """
        if type(scalars) is dict and self._names.issuperset(scalars):
            return Deferred(scalars)
        clean = {mask_text(name): value for name, value in named_values(scalars).items()}
        deferred = Deferred(clean)
        if len(self._names) < REMEMBERED:
            self._names.update(clean)
        return deferred

    def fields(self, fields: Mapping[str, Json]) -> Mapping[str, Json]:
        """The fields as JSON has them, without secrets."""
        if not fields:
            return fields
        if not (self._fields.issuperset(fields) and _HARMLESS.issuperset(map(type, fields.values()))):
            clean = mask(plain(fields))
            assert isinstance(clean, Mapping)
            fields = clean
            if len(self._fields) < REMEMBERED:
                self._fields.update(name for name in clean if not key_strength(name))
        return fields

    def record(self, record: Record) -> Record:
        """The record as it is to be written; the very same one where nothing had to be done.

        Raises:
            RecordError: its step, a name, a value or its time cannot be taken.
        """
        dated = type(record.time) is float and math.isfinite(record.time)
        if dated and self.is_plain(record.step, record.scalars, record.fields):
            return record
        step = whole_step(record.step)
        scalars = self.scalars(record.scalars).read() if record.scalars else {}
        when = real_number("time", record.time)
        if not math.isfinite(when):
            raise RecordError(f"time={when}: needs seconds since 1970")
        kind = record.kind if isinstance(record.kind, str) else valid_text(record.kind)
        return Record(kind, step, scalars, self.fields(record.fields), when)
