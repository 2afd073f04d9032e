"""A real server over a folder, and a plain client that sends exactly what it is told."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

import pytest
import uvicorn

from aurl.dashboard.app import build
from aurl.dashboard.guard import Access
from aurl.dashboard.routes.requests import Parts

if TYPE_CHECKING:
    from tests.dashboard.browsing import Visitor

TOKEN = "the-token"
COOKIE = "the-cookie"


Serve: TypeAlias = "Callable[..., Site]"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    set_cookie: str = field(default="")

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Site:
    """A running server."""

    root: Path
    port: int
    parts: Parts

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def raw(self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> Reply:
        """What the server says to this request, to the letter; no cookie, no decoding, no redirects."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": self.host, **(headers or {})}.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        reply = Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        connection.close()
        return reply

    def get(self, address: str, /, headers: dict[str, str] | None = None, **query: Any) -> Reply:
        """As a browser that has its cookie."""
        if query:
            address = f"{address}?{urlencode(query, doseq=True)}"
        return self.raw(address, headers={"Cookie": f"aurl-test={COOKIE}", **(headers or {})})

    def ask(self, address: str, /, **query: Any) -> Any:
        """The JSON of an answer that is well."""
        reply = self.get(address, **query)
        assert reply.status == 200, reply.body
        return reply.json()

    def look(self) -> None:
        """Wait until the poller has looked at the directory again."""
        version = self.parts.catalog.version
        until = time.monotonic() + 10
        while self.parts.catalog.version == version and time.monotonic() < until:
            time.sleep(0.05)

    def key(self, run: str) -> str:
        """The key of the run in this folder."""
        (key,) = [row["key"] for row in self.ask("/api/runs")["runs"] if row["path"] == run]
        return str(key)


@contextmanager
def servers(cache: Path) -> Iterator[Serve]:
    """Starts servers in threads of this process, each over a folder; all end with the block."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(root: Path, **access: Any) -> Site:
        app, parts = build(root, Access(**{"token": TOKEN, "cookie": ("aurl-test", COOKIE)} | access), cache)
        config = uvicorn.Config(app, port=0, log_config=None, log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
        thread.start()
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        running.append((server, thread))
        return Site(root, server.servers[0].sockets[0].getsockname()[1], parts)

    yield start
    for server, _ in running:
        server.should_exit = True
    for _, thread in running:
        thread.join(10)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with servers(tmp_path / "cache") as start:
        yield start


@pytest.fixture(scope="module")
def serve_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """The same for all tests of a module, over folders that none of them changes."""
    with servers(tmp_path_factory.mktemp("cache")) as start:
        yield start


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    pytest.importorskip("playwright.sync_api")
    from tests.dashboard.browsing import chromium

    with chromium() as started:
        yield started


@pytest.fixture
def open_window(browser: Any, site: Site) -> Iterator[Callable[..., Visitor]]:
    """Opens windows on the module's `site`; at the end none may have complained or asked anything of another server."""
    from tests.dashboard.browsing import Visitor

    visitors = []

    def start(width: int = 1280, **options: Any) -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": 860}, reduced_motion="reduce", **options)
        origin = f"http://{site.host}"
        context.add_cookies([{"name": "aurl-test", "value": COOKIE, "url": origin}])
        visitor = Visitor(context.new_page(), origin)
        visitor.listen()
        visitors.append(visitor)
        return visitor

    yield start
    for visitor in visitors:
        visitor.page.context.close()
        assert visitor.complaints == []
        assert visitor.foreign == []


@pytest.fixture
def visitor(open_window: Callable[..., Visitor]) -> Visitor:
    return open_window()
