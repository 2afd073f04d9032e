"""A server in a process of its own, and a client that reads its event stream."""

from __future__ import annotations

import http.client
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Program:
    """`aurl dashboard` as a person starts it.

    Attributes:
        address: what it printed, token included.
        cookie: given for the token.
    """

    process: subprocess.Popen[str]
    address: str
    cookie: str = ""

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    def enter(self) -> None:
        """Take the token to the door."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", self.address[self.address.index("/?") :])
        answer = connection.getresponse()
        self.cookie = str(answer.getheader("set-cookie")).partition(";")[0]
        connection.close()

    def ask(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 200, body
        return json.loads(body)


@contextmanager
def program(root: Path, cache: Path, *options: str) -> Iterator[Program]:
    """The command, until the block ends."""
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "aurl", "dashboard", str(root), "--json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    try:
        assert process.stdout is not None
        found = Program(process, json.loads(process.stdout.readline())["url"])
        if "token=" in found.address:
            found.enter()
        yield found
    finally:
        process.terminate()
        process.wait(20)


class Listener:
    """Reads an event stream on a thread of its own."""

    def __init__(self, port: int, cookie: str, query: str = "", last_id: str = "") -> None:
        self.events: queue.Queue[tuple[str, Any, float]] = queue.Queue()
        self.last_id = last_id
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Cookie": cookie} | ({"Last-Event-ID": last_id} if last_id else {})
        self._connection.request("GET", f"/events?{query}", headers=headers)
        assert self._connection.sock is not None
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        threading.Thread(target=self._read, daemon=True).start()

    def next(self, name: str, patience: float = 15.0) -> Any:
        """The data of the next event of this name; others are passed over."""
        until = time.monotonic() + patience
        while True:
            found, data, _ = self.events.get(timeout=max(0.01, until - time.monotonic()))
            if found == name:
                return data

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # closing alone would wait for the thread that reads

    def _read(self) -> None:
        name, data = "", ""
        try:
            for raw in self._answer:
                line = raw.decode().rstrip("\n")
                if line.startswith("id: "):
                    self.last_id = line[4:]
                elif line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data = line[6:]
                elif not line and name:
                    self.events.put((name, json.loads(data), time.time()))
                    name = ""
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # the server is gone, or this side has closed
        self.events.put(("closed", None, time.time()))
