"""The settings of a run, from each place where they may be."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurl.errors import DataError
from aurl.runs.settings import choices, config_of, flatten, group_key, is_bookkeeping, settings_of

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
    config = {"optim.lr": 0.1, "quality": "typed", "model.d_model": 8}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert settings_of(tmp_path, {}) == config | {"model": "vae", "model/size": "tiny"}


def test_a_bundle_of_settings_is_no_setting_where_those_are_known(tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "hydra.yaml").write_text(HYDRA.replace("model: vae\n", "model: vae\n      scale: large\n"))
    assert settings_of(tmp_path, {})["scale"] == "large"
    (tmp_path / "config.json").write_text(json.dumps({"model.d_model": 512}))
    assert settings_of(tmp_path, {}) == {"model": "vae", "model/size": "tiny", "model.d_model": 512}


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
    "key",
    [
        "seed", "data.seed", "random_seed", "trainer.seed_everything", "name", "paths.outputs", "logging.console.width",
        "logging", "notify", "pictures", "hydra.job.num", "data.workers", "checkpoint.keep_last",
        "logging.csv._target_", "anomaly.detectors.loss_spike._target_", "quality.metrics.pitch_range._target_",
    ],
)  # fmt: skip
def test_bookkeeping(key: str) -> None:
    assert is_bookkeeping(key)


@pytest.mark.parametrize(
    "key",
    [
        "optim.lr", "model", "data.root", "seedling", "namespace", "model._target_",
        "anomaly.detectors.loss_spike.zscore", "data.tokenizer._target_", "pathsize", "loggings.x",
    ],
)  # fmt: skip
def test_what_is_trained_is_no_bookkeeping(key: str) -> None:
    assert not is_bookkeeping(key)


def test_a_class_that_moved_within_aurl_is_the_same_class() -> None:
    before = {"optim._target_": "aurl.optim.AdamW", "optim.lr": 0.1, "logging": {}}
    after = {
        "optim._target_": "aurl.train.optim.AdamW",
        "optim.lr": 0.1,
        "trainer._target_": "aurl.train.loop.Trainer",
        "quality.metrics.pitch_range._target_": "aurl.quality.metrics.pitch_range.PitchRange",
        "logging.csv._target_": "aurl.sinks.csv.CsvSink",
    }
    assert group_key(before) == group_key(after)
    assert group_key(before) != group_key(after | {"optim._target_": "aurl.train.optim.Lion"})
    assert group_key(before) != group_key(before | {"optim._target_": "mine.AdamW"})
    assert group_key(before) != group_key(after | {"trainer._target_": "mine.Trainer"})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        ("1", 1, False),
        (None, "nothing", True),
        ({}, "nothing", True),
        ([], "nothing", False),
        ([1, 2], [1.0, 2], True),
        ([1, 2], [2, 1], False),
        (float("nan"), float("nan"), True),
        ([{"a": 1}], [{"a": 2}], False),
        (10**400, 10**400, True),
    ],
)
def test_when_two_values_make_two_experiments(one: Any, other: Any, same: bool) -> None:
    first = {"seed": 1, "x": one}
    second = {"seed": 2} if other == "nothing" else {"seed": 2, "x": other}
    assert (group_key(first) == group_key(second)) == same


def test_a_key_that_aurl_gained_sets_no_older_run_apart() -> None:
    older = {"sample.length": 48}
    assert group_key(older) == group_key(older | {"sample.valid": False})
    assert group_key(older) != group_key(older | {"sample.valid": True})
    assert group_key({"my.own": False}) != group_key({"seed": 1})


def test_without_a_config_nothing_is_known() -> None:
    assert group_key({}) is None
    assert group_key({"seed": 1}) == group_key({"seed": 2}) is not None


def test_flat_names() -> None:
    nested = {"optim": {"lr": 0.1, "betas": [0.9, {"x": 1}], "none": {}}, 1: {2: 3}, "a.b": None}
    assert flatten(nested) == {
        "optim.lr": 0.1, "optim.betas": [0.9, {"x": 1}], "optim.none": {}, "1.2": 3, "a.b": None,
    }  # fmt: skip
    assert flatten(nested, " ")["optim lr"] == 0.1
    assert flatten({}) == {}


@settings(deadline=None)
@given(st.dictionaries(st.text("ab", min_size=1), st.integers(), max_size=4))
def test_what_is_flat_stays_so_and_order_is_kept(config: dict[str, int]) -> None:
    assert list(flatten(config).items()) == list(config.items())
    assert flatten({"x": config, "y": 1}) == ({f"x.{k}": v for k, v in config.items()} or {"x": {}}) | {"y": 1}


def test_a_config_that_contains_itself_or_never_ends_is_none(tmp_path: Path) -> None:
    loop: dict[str, Any] = {"a": 1}
    loop["again"] = loop
    with pytest.raises(DataError, match="more than 100000 values or 256 levels"):
        flatten(loop)
    assert config_of(tmp_path, {"config": loop}) == {}
    (tmp_path / ".hydra").mkdir()
    bomb = "a: &a {x: 1, y: 1}\n" + "".join(
        f"{now}: &{now} {{x: *{before}, y: *{before}}}\n" for before, now in pairwise("abcdefghijklmnopqrstuvwxyz")
    )
    (tmp_path / ".hydra" / "config.yaml").write_text(bomb)
    assert config_of(tmp_path, {}) == {}
    (tmp_path / ".hydra" / "config.yaml").write_text("&a {x: *a}")
    assert config_of(tmp_path, {}) == {}
    (tmp_path / ".hydra" / "config.yaml").write_text("[" * 5000)
    assert config_of(tmp_path, {}) == {}


@pytest.mark.parametrize("content", [b"[1, 2]", b"null", b"\xff", b"", b'{"a": '])
def test_a_config_that_is_none_is_looked_for_elsewhere(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    assert config_of(tmp_path, {"config": {"a": {"b": 1}}}) == {"a.b": 1}


@pytest.mark.parametrize(("policy", "same"), [("observe", True), ("warn", True), ("recover", False), ("stop", False)])
def test_detectors_make_an_experiment_where_they_may_change_it(policy: str, same: bool) -> None:
    config = {"anomaly.policy": policy, "anomaly.zscore": 5.0}
    assert (group_key(config) == group_key(config | {"anomaly.zscore": 3.0})) == same
    assert (group_key(config) == group_key(config | {"anomaly.detectors.new.zscore": 5.0})) == same


def test_to_watch_and_to_recover_are_two_experiments() -> None:
    assert group_key({"anomaly.policy": "warn"}) == group_key({"anomaly.policy": "observe"})
    assert group_key({"anomaly.policy": "warn"}) != group_key({"anomaly.policy": "recover"})
