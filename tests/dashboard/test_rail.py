"""The list of curves beside charts, and the range that one diverged run does not take from the others."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import aurl
from tests.dashboard.browsing import Visitor
from tests.dashboard.conftest import Serve, Site

pytestmark = [pytest.mark.slow, pytest.mark.two_process]


def write(folder: Path, model: str, seed: int, *, diverges: bool = False) -> None:
    config = {"model": model, "optim": {"lr": 0.003}, "seed": seed}
    with aurl.Monitor.open(folder, logging=[], anomaly="off", config=config, steps=300) as monitor:
        for step in range(1, 301):
            loss = 1.0 + (0.5 if model == "gan" else 0.0) + math.exp(-step / 100) + 0.01 * math.sin(step + seed)
            loss *= 10 ** ((step - 150) / 20) if diverges and step > 150 else 1.0
            monitor.step(step, {"loss/total": loss, "lr": 0.003})
            if step % 100 == 0:
                monitor.eval(step, {"val/loss/total": loss})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, serve_all: Serve) -> Site:
    root = tmp_path_factory.mktemp("outputs")
    for seed in (1, 2, 3):
        write(root / f"vae-0.00{seed}", "vae", seed)
    for seed in (1, 2):
        write(root / f"gan-0.00{seed}", "gan", seed, diverges=seed == 2)
    return serve_all(root)


def compare(visitor: Visitor, site: Site, more: str = "") -> None:
    keys = [site.key(run) for run in ("vae-0.001", "vae-0.002", "vae-0.003", "gan-0.001", "gan-0.002")]
    visitor.go(f"#/compare?{'&'.join(f'run={key}' for key in keys)}{more}")
    visitor.until("window.__charts.length >= 3")


def top(visitor: Visitor) -> float:
    return float(visitor.page.evaluate("Math.max(...window.__charts.map((each) => each.scales.y.max))"))


def test_the_rail_names_hides_and_isolates(visitor: Visitor, site: Site) -> None:
    compare(visitor, site)
    page = visitor.page
    names = page.locator(".rail .name").all_inner_texts()
    assert names == ["model=vae", "model=gan"]
    assert "3 seeds" in visitor.text(".rail")
    page.locator(".rail .eye").first.click()
    assert "1 of 2 shown" in visitor.text(".rail")
    assert "hide=" in page.url
    page.reload()
    visitor.ready()
    visitor.wait(lambda: "1 of 2 shown" in visitor.text(".rail"), "the address keeps what is hidden")
    page.get_by_role("button", name="Show all").click()
    page.locator(".rail .name").nth(1).click()
    assert page.locator(".rail .name[aria-pressed=true]").inner_text() == "model=gan"
    visitor.wait(lambda: "only=" in page.url, "and what is shown alone")
    page.locator(".rail .name").nth(1).press("Enter")
    assert "of 2 shown" not in visitor.text(".rail")


def test_pointing_lifts_a_curve_out_of_the_others(visitor: Visitor, site: Site) -> None:
    compare(visitor, site, "&bands=0")
    visitor.page.locator(".rail li").first.hover()
    visitor.until("document.querySelectorAll('.chart canvas.lit').length >= 2")
    visitor.page.locator(".rail .eye").nth(1).focus()
    visitor.page.locator("h1").hover()
    visitor.page.locator("h1").click()
    visitor.page.evaluate("document.activeElement.blur()")
    visitor.until("document.querySelectorAll('.chart canvas.lit').length === 0")


def test_one_diverged_run_does_not_flatten_the_others(visitor: Visitor, site: Site) -> None:
    compare(visitor, site, "&bands=0")
    page = visitor.page
    assert top(visitor) < 1e4
    mark = page.locator(".chart .beyond:visible").first
    assert "1 curve goes beyond this chart" in str(mark.get_attribute("aria-label"))
    mark.click()
    visitor.wait(lambda: top(visitor) > 1e6, "the whole range")
    mark.click()
    visitor.wait(lambda: top(visitor) < 1e4, "and back")
    page.get_by_role("button", name="robust range").click()
    visitor.wait(lambda: top(visitor) > 1e6, "all charts show the whole range")
    assert "calm=0" in page.url
    page.locator(".rail li", has_text="gan-0.002").or_(page.locator(".rail li", has_text="model=gan, seed=2")).locator(
        ".eye"
    ).click()
    visitor.wait(lambda: top(visitor) < 1e4, "without the diverged run the whole range is that of the others")


def test_what_may_be_claimed_is_said_in_sentences(visitor: Visitor, site: Site) -> None:
    compare(visitor, site)
    section = visitor.page.locator("section", has_text="What may be claimed")
    visitor.wait(lambda: "is better" in section.inner_text() and "pair" in section.inner_text(), "the verdicts")
    text = section.inner_text()
    assert "null" not in text
    assert "model=gan" in text
    assert "fewer than three counted runs on a side" in text


def test_a_run_s_own_series_have_a_rail_too(visitor: Visitor, site: Site) -> None:
    visitor.go(f"#/run/{site.key('vae-0.001')}")
    page = visitor.page
    visitor.until("window.__charts.length >= 2")
    charts = page.locator("article.chart").count()
    names = page.locator(".rail .name").all_inner_texts()
    assert {"loss/total", "val/loss/total", "lr"} <= set(names)
    page.locator(".rail .name", has_text="lr").last.click()
    visitor.wait(lambda: page.locator("article.chart").count() == 1, "the learning rate alone")
    page.get_by_role("button", name="Show all").click()
    visitor.wait(lambda: page.locator("article.chart").count() == charts, "all again")
    page.locator(".rail li", has_text="val/loss/total").locator(".eye").click()
    visitor.wait(lambda: "validation" not in page.locator("article.chart").first.inner_text(), "one line of two")


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_it_fits_every_window(open_window: object, site: Site, width: int) -> None:
    visitor = open_window(width)  # type: ignore[operator]
    compare(visitor, site)
    assert visitor.fits()
