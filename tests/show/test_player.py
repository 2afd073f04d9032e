"""One player: every page carries the same file of it, and gives it the same notes of the same sample."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

from aurl.compare.report.html import html
from aurl.monitor import Monitor
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from aurl.record import Kind
from aurl.report.page import report
from aurl.report.story import read_story
from aurl.show.player import MOST_NOTES, SCRIPT, sample_figure, sample_notes
from tests.compare.made import made, made_run
from tests.dashboard.conftest import Serve, serve

__all__ = ["serve"]  # a fixture

SAMPLE = "samples/000010_0.mid"


class Carried(HTMLParser):
    """The notes that the page gives to its players."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.notes: list[dict[str, object]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.notes += [json.loads(value) for name, value in attrs if name == "data-notes" and value]


def run_with(notes: Notes, folder: Path) -> Path:
    with Monitor.open(folder, logging=[]) as monitor:
        write_midi(notes, folder / SAMPLE)
        monitor.step(10, {"loss/total": 1.0})
        monitor.say(Kind.SAMPLE, 10, {}, path=SAMPLE, slot=0, mode="prior")
    return folder


def test_report_comparison_and_dashboard_play_the_same_notes(tmp_path: Path, serve: Serve) -> None:
    """A piece of a minute and a half: the comparison stopped after 40 seconds, the report went on."""
    onsets = list(range(0, 12 * 180, 6))
    folder = run_with(Notes.build(onsets, [6] * len(onsets), [60] * len(onsets)), tmp_path / "outputs" / "mine")
    site = serve(tmp_path / "outputs")
    asked = site.ask("/api/notes", run=site.key("mine"), path=SAMPLE)
    served = {key: value for key, value in asked.items() if key not in ("name", "copied")}
    assert len(served["notes"]) == len(onsets)
    pages = [report(read_story(folder)), html(made([_with_sample(folder)]))]
    assert [Carried(page).notes for page in pages] == [[served], [served]]
    player = SCRIPT.read_text()
    assert all(player in page for page in pages)
    assert site.get("/static/js/player.js").body.decode() == player


def test_a_long_sample_is_cut_and_says_so() -> None:
    count = MOST_NOTES + 500
    drawn = sample_figure(Notes.build(range(count), [1] * count, [60] * count), "step 1", "samples/1.mid")
    assert f"the first {MOST_NOTES} of {count} notes" in drawn


def test_why_a_sample_cannot_be_shown(tmp_path: Path) -> None:
    (tmp_path / "broken.mid").write_bytes(b"not midi")
    for path in ("../secret.mid", "none.mid", "broken.mid", "a\0b.mid", "<b>.mid"):
        reason = sample_notes(tmp_path, path)
        assert isinstance(reason, str)
        assert path.replace("<", "&lt;").replace(">", "&gt;") in sample_figure(reason, "step 1", path)
        assert "button" not in sample_figure(reason, "step 1", path)


def _with_sample(folder: Path) -> object:
    from dataclasses import replace

    return replace(made_run("mine", 1.0, {"model": "a"}), path=folder, samples=(SAMPLE,))
