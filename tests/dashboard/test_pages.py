"""Every page in a real browser, over a run that is really training and over runs that are odd."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aurl
from aurl.record import Kind
from tests.conftest import TINY
from tests.dashboard.conftest import Serve, Site

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, Page

from tests.dashboard.browsing import Visitor

pytestmark = [pytest.mark.slow, pytest.mark.two_process]

HOSTILE = "<img src=x onerror=alert(1)>"
TRAINING = (
    "trainer.epochs=null",
    "trainer.steps=100000",
    "trainer.eval_every=25",
    "name=training",
    "sample.image=true",
    "anomaly=default",
)


def train(outputs: Path) -> subprocess.Popen[bytes]:
    arguments = [*TINY, *TRAINING, f"paths.outputs={outputs}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        ["nice", "-n", "15", sys.executable, "train.py", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )


def write_spiky(folder: Path, seed: int) -> None:
    """A run with a spike, a NaN, and what the real detectors say to them."""
    config = {"optim.lr": 0.01 * (1 + seed // 3), "seed": seed}
    with aurl.Monitor.open(folder, logging=[], config=config, tags=["spiky"], steps=900, batches=90) as monitor:
        for step in range(1, 901):
            loss = 2.0 + 3.0 * math.exp(-step / 100) + 0.05 * math.sin(step * 1.7) + 0.01 * seed
            loss += 9.0 if step == 500 else 0.0
            values = {"loss/total": math.nan if step == 700 else loss, "grad/norm": 1.0 + 0.1 * math.sin(step)}
            monitor.step(step, values, epoch=1 + step // 90)
            if step % 90 == 0:
                monitor.eval(step, {"val/loss/total": loss + 0.2})
    (folder / "config.json").write_text(json.dumps(config))


def write_hostile(folder: Path) -> None:
    with aurl.Monitor.open(folder, logging=[], tags=[HOSTILE], config={f"key.{HOSTILE}": HOSTILE}) as monitor:
        for step in range(1, 20):
            monitor.step(step, {"loss/total": 1.0 / step, HOSTILE: 1.0})
        monitor.note(HOSTILE, level="warning")
        fields = {"type": HOSTILE, "severity": "fatal", "metric": "loss/total", "message": HOSTILE, "cause": HOSTILE}
        monitor.say(Kind.ALERT, 9, **fields, suggestions=[HOSTILE], detector=HOSTILE, onset_step=9, value=1.0, count=1)


def write_extremes(folder: Path) -> None:
    """Values at the ends of what a float holds, and values that differ by less than a tick can tell."""
    with aurl.Monitor.open(folder, logging=[], anomaly="off") as monitor:
        for step in range(1, 30):
            sign = 1 if step % 2 else -1
            scalars = {"a/huge": 1.7e308 * sign, "a/tiny": 5e-324, "a/close": 23.5 + 3.6e-15 * sign, "a/zero": 0.0}
            scalars |= {"a/wide": 10.0 ** (step * 10 - 150), "a/nan": math.nan, "a/inf": math.inf}
            monitor.step(step, scalars, epoch=1 + step // 10)


def write_wide(folder: Path) -> None:
    with aurl.Monitor.open(folder, logging=[], anomaly="off") as monitor:
        for step in (1, 2, 3):
            monitor.step(step, {f"layer{n // 100}/weight{n % 100}": float(step * n) for n in range(10_000)})


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("outputs")
    trainer = train(root)
    for seed in (1, 2, 3, 4, 5, 6):
        write_spiky(root / "spiky" / f"seed{seed}", seed)
    write_hostile(root / HOSTILE.replace("/", ""))
    write_wide(root / "wide")
    write_extremes(root / "extremes")
    broken = root / "broken"
    broken.mkdir()
    (broken / "run.json").write_text('{"status": "runn')
    yield root
    trainer.send_signal(signal.SIGINT)
    trainer.wait(60)


@pytest.fixture(scope="module")
def site(outputs: Path, serve_all: Serve) -> Site:
    return serve_all(outputs)


@pytest.fixture(scope="module")
def training(site: Site) -> str:
    """The key of the run that trains, once it has sampled."""
    import time

    end = time.monotonic() + 60
    while time.monotonic() < end:
        rows = [row for row in site.ask("/api/runs")["runs"] if row["name"] == "training" and row["samples"] >= 2]
        if rows:
            return str(rows[0]["key"])
        time.sleep(0.2)
    raise AssertionError("the training wrote no samples within a minute")


def test_the_runs_page_moves_by_itself(visitor: Visitor, training: str) -> None:
    visitor.go("")
    row = f'tr[data-key="{training}"]'
    assert "running" in visitor.text(row)
    before = visitor.text(f"{row} .progress")
    visitor.wait(lambda: visitor.text(f"{row} .progress") != before, "the progress moved")
    assert visitor.page.evaluate("performance.getEntriesByType('navigation').length") == 1
    visitor.until(f"document.querySelector('{row} canvas.spark').getAttribute('aria-label') !== 'no curve yet'")
    assert visitor.page.locator("tr.run", has_text="unreadable").count() == 1


def test_runs_are_filtered_grouped_sorted_and_selected(visitor: Visitor, training: str) -> None:
    visitor.go("")
    page = visitor.page
    page.fill("input[type=search]", "tag=spiky and lr<0.025")
    visitor.wait(lambda: page.locator("tr.run").count() == 5, "five runs are left")
    page.fill("input[type=search]", "seed <")
    visitor.wait(lambda: "at character" in visitor.text(".fault"), "the fault is told with its place")
    page.fill("input[type=search]", "tag=spiky")
    visitor.wait(lambda: page.locator("tr.run").count() == 6, "six runs are left")
    visitor.complaints.clear()  # the browser itself reports the refused request
    page.select_option("select", "config:optim.lr")
    assert page.locator("tr.group").count() == 3
    page.locator("tr.group").last.locator("input").check()
    assert "2 runs selected" in visitor.text(".basket")
    page.get_by_role("button", name="Best loss").click()
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Best loss")
    page.click(".basket a")
    visitor.wait(lambda: "2 runs compared" in visitor.text(), "the comparison opened")


def test_new_points_come_over_the_stream(visitor: Visitor, training: str) -> None:
    visitor.go(f"#/run/{training}")
    first = visitor.page.evaluate("window.__painted['loss/total']")
    visitor.until(f"window.__painted['loss/total'] > {first} + 20")
    assert visitor.page.evaluate("window.__streamed") > 2
    assert visitor.text("#state") == "live"
    requests = visitor.page.evaluate(
        "performance.getEntriesByType('resource').filter((each) => each.name.includes('/api/curves')).length"
    )
    assert requests <= 4  # the points came by themselves


def test_alerts_lie_on_the_curves_and_explain_themselves(visitor: Visitor, site: Site) -> None:
    visitor.go(f"#/run/{site.key('spiky/seed1')}")
    page = visitor.page
    chart = page.locator("article.chart", has_text="loss/total").first
    visitor.wait(lambda: chart.locator("button.mark").count() >= 2, "the spike and the NaN are marked")
    mark = chart.locator("button.mark[aria-label*='step 500']")
    mark.focus()
    page.keyboard.press("Enter")
    told = visitor.text(".popover")
    assert "loss spike" in told
    assert "Try" in told
    page.keyboard.press("Escape")
    assert page.locator(".popover").count() == 0
    assert "1 value not finite" in chart.inner_text()
    assert "training" in chart.inner_text()
    assert "validation" in chart.inner_text()


def test_zooming_asks_for_detail_and_keys_do_it_too(visitor: Visitor, site: Site) -> None:
    visitor.go(f"#/run/{site.key('spiky/seed1')}")
    page = visitor.page
    page.evaluate("window.__charts[0].setScale('x', {min: 450, max: 550})")
    visitor.wait(lambda: "450 to 550" in visitor.text(".chart-tools"), "the stretch is told")
    assert "from=450" in page.url
    scales = "window.__charts.every((each) => each.scales.x.min === 450 && each.scales.x.max === 550)"
    visitor.until(scales)
    page.locator(".plot").first.focus()
    page.keyboard.press("0")
    visitor.wait(lambda: "from=" not in page.url, "all is shown again")
    page.keyboard.press("ArrowRight")
    visitor.wait(lambda: "step" in page.inner_text("#say"), "the value is told")


def test_abscissa_smoothing_and_scales(visitor: Visitor, site: Site) -> None:
    visitor.go(f"#/run/{site.key('spiky/seed2')}")
    page = visitor.page
    page.select_option(".chart-tools select", "epoch")
    visitor.until("window.__charts.length > 0 && window.__charts[0].scales.x.max <= 12")
    page.locator("input[type=range]").fill("0")
    visitor.wait(lambda: "off" in visitor.text(".chart-tools output"), "no smoothing")
    page.get_by_role("button", name="log y").click()
    visitor.until("window.__charts.every((each) => each.scales.y.distr === 3)")


def test_music_is_drawn_and_sounds(visitor: Visitor, training: str, site: Site) -> None:
    visitor.go(f"#/run/{training}/music")
    page = visitor.page
    visitor.until("document.querySelectorAll('.sample').length >= 2")
    visitor.until("document.querySelectorAll('.sample canvas[role=img]').length >= 1")
    assert "Piano roll" in str(page.get_attribute(".sample canvas[role=img]", "aria-label"))
    assert "Against real music" in visitor.text()
    [sample, *_] = site.ask("/api/samples", run=training)["samples"]
    sound = page.evaluate(
        """async (notes) => (await import("/static/js/player.js")).measure(notes)""",
        {"ticks_per_beat": 12, "tempo": 120, "notes": [[0, 12, 60, 90], [12, 12, 67, 90]]},
    )
    assert 0.01 < sound["peak"] < 1.0
    assert sound["rms"] > 0.001
    with page.expect_download() as download:
        page.locator(".sample a", has_text="MIDI").first.click()
    assert download.value.suggested_filename.endswith(".mid")
    assert sample["midi"]


@pytest.mark.parametrize("tab", ["alerts", "log", "data", "config", "files"])
def test_the_other_tabs_have_something_to_say(visitor: Visitor, training: str, tab: str) -> None:
    visitor.go(f"#/run/{training}/{tab}")
    expected = {"alerts": "", "log": "started", "data": "Files processed", "config": "optim.lr", "files": "run.json"}[
        tab
    ]
    visitor.wait(lambda: expected in visitor.text(), expected)


def test_the_log_is_searched(visitor: Visitor, training: str) -> None:
    visitor.go(f"#/run/{training}/log")
    visitor.page.fill(".runs-tools input[type=search]", "Validation at")
    visitor.wait(lambda: visitor.page.locator(".log mark").count() > 0, "what was found is marked")


def test_comparison_has_bands_verdicts_and_coordinates(visitor: Visitor, site: Site) -> None:
    keys = [site.key(f"spiky/seed{seed}") for seed in (1, 2, 3, 4, 5, 6)]
    visitor.go("#/compare?" + "&".join(f"run={key}" for key in keys))
    page = visitor.page
    visitor.until("window.__charts.length >= 2")
    visitor.wait(lambda: "lower is better" in visitor.text() or "higher is better" in visitor.text(), "the verdicts")
    visitor.until("document.querySelectorAll('.parallel path').length === 6")
    page.locator(".parallel path").first.focus()
    assert "outcome" in visitor.text()
    page.get_by_role("button", name="Bands over seeds").click()
    visitor.wait(lambda: page.locator(".rail li").count() == 6, "a line for each run")


def test_alerts_of_all_runs(visitor: Visitor, training: str) -> None:
    visitor.go("#/alerts")
    page = visitor.page
    visitor.wait(lambda: page.locator(".alert-list article").count() >= 6, "the alerts are listed")
    assert page.locator(".timeline canvas").is_visible()
    before = page.locator(".alert-list article").count()
    page.locator(".tally button", has_text="warning").click()
    assert page.locator(".alert-list article").count() < before


def test_hostile_strings_are_only_text(visitor: Visitor, site: Site) -> None:
    key = site.key(HOSTILE.replace("/", ""))
    for fragment in ("", *(f"#/run/{key}/{tab}" for tab in ("charts", "alerts", "config", "files")), "#/alerts"):
        visitor.go(fragment)
        visitor.wait(lambda: HOSTILE[:9] in visitor.text(), f"{fragment} shows the name as text")
        assert visitor.page.evaluate("document.querySelectorAll('img[onerror], main script').length") == 0


def test_ten_thousand_scalars_do_not_hang(visitor: Visitor, site: Site) -> None:
    visitor.go(f"#/run/{site.key('wide')}")
    assert visitor.page.evaluate("window.__charts.length") < 60
    visitor.page.fill(".chart-tools input[type=search]", "layer73/weight42")
    visitor.wait(lambda: visitor.page.locator("article.chart").count() == 1, "one chart is found")


def test_no_value_hangs_a_chart(visitor: Visitor, site: Site) -> None:
    for settings in ("?q=a/", *(f"?q=a/&{how}" for how in ("logy=1", "logx=1", "logx=1&logy=1&calm=0", "x=epoch"))):
        visitor.go(f"#/run/{site.key('extremes')}{settings}")
        visitor.page.reload()  # the settings alone make no new page
        visitor.ready()
        visitor.wait(lambda: "29 values not finite" in visitor.text(), settings)


def test_a_run_that_is_not_there_is_told(visitor: Visitor) -> None:
    visitor.go("#/run/0123456789abcdef")
    assert "Nothing to show" in visitor.text()
    visitor.complaints.clear()  # the browser reports the 404


def test_a_broken_run_has_a_page(visitor: Visitor, site: Site) -> None:
    visitor.go(f"#/run/{site.key('broken')}")
    assert "unreadable" in visitor.text()
    assert "run.json" in visitor.text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_telephone(open_window: Any, training: str, scheme: str) -> None:
    visitor = open_window(390, color_scheme=scheme)
    for fragment in (
        "",
        f"#/run/{training}",
        f"#/run/{training}/music",
        f"#/run/{training}/config",
        "#/compare",
        "#/alerts",
    ):
        visitor.go(fragment)
        assert visitor.fits(), fragment


def test_without_a_mouse(visitor: Visitor, training: str) -> None:
    visitor.go("")
    page: Page = visitor.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.locator("tr.run a.name").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('tr').dataset.at") == "1"
    page.keyboard.press("Enter")
    visitor.wait(lambda: "#/run/" in page.url, "Enter opens the run")


def test_a_page_saved_is_whole(visitor: Visitor, site: Site, browser: Browser, tmp_path: Path) -> None:
    visitor.go(f"#/run/{site.key('spiky/seed1')}")
    with visitor.page.expect_download() as download:
        visitor.page.click("#save")
    saved = tmp_path / "page.html"
    download.value.save_as(saved)
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(saved.as_uri())
    assert "<script" not in saved.read_text()
    assert page.locator("img.frozen").count() >= 2
    assert [address for address in asked if not address.startswith("data:")] == [saved.as_uri()]
    page.close()


def start_server(outputs: Path, port: int, cache: Path) -> tuple[subprocess.Popen[str], str]:
    """A dashboard in a process of its own, and its address."""
    command = [sys.executable, "-m", "aurl", "dashboard", str(outputs), "--port", str(port), "--json"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(cache)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["url"]


def test_a_killed_server_is_found_again(browser: Browser, tmp_path: Path) -> None:
    outputs, cache = tmp_path / "outputs", tmp_path / "cache"
    with aurl.Monitor.open(outputs / "mine", logging=[], anomaly="off") as monitor:
        for step in range(1, 6):
            monitor.step(step, {"loss/total": 1.0 / step})
        process, address = start_server(outputs, 0, cache)
        origin, _, _ = address.rpartition("/")
        visitor = Visitor(browser.new_context().new_page(), origin)
        visitor.page.goto(address)
        visitor.ready()
        visitor.page.click("tr.run a.name")
        visitor.until("window.__painted['loss/total'] === 5")
        process.kill()
        process.wait()
        visitor.wait(lambda: visitor.text("#state") == "no server", "the loss is told")
        for step in range(6, 9):
            monitor.step(step, {"loss/total": 1.0 / step})
        process, _ = start_server(outputs, int(origin.rpartition(":")[2]), cache)
        try:
            visitor.until("window.__painted['loss/total'] === 8", 30.0)
            assert visitor.text("#state") == "live"
        finally:
            process.terminate()
            process.wait()
            visitor.page.context.close()
