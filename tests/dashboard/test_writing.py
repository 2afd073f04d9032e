"""The two routes that change something, and every way into them that must be closed."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aurl.dashboard import writing
from aurl.dashboard.writing import secret_of
from aurl.monitor import Monitor
from aurl.runs.annotations import FILE, NONE, annotate, read_annotations
from aurl.runs.trash import FOLDER, trashed
from tests.dashboard.conftest import COOKIE, Reply, Serve, Site, servers
from tests.dashboard.runs import make

CSRF = secret_of(COOKIE)


def send(site: Site, path: str, document: Any, **changes: str | None) -> Reply:
    """A POST as the page sends it, with headers changed (or left out, as None)."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers: dict[str, str | None] = {
        "Host": site.host, "Origin": f"http://{site.host}", "Sec-Fetch-Site": "same-origin",
        "Cookie": f"aurl-test={COOKIE}", "Content-Type": "application/json", "X-Aurl-Csrf": CSRF,
        "Content-Length": str(len(body)),
    }  # fmt: skip
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.putrequest("POST", path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders()
    with contextlib.suppress(OSError):  # refused before it was all sent
        connection.send(body)
    answer = connection.getresponse()
    reply = Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    connection.close()
    return reply


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    make(tmp_path / "outputs" / "a")
    make(tmp_path / "outputs" / "b")
    with servers(tmp_path / "cache") as start:
        yield start(tmp_path / "outputs", writing=True)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory, serve_all: Serve) -> Site:
    """The same for attacks, none of which may change anything."""
    root = tmp_path_factory.mktemp("outputs")
    make(root / "a")
    return serve_all(root, writing=True)


def test_words_are_written_and_shown(site: Site) -> None:
    key = site.key("a")
    reply = send(site, "/api/annotate", {"runs": [key], "name": "the good one", "add_tags": ["paper"], "star": True})
    assert reply.status == 200
    assert reply.json()["runs"][key]["tags"] == ["test", "paper"]
    site.look()
    site.look()
    [row] = site.ask("/api/runs", filter="tag=paper")["runs"]
    assert (row["name"], row["star"], row["given_tags"]) == ("the good one", True, ["test"])
    assert read_annotations(site.root / "a").name == "the good one"
    send(site, "/api/annotate", {"runs": [key], "remove_tags": ["test"], "notes": "why\nso"})
    assert site.ask(f"/api/run/{key}")["words"]["notes"] == "why\nso"
    assert read_annotations(site.root / "a").untagged == ("test",)


def test_several_runs_get_a_tag_at_once_but_one_name_each(site: Site) -> None:
    keys = [site.key("a"), site.key("b")]
    assert send(site, "/api/annotate", {"runs": keys, "add_tags": ["x"], "archived": True}).status == 200
    assert all(read_annotations(site.root / name).archived for name in "ab")
    assert send(site, "/api/annotate", {"runs": keys, "name": "both"}).status == 400


def test_the_trash_takes_finished_runs_alone(site: Site) -> None:
    with Monitor.open(site.root / "live", logging=[]) as monitor:
        monitor.step(1, {"loss/total": 1.0})
        site.look()
        site.look()
        keys = {name: site.key(name) for name in ("a", "live")}
        answer = send(site, "/api/trash", {"runs": list(keys.values())}).json()
        assert answer["moved"] == {keys["a"]: "a"}
        assert "running" in answer["refused"][keys["live"]]
    assert [thrown.home for thrown in trashed(site.root)] == [Path("a")]
    site.look()
    site.look()
    assert {row["path"] for row in site.ask("/api/runs")["runs"]} == {"b", "live"}


ATTACKS = [
    ({"Cookie": None}, 401),
    ({"Cookie": "aurl-test=wrong"}, 401),
    ({"Origin": None}, 403),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://127.0.0.1:1"}, 403),
    ({"Sec_Fetch_Site": "cross-site"}, 403),
    ({"Sec_Fetch_Site": "same-site"}, 403),
    ({"Sec_Fetch_Site": "none"}, 403),
    ({"Host": "evil.example"}, 400),
    ({"X_Aurl_Csrf": None}, 403),
    ({"X_Aurl_Csrf": ""}, 403),
    ({"X_Aurl_Csrf": COOKIE}, 403),
    ({"X_Aurl_Csrf": CSRF[:-1]}, 403),
    ({"Content_Type": None}, 415),
    ({"Content_Type": "text/plain"}, 415),
    ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
    ({"Content_Type": "multipart/form-data; boundary=x"}, 415),
    ({"Content_Length": str(writing.MOST_BYTES + 1)}, 413),
]


@pytest.mark.parametrize("path", sorted(writing.PATHS))
@pytest.mark.parametrize(("changes", "status"), ATTACKS)
def test_who_may_not_write(quiet: Site, path: str, changes: dict[str, str | None], status: int) -> None:
    reply = send(quiet, path, {"runs": [quiet.key("a")], "name": "hacked"}, **changes)
    assert reply.status == status
    assert read_annotations(quiet.root / "a") == NONE
    assert (quiet.root / "a" / "run.json").is_file()


