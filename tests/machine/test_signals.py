from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from aurl.machine.signals import CAUGHT, StopSignal


@pytest.mark.parametrize("number", CAUGHT)
def test_the_first_signal_is_noted_and_the_handlers_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopSignal() as stop:
        assert stop.received is None
        os.kill(os.getpid(), number)
        assert stop.received == number.name
    assert signal.getsignal(number) is before


def test_outside_the_main_thread_nothing_is_caught() -> None:
    seen: list[str | None] = []

    def work() -> None:
        with StopSignal() as stop:
            seen.append(stop.received)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [None]


@pytest.mark.two_process
def test_a_second_signal_ends_the_process_at_once() -> None:
    program = """
import os, signal, time
from aurl.machine.signals import StopSignal
with StopSignal() as stop:
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.received == "SIGTERM"
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=20).returncode == -signal.SIGTERM
