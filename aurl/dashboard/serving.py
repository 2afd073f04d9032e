"""Starts the server: its socket, its token, its last words."""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import hmac
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import uvicorn

from aurl.dashboard.app import build
from aurl.dashboard.guard import LOCAL_HOSTS, Access, is_loopback
from aurl.dashboard.live.broker import Hub
from aurl.errors import ConfigError
from aurl.machine.portable import is_private, open_fd

PORT = 8420
_TRIED_PORTS = 20
_KEY_BYTES = 32
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h


class _Server(uvicorn.Server):
    """Ends the open streams before it waits for the requests under way."""

    def __init__(self, config: uvicorn.Config, hub: Hub, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._hub = hub
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await asyncio.sleep(0)
        await super().shutdown(sockets)


def serve(
    root: Path,
    *,
    host: str,
    port: int | None,
    with_token: bool,
    cache: Path,
    tell: Callable[[str], None],
    writing: bool = False,
) -> None:
    """Serve the directory until the process is interrupted.

    Args:
        root: the directory of runs, which need not be there yet.
        host: address to listen on.
        port: None takes 8420 or the next free one, 0 any free one.
        with_token: ask for a token, as is needed on any address but this machine's own.
        cache: the folder for what aurl keeps between starts.
        tell: called with the address to open, once the server listens.
        writing: let pages change a person's words about runs and the trash; never without a token.

    Raises:
        ConfigError: the address cannot be listened on, or needs a token.
    """
    if not with_token and not is_loopback(host):
        raise ConfigError(f"--no-token with --host {host}: anyone on the network could read the runs; leave one out")
    listening = _listen(host, port)
    bound = listening.getsockname()[1]
    access = replace(_access(root, host, bound, with_token, cache), writing=writing and with_token)
    app, parts = build(root, access, cache)
    config = uvicorn.Config(
        app,
        log_config=None,  # uvicorn's own would close every handler of this process, with the streams they write to
        log_level="warning",
        access_log=False,  # addresses hold the token
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=128 * 1024,
    )
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    shown = f"[{shown}]" if ":" in shown else shown
    query = f"?token={access.token}" if access.token else ""
    _give_back_large_arrays()
    server = _Server(config, parts.hub, lambda: tell(f"http://{shown}:{bound}/{query}"))
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


def _give_back_large_arrays() -> None:
    """Have glibc map arrays of a megabyte and more by themselves: freed, they are the system's again at once."""
    with suppress(OSError, AttributeError, TypeError):  # another C library
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 2**20)


def _listen(host: str, port: int | None) -> socket.socket:
    tried = [port] if port is not None else [*range(PORT, PORT + _TRIED_PORTS), 0]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    failure: OSError | None = None
    for number in tried:
        listening = socket.socket(family, socket.SOCK_STREAM)
        # Windows would let a second server share a port under the option that elsewhere passes over old connections.
        listening.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR), 1)
        try:
            listening.bind((host, number))
            listening.listen(512)
        except (OSError, OverflowError) as error:
            listening.close()
            failure = error if isinstance(error, OSError) else OSError(0, str(error))
            continue
        return listening
    assert failure is not None
    raise ConfigError(
        f"--host {host} --port {tried[0]}: cannot listen there ({failure.strerror or failure}); "
        "choose another --port, or leave it out"
    )


def _access(root: Path, host: str, port: int, with_token: bool, cache: Path) -> Access:
    told = f"{os.path.realpath(root)}\0{host}\0{port}".encode("utf-8", "surrogateescape")
    # The cookie outlives the server, so that an open page goes on when it is started again; the token does not.
    cookie = hmac.new(_key(cache), told, hashlib.sha256).hexdigest()
    every = host in ("0.0.0.0", "::", "")
    own_names = {socket.gethostname().lower(), socket.getfqdn().lower()} if every else {host.lower()}
    token = secrets.token_urlsafe(32) if with_token else None
    return Access(token, (f"aurl-{port}", cookie), LOCAL_HOSTS | own_names, any_address=every)


def _key(cache: Path) -> bytes:
    """A secret of this user's, kept in the cache; one of this start alone where that cannot be written or is open."""
    path = cache / "dashboard" / "key"
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            fd = open_fd(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, follow=False)
        except FileExistsError:
            status = os.lstat(path)
            if is_private(status) and status.st_size == _KEY_BYTES:
                return path.read_bytes()
            return secrets.token_bytes(_KEY_BYTES)
        key = secrets.token_bytes(_KEY_BYTES)
        with os.fdopen(fd, "wb") as file:
            file.write(key)
        return key
    return secrets.token_bytes(_KEY_BYTES)
