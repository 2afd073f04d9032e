"""An open page while its server is killed and started again, in a real browser."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page

from aurl.machine import process
from tests.dashboard.browsing import chromium
from tests.dashboard.runs import change, make, step, steps, write
from tests.dashboard.streams import Program, program

PAINTED = "() => window.__painted?.['loss/total'] ?? 0"


@pytest.mark.slow
@pytest.mark.two_process
def test_a_page_goes_on_with_a_server_that_was_killed_and_with_a_log_that_was_rotated(tmp_path: Path) -> None:
    run = make(tmp_path / "outputs" / "a", steps(60))
    change(run, status="running", process=process.identity(), ended=None)

    def wait_for(page: Page, number: int) -> float:
        """Seconds until the page has drawn this step."""
        began = time.monotonic()
        while page.evaluate(PAINTED) < number:
            page.wait_for_timeout(20)
            assert time.monotonic() < began + 30, f"step {number} was not drawn"
        return time.monotonic() - began

    def opened(server: Program, page: Page) -> None:
        page.goto(server.address)
        page.evaluate(f"location.hash = '#/run/{server.ask('/api/runs')['runs'][0]['key']}'")

    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        with program(tmp_path / "outputs", tmp_path / "cache", "--port", "0") as first:
            opened(first, page)
            wait_for(page, 60)
            page.wait_for_timeout(700)
            write(run, [step(61)])
            assert wait_for(page, 61) < 2.0
            write(run, [step(62)], segment_bytes=1)
            write(run, [step(63)])
            wait_for(page, 63)
            first.process.send_signal(signal.SIGKILL)
            first.process.wait(10)
        write(run, [step(64)])
        with program(tmp_path / "outputs", tmp_path / "cache", "--port", str(first.port)):
            wait_for(page, 64)  # with the cookie it has, without being touched
            write(run, [step(65)])
            wait_for(page, 65)
    assert not faults
