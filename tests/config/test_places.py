from __future__ import annotations

import os
from pathlib import Path

import pytest

from aurl.config.places import missing_places
from aurl.config.preflight import preflight
from aurl.config.resolvers import register
from aurl.errors import ConfigError


def config(outputs: Path, **values: object) -> dict[str, object]:
    return {"paths": {"outputs": str(outputs)}, **values}


def test_a_config_without_places_names_none(tmp_path: Path) -> None:
    assert missing_places({}) == []
    assert missing_places(config(tmp_path / "new" / "deep", data={"root": None}, resume=None)) == []


def test_the_data_folder(tmp_path: Path) -> None:
    file = tmp_path / "file.mid"
    file.touch()
    assert missing_places(config(tmp_path, data={"root": str(tmp_path)})) == []
    [missing] = missing_places(config(tmp_path, data={"root": str(tmp_path / "no")}))
    assert missing.startswith(f"data.root={tmp_path / 'no'}: no such folder")
    [wrong] = missing_places(config(tmp_path, data={"root": str(file)}))
    assert "is a file; name the folder" in wrong


def test_a_run_to_resume(tmp_path: Path) -> None:
    run = tmp_path / "x" / "2026_ab"
    run.mkdir(parents=True)
    (run / "run.json").write_text('{"id": "2026_ab", "status": "done"}')
    for value in ("2026_ab", "latest", str(run)):
        assert missing_places(config(tmp_path, resume=value)) == []
    [unknown] = missing_places(config(tmp_path, resume="2025_ff"))
    assert "2025_ff" in unknown
    assert len(missing_places(config(tmp_path / "empty", resume="latest"))) == 1


def test_outputs_that_cannot_be_made(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    [problem] = missing_places(config(file / "runs"))
    assert f"{file} is a file" in problem


def test_outputs_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root, who runs many a container, may write anywhere
    [problem] = missing_places(config(tmp_path / "runs"))
    assert "may not be written" in problem


def test_a_folder_given_without_the_data_that_reads_it_is_said(tmp_path: Path) -> None:
    register()
    for chosen in ([], ["data=synthetic"]):
        with pytest.raises(ConfigError, match=r"data\.root=.*: the chosen data does not use it; .* data=midi_folder"):
            preflight([*chosen, f"data.root={tmp_path}"])
    preflight(["data=midi_folder", f"data.root={tmp_path}"])
    preflight(["data=synthetic,midi_folder", f"data.root={tmp_path}"], multirun=True)


def test_an_option_that_is_typed_counts_more_than_an_experiment() -> None:
    register()
    [config] = preflight(["experiment=quick", "sample=off"])
    assert (config["sample"]["count"], config["sample"]["scored"]) == (0, 0)
    assert preflight(["experiment=quick"])[0]["sample"]["count"] == 2
