from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import aurl
from aurl.anomaly.chosen import choose_detection
from aurl.anomaly.detectors.loss_spike import LossSpike
from aurl.anomaly.detectors.nan_values import NanValues
from aurl.config.resolvers import register
from aurl.errors import ConfigError
from aurl.machine.conf import conf_dir, load_option

ANOMALY = sorted(path.stem for path in (conf_dir() / "anomaly").glob("*.yaml"))
LOGGING = sorted(path.stem for path in (conf_dir() / "logging").glob("*.yaml"))


def by_hydra(override: str, key: str) -> Any:
    register()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return OmegaConf.to_container(compose("train", [override])[key])


@pytest.mark.parametrize("name", ANOMALY)
def test_anomaly_presets_read_as_hydra_reads_them(name: str) -> None:
    assert load_option("anomaly", name) == by_hydra(f"anomaly={name}", "anomaly")


@pytest.mark.parametrize("name", LOGGING)
def test_logging_options_read_as_hydra_reads_them(name: str) -> None:
    assert load_option("logging", name) == by_hydra(f"logging={name}", "logging")


def test_common_keys_reach_the_detectors_that_take_them() -> None:
    detection = choose_detection({"zscore": 3, "confirm": 5, "policy": "stop"})
    detectors = detection.detectors
    assert detection.policy == "stop"
    assert isinstance(detectors["loss_spike"], LossSpike)
    assert detectors["loss_spike"].zscore == 3
    assert isinstance(detectors["nan_values"], NanValues)
    assert detectors["nan_values"].confirm == 5


def test_a_detectors_own_value_wins_and_null_leaves_it_out() -> None:
    chosen = {"zscore": 3, "detectors": {"loss_spike": {"zscore": 4}, "nan_values": None}}
    detectors = choose_detection(chosen).detectors
    assert "nan_values" not in detectors
    assert isinstance(detectors["loss_spike"], LossSpike)
    assert detectors["loss_spike"].zscore == 4


def test_off_has_no_detectors() -> None:
    detection = choose_detection("off")
    assert (detection.detectors, detection.policy) == ({}, "observe")


@pytest.mark.parametrize(
    ("anomaly", "message"),
    [
        ("defalt", "anomaly=defalt: no such option. Did you mean 'default'?"),
        ({"zscor": 3}, "anomaly.zscor: no such key. Did you mean 'zscore'?"),
        ({"zscore": -1}, "anomaly.zscore=-1"),
        ({"detectors": {"mine": {"_target_": "no.such.Thing"}}}, "no.such.Thing"),
        ({"detectors": {"loss_spike": {"zscor": 4}}}, "anomaly.detectors.loss_spike.zscor: no such key"),
    ],
)
def test_what_cannot_be_built_is_one_clear_error(anomaly: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose_detection(anomaly)
    assert message in str(caught.value)


def test_conf_is_found_beside_the_package_or_in_it() -> None:
    assert (conf_dir() / "train.yaml").is_file()
    assert conf_dir().parent in {Path(aurl.__file__).parent, Path(aurl.__file__).parent.parent}