def test_a_body_without_its_length_is_not_read(quiet: Site) -> None:
    assert send(quiet, "/api/annotate", b"", Content_Length=None, Transfer_Encoding="chunked").status == 411


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "POST"])
@pytest.mark.parametrize(
    "path", ["/", "/api/runs", "/api/annotate/", "/api/annotate/x", "/file/x/run.json", "/API/TRASH"]
)
def test_nothing_else_takes_a_writing_method(quiet: Site, path: str, method: str) -> None:
    headers = {"Cookie": f"aurl-test={COOKIE}", "Origin": f"http://{quiet.host}", "X-Aurl-Csrf": CSRF}
    assert quiet.raw(path, method=method, headers=headers).status == 405


@pytest.mark.parametrize("path", sorted(writing.PATHS))
def test_a_get_changes_nothing(quiet: Site, path: str) -> None:
    key = quiet.key("a")
    assert quiet.get(path, runs=key, star="true").status == 405
    assert read_annotations(quiet.root / "a") == NONE


@pytest.mark.parametrize("access", [{"writing": False}, {"writing": True, "token": None}])
def test_read_only_and_without_a_token(serve: Serve, tmp_path: Path, access: dict[str, Any]) -> None:
    make(tmp_path / "outputs" / "a")
    site = serve(tmp_path / "outputs", **access)
    assert site.ask("/api/status")["csrf"] is None
    reply = send(site, "/api/annotate", {"runs": [site.key("a")], "star": True})
    assert (reply.status, "read only" in reply.json()["error"]) == (403, True)
    assert not (site.root / "a" / FILE).exists()


@pytest.mark.parametrize(
    "document",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, {}, {"runs": []}, {"runs": "a"}, {"runs": [1]},
        {"runs": ["KEY"] * 201}, {"runs": ["KEY"]}, {"runs": ["KEY"], "seen": "x"}, {"runs": ["KEY"], "star": 1},
        {"runs": ["KEY"], "star": "true"}, {"runs": ["KEY"], "name": None}, {"runs": ["KEY"], "add_tags": "x"},
        {"runs": ["KEY"], "add_tags": [1]}, {"runs": ["KEY"], "status": "done"}, {"runs": ["KEY"], "path": "/etc"},
        {"runs": ["KEY"], "given_tags": ["x"]}, {"runs": ["KEY"], "name": "x" * 201},
        {"runs": ["KEY"], "notes": "x" * 200_000}, {"runs": ["KEY"], "name": "a\nb"},
    ],
)  # fmt: skip
def test_what_is_no_change(quiet: Site, document: Any) -> None:
    if isinstance(document, dict) and isinstance(document.get("runs"), list):
        document = document | {"runs": [quiet.key("a") if key == "KEY" else key for key in document["runs"]]}
    assert send(quiet, "/api/annotate", document).status == 400
    assert not (quiet.root / "a" / FILE).exists()


@pytest.mark.parametrize("key", ["", "../a", "..%2fa", "/etc", "0" * 16, "a\0b", "\ud800"])
@pytest.mark.parametrize("path", sorted(writing.PATHS))
def test_runs_are_named_by_their_keys_alone(quiet: Site, path: str, key: str) -> None:
    document = {"runs": [key]} | ({"star": True} if path.endswith("annotate") else {})
    assert send(quiet, path, document).status in (400, 404)
    assert not (quiet.root / FOLDER).exists()


def test_a_link_out_of_the_directory_is_left_alone(serve: Serve, tmp_path: Path) -> None:
    outside = make(tmp_path / "outside")
    (tmp_path / "outputs").mkdir()
    make(tmp_path / "outputs" / "inside")
    (tmp_path / "outputs" / "link").symlink_to(outside)
    (tmp_path / "outputs" / "inner").symlink_to(tmp_path / "outputs" / "inside")
    site = serve(tmp_path / "outputs", writing=True)
    for row in site.ask("/api/runs")["runs"]:
        if row["path"] != "inside":
            assert send(site, "/api/trash", {"runs": [row["key"]]}).status == 403
            assert send(site, "/api/annotate", {"runs": [row["key"]], "star": True}).status == 403
    assert not (outside / FILE).exists()
    assert outside.is_dir()


def test_two_tabs_do_not_overwrite_each_other_s_notes(site: Site) -> None:
    key = site.key("a")
    seen = site.ask(f"/api/run/{key}")["words"]["version"]
    assert send(site, "/api/annotate", {"runs": [key], "notes": "first", "seen": seen}).status == 200
    late = send(site, "/api/annotate", {"runs": [key], "notes": "second", "seen": seen})
    assert late.status == 409
    assert "changed meanwhile" in late.json()["error"]
    assert read_annotations(site.root / "a").notes == "first"


def test_many_tabs_at_once_lose_no_tag(site: Site) -> None:
    key = site.key("a")
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda n: send(site, "/api/annotate", {"runs": [key], "add_tags": [f"t{n}"]}), range(30)))
    assert {reply.status for reply in done} == {200}
    assert len(read_annotations(site.root / "a").tags) == 30


def test_words_from_elsewhere_are_seen_by_the_page(site: Site) -> None:
    annotate(site.root / "b", name="from the terminal")
    site.look()
    assert [row["name"] for row in site.ask("/api/runs")["runs"] if row["path"] == "b"] == ["from the terminal"]
