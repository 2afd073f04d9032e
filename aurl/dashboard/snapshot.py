"""A page of the dashboard as one file, HTML or PNG: a server of its own, and a browser without a window."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from aurl.errors import ConfigError, RunError, did_you_mean
from aurl.machine.portable import is_root

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

FORMATS = (".html", ".png")
PAGES = {"runs": "#/", "compare": "#/compare", "alerts": "#/alerts"}
TABS = ("charts", "music", "alerts", "log", "data", "config", "files")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE = 30.0  # seconds for a page to be drawn
_HEIGHT = 900


def write_snapshot(
    root: Path, page: str, target: Path, *, theme: str = "light", width: int = 1280, cache: Path
) -> None:
    """Write a page as it looks now; it needs no server and no network any more.

    Args:
        root: the directory of runs.
        page: `runs`, `compare`, `alerts`, or a run (its id, its path under `root`, or `latest`), which may be followed
            by a colon and one of its tabs: `latest:music`.
        target: ends in .html or .png.
        theme: light or dark.
        width: of the page, in pixels.
        cache: see `serving.serve`.

    Raises:
        ConfigError: another kind of file, an unwritable place, or no browser to draw with.
        RunError: there is no such page or run.
    """
    _check(root, target)
    with _served(root, cache) as address, _browser() as browser:
        context = browser.new_context(
            viewport={"width": width, "height": _HEIGHT}, color_scheme=_scheme(theme), reduced_motion="reduce"
        )
        view = context.new_page()
        view.goto(address)
        _await_ready(view)
        fragment = _fragment(page, view)
        if fragment != "#/":
            view.goto(f"{_origin(address)}/{fragment}")
            _await_ready(view)
        _save(view, target)


def _check(root: Path, target: Path) -> None:
    if not root.is_dir():
        raise RunError(f"{root}: no such directory; give the folder that holds runs, such as outputs")
    if target.suffix.lower() not in FORMATS:
        raise ConfigError(f"-o {target}: a snapshot is {' or '.join(FORMATS)}; give a name that ends so")
    if not target.absolute().parent.is_dir():
        raise ConfigError(f"-o {target}: there is no folder {target.absolute().parent}; make it first")


def _scheme(theme: str) -> Any:
    return theme  # playwright types it as a literal


@contextmanager
def _served(root: Path, cache: Path) -> Iterator[str]:
    """The address of a server over the directory, which ends with this process."""
    from aurl.dashboard.serving import serve

    told: Queue[str | ConfigError] = Queue()

    def work() -> None:
        try:
            serve(root, host="127.0.0.1", port=0, with_token=True, cache=cache, tell=told.put)
        except ConfigError as error:
            told.put(error)

    threading.Thread(target=work, name="aurl-snapshot", daemon=True).start()
    try:
        address = told.get(timeout=_PATIENCE)
    except Empty:
        raise ConfigError(f"--snapshot: the server did not start within {_PATIENCE:.0f} seconds") from None
    if isinstance(address, ConfigError):
        raise address
    yield address


@contextmanager
def _browser() -> Iterator[Browser]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise ConfigError(
            "--snapshot needs a browser that can be driven: pip install playwright && playwright install chromium. "
            "Without it, open the page and press Save: that gives the same HTML"
        ) from None
    with sync_playwright() as playwright:
        browser = _launch(playwright)
        try:
            yield browser
        finally:
            browser.close()


def _launch(playwright: Playwright) -> Browser:
    """Playwright's own Chromium, or one that this machine has."""
    from playwright.sync_api import Error

    arguments = ["--no-sandbox"] if is_root() else []  # Chromium refuses its sandbox to root
    installed = [path for name in _BROWSERS if (path := shutil.which(name))]
    reason = ""
    for path in [None, *installed]:
        try:
            return playwright.chromium.launch(executable_path=path, args=arguments)
        except Error as error:
            reason = reason or str(error).strip().splitlines()[0]
    raise ConfigError(
        f"--snapshot: no Chromium could be started ({reason}); `playwright install chromium`, or install the package "
        "chromium. Without it, open the page and press Save: that gives the same HTML"
    )


def _await_ready(view: Page) -> None:
    # Polled from here: the page's own policy forbids the evaluated strings of wait_for_function.
    _wait(view, lambda: view.evaluate("window.__ready === true"))


def _wait(view: Page, done: Callable[[], bool]) -> None:
    for _ in range(round(_PATIENCE / 0.1)):
        if done():
            return
        view.wait_for_timeout(100)
    raise ConfigError(f"--snapshot: the page was not drawn within {_PATIENCE:.0f} seconds; is the machine very busy?")


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _fragment(page: str, view: Page) -> str:
    """The address of a page within the dashboard.

    Raises:
        RunError: there is no such page, run or tab.
    """
    if page in PAGES:
        return PAGES[page]
    if page.startswith("#/"):
        return page
    spec, _, tab = page.partition(":")
    if tab and tab not in TABS:
        raise RunError(f"--snapshot {page}: a run has no tab {tab}.{did_you_mean(tab, TABS)} Tabs: {', '.join(TABS)}")
    rows = view.evaluate("fetch('/api/runs').then((answer) => answer.json())")["runs"]
    found = rows[:1] if spec == "latest" else [row for row in rows if spec.rstrip("/") in (row["id"], row["path"])]
    if not found:
        known = [*PAGES, *(row["id"] for row in rows)]
        raise RunError(
            f"--snapshot {page}: no such page or run.{did_you_mean(spec, known)} Pages: {', '.join(PAGES)}, or a run: "
            "its id, its path under the directory, or latest"
        )
    if len(found) > 1:
        paths = ", ".join(row["path"] for row in found)
        raise RunError(f"--snapshot {page}: {len(found)} runs have this id, give the path: {paths}")
    return f"#/run/{quote(found[0]['key'])}/{tab or 'charts'}"


def _save(view: Page, target: Path) -> None:
    try:
        if target.suffix.lower() == ".html":
            target.write_text(view.evaluate("window.__snapshot()"), encoding="utf-8")
            return
        view.evaluate("window.__whole()")
        view.wait_for_timeout(150)
        target.write_bytes(view.screenshot(full_page=True))
    except OSError as error:
        raise ConfigError(f"-o {target}: cannot be written ({error.strerror}); choose another place") from error
