"""Attacks on the door, against a real server: other hosts, other sites, other methods, no or wrong secrets."""

from __future__ import annotations

import pytest

from aurl.dashboard.guard import CONTENT_POLICY, is_loopback
from tests.dashboard.conftest import COOKIE, TOKEN, Serve, Site
from tests.dashboard.runs import make

PLACES = (
    "/",
    "/api/runs",
    "/static/index.html",
    "/events",
    "/file/0000000000000000/report.html",
    "/api/status",
    "/nowhere",
)


@pytest.fixture(scope="module")
def site(serve_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> Site:
    outputs = tmp_path_factory.mktemp("outputs")
    make(outputs / "a")
    return serve_all(outputs)


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("cookie", ["", "aurl-test=", "aurl-test=wrong", f"aurl-other={COOKIE}", f"aurl-test={TOKEN}"])
def test_nothing_without_the_secret(site: Site, path: str, cookie: str) -> None:
    reply = site.raw(path, headers={"Cookie": cookie} if cookie else {})
    assert reply.status == 401
    assert b"aurl dashboard" in reply.body


def test_two_cookies_of_one_name_are_no_cookie(site: Site) -> None:
    assert site.raw("/api/runs", headers={"Cookie": f"aurl-test=x; aurl-test={COOKIE}"}).status in (200, 401)
    assert site.raw("/api/runs", headers={"Cookie": f'aurl-test="{COOKIE}'}).status == 401


def test_the_token_becomes_a_strict_cookie_and_leaves_the_address(site: Site) -> None:
    reply = site.raw(f"/?token={TOKEN}")
    assert (reply.status, reply.headers["location"]) == (303, "/")
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith(f"aurl-test={COOKIE};")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert reply.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "query", ["token=", "token=wrong", f"token={TOKEN}&token=x", f"Token={TOKEN}", f"token={TOKEN}x"]
)
def test_a_wrong_token_gets_nothing(site: Site, query: str) -> None:
    reply = site.raw(f"/?{query}")
    assert reply.status == 401
    assert "set-cookie" not in reply.headers


def test_the_token_is_taken_at_the_entrance_alone(site: Site) -> None:
    assert site.raw(f"/api/runs?token={TOKEN}").status == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "", "127.0.0.1:80:80", "127.0.0.1, evil",
     "evil@127.0.0.1", "127.0.0.1#", "[::1", "192.168.0.9", "0.0.0.0", "127.0.0.1/../x"],
)  # fmt: skip
def test_dns_rebinding_other_names_are_not_served(site: Site, host: str) -> None:
    """CVE-2025-14279: a page whose name is pointed at 127.0.0.1 sends its own name as the Host."""
    reply = site.get("/api/runs", headers={"Host": host})
    assert reply.status == 400


def test_two_hosts_are_not_served(site: Site) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", site.port)) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {site.host}\r\nHost: evil.example\r\n\r\n".encode())
        assert b" 400 " in connection.recv(4096).split(b"\r\n")[0]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9000", "127.0.0.1", "[::1]:8420"])
def test_this_machine_by_any_of_its_names_and_through_a_tunnel(site: Site, host: str) -> None:
    assert site.get("/api/runs", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost", "file://"]
)
def test_cross_site_requests_with_an_origin(site: Site, origin: str) -> None:
    assert site.get("/api/runs", headers={"Origin": origin}).status == 403


def test_its_own_origin_is_well(site: Site) -> None:
    assert site.get("/api/runs", headers={"Origin": f"http://{site.host}"}).status == 200


@pytest.mark.parametrize("where", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/api/runs", "/events", "/"])
def test_pages_of_other_sites_and_ports_cannot_reach_in(site: Site, where: str, path: str) -> None:
    headers = {"Sec-Fetch-Site": where, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    assert site.get(path, headers=headers).status == 403


def test_a_link_followed_from_another_page_arrives_with_its_token(site: Site) -> None:
    navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    reply = site.raw(f"/?token={TOKEN}", headers=navigation)
    assert reply.status == 200
    assert b"url=/" in reply.body
    assert "set-cookie" in reply.headers
    assert site.raw("/", headers=navigation).status == 403
    assert site.raw(f"/?token={TOKEN}", headers=navigation | {"Sec-Fetch-Dest": "iframe"}).status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_it_can_only_be_read(site: Site, method: str) -> None:
    reply = site.raw("/api/runs", method=method, headers={"Cookie": f"aurl-test={COOKIE}"})
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", [*PLACES, f"/?token={TOKEN}"])
def test_every_answer_carries_the_headers_that_bind_the_browser(site: Site, path: str) -> None:
    headers = (site.get(path) if path != "/events" else site.raw(path)).headers
    assert headers["content-security-policy"] == CONTENT_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers or "uvicorn" in headers["server"]


def test_the_policy_lets_no_inline_script_and_no_other_server_in() -> None:
    assert "unsafe" not in CONTENT_POLICY
    assert "http" not in CONTENT_POLICY
    assert "default-src 'none'" in CONTENT_POLICY


def test_an_endless_query_is_refused(site: Site) -> None:
    assert site.get(f"/api/runs?x={'a' * 70_000}").status in (400, 414)


def test_errors_do_not_echo_what_was_asked(site: Site) -> None:
    """CVE-2023-6568: reflected through an error page."""
    reply = site.get("/api/run/%3Cscript%3Ealert(1)%3C/script%3E")
    assert reply.status == 404
    assert reply.headers["content-type"] == "application/json"
    reply = site.get("/%3Cscript%3E")
    assert b"<script" not in reply.body


def test_no_websocket(site: Site) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "x", "Sec-WebSocket-Version": "13"}
    assert site.raw("/events", headers=upgrade).status in (400, 401, 403, 426)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.8.8.8", True), ("0.0.0.0", False),
     ("10.0.0.1", False), ("example.org", False), ("", False)],
)  # fmt: skip
def test_which_addresses_stay_on_this_machine(host: str, local: bool) -> None:
    assert is_loopback(host) is local
