"""Attacks on the files, by the advisories of the peers: out of the run by any spelling, by links, by kind, by size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aurl.dashboard.routes import paths
from aurl.dashboard.routes.responses import disposition, range_of
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from tests.dashboard.conftest import Serve, Site
from tests.dashboard.runs import make

SECRET = b"the secret of another folder"


@pytest.fixture(scope="module")
def site(serve_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> Site:
    tmp_path = tmp_path_factory.mktemp("files")
    run = make(tmp_path / "outputs" / "a")
    make(tmp_path / "outputs" / "b")
    (tmp_path / "secret.json").write_bytes(SECRET)
    (tmp_path / "secret.png").write_bytes(SECRET)
    (run / "report.html").write_text("<script>alert(1)</script>")
    write_midi(Notes.build([0, 12], [12, 12], [60, 64]), run / "samples" / "000001_0.mid")
    (run / "samples" / "000001_0.png").write_bytes(bytes(range(256)))
    (run / "samples" / "key.pem").write_bytes(SECRET)
    (run / "samples" / "evil.svg").write_text("<svg onload='alert(1)'/>")
    (run / "samples" / "link.png").symlink_to(tmp_path / "secret.png")
    (run / "samples" / "folder").symlink_to(tmp_path)
    (run / "samples" / "other.json").symlink_to(tmp_path / "outputs" / "b" / "run.json")
    (run / "samples" / "disguised.png").symlink_to(run / "samples" / "key.pem")
    os.mkfifo(run / "samples" / "pipe.png")
    return serve_all(tmp_path / "outputs")


OUT = [
    "../../secret.json",
    "..%2f..%2fsecret.json",
    "%2e%2e/%2e%2e/secret.json",
    "%2e%2e%2f%2e%2e%2fsecret.json",
    "%252e%252e%252f%252e%252e%252fsecret.json",  # CVE-2024-1560: decoded twice
    "..%5c..%5csecret.json",
    "....//....//secret.json",
    "/etc/hostname.json",
    "%2fetc%2fpasswd.txt",
    "samples/../../../secret.json",
    "samples/..;/..;/secret.json",
    "./run.json",
    "samples//000001_0.png",
    "%00",
    "run.json%00.png",
    "samples/000001_0.png%00",
    "file:///etc/passwd.txt",
    "~/x.json",
    "../b/run.json",
    "samples/link.png",
    "samples/folder/secret.json",
    "samples/other.json",
    "samples/disguised.png",
    "samples/key.pem",
    "samples/pipe.png",
    "samples",
    "",
    "samples/none.png",
    "a" * 5000 + ".png",
    "%ff%fe.png",
    "C:%5csecret.json",
]


@pytest.mark.parametrize("path", OUT)
def test_nothing_but_files_of_the_run(site: Site, path: str) -> None:
    """mlflow CVE-2023-1177, -2780, -6909, aim CVE-2021-43775 and their like."""
    reply = site.get(f"/file/{site.key('a')}/{path}")
    assert reply.status == 404
    assert SECRET not in reply.body
    assert b"Traceback" not in reply.body


@pytest.mark.parametrize("path", OUT)
def test_nothing_but_the_pages_under_static(site: Site, path: str) -> None:
    """starlette CVE-2023-29159."""
    reply = site.get(f"/static/{path}")
    assert reply.status == 404
    assert SECRET not in reply.body


@pytest.mark.parametrize(
    "path", ["samples/link.png", "samples/../../../secret.mid", "%00.mid", "run.json", "samples/key.pem"]
)
def test_notes_come_from_midi_files_of_the_run_alone(site: Site, path: str) -> None:
    assert site.get("/api/notes", run=site.key("a"), path=path).status == 404


def test_files_that_are_meant(site: Site) -> None:
    key = site.key("a")
    picture = site.get(f"/file/{key}/samples/000001_0.png")
    assert picture.status == 200
    assert picture.body == bytes(range(256))
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["content-disposition"].startswith("inline")
    assert (
        site.get(f"/file/{key}/samples/000001_0.png?download=1").headers["content-disposition"].startswith("attachment")
    )
    midi = site.get(f"/file/{key}/samples/000001_0.mid")
    assert midi.body.startswith(b"MThd")
    assert midi.headers["content-disposition"].startswith("attachment")


def test_a_report_is_shown_in_a_box_without_scripts(site: Site) -> None:
    reply = site.get(f"/file/{site.key('a')}/report.html")
    assert reply.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "script" not in reply.headers["content-security-policy"]


def test_pictures_that_can_hold_scripts_are_downloads(site: Site) -> None:
    reply = site.get(f"/file/{site.key('a')}/samples/evil.svg")
    assert reply.headers["content-disposition"].startswith("attachment")
    assert reply.headers["content-type"] == "application/octet-stream"


def test_ranges(site: Site) -> None:
    path = f"/file/{site.key('a')}/samples/000001_0.png"
    part = site.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status, part.body) == (206, bytes(range(10, 20)))
    assert part.headers["content-range"] == "bytes 10-19/256"
    assert site.get(path, headers={"Range": "bytes=-6"}).body == bytes(range(250, 256))
    assert site.get(path, headers={"Range": "bytes=999-"}).status == 416
    many = "bytes=" + ",".join(f"{n}-" for n in range(5000))
    assert len(site.get(path, headers={"Range": many}).body) == 256  # CVE-2025-62727: many ranges cost one file
    unchanged = site.get(path, headers={"If-None-Match": part.headers["etag"]})
    assert (unchanged.status, unchanged.body) == (304, b"")


@pytest.mark.parametrize(
    ("header", "stretch"),
    [(None, (0, 99)), ("bytes=0-0", (0, 0)), ("bytes=50-", (50, 99)), ("bytes=-500", (0, 99)),
     ("bytes=5-1000", (5, 99)),
     ("bytes=9-3", None), ("bytes=100-", None), ("bytes=-0", None), ("bytes=-", (0, 99)), ("lines=1-2", (0, 99)),
     ("bytes=1-2,3-4", (0, 99)), ("bytes=" + "9" * 99 + "-", (0, 99))],
)  # fmt: skip
def test_which_bytes_a_range_means(header: str | None, stretch: tuple[int, int] | None) -> None:
    assert range_of(header, 100) == stretch


def test_a_file_name_cannot_add_headers() -> None:
    told = disposition('a"\r\nSet-Cookie: x=1;é.mid', attachment=True)
    assert "\r" not in told
    assert "\n" not in told
    assert told.count('"') == 2


def test_a_file_that_is_too_large_is_not_sent(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MOST_BYTES", 100)
    assert site.get(f"/file/{site.key('a')}/samples/000001_0.png").status == 404


def test_a_run_that_is_a_link_out_of_the_directory_is_not_served(serve: Serve, tmp_path: Path) -> None:
    make(tmp_path / "private" / "run")
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "linked").symlink_to(tmp_path / "private")
    make(tmp_path / "outputs" / "inside")
    document = serve(tmp_path / "outputs").ask("/api/runs")
    assert [row["path"] for row in document["runs"]] == ["inside"]
    assert document["outside"] == 1


@pytest.mark.parametrize("name", ["run.json", "config.json", "events", "logs"])
def test_what_a_run_is_read_from_may_not_lead_out(serve: Serve, tmp_path: Path, name: str) -> None:
    run = make(tmp_path / "outputs" / "a", message="")
    outside = make(tmp_path / "private", config={"password_hint": "hunter2"}, message="hunter2")
    (outside / "logs" / "train.log").write_text("[2026-01-01 00:00:00.000] [INFO] [x] hunter2\n")
    moved = run / name
    moved.rename(tmp_path / "moved")
    moved.symlink_to(outside / name)
    site = serve(tmp_path / "outputs")
    assert site.ask("/api/runs")["runs"][0]["status"] == "unreadable"
    for path in ("/api/runs", f"/api/run/{site.key('a')}", f"/api/log?run={site.key('a')}&tail=9"):
        assert b"hunter2" not in site.get(path).body
    assert site.get(f"/file/{site.key('a')}/run.json").status == 404
