"""The pages as files: kept by browsers as long as they stay the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.dashboard.conftest import Serve, Site


@pytest.fixture(scope="module")
def site(serve_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return serve_all(tmp_path_factory.mktemp("outputs"))


def test_what_the_page_loads_is_there_and_may_be_kept(site: Site) -> None:
    page = site.get("/").body.decode()
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert addresses
    for address in addresses:
        reply = site.get(address)
        assert reply.status == 200, address
        assert "immutable" in reply.headers["cache-control"]
        assert re.match(r"/static/\d+/", address)
    assert site.get("/").headers["cache-control"] == "no-store"


def test_an_address_without_a_number_is_asked_again(site: Site) -> None:
    assert site.get("/static/index.html").headers["cache-control"] == "private, no-cache"
    assert site.get("/favicon.ico").headers["content-type"] == "image/svg+xml"


def test_no_page_needs_another_server() -> None:
    import aurl.dashboard.app

    for path in Path(aurl.dashboard.app.STATIC).rglob("*"):
        if path.suffix in (".js", ".css", ".html") and "vendor" not in path.parts:
            outside = re.findall(r"https?://(?!www\.w3\.org/)[\w.]+", path.read_text())
            assert not outside, (path, outside)
