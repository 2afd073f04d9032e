"""The report: whole, self-contained, safe with whatever a run is called, and working in a browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from aurl.compare.model import Comparison
from aurl.compare.report.html import html, write_html
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from tests.compare.made import METRIC, grid, made, made_run, searched

EVIL = '<img src=x onerror="window.hacked=1">\'</script><script>window.hacked=1</script>'
QUALITY = "quality/mean/overall"
CHROMIUM = shutil.which("chromium")


class Parts(HTMLParser):
    """Tags and ids of a document, and whether every tag that opens is closed."""

    VOID = frozenset({"meta", "br", "img", "link", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids |= {value for name, value in attrs if name == "id" and value}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def full(folder: Path) -> Comparison:
    """Failures, alerts, samples, objectives, and hostile names in every place that a run can name."""
    notes = Notes.build([0, 12, 24], [12, 12, 24], [60, 64, 67])
    runs = []
    for run in grid(fail=["b_0.001_0"]):
        path = folder / run.id
        (path / "samples").mkdir(parents=True)
        write_midi(notes, path / "samples" / "000100_0.mid")
        alert = {"type": EVIL, "severity": "critical", "message": EVIL, "cause": EVIL, "onset_step": 50}
        config = {**run.config, "optim.note": EVIL if run.config["model"] == "b" else "plain"}
        finals = {**run.finals, QUALITY: 0.5 + 0.01 * len(runs)} if run.finals else {}
        fields: dict[str, Any] = {"alerts": (alert,)} if run.fate == "failed" else {}
        runs.append(replace(run, path=path, id=run.id + EVIL, config=config, finals=finals, **fields))
    return made(
        [replace(run, samples=("samples/000100_0.mid",), why=EVIL) for run in runs], objectives={QUALITY: "max"}
    )


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    found = full(tmp_path_factory.mktemp("runs"))
    return replace(found, warnings=(EVIL,))


def test_every_link_leads_somewhere_and_every_tag_is_closed(comparison: Comparison) -> None:
    text = html(comparison)
    parts = Parts(text)
    assert parts.open == []
    targets = {value[1:] for name, value in parts.attributes if name == "href" and value and value.startswith("#")}
    assert targets <= parts.ids
    assert {"insights", "groups", "claims", "curves", "importance", "effects", "parallel", "pareto"} <= parts.ids
    assert {"failures", "alerts", "samples", "config", "methods"} <= parts.ids


def test_it_needs_no_other_file_and_no_network(comparison: Comparison) -> None:
    text = html(comparison)
    assert "http" not in re.sub(r'"http-equiv|http://www.w3.org', "", text).replace("http-equiv", "")
    assert not [value for name, value in Parts(text).attributes if name in {"src", "srcset", "action"}]
    assert "style=" not in text
    assert "default-src 'none'" in text
    assert "unsafe" not in text


def test_hostile_names_stay_text(comparison: Comparison) -> None:
    parts = Parts(html(comparison))
    assert "img" not in parts.tags
    assert parts.tags.count("script") == 1
    assert not [name for name, _ in parts.attributes if name.startswith("on")]


@pytest.mark.parametrize(
    "runs",
    [
        grid()[:1],
        [made_run("a", None, {"model": "a"}), made_run("b", None, {"model": "b"})],
        [replace(run, finals={METRIC: 1.0}) for run in grid()],
        [made_run(f"{at}", 1.0 + at % 7, {f"key{k}": at * k for k in range(200)}, seed=at) for at in range(8)],
        [],
    ],
    ids=["one run", "all failed", "equal", "200 settings", "none"],
)
def test_thin_comparisons_make_a_whole_report(runs: list[Any]) -> None:
    text = html(made(runs))
    assert Parts(text).open == []
    assert not re.search(r'(?:[xydr]|cx|cy|x1|x2|y1|y2|width|height)="-?(?:nan|inf)', text)


@pytest.mark.parametrize("options", [{"count": 12}, {"diverging": 1e-3}])
def test_searches_make_a_whole_report(options: dict[str, Any]) -> None:
    text = html(searched(**options))
    assert Parts(text).open == []
    assert "told" in text


def test_the_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    write_html(made(grid()), file)
    assert file.read_text().endswith("</html>\n")
    assert file.stat().st_size < 300_000
    with pytest.raises(OSError):
        write_html(made(grid()), file / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_samples_outside_the_run_are_not_read(tmp_path: Path) -> None:
    write_midi(Notes.build([0], [12], [60]), tmp_path / "secret.mid")
    runs = [replace(run, path=tmp_path / run.id, samples=("../secret.mid",)) for run in grid()]
    for run in runs:
        run.path.mkdir()
    assert 'id="samples"' not in html(made(runs))


@pytest.fixture
def page(comparison: Comparison, tmp_path: Path) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    write_html(comparison, tmp_path / "report.html")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 390, "height": 800})
        opened.seen = []
        opened.on("console", lambda message: opened.seen.append(message.text))
        opened.on("pageerror", lambda error: opened.seen.append(str(error)))
        opened.on("request", lambda request: opened.seen.append(request.url))
        opened.goto((tmp_path / "report.html").as_uri())
        yield opened
        browser.close()


@pytest.mark.slow
@pytest.mark.two_process
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_a_browser(page: Any) -> None:
    """No error, no request but for the file itself, nothing hostile runs, pictures and players work."""
    assert [seen for seen in page.seen if not seen.startswith("file:")] == []
    assert len(page.seen) == 1
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    widths = page.eval_on_selector_all("svg", "all => all.map(one => one.getBoundingClientRect().width)")
    assert len(widths) > 8
    assert min(widths) > 100
    page.hover(".legend li >> nth=1")
    lit = page.eval_on_selector_all(".group.lit", "all => all.map(one => one.dataset.group)")
    assert {*lit} == {"1"}
    button = page.locator(".sample button").first
    assert "Piano roll: 3 notes" in page.get_attribute(".sample canvas[role=img] >> nth=0", "aria-label")
    button.click()
    assert button.inner_text().endswith("Stop")
    button.click()
    assert button.inner_text().endswith("Play")
    assert len(page.seen) == 1
