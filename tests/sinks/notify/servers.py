"""Local servers that notifiers talk to: they take messages, refuse them, fail, or never answer."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from aiosmtpd.controller import Controller


class Web:
    """Takes JSON over HTTP. `answers` are the codes of the next requests, 200 after that; 0 never answers."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, Any]] = []
        self.requests = 0
        self.url = ""

    @contextmanager
    def __call__(self) -> Iterator[Web]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                web.requests += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = web.answers.pop(0) if web.answers else 200
                while code == 0:
                    time.sleep(0.05)
                if code == 200:
                    web.bodies.append(json.loads(body))
                self.send_response(code)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/secret-path"
        yield self
        server.shutdown()
        server.server_close()


class Mail:
    """Takes mail over SMTP; `refuse` is answered to the next recipient."""

    def __init__(self, refuse: str | None = None) -> None:
        self.refuse = refuse
        self.mails: list[str] = []
        self.port = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.refuse:
            answer, self.refuse = self.refuse, None
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope.content.decode())
        return "250 OK"

    @contextmanager
    def __call__(self) -> Iterator[Mail]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        yield self
        controller.stop()
