"""The table of runs: columns chosen and kept, search, views, and three tasks in at most four clicks."""

from __future__ import annotations

import json
import re

import pytest

from tests.dashboard.browsing import Visitor
from tests.dashboard.conftest import Serve, Site
from tests.dashboard.runs import make, step

pytestmark = [pytest.mark.slow, pytest.mark.two_process]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, serve_all: Serve) -> Site:
    root = tmp_path_factory.mktemp("outputs")
    for number in range(40):
        lr, model = [1e-4, 3e-4, 1e-3][number % 3], ["vae", "gan"][number % 2]
        config = {"optim.lr": lr, "model.name": model, "seed": number}
        config |= {f"debug.{at}": at for at in range(14)} if number == 7 else {}
        records = [
            step(n, loss_total=5.0 + number - 0.01 * n, my_metric=float((number * 7) % 40)) for n in range(1, 12)
        ]
        make(root / f"run{number:02d}", records, config=config, name=f"run{number:02d}", started=1.7e9 + number)
    return serve_all(root)


def heads(visitor: Visitor) -> list[str]:
    return [text.split(" ")[0] if "\u2191" in text or "\u2193" in text else text for text in
            visitor.page.locator("table.runs th button").all_inner_texts()]  # fmt: skip


def test_one_debugging_run_adds_no_columns(visitor: Visitor, site: Site) -> None:
    visitor.go("")
    titles = heads(visitor)
    assert {"lr", "model"} <= set(titles)
    assert not [title for title in titles if title.isdigit() or title.startswith("debug")]


def test_columns_are_chosen_ordered_kept_and_in_the_address(visitor: Visitor, site: Site) -> None:
    visitor.go("")
    page = visitor.page
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Find a column").fill("my/metric max")
    page.get_by_role("button", name="+ my/metric, max").click()
    visitor.wait(lambda: "my/metric max" in heads(visitor), "the scalar is a column")
    visitor.wait(lambda: page.locator("tr.run td.number", has_text="39").count() > 0, "with its values")
    page.get_by_role("button", name="Move up my/metric max").click()
    page.get_by_role("button", name="Leave out Quality").click()
    visitor.wait(lambda: "Quality" not in heads(visitor), "a column is gone")
    page.get_by_role("button", name="Keep Run in sight").click()
    visitor.wait(lambda: page.locator("th.pinned").count() == 1, "a column is kept in sight")
    order = heads(visitor)
    page.reload()
    visitor.ready()
    assert heads(visitor) == order, "the address holds them"
    page.locator(".scroller").evaluate("each => { each.scrollLeft = 300; }")
    box = page.locator("td.pinned").first.bounding_box()
    assert box
    assert box["x"] < 100
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="As at first").click()
    visitor.wait(lambda: "Quality" in heads(visitor), "as at first")
    assert "col=" not in page.url


def test_words_and_regular_expressions(visitor: Visitor, site: Site) -> None:
    visitor.go("")
    page = visitor.page
    field = page.get_by_label("Search runs")
    field.fill("gan run0")
    visitor.wait(lambda: visitor.text("h1") == "5 runs of 40", "both words")
    field.fill("/run[0-3]5$/")
    visitor.wait(lambda: visitor.text("h1") == "4 runs of 40", "a regular expression")
    field.fill("/run[/")
    visitor.wait(lambda: "regular expression" in visitor.text(".fault"), "its fault is told")
    field.fill("model.name=vae")
    visitor.wait(lambda: visitor.text("h1") == "20 runs of 40", "settings are searched too")
    page.get_by_role("button", name="Select all 20").click()
    assert "20 runs selected" in visitor.text(".basket")


def test_a_view_has_a_name(visitor: Visitor, site: Site) -> None:
    visitor.go("#/?filter=model%3Dvae&sort=loss&down=0")
    page = visitor.page
    page.get_by_label("Saved views").select_option("save")
    page.get_by_label("Name of this view").fill("vae by loss")
    page.keyboard.press("Enter")
    visitor.go("#/")
    page.reload()
    visitor.ready()
    page.get_by_label("Saved views").select_option("open vae by loss")
    visitor.wait(lambda: visitor.text("h1") == "20 runs of 40", "the view is back")
    assert "sort=loss" in page.url


def test_three_tasks_take_four_clicks_at_most(visitor: Visitor, site: Site) -> None:
    """Find the best run by a metric: one click, on its column. Hide one curve: select, compare, press an eye."""
    visitor.go("")
    page = visitor.page
    page.get_by_role("button", name="Best loss").click()
    assert "run00" in page.locator("tr.run").first.inner_text()
    page.get_by_role("button", name=re.compile("Select all")).click()
    page.get_by_role("link", name="Compare them").click()
    visitor.until("window.__charts.length >= 1")
    page.locator(".rail .eye").first.click()
    assert "shown" in visitor.text(".rail")


def test_search_of_the_log_and_differences_are_in_the_address(visitor: Visitor, site: Site) -> None:
    other = site.key("run01")
    visitor.go(f"#/run/{site.key('run00')}/config?to={other}&q=optim")
    visitor.wait(lambda: "0.0003" in visitor.text() or "3e-4" in visitor.text(), "the difference is shown")
    assert visitor.page.get_by_label("Search the configuration").input_value() == "optim"
    visitor.go(f"#/run/{site.key('run00')}/log?q=nothing-such")
    assert visitor.page.get_by_label("Search the log").input_value() == "nothing-such"


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_it_fits(open_window: object, site: Site, width: int) -> None:
    visitor = open_window(width)  # type: ignore[operator]
    visitor.go("")
    assert visitor.fits()
    assert json.dumps(heads(visitor))


def test_a_hostile_view_of_somebody_else_is_no_danger(visitor: Visitor, site: Site) -> None:
    visitor.go("")
    hostile = json.dumps({"<img src=x onerror=alert(1)>": "filter=%3Cscript%3E", "b": 3})
    visitor.page.evaluate(
        "(text) => localStorage.setItem(`aurl-views ${document.querySelector('.head .mono').textContent}`, text)",
        hostile,
    )
    visitor.page.reload()
    visitor.ready()
    visitor.page.get_by_label("Saved views").select_option("open <img src=x onerror=alert(1)>")
    visitor.wait(lambda: "<script>" in str(visitor.page.get_by_label("Filter runs").input_value()), "the view")
    visitor.complaints.clear()  # the browser reports the filter that the server refused
