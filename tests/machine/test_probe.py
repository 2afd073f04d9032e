"""The probe's thread: samples at once, goes on without a broken source, ends promptly."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from aurl.errors import ConfigError, EventLogError
from aurl.machine.probe import SystemProbe
from aurl.machine.source import AbsentError, ProbeSource, SourceError
from aurl.record import Kind, Record


class Scripted(ProbeSource):
    """Gives what the script says, an exception by raising it; the last entry for ever."""

    def __init__(self, *script: Mapping[str, float] | Exception, close: Exception | None = None) -> None:
        self._script: Iterator[Mapping[str, float] | Exception] = iter(script)
        self._now: Mapping[str, float] | Exception = {}
        self._close_error = close
        self.closed = 0
        self.samples = 0

    def sample(self) -> Mapping[str, float]:
        self.samples += 1
        self._now = next(self._script, self._now)
        if isinstance(self._now, Exception):
            raise self._now
        return self._now

    def close(self) -> None:
        self.closed += 1
        if self._close_error:
            raise self._close_error


class Collected:
    """Takes records from the probe's thread and lets the test wait for some."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._came = threading.Condition()

    def __call__(self, record: Record) -> None:
        with self._came:
            self.records.append(record)
            self._came.notify_all()

    def wait(self, kind: Kind, count: int = 1) -> list[Record]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.of(kind)) >= count, timeout=20)
            return self.of(kind)

    def of(self, kind: Kind) -> list[Record]:
        return [record for record in self.records if record.kind is kind]


def test_first_sample_comes_at_once_and_stop_does_not_wait_for_the_interval() -> None:
    collected = Collected()
    source = Scripted({"system/ram_gb": 2.0})
    probe = SystemProbe(collected, lambda: 7, every=3600.0, sources={"x": source})
    probe.start()
    (record,) = collected.wait(Kind.SYSTEM)
    assert (record.step, dict(record.scalars)) == (7, {"system/ram_gb": 2.0})
    assert record.time > 1.6e9
    probe.stop()
    assert "aurl-system" not in {thread.name for thread in threading.enumerate()}
    assert (source.closed, len(collected.records)) == (1, 1)


def test_sampling_goes_on_and_merges_sources() -> None:
    collected = Collected()
    probe = SystemProbe(
        collected, lambda: 0, every=0.01, sources={"a": Scripted({"a": 1.0}), "b": Scripted({"b": 2.0})}
    )
    probe.start()
    assert dict(collected.wait(Kind.SYSTEM, 3)[2].scalars) == {"a": 1.0, "b": 2.0}
    probe.stop()


@pytest.mark.parametrize("error", [SourceError("GPU is lost"), ValueError("odd"), KeyError("odd")])
def test_a_failing_source_is_switched_off_with_a_note_and_the_rest_goes_on(error: Exception) -> None:
    collected = Collected()
    broken = Scripted({"bad": 1.0}, error)
    probe = SystemProbe(collected, lambda: 3, every=0.01, sources={"gpu": broken, "ok": Scripted({"ok": 1.0})})
    probe.start()
    assert dict(collected.wait(Kind.SYSTEM, 4)[3].scalars) == {"ok": 1.0}
    probe.stop()
    (note,) = collected.of(Kind.NOTE)
    assert note.fields["level"] == "warning"
    assert str(note.fields["message"]).startswith("system probe: gpu is switched off")
    assert str(error) in str(note.fields["message"])
    assert (broken.samples, broken.closed) == (2, 1)


def test_an_absent_source_leaves_no_trace() -> None:
    collected = Collected()
    absent = Scripted(AbsentError("no GPU"))
    probe = SystemProbe(collected, lambda: 0, every=0.01, sources={"gpu": absent, "ok": Scripted({"ok": 1.0})})
    probe.start()
    collected.wait(Kind.SYSTEM, 3)
    probe.stop()
    assert collected.of(Kind.NOTE) == []
    assert absent.samples == 1


def test_a_source_that_does_not_close_is_noted() -> None:
    collected = Collected()
    probe = SystemProbe(collected, lambda: 0, sources={"gpu": Scripted({"a": 1.0}, close=SourceError("stuck"))})
    probe.start()
    collected.wait(Kind.SYSTEM)
    probe.stop()
    assert "gpu did not close: stuck" in str(collected.of(Kind.NOTE)[0].fields["message"])


def test_a_log_that_takes_no_more_ends_the_thread_quietly() -> None:
    called = threading.Event()

    def refuse(record: Record) -> None:
        called.set()
        raise EventLogError("disk full")

    source = Scripted({"a": 1.0})
    probe = SystemProbe(refuse, lambda: 0, every=0.01, sources={"a": source})
    probe.start()
    assert called.wait(20)
    probe.stop()
    assert (source.samples, source.closed) == (1, 1)


def test_start_and_stop_are_repeatable() -> None:
    collected = Collected()
    probe = SystemProbe(collected, lambda: 0, every=3600.0, sources={"a": Scripted({"a": 1.0})})
    probe.stop()
    probe.start()
    probe.start()
    collected.wait(Kind.SYSTEM, 1)
    probe.stop()
    probe.stop()
    probe.start()
    assert len(collected.wait(Kind.SYSTEM, 2)) == 2
    probe.stop()


@pytest.mark.parametrize("every", [0.0, -1.0, float("nan")])
def test_interval_must_be_above_zero(every: float) -> None:
    with pytest.raises(ConfigError, match="every="):
        SystemProbe(Collected(), lambda: 0, every=every)


def test_real_sources_of_this_machine(tmp_path: Path) -> None:
    collected = Collected()
    probe = SystemProbe(collected, lambda: 0, every=0.01, outputs=tmp_path / "outputs")
    probe.start()
    scalars = collected.wait(Kind.SYSTEM, 2)[1].scalars
    probe.stop()
    assert {"system/ram_gb", "system/ram_total_gb", "system/cpu_percent", "system/disk_free_gb"} <= set(scalars)
    assert 0 < scalars["system/ram_gb"] < scalars["system/ram_total_gb"]
    assert collected.of(Kind.NOTE) == []
