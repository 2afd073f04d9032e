"""The servers and the browser that benchmarks/dashboard.py drives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

CHROMIUM = "/usr/bin/chromium"
_WATCH = """
window.__when = (test) => new Promise((resolve, reject) => {
  const until = performance.now() + 60_000;
  const look = () => {
    if (test()) requestAnimationFrame(() => resolve(performance.now()));
    else if (performance.now() > until) reject(new Error("nothing after 60 seconds"));
    else requestAnimationFrame(look);
  };
  look();
});
"""
"""Resolves after the frame in which a condition first holds has been drawn; fails after a minute."""


@dataclass
class Server:
    """A server in a process of its own.

    Attributes:
        url: address without a path.
        started: monotonic time at which its process began.
    """

    process: subprocess.Popen[bytes]
    url: str
    started: float

    def json(self, path: str) -> Any:
        with urlopen(self.url + path, timeout=60) as answer:
            return json.load(answer)

    def memory_mb(self, field: str = "VmRSS") -> float:
        """Resident memory of the process and its children now, or at its highest with `VmHWM`."""
        pids = [self.process.pid, *_children(self.process.pid)]
        return sum(_memory_kb(pid, field) for pid in pids) / 1024

    def cpu_seconds(self) -> float:
        """CPU time of the process so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def aurl_server(root: Path, cache: Path) -> Iterator[Server]:
    """`aurl dashboard` without a token, on a free port."""
    command = [sys.executable, "-m", "aurl", "dashboard", str(root), "--json", "--no-token", "--port", "0"]
    started = time.monotonic()
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        try:
            url = json.loads(process.stdout.readline())["url"].rstrip("/")
            yield Server(process, url, started)
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def tensorboard_server(root: Path, port: int) -> Iterator[Server]:
    """TensorBoard with its defaults: fast loading, 1,000 samples of each scalar."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(root), "--port", str(port)]
    started = time.monotonic()
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **silent) as process:  # type: ignore[call-overload]
        server = Server(process, f"http://localhost:{port}", started)
        try:
            _wait_for(lambda: bool(server.json("/data/environment")))
            yield server
        finally:
            process.terminate()
            process.wait(20)


class Browser:
    """A headless Chromium with one page, tall enough for 12 charts."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.page = page
        self.session = session
        self.bytes = 0
        self.errors: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        session.send("Network.enable")
        session.on("Network.dataReceived", self._received)

    def seconds_until(self, act: str, condition: str) -> float:
        """Seconds from doing something (JavaScript) to the frame after which a condition holds on the screen."""
        milliseconds = self.page.evaluate(
            f"async () => {{ const start = performance.now(); {act}; return await __when(() => {condition}) - start; }}"
        )
        return float(milliseconds) / 1000

    def heap_mb(self) -> float:
        """JavaScript heap in use after a garbage collection."""
        self.session.send("HeapProfiler.collectGarbage")
        return float(self.page.evaluate("performance.memory.usedJSHeapSize")) / 2**20

    def _received(self, event: dict[str, Any]) -> None:
        self.bytes += event.get("encodedDataLength") or event.get("dataLength", 0)


@contextmanager
def browser() -> Iterator[Browser]:
    """A fresh browser, without anything in its cache."""
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--enable-precise-memory-info", "--disable-gpu"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = chromium.new_page(viewport={"width": 1280, "height": 2400})
        page.add_init_script(_WATCH)
        try:
            yield Browser(page, page.context.new_cdp_session(page))
        finally:
            chromium.close()


def wait_until_read(server: Server, key: str, timeout: float = 120.0) -> float:
    """Seconds from the start of the server until it has read the whole log of a run."""

    def is_read() -> bool:
        ingest = server.json(f"/api/names?run={key}&limit=1") and server.json(f"/api/run/{key}")["ingest"]
        return bool(ingest["state"] == "ready" and ingest["read"] == ingest["size"])

    _wait_for(is_read, timeout)
    return time.monotonic() - server.started


def _wait_for(test: Any, timeout: float = 60.0) -> None:
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        try:
            if test():
                return
        except OSError:
            pass  # not listening yet
        time.sleep(0.05)
    raise TimeoutError(f"nothing after {timeout} seconds")


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]
    except OSError:
        return []


def _memory_kb(pid: int, field: str) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{field}:")), 0)
