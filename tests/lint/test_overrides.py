from __future__ import annotations

import pytest

from aurl.anomaly.chosen import build_watch
from aurl.errors import ConfigError
from aurl.lint.overrides import read
from aurl.machine.conf import load_option


def message(*arguments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(arguments)
    return str(caught.value)


def test_nothing_said_is_the_default_preset() -> None:
    assert read([]).anomaly == load_option("anomaly", "default")
    assert read([]).roles == {}


def test_roles_of_columns() -> None:
    given = read(["loss=my=loss", "step=null", "time=elapsed", "val_loss=a b"])
    assert given.roles == {"loss": "my=loss", "step": "", "clock": "elapsed", "val_loss": "a b"}


def test_settings_with_and_without_their_group() -> None:
    assert read(["anomaly.zscore=3"]).anomaly["zscore"] == 3
    given = read(["zscore=2.5", "warmup=1e1", "policy=stop"]).anomaly
    assert (given["zscore"], given["warmup"], given["policy"]) == (2.5, 10.0, "stop")


def test_another_preset_whatever_the_order() -> None:
    given = read(["zscore=3", "anomaly=strict"]).anomaly
    assert given["zscore"] == 3
    assert given["confirm"] == load_option("anomaly", "strict")["confirm"]


def test_single_detectors() -> None:
    given = read(["anomaly.detectors.loss_plateau=null", "detectors.loss_spike.zscore=4"]).anomaly["detectors"]
    assert given["loss_plateau"] is None
    assert given["loss_spike"]["zscore"] == 4
    assert "loss_plateau" not in build_watch(read(["detectors.loss_plateau=null"]).anomaly).detectors


def test_unknown_keys_name_the_closest_one() -> None:
    assert message("zscor=3").startswith(
        "zscor=: neither a role nor a setting. Did you mean 'zscore'? Roles (loss=COLUMN): "
    )
    assert "Did you mean 'val_loss'?" in message("val_los=x")
    assert "Did you mean 'anomaly.warmup'?" in message("anomaly.warmups=3")
    assert "anomaly=strct: no such option. Did you mean 'strict'?" in message("anomaly=strct")
    assert "no such detector. Did you mean 'loss_spike'?" in message("detectors.los_spike=null")
    told = message("detectors.loss_spike.zscor=3")
    assert told.startswith("detectors.loss_spike.zscor: loss_spike has no such key. Did you mean 'zscore'? Its keys: ")
    assert "can only be left out, with null" in message("detectors.loss_spike=3")
    assert "neither a role nor a setting" in message("detectors=null")
    assert "neither a role nor a setting" in message("a.b.c=3")
