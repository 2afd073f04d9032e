"""The open event streams: each browser has a bounded queue, and one that cannot keep up is told to ask anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

PING_SECONDS = 15.0
QUEUE_LENGTH = 128
MOST_CLIENTS = 256


@dataclass(eq=False, slots=True)
class Client:
    """One open stream.

    Attributes:
        run: key of the run it follows; None follows the list alone.
        names: series it wants the points of.
        at: generation and cursor up to which it has the points; None where it starts from now on.
        log: whether it wants the text log too.
        queue: messages ready to be sent; None ends the stream.
    """

    run: str | None
    names: tuple[str, ...]
    at: tuple[int, int] | None
    log: bool
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(QUEUE_LENGTH))


class Hub:
    """Knows the open streams. `publish` may be called from any thread, the rest from the event loop."""

    def __init__(self) -> None:
        self._clients: set[Client] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def clients(self) -> list[Client]:
        return list(self._clients)

    def full(self) -> bool:
        """Whether no further stream is taken."""
        return self._closed or len(self._clients) >= MOST_CLIENTS

    async def stream(self, client: Client, first: bytes) -> AsyncIterator[bytes]:
        """What is sent to this client, until it goes or the server ends."""
        self._loop = asyncio.get_running_loop()
        self._clients.add(client)
        try:
            yield first
            while True:
                try:
                    message = await asyncio.wait_for(client.queue.get(), PING_SECONDS)
                except TimeoutError:
                    yield b": ping\n\n"
                    continue
                if message is None:
                    return
                yield message
        finally:
            self._clients.discard(client)

    def publish(self, clients: Iterable[Client], message: bytes) -> None:
        """Send the same bytes to these clients; a full queue is emptied and its client told to ask anew."""
        if self._loop is None or self._loop.is_closed():
            return
        with suppress(RuntimeError):  # the loop has just been closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._put, list(clients), message)

    def close(self) -> None:
        """End all streams, and take no more."""
        self._closed = True
        for client in self._clients:
            _empty(client.queue)
            client.queue.put_nowait(None)

    def _put(self, clients: list[Client], message: bytes) -> None:
        for client in clients:
            if client not in self._clients or self._closed:
                continue
            if client.queue.full():
                _empty(client.queue)
                message = event("resync", {"why": "slow"})
            client.queue.put_nowait(message)


def event(name: str, data: Any, id_: str = "") -> bytes:
    """One server-sent event; JSON has no line breaks, so nothing in the data can begin another event."""
    head = f"id: {id_}\n" if id_ else ""
    return f"{head}event: {name}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


def _empty(queue: asyncio.Queue[bytes | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
