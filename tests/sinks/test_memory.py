from __future__ import annotations

from aurl.runs.rundir import RunDirectory
from aurl.sinks.memory import MemorySink
from tests.sinks.conftest import step


def test_it_keeps_what_it_was_shown(run: RunDirectory) -> None:
    sink = MemorySink()
    sink.open(run)
    sink.write(step(1))
    sink.write(step(2))
    sink.flush()
    assert ([record.step for record in sink.records], sink.run, sink.flushes, sink.closed) == ([1, 2], run, 1, False)
    sink.close()
    assert sink.closed
