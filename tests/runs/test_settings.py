"""The settings of a run, from each place where they may be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aurl.runs.settings import choices, is_bookkeeping, settings_of

HYDRA = """hydra:
  runtime:
    choices:
      hydra: aurl
      debug: null
      logging: [console]
      quality: 'off'
      model: vae
      model/size: tiny
    verbose: false
"""


def test_config_json_with_the_options_of_groups(tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "hydra.yaml").write_text(HYDRA)
    (tmp_path / "config.json").write_text(json.dumps({"optim.lr": 0.1, "quality": "typed"}))
    settings = settings_of(tmp_path, {})
    assert settings == {"model": "vae", "model/size": "tiny", "quality": "typed", "optim.lr": 0.1}


def test_config_yaml_where_the_flat_file_is_missing_or_broken(tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text("optim:\n  lr: 0.1\nseed: 3\ntags: [a]\nempty: {}\n")
    expected = {"optim.lr": 0.1, "seed": 3, "tags": ["a"], "empty": {}}
    assert settings_of(tmp_path, {}) == expected
    (tmp_path / "config.json").write_text("{broken")
    assert settings_of(tmp_path, {}) == expected


def test_a_monitor_of_ones_own_keeps_its_config_in_run_json(tmp_path: Path) -> None:
    assert settings_of(tmp_path, {"config": {"optim": {"lr": 0.1}}}) == {"optim.lr": 0.1}
    assert settings_of(tmp_path, {}) == {}


def test_an_imported_run_s_nested_config_is_flattened(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"optim": {"lr": 0.1, "betas": [0.9, 0.99]}, "model.d": 8}))
    assert settings_of(tmp_path, {}) == {"optim.lr": 0.1, "optim.betas": [0.9, 0.99], "model.d": 8}


def test_choices_of_a_file_that_is_not_there_or_has_none(tmp_path: Path) -> None:
    assert choices(tmp_path / "none.yaml") == {}
    (tmp_path / "other.yaml").write_text("hydra:\n  job: {}\n")
    assert choices(tmp_path / "other.yaml") == {}


@pytest.mark.parametrize(
    "key", ["seed", "data.seed", "name", "paths.outputs", "logging.console.width", "hydra.job.num"]
)
def test_bookkeeping(key: str) -> None:
    assert is_bookkeeping(key)


@pytest.mark.parametrize("key", ["optim.lr", "model", "data.root", "seedling", "namespace"])
def test_what_is_trained_is_no_bookkeeping(key: str) -> None:
    assert not is_bookkeeping(key)
