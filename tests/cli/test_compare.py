"""`aurl compare` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aurl.cli import main
from tests.compare.runs import curve, write_run
from tests.compare.test_comparing import clear_sweep


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def test_the_terminal_shows_groups_claims_and_reservations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clear_sweep(tmp_path)
    write_run(tmp_path / "x", curve(1.0, 3), {"model.kind": "b"}, seed=9, status="failed")
    assert main(["compare", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "val/loss/total, lower is better. 10 of 11 runs in 2 groups, read at step 100" in out
    assert "Best: model.kind=a" in out
    assert "better than" in out
    assert "1 of 6" in out
    assert "x is counted as failed" in out
    assert "paired t (scipy.stats.ttest_rel)" in out
    assert "\x1b" not in out


def test_json_is_one_document_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clear_sweep(tmp_path)
    assert main(["compare", str(tmp_path), "--json", "--baseline", "model.kind=b", "--rope", "0.01"]) == 0
    [claim] = json.loads(capsys.readouterr().out)["claims"]
    assert (claim["b"], claim["verdict"]) == ("model.kind=b", "better")


def test_where_runs_are_read_and_which_belong_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for at in range(4):
        write_run(tmp_path / str(at), curve(1.0 + 0.1 * at), {"fold": f"f{at}", "host": f"h{at}"}, seed=0)
    options = ["--at", "step=50", "--seed-key", "fold", "--ignore", "host"]
    assert main(["compare", str(tmp_path), "--json", *options]) == 0
    [group] = json.loads(capsys.readouterr().out)["groups"]
    assert group["n"] == 4
    assert main(["compare", str(tmp_path), "--at", "noon"]) == 2
    assert "--at noon: needs end, best, budget" in capsys.readouterr().err


def test_filters_stand_among_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clear_sweep(tmp_path)
    assert main(["compare", "model.kind=a", str(tmp_path / "*"), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["groups"]) == 1


def test_a_folder_named_like_an_override_is_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "optim.lr=0.1", curve(1.0))
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "optim.lr=0.1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["groups"][0]["n"] == 1


@pytest.mark.parametrize("kind", ["html", "markdown", "latex"])
def test_reports_are_written_where_asked(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    clear_sweep(tmp_path / "runs")
    file = tmp_path / "deep" / "report"
    assert main(["compare", str(tmp_path / "runs"), f"--{kind}", str(file)]) == 0
    assert "model.kind" in file.read_text()
    assert f"{file} written" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clear_sweep(tmp_path / "runs")
    (tmp_path / "file").write_text("in the way")
    assert main(["compare", str(tmp_path / "runs"), "--markdown", str(tmp_path / "file" / "report.md")]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which runs?"),
        (["{tmp}/none"], "no run there"),
        (["{tmp}", "--metric", "nothing"], "no run has it"),
        (["{tmp}", "--budget", "0"], "--budget 0"),
        (["{tmp}", "--last", "2"], "--last 2"),
        (["{tmp}", "no.such=1"], "no run has such a setting"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clear_sweep(tmp_path)
    assert main(["compare", *(argument.format(tmp=tmp_path) for argument in arguments)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize("option", ["--rope=many", "--target=nan", "--budget=1.5", "--mode=best"])
def test_options_that_are_no_numbers(tmp_path: Path, option: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["compare", str(tmp_path), option])
    assert caught.value.code == 2


def test_hostile_names_do_not_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(3):
        for number, kind in enumerate(("a\x1b[31m\n", "[bold]b")):
            write_run(tmp_path / f"{number}{seed}", curve(1.0 + 0.1 * seed), {"k": kind}, seed=seed)
    assert main(["compare", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[bold]b" in out
