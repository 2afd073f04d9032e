"""The routes put together, behind the guard."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from aurl.dashboard.guard import Access, Guard
from aurl.dashboard.live.alerts import AlertIndex
from aurl.dashboard.live.broker import Hub
from aurl.dashboard.live.catalog import Catalog
from aurl.dashboard.live.copies import CopyFinder
from aurl.dashboard.live.poller import Poller
from aurl.dashboard.live.prefetch import Warming
from aurl.dashboard.routes import (
    compare_routes,
    curve_routes,
    list_routes,
    music_routes,
    paths,
    run_routes,
    write_routes,
)
from aurl.dashboard.routes.requests import Parts, RefusedError, answer
from aurl.dashboard.routes.responses import FileAnswer
from aurl.dashboard.store.cache import StoreCache
from aurl.dashboard.store.lru import Shelf
from aurl.show import page, player

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

STATIC = Path(__file__).with_name("static")
SHARED = {"js/player.js": player.SCRIPT, "css/palette.css": page.PALETTE}
"""Files of the pages that reports carry too, by the name under which they are served."""
_STATIC_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}


def build(root: Path, access: Access, cache: Path) -> tuple[ASGIApp, Parts]:
    """The application over a directory of runs, and its parts; its threads live as long as its lifespan.

    Args:
        root: the directory served; it need not be there yet.
        cache: the folder for what aurl keeps between starts.
    """
    catalog, hub = Catalog(root), Hub()
    shelf = Shelf(StoreCache(cache / "dashboard"))
    alerts = AlertIndex(shelf)
    poller = Poller(catalog, shelf, hub, alerts, token_hex(8))
    known = Parts(catalog, shelf, hub, alerts, poller, CopyFinder(cache), time.time(), access.csrf)
    warming = Warming(catalog, shelf)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await run_in_threadpool(catalog.look)
        poller.start()
        warming.start()
        try:
            yield
        finally:
            warming.stop()
            poller.stop()
            hub.close()
            await run_in_threadpool(poller.join)
            await run_in_threadpool(shelf.close)

    app = Starlette(
        routes=_routes(),
        lifespan=lifespan,
        exception_handlers={RefusedError: _refused, HTTPException: _http, Exception: _failed},
    )
    app.state.parts = known
    return Guard(app, access), known


def _routes() -> list[Route]:
    return [
        Route("/", index),
        Route("/favicon.ico", StaticFile("icon.svg")),
        Route("/static/{version:int}/{path:path}", StaticFile(lasting=True)),
        Route("/static/{path:path}", StaticFile()),
        Route("/api/runs", list_routes.runs),
        Route("/api/columns", list_routes.columns),
        Route("/api/sparks", curve_routes.sparks),
        Route("/api/run/{key}", run_routes.run),
        Route("/api/names", run_routes.series),
        Route("/api/curves", curve_routes.curves),
        Route("/api/bands", curve_routes.bands),
        Route("/api/alerts", list_routes.alerts),
        Route("/api/samples", music_routes.samples),
        Route("/api/notes", music_routes.notes),
        Route("/api/log", run_routes.log),
        Route("/api/diff", run_routes.diff),
        Route("/api/compare", compare_routes.compare),
        Route("/api/parallel", compare_routes.parallel),
        Route("/api/status", list_routes.status),
        Route("/api/annotate", write_routes.annotate, methods=["POST"]),
        Route("/api/trash", write_routes.trash, methods=["POST"]),
        Route("/events", list_routes.events),
        Route("/file/{key}/{path:path}", run_routes.FileRoute()),
    ]


async def index(_: Request) -> Response:
    """`/`: the page around all pages; what it loads stands under a number that changes with the files."""
    version = max(path.stat().st_mtime_ns for path in (STATIC, *STATIC.rglob("*"), *SHARED.values()))
    text = (STATIC / "index.html").read_text()
    return HTMLResponse(text.replace('"/static/', f'"/static/{version}/'))


class StaticFile:
    """One file of the pages, or whichever the address names, as an ASGI application.

    Args:
        name: of the file; without one the address names it.
        lasting: the address changes with the file, so that browsers need not ask again.
    """

    def __init__(self, name: str = "", *, lasting: bool = False) -> None:
        self._name = name
        self._lasting = lasting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = self._name or str(scope["path_params"].get("path", ""))
        place = SHARED.get(name, STATIC / name)
        folder = place.parent if name in SHARED else STATIC
        found = paths.open_inside(folder, folder, place.name if name in SHARED else name, _STATIC_TYPES)
        if found is None:
            raise RefusedError(404, "no such file")
        await FileAnswer(found, name.rpartition("/")[2], ours=True, lasting=self._lasting)(scope, receive, send)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    document: dict[str, object] = {"error": str(error)}
    if error.at is not None:
        document["at"] = error.at
    return answer(document, error.status)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return answer({"error": f"{error.detail}: no such address here"}, error.status_code)


async def _failed(_: Request, error: Exception) -> Response:
    """A fault of the dashboard's own: the terminal has its traceback, the browser only its kind."""
    return answer({"error": f"the dashboard failed ({type(error).__name__}); its terminal tells more"}, 500)
