from __future__ import annotations

import threading
from pathlib import Path

from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.base import Sink
from aurl.sinks.thread import SinkThread


class Listing(Sink):
    def __init__(
        self, fail_on: frozenset[int] = frozenset(), fail_open: bool = False, fail_flush: bool = False
    ) -> None:
        self.seen: list[int] = []
        self.calls: list[str] = []
        self.fail_on, self.fail_open, self.fail_flush = fail_on, fail_open, fail_flush

    def open(self, run: RunDirectory) -> None:
        self.calls.append("open")
        if self.fail_open:
            raise OSError("no such server")

    def write(self, record: Record) -> None:
        if record.step in self.fail_on:
            raise ValueError(f"cannot take {record.step}")
        self.seen.append(record.step)

    def flush(self) -> None:
        if self.fail_flush:
            raise OSError(5, "Input/output error")

    def close(self) -> None:
        self.calls.append("close")


def thread_of(tmp_path: Path, *sinks: Sink, limit: int = 1000) -> tuple[SinkThread, list[Record]]:
    reports: list[Record] = []
    thread = SinkThread(RunDirectory(tmp_path), sinks, reports.append, limit=limit, interval=0.01)
    thread.start()
    return thread, reports


def step(number: int) -> Record:
    return Record(Kind.STEP, number)


def test_every_sink_sees_every_record_in_order_and_is_closed(tmp_path: Path) -> None:
    one, two = Listing(), Listing()
    thread, reports = thread_of(tmp_path, one, two)
    for number in range(500):
        thread.put(step(number))
    thread.close()
    assert one.seen == two.seen == list(range(500))
    assert one.calls == two.calls == ["open", "close"]
    assert reports == []


def test_a_record_that_fails_is_reported_and_the_next_ones_are_shown(tmp_path: Path) -> None:
    flaky, steady = Listing(fail_on=frozenset({3, 60})), Listing()
    thread, reports = thread_of(tmp_path, flaky, steady)
    for number in range(50):
        thread.put(step(number))
    assert thread.drain(5)
    thread.put(step(60))
    thread.put(step(61))
    thread.close()
    assert flaky.seen == [number for number in [*range(50), 61] if number != 3]
    assert steady.seen == [*range(50), 60, 61]
    assert [report.fields["message"] for report in reports] == [
        "sink Listing failed to write: ValueError: cannot take 3",
        "sink Listing failed to write: ValueError: cannot take 60",
    ]


def test_three_failures_in_a_row_switch_a_sink_off_and_close_it(tmp_path: Path) -> None:
    broken, steady = Listing(fail_on=frozenset(range(1000))), Listing()
    thread, reports = thread_of(tmp_path, broken, steady)
    for number in range(20):
        thread.put(step(number))
    thread.close()
    assert steady.seen == list(range(20))
    assert len(reports) == 3
    assert "switched off" in str(reports[-1].fields["message"])
    assert reports[-1].fields["level"] == "error"
    assert broken.calls == ["open", "close"]


def test_a_sink_that_cannot_open_is_off_at_once(tmp_path: Path) -> None:
    broken, steady = Listing(fail_open=True), Listing()
    thread, reports = thread_of(tmp_path, broken, steady)
    thread.put(step(1))
    thread.close()
    assert broken.seen == []
    assert steady.seen == [1]
    assert len(reports) == 1
    assert "failed to open: OSError: no such server; Listing is switched off" in str(reports[0].fields["message"])


def test_a_sink_whose_flush_keeps_failing_is_switched_off(tmp_path: Path) -> None:
    broken = Listing(fail_flush=True)
    thread, reports = thread_of(tmp_path, broken)
    for number in range(5):
        thread.put(step(number))
        assert thread.drain(5)
    thread.close()
    assert len(reports) == 3


def test_back_pressure_waits_and_drops_nothing(tmp_path: Path) -> None:
    gate = threading.Event()

    class Slow(Listing):
        def write(self, record: Record) -> None:
            gate.wait()
            super().write(record)

    slow = Slow()
    thread, _ = thread_of(tmp_path, slow, limit=10)
    finished = threading.Event()

    def produce() -> None:
        for number in range(100):
            thread.wait_for_room()
            thread.put(step(number))
        finished.set()

    threading.Thread(target=produce).start()
    assert not finished.wait(0.2), "the producer must wait while the queue is full"
    gate.set()
    assert finished.wait(5)
    thread.close()
    assert slow.seen == list(range(100))


def test_drain_says_when_it_took_too_long(tmp_path: Path) -> None:
    gate = threading.Event()

    class Stuck(Listing):
        def write(self, record: Record) -> None:
            gate.wait()

    thread, _ = thread_of(tmp_path, Stuck())
    thread.put(step(1))
    assert not thread.drain(0.1)
    gate.set()
    assert thread.drain(5)
    thread.close()


def test_a_full_disk_is_told_once_and_switches_nothing_off(tmp_path: Path) -> None:
    class OnFullDisk(Listing):
        full = True

        def flush(self) -> None:
            if self.full:
                raise OSError(28, "No space left on device")

    sink = OnFullDisk()
    thread, reports = thread_of(tmp_path, sink)
    for number in range(8):
        thread.put(step(number))
        assert thread.drain(5)
    sink.full = False
    thread.put(step(8))
    assert thread.drain(5)
    thread.close()
    assert sink.seen == list(range(9))
    assert len(reports) == 1
    assert "No space left on device" in str(reports[0].fields["message"])
