"""A run that is resumed trains as it began, whatever the defaults are by now."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from aurl.config.began import as_it_began
from aurl.config.build import to_plain
from aurl.config.compose import compose
from aurl.config.resume import with_saved
from aurl.config.session import ConfigSource
from aurl.runs.settings import flatten
from tests.test_before_the_move import FIXTURE


def begun(run: Path, overrides: list[str], **changes: Any) -> list[str]:
    """A run of today, in whose files some settings are other ones; None takes a key out of them."""
    (run / ".hydra").mkdir(parents=True)
    flat = flatten(to_plain(compose(overrides))) | changes
    (run / "config.json").write_text(json.dumps({key: value for key, value in flat.items() if value != "gone"}))
    return overrides


def choices(run: Path, **chosen: str) -> None:
    document = {"hydra": {"runtime": {"choices": chosen}}}
    (run / ".hydra" / "hydra.yaml").write_text(yaml.safe_dump(document))


def test_where_no_default_has_changed_nothing_is_added(tmp_path: Path) -> None:
    saved = begun(tmp_path, ["data=synthetic", "model=vae", "optim.lr=0.1", "trainer.early_stopping=null"])
    assert as_it_began(tmp_path, saved, ConfigSource()) == []


def test_settings_of_then_come_back_as_they_were(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "data.seq_len": 77,
        "data.root": "it's \\here",
        "optim.betas": [0.5, 0.9],
        "optim.lr": 3e-05,
        "trainer.eval_every": None,
        "model.tie_embeddings": False,
    }
    saved = begun(tmp_path, ["data.bars=2"], **changes, name="other", **{"logging.console._target_": "old.Console"})
    given = as_it_began(tmp_path, saved, ConfigSource())
    flat = flatten(to_plain(compose([*saved, *given])))
    assert {key: flat[key] for key in changes} == changes
    assert flat["data.bars"] == 2
    assert not any(text.startswith(("name", "logging")) for text in given)


def test_a_run_of_before_batches_were_made_by_tokens_keeps_its_rows(tmp_path: Path) -> None:
    new = {f"data.{key}": "gone" for key in ("tokens_per_batch", "sort_window", "width_multiple")}
    saved = begun(tmp_path, ["data.seq_len=64"], **{"data.batch_size": 8, **new})
    flat = flatten(to_plain(compose([*saved, *as_it_began(tmp_path, saved, ConfigSource())])))
    assert (flat["data.batch_size"], flat["data.tokens_per_batch"]) == (8, None)


def test_options_that_were_chosen_by_default_are_chosen_again(tmp_path: Path) -> None:
    begun(tmp_path, ["model=transformer", "data=synthetic"])
    choices(tmp_path, model="transformer", data="synthetic", optim="gone_since", experiment="null")
    given = as_it_began(tmp_path, [], ConfigSource())
    assert {"model=transformer", "data=synthetic"} <= set(given)
    assert "optim=gone_since" not in given
    flat = flatten(to_plain(compose(given)))
    assert flat["model._target_"] == "aurl.models.transformer.Transformer"
    assert flat["data.source._target_"] == "aurl.data.sources.Synthetic"


def test_parts_that_became_a_default_are_left_out(tmp_path: Path) -> None:
    begun(tmp_path, [])
    assert as_it_began(tmp_path, ["parts=ema"], ConfigSource()) == ["~parts.ema"]


def test_a_secret_and_what_cannot_be_read_are_left_alone(tmp_path: Path) -> None:
    saved = begun(tmp_path, [], **{"data.root": "***"})
    assert as_it_began(tmp_path, saved, ConfigSource()) == []
    (tmp_path / "config.json").write_text("{")
    assert as_it_began(tmp_path, saved, ConfigSource()) == []
    assert as_it_began(tmp_path / "nowhere", saved, ConfigSource()) == []


def test_what_is_typed_now_wins(tmp_path: Path) -> None:
    run = tmp_path / "out" / "before_the_move" / "2026-11-28_23-49-42_2644"
    shutil.copytree(FIXTURE, run, symlinks=True)
    document = json.loads((run / "config.json").read_text()) | {"data.bars": 3, "data.seq_len": 80}
    (run / "config.json").write_text(json.dumps(document))
    _, overrides = with_saved([], [f"resume={run}", "data.seq_len=70"])
    flat = flatten(to_plain(compose([text for text in overrides if not text.startswith("hydra.")])))
    assert (flat["data.bars"], flat["data.seq_len"], flat["data.batch_size"]) == (3, 70, 4)


def test_settings_of_a_group_that_is_typed_now_are_those_of_its_option(tmp_path: Path) -> None:
    run = tmp_path / "out" / "before_the_move" / "2026-11-28_23-49-42_2644"
    shutil.copytree(FIXTURE, run, symlinks=True)
    document = json.loads((run / "config.json").read_text()) | {"optim.betas": [0.5, 0.6], "optim.warmup_steps": 7}
    (run / "config.json").write_text(json.dumps(document))
    _, overrides = with_saved([], [f"resume={run}", "optim=sgd"])
    flat = flatten(to_plain(compose([text for text in overrides if not text.startswith("hydra.")])))
    assert (flat["optim.momentum"], flat["optim.warmup_steps"]) == (0.9, None)


@pytest.mark.parametrize("option", ["data=midi_folder", "data=chorales", "data=synthetic"])
def test_a_typed_batch_size_takes_the_place_of_the_budget(option: str) -> None:
    def sizes(*overrides: str) -> tuple[Any, Any]:
        data = to_plain(compose([option, "data.root=.", *overrides]))["data"]
        return data["batch_size"], data["tokens_per_batch"]

    assert sizes()[0] is None
    assert sizes()[1] >= 1024
    assert sizes("data.batch_size=4") == (4, None)
    assert sizes("data.tokens_per_batch=700") == (None, 700)
    assert sizes("data.batch_size=4", "data.tokens_per_batch=700") == (4, 700)
