"""Who may ask at all: checked before any route is, on every request.

A page of another site can send requests to 127.0.0.1, and a name under its control can be made to point there (DNS
rebinding), so a local address alone protects nothing. Asked for are: reading only, but for two routes with rules of
their own (writing.py); a Host that is this machine; no other site behind the request; and a cookie that is given for
the token in the address that the command printed.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from aurl.dashboard import writing

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-src 'self'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
MOST_QUERY = 64 * 1024
_METHODS = frozenset({"GET", "HEAD"})
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")
_NO_TOKEN = (
    "This dashboard asks for its token. Open the address that `aurl dashboard` printed when it was started, the one "
    "that ends in ?token=..."
)
_FORWARD = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><title>aurl</title>'


@dataclass(frozen=True, slots=True)
class Access:
    """What a request has to show.

    Attributes:
        token: in the address printed; None asks for none.
        cookie: name and value of the cookie that is given for it.
        hosts: names by which the server may be called, lower case, without port.
        writing: whether a person's words and the trash may be changed; needs a token.
        any_address: take every IP address as a Host too, for a server that listens on all of them; only a name can
            be made to point elsewhere.
    """

    token: str | None
    cookie: tuple[str, str]
    hosts: frozenset[str] = field(default=LOCAL_HOSTS)
    any_address: bool = False
    writing: bool = False

    @property
    def csrf(self) -> str | None:
        """What a page shows to change something; None where nothing can be changed."""
        return writing.secret_of(self.cookie[1]) if self.writing and self.token is not None else None


class Guard:
    """Wraps the application as plain ASGI, so that streams pass through it unbuffered."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no WebSocket is spoken here

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message.get("headers", [])}
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in own]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        answer = self._refusal(scope) or self._entrance(scope) or self._refusal_to_write(scope)
        await (answer or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """Why the request is not served, or None."""
        headers = _headers(scope)
        if scope["method"] not in _METHODS and not (scope["method"] == "POST" and scope["path"] in writing.PATHS):
            return _error(405, "nothing is changed here: GET and HEAD alone", {"allow": "GET, HEAD"})
        if len(scope["query_string"]) > MOST_QUERY:
            return _error(414, f"a query of more than {MOST_QUERY} bytes")
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return _error(400, "the Host header does not name this server")
        origins = headers.get("origin", [])
        if any(origin not in (f"http://{hosts[0]}", f"https://{hosts[0]}") for origin in origins):
            return _error(403, "requests of other origins are not served")
        sites = headers.get("sec-fetch-site", [])
        if any(site not in ("same-origin", "none") for site in sites) and not self._is_arrival(scope, headers):
            return _error(403, "requests of other sites are not served")
        return None

    def _refusal_to_write(self, scope: Scope) -> Response | None:
        if scope["method"] in _METHODS:
            return None
        if self._access.csrf is None:
            return _error(403, "this dashboard was started to read only; `aurl runs` changes names, notes and tags")
        found = writing.refusal(_headers(scope), self._access.csrf)
        return None if found is None else _error(*found)

    def _is_arrival(self, scope: Scope, headers: Mapping[str, list[str]]) -> bool:
        """A person who follows the printed link from another page, such as a terminal in the browser."""
        navigation = headers.get("sec-fetch-mode") == ["navigate"] and headers.get("sec-fetch-dest") == ["document"]
        return navigation and scope["path"] == "/" and self._holds_token(scope)

    def _entrance(self, scope: Scope) -> Response | None:
        """Takes the token for the cookie; refuses who has neither; None lets the request in."""
        access = self._access
        if scope["path"] == "/" and b"token=" in scope["query_string"] and self._holds_token(scope):
            return self._welcome(scope)
        if access.token is None or self._holds_cookie(scope):
            return None
        if scope["path"] == "/":
            return HTMLResponse(f'<!doctype html><meta charset="utf-8"><title>aurl</title><p>{_NO_TOKEN}', 401)
        return _error(401, _NO_TOKEN)

    def _welcome(self, scope: Scope) -> Response:
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        kept = urlencode([(name, value) for name, values in query.items() if name != "token" for value in values])
        crossing = _headers(scope).get("sec-fetch-site") not in (None, ["same-origin"], ["none"])
        # After a redirect from another site a strict cookie stays at home; a page that moves on by itself takes it.
        forward = f"/?{kept}" if kept else "/"
        answer: Response = HTMLResponse(_FORWARD) if crossing else RedirectResponse(forward, 303)
        if self._access.token is not None:
            name, value = self._access.cookie
            answer.set_cookie(name, value, path="/", httponly=True, samesite="strict", max_age=30 * 24 * 3600)
        return answer

    def _holds_token(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if self._access.token is None:
            return True
        return len(given) == 1 and hmac.compare_digest(given[0].encode(), self._access.token.encode())

    def _holds_cookie(self, scope: Scope) -> bool:
        name, value = self._access.cookie
        given = [morsel for header in _headers(scope).get("cookie", []) for morsel in _cookies(header, name)]
        return len(given) == 1 and hmac.compare_digest(given[0].encode(), value.encode())

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].strip("[]").lower()
        return name in self._access.hosts or (self._access.any_address and _is_address(name))


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reachable from this machine alone."""
    if host == "localhost":
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _cookies(header: str, name: str) -> Iterable[str]:
    try:
        morsel = SimpleCookie(header).get(name)
    except CookieError:
        return []
    return [] if morsel is None else [morsel.value]


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)
