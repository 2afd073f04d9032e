from __future__ import annotations

import orjson

from aurl.record import Json
from aurl.runs.rundir import RunDirectory
from aurl.sinks import hyperparameters


def test_the_flat_config_of_a_run_is_read(run: RunDirectory) -> None:
    run.config_json.write_bytes(orjson.dumps({"optim.lr": 0.001, "tags": ["a"]}))
    assert hyperparameters.read(run) == {"optim.lr": 0.001, "tags": ["a"]}


def test_what_monitor_open_was_given_is_flattened(run: RunDirectory) -> None:
    run.run_json.write_bytes(orjson.dumps({"config": {"lr": 0.1, "model": {"width": 8, "empty": {}}}}))
    assert hyperparameters.read(run) == {"lr": 0.1, "model.width": 8, "model.empty": {}}


def test_a_run_without_a_configuration_has_none(run: RunDirectory) -> None:
    assert hyperparameters.read(run) == {}
    run.config_json.write_bytes(b"{half a docum")
    assert hyperparameters.read(run) == {}


def test_keys_that_cannot_change_the_result_are_left_out() -> None:
    config: dict[str, Json] = {
        "name": "x", "optim.lr": 0.1, "model._target_": "aurl.models.vae.VAE", "model.beta": None, "tags": ["a"],
        "data.root": "/music", "paths.outputs": "o", "logging.console._target_": "c", "anomaly.zscore": 5.0, "seed": 3,
        "trainer.compile": False, "pictures.histograms.every": 1, "sampler_width": 2,
    }  # fmt: skip
    found = hyperparameters.tunable(config)
    assert found == {"optim.lr": 0.1, "model": "VAE", "seed": 3, "trainer.compile": False, "sampler_width": 2}


def test_the_keys_of_the_command_line_are_found(run: RunDirectory) -> None:
    assert hyperparameters.chosen(run) == set()
    run.hydra.mkdir()
    typed = "- optim.lr=0.1\n- +model.extra=3\n- ++seed=2\n- ~debug\n- data/augment=off\n"
    (run.hydra / "overrides.yaml").write_text(typed)
    assert hyperparameters.chosen(run) == {"optim.lr", "model.extra", "seed"}
