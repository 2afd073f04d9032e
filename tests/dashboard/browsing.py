"""A browser for the tests: Chromium without a window, and all that it complains of or asks for."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, sync_playwright


@contextmanager
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        browser.close()


@dataclass
class Visitor:
    """One window.

    Attributes:
        complaints: errors and warnings of the console, uncaught errors, dialogs.
        foreign: requests to anything but the server.
    """

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", self._told)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._dialog)
        self.page.on("request", lambda request: self._asked(request.url))

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _asked(self, address: str) -> None:
        if not address.startswith((self.origin, "data:", "blob:")):
            self.foreign.append(address)

    def go(self, fragment: str) -> None:
        """Open a page and wait until it says that it is drawn."""
        self.page.goto(f"{self.origin}/{fragment}")
        self.ready()

    def ready(self) -> None:
        self.until("window.__ready === true")

    def until(self, script: str, seconds: float = 15.0) -> Any:
        """Wait for something true; polled, since the page's policy forbids the strings of `wait_for_function`."""
        return self.wait(lambda: self.page.evaluate(script), script, seconds)

    def wait(self, ask: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
        end = time.monotonic() + seconds
        while not (found := ask()):
            assert time.monotonic() < end, f"never so: {what}\n{self.page.inner_text('body')[:800]}\n{self.complaints}"
            self.page.wait_for_timeout(50)
        return found

    def text(self, selector: str = "main") -> str:
        return self.page.inner_text(selector)

    def fits(self) -> bool:
        """Whether nothing has to be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
