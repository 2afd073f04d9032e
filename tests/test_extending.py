"""The recipes of docs/extending.md: each file is extracted, and everything runs as the page says."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurl.cli import main
from aurl.config.preflight import preflight
from aurl.config.session import ConfigSource
from aurl.errors import ConfigError
from aurl.music.corpus import load_chorales
from aurl.music.midi_writer import write_midi
from aurl.record import Kind
from aurl.run import Outcome, execute
from aurl.runs.eventlog import read_records
from tests import markdown

PAGE = Path(__file__).parent.parent / "docs" / "extending.md"
QUIET = ("pictures=[]", "probe_seconds=0", "report=false", "sample.image=false", "sample.audio=false")
SHORT = ("trainer.steps=6", "trainer.eval_every=2", "sample.length=40", "optim.warmup_steps=2")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's package `mymusic`, trusted and on Python's path."""
    for block in [*markdown.blocks(PAGE, "python"), *markdown.blocks(PAGE, "yaml")]:
        found = re.search(r"`(mymusic/\S+)`:$", block.before)
        assert found, block.text
        path = tmp_path / found[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    (tmp_path / "mymusic" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("AURL_TRUST", "mymusic")
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "mymusic"]:
        del sys.modules[name]


def trained(package: Path, *overrides: str) -> Outcome:
    chosen = ["experiment=quick", *SHORT, *QUIET, f"paths.outputs='{package}'", *overrides]
    [config] = preflight(chosen, source=ConfigSource(extra_dirs=(package / "mymusic" / "conf",)))
    return execute(config, package / "run", ["train.py"])


def test_all_of_them_at_once(package: Path) -> None:
    [command] = [block.text for block in markdown.blocks(PAGE, "bash") if "--config-dir" in block.text]
    typed = command.replace("\\\n", " ").split("mymusic/conf", 1)[1].split()[1:]
    outcome = trained(
        package,
        *typed,
        "parts.good_enough.target=1e9",
        "anomaly.detectors.loss_too_low.least=1e9",
        "data.source.keys=60",
    )
    assert outcome.status == "done", outcome.message
    assert outcome.message == "val/loss/total below 1000000000.0 in 2 evaluations"
    records = list(read_records(outcome.folder))
    assert {record.scalars["my/norm"] > 0 for record in records if record.kind is Kind.STEP} == {True}
    assert any("val/my/norm" in record.scalars for record in records if record.kind is Kind.EVAL)
    assert any("quality/mean/rests" in record.scalars for record in records if record.kind is Kind.QUALITY)
    assert next(record for record in records if record.kind is Kind.DATA).fields["corpus"] == "scales"
    told = (outcome.folder / "events" / "alerts.txt").read_text()
    assert re.search(r"^step \d+: loss/total is \S+, too good to be true", told, re.MULTILINE)
    assert json.loads((outcome.folder / "run.json").read_text())["name"] == "quick"


def test_a_part_without_a_yaml_and_what_it_remembers(package: Path) -> None:
    own = ("+parts.mine._target_=mymusic.good_enough.GoodEnough", "+parts.mine.target=1e9", "data=scales", "model=tiny")
    outcome = trained(package, *own, "+parts.mine.times=9")
    assert outcome.message == "all 6 steps of the plan"
    first = outcome.folder / "checkpoints" / "step_00000004"
    again = trained(package, *own, "+parts.mine.times=3", f"resume='{first}'")
    assert again.message == "val/loss/total below 1000000000.0 in 3 evaluations"  # two of them before the checkpoint


def test_names_follow_what_is_trained(package: Path) -> None:
    source = ConfigSource(extra_dirs=(package / "mymusic" / "conf",))
    [config] = preflight(["data=scales", "model=tiny"], source=source)
    assert config["name"] == "scales_tiny"


@pytest.mark.parametrize(
    ("override", "added"),
    [("anomaly/detectors=loss_too_low", "+anomaly/detectors"), ("quality/metrics=[rests]", "+quality/metrics")],
)
def test_one_of_your_own_never_silently_replaces_the_others(package: Path, override: str, added: str) -> None:
    source = ConfigSource(extra_dirs=(package / "mymusic" / "conf",))
    with pytest.raises(ConfigError, match=f"leaves out .* write {re.escape(added)}="):
        preflight([override], source=source)


def test_a_list_that_is_both_set_and_added_to_is_refused_since_hydra_would_lose_one(package: Path) -> None:
    source = ConfigSource(extra_dirs=(package / "mymusic" / "conf",))
    with pytest.raises(ConfigError, match=r"write logging=\[csv,alert_file\]"):
        preflight(["logging=[csv]", "+logging=alert_file"], source=source)


def test_without_the_variable_nothing_of_the_package_is_imported(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AURL_TRUST")
    with pytest.raises(ConfigError, match="AURL_TRUST=mymusic"):
        trained(package, "model=tiny")
    assert not any(name.startswith("mymusic") for name in sys.modules)


def test_the_command_line_takes_a_detector_too(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = package / "log.csv"
    log.write_text("step,loss\n" + "".join(f"{step},{1 / step}\n" for step in range(1, 60)))
    node = package / "mine.yaml"
    node.write_text("mine: {_target_: mymusic.loss_too_low.LossTooLow, least: 0.1}\n")
    assert main(["lint", str(log), "--json", "--detector", str(node)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "loss_too_low" in {alert["type"] for alert in told}
    assert main(["lint", str(log), "--json", "--detector", "mymusic.loss_too_low.LossTooLow"]) == 0
    assert main(["lint", str(log), "--detector", "mymusic.rests.Rests"]) == 2
    assert "none of the kind" in capsys.readouterr().err


def test_the_command_line_takes_a_metric_too(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = package / "midi"
    folder.mkdir()
    for number, notes in enumerate(load_chorales().train[:30]):
        write_midi(notes, folder / f"{number}.mid")
    file = str(folder / "0.mid")
    arguments = ["quality", file, "--json", "--workers", "1", "--metric", "mymusic.rests.Rests"]
    assert main([*arguments, "--reference", str(folder)]) == 0
    scored = json.loads(capsys.readouterr().out.splitlines()[0])
    assert 0 <= scored["metrics"]["rests"] <= 1
    assert main([*arguments, "--reference", "mixed"]) == 0
    scored = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (scored["metrics"]["rests"], scored["raw"]["rest_share"] >= 0) == (None, True)
    assert "does not apply to this reference" in scored["reasons"]["rests"]
