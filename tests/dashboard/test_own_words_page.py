"""Names, notes, tags, star, archive and trash from the pages, as a person presses them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aurl.runs.annotations import annotate, read_annotations
from aurl.runs.trash import trashed
from tests.dashboard.browsing import Visitor
from tests.dashboard.conftest import Serve, Site
from tests.dashboard.runs import make

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = [pytest.mark.slow, pytest.mark.two_process]

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def site(tmp_path: Path, serve: Serve) -> Site:
    for name in ("a", "b", "c"):
        make(tmp_path / "outputs" / name)
    return serve(tmp_path / "outputs", writing=True)


def test_a_run_gets_name_note_tags_and_a_star(visitor: Visitor, site: Site) -> None:
    visitor.go(f"#/run/{site.key('a')}")
    page, folder = visitor.page, site.root / "a"
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name of this run").fill(HOSTILE)
    page.keyboard.press("Enter")
    visitor.wait(lambda: page.locator("h1").inner_text() == HOSTILE, "the new name")
    page.get_by_role("button", name="Add a note").click()
    page.get_by_label("Note").fill(f"first line\n{HOSTILE}")
    page.get_by_role("button", name="Save").last.click()
    visitor.wait(lambda: HOSTILE in page.locator(".note-text").inner_text(), "the note")
    page.get_by_label("Add a tag").fill("paper")
    page.keyboard.press("Enter")
    visitor.wait(lambda: page.locator(".tag-list .tag", has_text="paper").count() == 1, "the tag")
    page.get_by_label("Take away the tag test").click()
    visitor.wait(lambda: page.locator(".tag-list .tag", has_text="test").count() == 0, "a tag of the training is gone")
    page.get_by_role("button", name="Star").click()
    visitor.wait(lambda: page.get_by_role("button", name="Star").get_attribute("aria-pressed") == "true", "the star")
    own = read_annotations(folder)
    assert (own.name, own.tags, own.untagged, own.star) == (HOSTILE, ("paper",), ("test",), True)
    visitor.go("")
    visitor.wait(lambda: page.locator(".star").count() == 1, "the table shows it")
    assert page.locator("main img").count() == 0


def test_what_changes_between_the_table_and_its_stream_is_shown(visitor: Visitor, site: Site) -> None:
    def change_first(route: Route) -> None:
        annotate(site.root / "a", name="changed meanwhile")
        while not any(entry.row["name"] == "changed meanwhile" for entry in site.parts.catalog.entries()):
            time.sleep(0.05)
        route.continue_()

    visitor.page.route("**/events*", change_first, times=1)
    visitor.go("")
    visitor.wait(lambda: visitor.page.locator("tr.run", has_text="changed meanwhile").count() == 1, "the new name")


def test_another_tab_s_note_is_not_overwritten(visitor: Visitor, site: Site) -> None:
    visitor.go(f"#/run/{site.key('a')}")
    page = visitor.page
    page.get_by_role("button", name="Add a note").click()
    page.get_by_label("Note").fill("mine")
    annotate(site.root / "a", notes="of another tab")
    page.get_by_role("button", name="Save").last.click()
    visitor.wait(lambda: "changed meanwhile" in visitor.text(), "the refusal is told")
    assert page.get_by_label("Note").input_value() == "mine", "what was typed is still there"
    assert read_annotations(site.root / "a").notes == "of another tab"
    visitor.complaints.clear()  # the browser reports the 409


def test_selected_runs_are_tagged_archived_and_thrown_away(visitor: Visitor, site: Site) -> None:
    visitor.go("")
    page = visitor.page
    for name in ("a", "b"):
        page.locator(f'tr[data-key="{site.key(name)}"] input').check()
    page.get_by_label("Tag the selected runs").fill("pair")
    page.keyboard.press("Enter")
    visitor.wait(lambda: page.locator("tr.run", has_text="pair").count() == 2, "both are tagged")
    page.locator(".basket").get_by_role("button", name="Archive").click()
    visitor.wait(lambda: page.locator("tr.run").count() == 1, "archived runs are not listed")
    page.get_by_role("button", name="2 archived").click()
    visitor.wait(lambda: page.locator("tr.run").count() == 3, "until they are asked for")
    assert "archived=1" in page.url
    page.get_by_role("button", name="Move to trash").click()
    assert trashed(site.root) == [], "it is asked once more"
    page.get_by_role("button", name="Really move 2 runs").click()
    visitor.wait(lambda: page.locator("tr.run").count() == 1, "two are gone")
    assert {str(thrown.home) for thrown in trashed(site.root)} == {"a", "b"}


def test_a_server_that_only_reads_offers_none_of_it(serve: Serve, open_window: object, tmp_path: Path) -> None:
    make(tmp_path / "more" / "a")
    site = serve(tmp_path / "more", writing=False)
    visitor = open_window()  # type: ignore[operator]
    visitor.origin = f"http://{site.host}"
    visitor.page.context.add_cookies([{"name": "aurl-test", "value": "the-cookie", "url": visitor.origin}])
    visitor.go(f"#/run/{site.key('a')}")
    visitor.page.wait_for_timeout(300)
    for name in ("Rename", "Add a note", "Archive", "Move to trash"):
        assert visitor.page.get_by_role("button", name=name).count() == 0
