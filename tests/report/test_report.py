"""Reports of real runs: done, failed, killed, resumed, hostile, empty."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aurl.cli import main
from aurl.errors import RunError
from aurl.monitor import Monitor
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from aurl.record import Kind
from aurl.report.markdown import markdown
from aurl.report.page import report
from aurl.report.story import read_story
from aurl.report.writing import write_report
from aurl.train.loop import Loop
from tests.conftest import Trainer

HOSTILE = '<img src=x onerror="alert(1)">\'</script><script>alert(2)</script>'


class Reader(HTMLParser):
    """What a browser would find: tags, what they load, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.notes: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.notes += [value for name, value in attributes if name == "data-notes" and value]
        self.loads += [f"{tag} {name}" for name, _ in attributes if name in ("src", "href") or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def run_of(folder: Path, **start: object) -> Path:
    notes = Notes.build([0, 12, 24, 36], [12, 12, 12, 12], [60, 62, 64, 65])
    with Monitor.open(folder, logging=[], config={"optim.lr": 0.1, "wandb.api_key": "x" * 40}, steps=60) as monitor:
        write_midi(notes, folder / "samples" / "000020_0.mid")
        for step in range(1, 61):
            monitor.step(step, {"loss/total": 3 / step, "lr": 0.1})
        monitor.eval(60, {"val/loss/total": 0.07})
        monitor.say(Kind.SAMPLE, 20, {"sample/notes": 4.0}, path="samples/000020_0.mid", slot=0, mode="prior")
        fields = {"scope": "sample", "path": "samples/000020_0.mid", "profile": "chorales, 4 bars"}
        monitor.say(Kind.QUALITY, 20, {"quality/overall": 0.71}, **fields)
        monitor.note("the disk is nearly full", level="warning")
    return folder


def test_a_finished_run(tmp_path: Path) -> None:
    html = report(read_story(run_of(tmp_path / "mine")))
    found = Reader(html)
    # Nothing from anywhere else, no handlers: links lead within the page alone.
    assert set(found.loads) <= {"a href"}
    assert not re.search(r'href="(?!#)', html)
    for expected in ("finished as planned", "0.07 at step 60", "quality 0.71", "the disk is nearly full", "aurl lint"):
        assert expected in found.text
    assert "x" * 40 not in html
    [sample] = map(json.loads, found.notes)
    assert [note[2] for note in sample["notes"]] == [60, 62, 64, 65]
    assert len(html) < 200_000


def test_quality_is_told_with_its_profile(tmp_path: Path) -> None:
    with Monitor.open(tmp_path / "mine", logging=[]) as monitor:
        monitor.step(1, {"loss/total": 1.0})
        fields = {"scope": "evaluation", "profile": "chorales, 4 bars"}
        monitor.say(Kind.QUALITY, 1, {"quality/mean/overall": 0.71}, **fields)
    story = read_story(tmp_path / "mine")
    assert "| Mean musical quality (like chorales, 4 bars) | 0.710 |" in markdown(story)
    assert "Mean musical quality (like chorales, 4 bars)" in Reader(report(story)).text


def test_alerts_come_with_cause_and_advice_and_stand_on_their_curve(tmp_path: Path) -> None:
    with Monitor.open(tmp_path / "bad", logging=[]) as monitor:
        for step in range(1, 101):
            monitor.step(step, {"loss/total": math.nan if step > 80 else 3 / step, "grad/norm": 1.0, "lr": 0.1})
    story = read_story(tmp_path / "bad")
    html = report(story)
    [alert] = [alert for alert in story.alerts if alert.fields["type"] == "nan_values"]
    assert f"step {alert.step}" in Reader(html).text
    assert 'class="flag"' in html
    assert 'class="nan"' in html
    assert str(alert.fields["type"]).replace("_", r"\_") in markdown(story)


def test_nothing_from_a_run_is_markup(tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    with Monitor.open(folder, logging=[], tags=[HOSTILE], config={HOSTILE: HOSTILE}) as monitor:
        monitor.step(1, {HOSTILE: 1.0})
        monitor.step(2, {HOSTILE: 2.0})
        monitor.note(HOSTILE, level="warning")
        alert = {"type": HOSTILE, "severity": HOSTILE, "metric": HOSTILE, "message": HOSTILE, "suggestions": [HOSTILE]}
        monitor.say(Kind.ALERT, 2, **alert, cause=HOSTILE)
        monitor.say(Kind.SAMPLE, 2, path=f"../{HOSTILE}", slot=HOSTILE)
        monitor.say(Kind.SAMPLE, 2, path="../../../../etc/passwd", slot=0)
    html = report(read_story(folder))
    found = Reader(html)
    assert "img" not in found.tags
    assert set(found.loads) <= {"a href"}
    assert found.tags.count("script") == 1
    assert "lies outside of the run" in found.text


def test_a_killed_run_and_a_torn_log(tmp_path: Path) -> None:
    folder = run_of(tmp_path / "killed")
    document = json.loads((folder / "run.json").read_text())
    document |= {"status": "running", "host": "elsewhere", "updated": 1.0}
    (folder / "run.json").write_text(json.dumps(document))
    with (folder / "events" / "records.jsonl").open("a") as log:
        log.write('not a record\n{"v":1,"kind":"st')
    html = report(read_story(folder))
    assert "its process is gone without a word" in html
    assert "1 damaged lines" in html
    (folder / "run.json").unlink()
    assert "its run.json cannot be read" in report(read_story(folder))


def test_a_run_that_logged_nothing(tmp_path: Path) -> None:
    with Monitor.open(tmp_path / "empty", logging=[]):
        pass
    assert "Losses" not in report(read_story(tmp_path / "empty"))
    with pytest.raises(RunError, match="no run in this folder"):
        read_story(tmp_path)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_of(tmp_path / "mine")
    assert main(["report", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"run": str(folder), "report": str(folder / "report.html")}]
    assert (folder / "report.md").read_text().startswith("# mine mine\n")
    assert main(["report", str(tmp_path / "none")]) == 2
    assert main(["report", str(folder), "-o", "/proc/report.html"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_training_leaves_one_however_it_ends(train: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    done = train("done", "report=true", "trainer.epochs=1")
    assert (done.folder / "report.html").is_file()
    assert "torch==" in (done.folder / "packages.txt").read_text()

    def fail(self: Loop) -> None:
        raise RuntimeError("the cluster is on fire")

    monkeypatch.setattr(Loop, "run", fail)
    failed = train("failed", "report=true")
    assert failed.exit_code == 1
    assert "RuntimeError: the cluster is on fire" in (failed.folder / "report.html").read_text()


def test_a_report_that_cannot_be_written_changes_no_ending(train: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(run: Path) -> None:
        raise OSError(28, "No space left on device", str(run))

    monkeypatch.setattr("aurl.report.writing.write_report", refuse)
    with pytest.warns(UserWarning, match="`aurl report` makes it later"):
        outcome = train("done", "report=true", "trainer.epochs=1")
    assert outcome.exit_code == 0


def test_a_story_counts_what_a_resume_repeats_once(tmp_path: Path) -> None:
    run_of(tmp_path / "mine")
    with Monitor.open(tmp_path / "mine", logging=[], resumed_from=30) as monitor:
        for step in range(31, 41):
            monitor.step(step, {"loss/total": 9.0})
    steps, values = read_story(tmp_path / "mine").curve("loss/total")
    assert steps.tolist() == list(range(1, 41))
    assert values[30:].tolist() == [9.0] * 10
    assert write_report(tmp_path / "mine").is_file()
