"""Files over HTTP: whole, or one range of bytes, in pieces, with an ETag."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from aurl.dashboard.routes.paths import OpenFile
from aurl.machine.portable import read_at

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

PIECE = 256 * 1024
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; font-src data:"
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class FileAnswer:
    """Sends an open file and closes it; run as an ASGI application.

    What is not known to be harmless is sent as an attachment, and HTML in a sandbox without scripts.

    Args:
        name: what the browser is to save it as.
        download: send it as an attachment in any case.
        lasting: browsers may keep it without asking again.
        ours: it is a page of the dashboard itself, not a file of a run.
    """

    def __init__(
        self, file: OpenFile, name: str, *, download: bool = False, ours: bool = False, lasting: bool = False
    ) -> None:
        self._file = file
        self._name = name
        self._download = download or not file.inline
        self._ours = ours
        self._lasting = lasting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._send(scope, receive, send)
        finally:
            os.close(self._file.fd)

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        etag = f'"{self._file.mtime_ns:x}-{self._file.size:x}"'
        answer = self._headers(etag)
        if headers.get("if-none-match") == etag:
            await _start(send, 304, answer)
            await send({"type": "http.response.body", "body": b""})
            return
        size = self._file.size
        wanted = headers.get("range") if headers.get("if-range", etag) == etag else None
        stretch = range_of(wanted, size)
        if stretch is None:
            refused = JSONResponse({"error": "no such range of bytes"}, 416, {"content-range": f"bytes */{size}"})
            await refused(scope, receive, send)
            return
        first, last = stretch
        partial = (first, last) != (0, size - 1) or (wanted is not None and _RANGE.fullmatch(wanted) is not None)
        if partial:
            answer["content-range"] = f"bytes {first}-{last}/{size}"
        answer["content-length"] = str(last - first + 1)
        await _start(send, 206 if partial else 200, answer)
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        await self._pieces(send, first, last)

    async def _pieces(self, send: Send, first: int, last: int) -> None:
        at = first
        while at <= last:
            body = await run_in_threadpool(read_at, self._file.fd, min(PIECE, last + 1 - at), at)
            if not body:
                break  # the file became shorter; the browser sees that bytes are missing
            at += len(body)
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _headers(self, etag: str) -> dict[str, str]:
        headers = {"content-type": self._file.media_type, "accept-ranges": "bytes", "etag": etag}
        headers["cache-control"] = "private, max-age=31536000, immutable" if self._lasting else "private, no-cache"
        headers["content-disposition"] = disposition(self._name, attachment=self._download)
        if self._file.media_type.startswith("text/html") and not self._ours:
            headers["content-security-policy"] = SANDBOX
        return headers


def range_of(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte to send; everything where no single range is asked for, None where there is no such range."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return 0, size - 1
    first, last = match.groups()
    if not first:  # the last so many bytes
        length = min(int(last), size)
        return (size - length, size - 1) if length else None
    begin, end = int(first), min(int(last) if last else size - 1, size - 1)
    return (begin, end) if begin <= end else None


def disposition(name: str, *, attachment: bool) -> str:
    """The Content-Disposition of a name that may hold anything."""
    plain = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)
    kind = "attachment" if attachment else "inline"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name.encode('utf-8', 'replace'), safe='')}"


async def _start(send: Send, status: int, headers: dict[str, str]) -> None:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
