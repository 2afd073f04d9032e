from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from aurl.config.compose import compose
from aurl.errors import ConfigError


def test_the_defaults(conf: Path) -> None:
    config = compose([], conf)
    assert config.name == "usual"
    assert config.model.width == 8
    assert "hydra" not in config


@pytest.mark.parametrize(
    ("override", "sinks"),
    [
        ("logging=[]", []),
        ("logging=console", ["console"]),
        ("+logging=wandb", ["console", "tensorboard", "wandb"]),
        ("logging=[tensorboard,wandb]", ["tensorboard", "wandb"]),
    ],
)
def test_logging_is_a_list_of_options(
    conf: Path, monkeypatch: pytest.MonkeyPatch, override: str, sinks: list[str]
) -> None:
    monkeypatch.setenv("AURL_TEST_KEY", "k")
    assert list(compose([override], conf).get("logging") or {}) == sinks


def test_options_and_values_together(conf: Path) -> None:
    config = compose(["debug=nan", "model=transformer", "trainer.lr=0.5", "+model.dropout=0.3"], conf)
    assert config.name == "debug_nan"
    assert config.trainer.lr == 0.5
    assert OmegaConf.to_container(config.model) == {
        "_target_": "tests.config.parts.Model",
        "width": 4,
        "positions": "learned",
        "dropout": 0.3,
    }


def test_interpolations_stay_as_they_are_written(conf: Path) -> None:
    assert OmegaConf.to_container(compose([], conf), resolve=False)["detectors"]["nan"]["lr"] == "${trainer.lr}"  # type: ignore[index, call-overload]


def test_an_option_chosen_by_default_is_taken_back(conf: Path) -> None:
    config = compose(["experiment=null", "name=mine"], conf)
    assert config.name == "mine"


def test_folders_added_give_options_and_hide_nothing(conf: Path, tmp_path: Path) -> None:
    extra = tmp_path / "extra" / "model"
    extra.mkdir(parents=True)
    (extra / "mine.yaml").write_text("_target_: tests.config.parts.Model\nwidth: 3\n")
    (extra / "transformer.yaml").write_text("width: 1000\n")
    assert compose(["model=mine"], conf, [tmp_path / "extra"]).model.width == 3
    assert compose(["model=transformer"], conf, [tmp_path / "extra"]).model.width == 4
    with pytest.raises(ConfigError, match=r"model=mine: no such option"):
        compose(["model=mine"], conf)


def test_a_search_path_that_is_missing_is_an_error(conf: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not available"):
        compose([f"hydra.searchpath=[file://{tmp_path / 'nowhere'}]"], conf)


def test_hydra_is_left_as_it_was(conf: Path) -> None:
    before = GlobalHydra.instance().hydra
    compose([], conf)
    with pytest.raises(ConfigError):
        compose(["nonsense=1"], conf)
    assert GlobalHydra.instance().hydra is before


def test_composing_within_a_job_leaves_the_job_its_loader(conf: Path) -> None:
    from hydra import initialize_config_dir

    with initialize_config_dir(str(conf), version_base="1.3"):
        inside = GlobalHydra.instance().hydra
        compose(["model=transformer"], conf)
        assert GlobalHydra.instance().hydra is inside


def test_values_that_hydra_sets_at_the_start_of_a_job_are_no_fault(conf: Path) -> None:
    config = compose(["name=${hydra:runtime.output_dir}"], conf)
    assert OmegaConf.is_interpolation(config, "name")
