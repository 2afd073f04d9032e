from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aurl.config.preflight import preflight
from aurl.config.session import ConfigSource
from aurl.errors import ConfigError
from tests.config.parts import Root


def run(conf: Path, *overrides: str, multirun: bool = False, **options: Any) -> list[dict[str, Any]]:
    return preflight(overrides, multirun, ConfigSource(conf), root=Root, **options)


def test_the_resolved_config_comes_back(conf: Path) -> None:
    [config] = run(conf, "trainer.lr=0.5")
    assert config["detectors"]["nan"]["lr"] == 0.5
    assert "hydra" not in config


def test_every_job_of_a_sweep_is_looked_at(conf: Path) -> None:
    configs = run(conf, "seed=1,2", "trainer.lr=3", multirun=True)
    assert [config["seed"] for config in configs] == [1, 2]


def test_faults_of_jobs_are_told_once_with_the_job(conf: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        run(conf, "seed=1,x,y", "trainer.lr=a,b", "trainer.epochs=none", multirun=True)
    lines = str(caught.value).splitlines()
    assert lines[0] == "5 faults in the config:"
    assert sum("trainer.epochs=none: has to be" in line for line in lines) == 1
    assert any("job 2 (seed=x trainer.lr=a trainer.epochs=none): seed=x: has to be" in line for line in lines)


def test_secrets_in_the_name_of_a_job_are_masked(conf: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        run(conf, "seed=1,x", "+logging.console.api_key=abc-very-secret", multirun=True)
    assert "very-secret" not in str(caught.value)
    assert "api_key=***" in str(caught.value)


def test_a_further_inspection_takes_part(conf: Path) -> None:
    def inspect(config: Mapping[str, Any]) -> list[str]:
        return [f"seed={config['seed']}: is unlucky."] if config["seed"] == 13 else []

    run(conf, inspect=inspect)
    with pytest.raises(ConfigError, match=r"1\. trainer\.lr=x.*\n.*2\. seed=13: is unlucky"):
        run(conf, "seed=13", "trainer.lr=x", inspect=inspect)
