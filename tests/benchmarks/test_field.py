"""The field corpus: its index and labels are sound, its logs can be got again, and its figures are right."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from aurl.machine.conf import load_option
from benchmarks.field.collect import collect
from benchmarks.field.corpus import NO_EVENT, Entry, labelled, read_index, read_labels
from benchmarks.field.score import misses, run, table
from tests.anomaly.runs import healthy

NEVER = re.compile(r"mlcommons/submissions_algorithms|pop909|nottingham|\basap\b|vgmidi|lakh|\blmd\b", re.IGNORECASE)


def test_the_index_names_enough_logs_and_none_that_is_kept_for_others() -> None:
    entries = read_index()
    assert len(entries) >= 150
    assert len({entry.repo for entry in entries}) >= 80
    assert len({entry.id for entry in entries}) == len(entries) == len({entry.blob for entry in entries})
    assert [entry for entry in entries if NEVER.search(f"{entry.repo} {entry.path}")] == []
    assert all(re.fullmatch("[0-9a-f]{40} [0-9a-f]{40}", f"{entry.commit} {entry.blob}") for entry in entries)


def test_every_log_is_labelled_by_names_that_there_are() -> None:
    labels = read_labels()
    assert labels.keys() == {entry.id for entry in read_index()}
    types = set(NO_EVENT) | set(load_option("anomaly", "default")["detectors"])
    for rows in labels.values():
        assert {name for row in rows for name in row["types"].split("|")} <= types
        assert len(rows) == 1 or not any(row["types"] in NO_EVENT for row in rows)
        assert all(float(row["onset"]) <= float(row["end"]) for row in rows if row["types"] not in NO_EVENT)


def test_a_third_is_kept_by_repository() -> None:
    entries = read_index()
    kept = [entry for entry in entries if entry.part == "kept"]
    assert 0.27 * len(entries) <= len(kept) <= 0.4 * len(entries)
    assert not any(entry.known for entry in kept)
    assert {entry.repo for entry in kept}.isdisjoint(entry.repo for entry in entries if entry.part == "tune")


@pytest.fixture
def corpus(tmp_path: Path) -> tuple[list[Entry], Path]:
    """Three labelled logs of a repository, committed, and the folder of its git directory."""
    losses = healthy(400)["loss/total"]
    spiked = [loss * (20 if at == 300 else 1) for at, loss in enumerate(losses)]
    work = tmp_path / "mirror" / "who+what" / "repo"
    work.mkdir(parents=True)
    for name, values in (("a.csv", losses), ("b.csv", spiked)):
        (work / name).write_text("step,loss\n" + "".join(f"{at},{loss:.6f}\n" for at, loss in enumerate(values)))
    (work / "c.txt").write_text("nothing was printed\n")
    run_git = ("git", "-C", str(work), "-c", "user.name=a", "-c", "user.email=a@b")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "logs"]):
        subprocess.run([*run_git, *command], check=True)
    told = [
        subprocess.run([*run_git, "rev-parse", f"HEAD{name}"], check=True, capture_output=True).stdout.decode().strip()
        for name in ("", ":a.csv", ":b.csv", ":c.txt")
    ]
    made = [
        Entry(f"t{at}", "who/what", name, told[0], told[at], "supervised csv", False)
        for at, name in enumerate(("a.csv", "b.csv", "c.txt"), 1)
    ]
    return made, tmp_path / "mirror"


def test_logs_are_got_again_and_judged(
    corpus: tuple[list[Entry], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries, mirror = corpus
    assert list(collect(entries, tmp_path / "logs", mirror)) == []
    assert (tmp_path / "logs" / "t1_a.csv").read_bytes() == (mirror / "who+what" / "repo" / "a.csv").read_bytes()
    rows = [
        {"id": "t1", "types": "healthy", "onset": "", "end": "", "must": "1", "why": ""},
        {"id": "t2", "types": "loss_spike|nan_values", "onset": "300", "end": "305", "must": "1", "why": ""},
        {"id": "t3", "types": "healthy", "onset": "", "end": "", "must": "1", "why": ""},
    ]
    monkeypatch.setattr("benchmarks.field.corpus.read_labels", lambda: {row["id"]: [row] for row in rows})
    result = run(tmp_path / "logs", entries, {})
    figures = result.score().figures()
    assert (figures["events"], figures["typed_recall"], figures["f1"], figures["healthy_runs"]) == (1, 1.0, 1.0, 1)
    assert [entry.id for entry in result.unread] == ["t3"]
    assert list(misses(result)) == ["t3 who/what c.txt: nothing to judge was found in it"]
    assert "| all | 2 of 3 | 1 | 1.00 | 1.00 |" in "\n".join(table(result))
    rows[0]["types"] = "unclear"
    assert [entry.id for _, entry in labelled(tmp_path / "logs", entries)] == ["t2", "t3"]


def test_what_is_not_told_and_what_is_told_without_reason_is_named(
    corpus: tuple[list[Entry], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries, mirror = corpus
    list(collect(entries, tmp_path / "logs", mirror))
    rows = [
        {"id": "t1", "types": "overfitting", "onset": "100", "end": "1e9", "must": "1", "why": ""},
        {"id": "t2", "types": "healthy", "onset": "", "end": "", "must": "1", "why": ""},
    ]
    monkeypatch.setattr("benchmarks.field.corpus.read_labels", lambda: {row["id"]: [row] for row in rows})
    found = list(misses(run(tmp_path / "logs", entries, {})))
    assert found[0] == "t1 who/what a.csv: overfitting of step 100 not told; told nothing"
    assert found[1].startswith("t2 who/what b.csv: healthy, told loss_spike (")
