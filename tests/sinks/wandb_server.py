"""A server of Weights & Biases that answers as much as the package needs to begin a run, and then as it is told."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

_OWNER = {"id": "e", "name": "me"}
_BUCKET = {
    "id": "b", "name": "theirs", "displayName": "theirs", "description": None, "config": "{}", "sweepName": None,
    "historyLineCount": 0, "project": {"id": "p", "name": "chorales", "entity": _OWNER},
}  # fmt: skip
_ANSWERS: dict[str, Any] = {
    "RunResumeStatus": {"model": {"id": "p", "name": "chorales", "entity": _OWNER, "bucket": None}},
    "UpsertBucket": {"upsertBucket": {"bucket": _BUCKET, "inserted": True}},
    "CreateRunFiles": {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": []}},
    "Viewer": {"viewer": {"id": "v", "entity": "me", "username": "me", "flags": "{}", "teams": {"edges": []}}},
}


class WandbServer:
    """Counts requests by name.

    Args:
        later: what it does once a run has begun: `answer`, `500` or `hang`.
        at_once: the same from the first request on.
    """

    def __init__(self, later: str, at_once: bool = False) -> None:
        self.later = later
        self.requests: list[str] = []
        self.has_begun = at_once
        self.url = ""

    @contextmanager
    def __call__(self) -> Iterator[WandbServer]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.answer(self)

            def do_GET(self) -> None:
                owner.answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        http.daemon_threads = True
        Thread(target=http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{http.server_port}"
        yield self
        http.shutdown()
        http.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        name = _name(request)
        self.requests.append(name)
        while self.has_begun and self.later == "hang":
            time.sleep(0.05)
        fails = self.has_begun and self.later == "500"
        self.has_begun = self.has_begun or name == "UpsertBucket"
        request.send_response(500 if fails else 200)
        request.send_header("Content-Type", "application/json")
        request.end_headers()
        request.wfile.write(json.dumps({"data": _ANSWERS.get(name, {})}).encode())


def _name(request: BaseHTTPRequestHandler) -> str:
    body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
    found = re.search(rb"(?:query|mutation)\s+(\w+)", body) if request.path == "/graphql" else None
    return found[1].decode() if found else request.path
