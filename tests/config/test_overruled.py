from __future__ import annotations

from pathlib import Path

import pytest

from aurl.cli import main
from aurl.config.overruled import overruled
from aurl.config.preflight import preflight
from aurl.config.session import ConfigSource


@pytest.fixture
def source(tmp_path: Path) -> ConfigSource:
    """An experiment of a user's own that sets keys of other groups in its body."""
    path = tmp_path / "conf" / "experiment" / "loud.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("# @package _global_\nname: loud\nsample: {count: 7}\noptim: {lr: 0.5}\n")
    return ConfigSource(extra_dirs=(tmp_path / "conf",))


def told(source: ConfigSource, *overrides: str) -> list[str]:
    [config] = preflight(overrides, source=source)
    return overruled(overrides, config, source)


def test_an_option_that_an_experiment_changes_is_told_with_its_keys(source: ConfigSource) -> None:
    assert told(source, "sample=off", "experiment=loud") == [
        "sample=off: experiment=loud changes sample.count=7; type such a key as well to have it otherwise."
    ]


def test_nothing_is_told_where_nothing_typed_is_changed(source: ConfigSource) -> None:
    assert told(source, "sample=off", "experiment=loud", "sample.count=0") == []
    assert told(source, "model=vae", "experiment=loud") == []
    assert told(source, "experiment=loud") == []
    assert told(source, "sample=off") == []
    assert told(source, "sample=off", "experiment=quick") == []


def test_check_tells_it(source: ConfigSource, capsys: pytest.CaptureFixture[str]) -> None:
    [folder] = source.extra_dirs
    assert main(["check", "--config-dir", str(folder), "sample=off", "experiment=loud"]) == 0
    shown = capsys.readouterr()
    assert "note: sample=off: experiment=loud changes sample.count=7" in shown.err
    assert shown.out.startswith("ok: ")
