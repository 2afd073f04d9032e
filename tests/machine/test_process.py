"""Telling whether a process is still the one that wrote its identity down."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from aurl.machine.process import began, identity, is_alive

TELL = "import json; from aurl.machine.process import identity; print(json.dumps(identity()), flush=True); input()"


def test_this_process_lives() -> None:
    known = identity()
    assert known["pid"] == os.getpid()
    assert is_alive(known) is True
    assert began(os.getpid()) == known["began"]


def test_another_process_with_the_same_pid_is_not_the_one() -> None:
    assert is_alive(identity() | {"began": "boot:1"}) is False
    assert is_alive(identity() | {"began": None}) is False


def test_a_process_that_ended_is_not_alive_buried_or_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", TELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    known = __import__("json").loads(child.stdout.readline())
    assert is_alive(known) is True
    child.kill()
    deadline = time.monotonic() + 20
    while is_alive(known) and time.monotonic() < deadline:  # not waited for: a zombie remains
        time.sleep(0.01)
    assert is_alive(known) is False
    child.communicate()
    assert is_alive(known) is False


def test_what_cannot_be_told() -> None:
    assert is_alive(identity() | {"namespace": "pid:[1]"}) is None
    assert is_alive({}) is None
    assert began(2**40) is None
    assert began(-1) is None
