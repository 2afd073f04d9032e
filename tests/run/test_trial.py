from __future__ import annotations

from aurl.run import trial
from tests.conftest import Trainer


def test_the_default_values_are_all_in_range(train: Trainer) -> None:
    assert trial.faults(train.config("model=vae_gan", "logging=[console,tensorboard]")) == []


def test_every_part_that_refuses_is_told_at_once(train: Trainer) -> None:
    config = train.config("anomaly.zscore=0", "pictures=[landscape]")
    config["pictures"]["landscape"]["points"] = 4
    config["trainer"]["epochs"] = 0
    config["optim"]["lr"] = -1
    config["sample"]["temperature"] = 0
    config["model"]["n_heads"] = 3
    config["checkpoint"]["keep_last"] = 0
    found = trial.faults(config)
    for part in (
        "trainer.epochs=0",
        "optim.lr=-1",
        "sample.temperature=0",
        "zscore=0",
        "n_heads=3",
        "keep_last=0",
        "points=4",
    ):
        assert any(part in message for message in found), (part, found)
    assert len(found) == 7
