from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from aurl.config.files import mask_file, save_hydra_files
from aurl.errors import RunError

SECRET = "s3cret-value"
TYPED = ["trainer.lr=1e-3", f"+logging.console.api_key={SECRET}", "name='1e-3'"]


@pytest.fixture
def composed(conf: Path) -> DictConfig:
    with initialize_config_dir(str(conf), version_base="1.3", job_name="train"):
        return compose("train", TYPED, return_hydra_config=True)


def test_the_files_of_a_run_hold_everything_but_secrets(composed: DictConfig, tmp_path: Path) -> None:
    save_hydra_files(tmp_path / "run", composed, TYPED, composed.hydra)
    run = tmp_path / "run"
    names = sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())
    assert names == [".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml", "config.json"]
    for name in names:
        assert SECRET not in (run / name).read_text()
    config = OmegaConf.load(run / ".hydra/config.yaml")
    assert config.trainer.lr == 0.001
    assert config.name == "1e-3"
    assert "hydra" not in config
    assert OmegaConf.to_container(config, resolve=False)["detectors"]["nan"]["lr"] == "${trainer.lr}"  # type: ignore[index, call-overload]
    assert yaml.safe_load((run / ".hydra/overrides.yaml").read_text()) == [
        "trainer.lr=1e-3",
        "+logging.console.api_key=***",
        "name='1e-3'",
    ]
    hydra = OmegaConf.load(run / ".hydra/hydra.yaml").hydra
    assert hydra.job.config_name == "train"
    assert "api_key=***" in hydra.job.override_dirname


def test_config_json_is_flat_and_resolved(composed: DictConfig, tmp_path: Path) -> None:
    save_hydra_files(tmp_path, composed, TYPED, composed.hydra)
    flat: dict[str, Any] = json.loads((tmp_path / "config.json").read_text())
    assert flat["detectors.nan.lr"] == 0.001
    assert flat["logging.console.api_key"] == "***"
    assert not any(key.startswith("hydra") for key in flat)


def test_hydra_reads_the_overrides_back(composed: DictConfig, conf: Path, tmp_path: Path) -> None:
    save_hydra_files(tmp_path, composed, ["trainer.lr=1e-3", "name='1e-3'"], composed.hydra)
    overrides = yaml.safe_load((tmp_path / ".hydra/overrides.yaml").read_text())
    with initialize_config_dir(str(conf), version_base="1.3"):
        assert compose("train", overrides).name == "1e-3"


def test_a_sweeps_file_is_masked_in_place(composed: DictConfig, tmp_path: Path) -> None:
    path = tmp_path / "multirun.yaml"
    OmegaConf.save(composed, path)
    assert SECRET in path.read_text()
    before = OmegaConf.load(path)
    mask_file(path)
    assert SECRET not in path.read_text()
    after = OmegaConf.load(path)
    assert after.trainer == before.trainer
    assert after.hydra.sweep == before.hydra.sweep
    assert after.name == before.name == "1e-3"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["conf", "multirun.yaml"]


def test_a_short_secret_does_not_eat_the_file(conf: Path, tmp_path: Path) -> None:
    with initialize_config_dir(str(conf), version_base="1.3"):
        config = compose("train", ["+logging.console.password=a"], return_hydra_config=True)
    save_hydra_files(tmp_path, config, ["+logging.console.password=a"], config.hydra)
    assert OmegaConf.load(tmp_path / ".hydra/hydra.yaml").hydra.job.name == "app"
    assert OmegaConf.load(tmp_path / ".hydra/config.yaml").logging.console.password == "***"


def test_a_place_that_cannot_be_written_is_one_clear_error(composed: DictConfig, tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(RunError, match="cannot be written"):
        save_hydra_files(tmp_path / "run", composed, [], composed.hydra)


def test_a_file_that_is_not_there_cannot_be_masked(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be read"):
        mask_file(tmp_path / "multirun.yaml")
