from __future__ import annotations

import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aurl.config.overrides import expand
from aurl.config.session import ConfigSource
from aurl.errors import ConfigError


def test_without_multirun_there_is_one_job(conf: Path) -> None:
    assert expand(["seed=1", "trainer.lr=2"], False, ConfigSource(conf)) == [["seed=1", "trainer.lr=2"]]


SWEEPS = {
    "seed": ["1", "1,2", "range(1,4)", "choice(3,5)", "shuffle(1,2)"],
    "trainer.lr": ["0.1", "1e-3,1e-4", "range(0,1,0.5)"],
    "name": ["x", "'a b',c", "glob(*)"],
    "model": ["vae", "vae,transformer", "glob(*)"],
    "~experiment": [""],
    "+model.dropout": ["0.1,0.2"],
    "tags": ["[a,b]", "[a],[b]"],
}


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sets(st.sampled_from(sorted(SWEEPS)), max_size=3).flatmap(
        lambda keys: st.tuples(*(st.sampled_from([(key, value) for value in SWEEPS[key]]) for key in sorted(keys)))
    )
)
def test_the_jobs_are_those_of_hydras_sweeper(conf: Path, chosen: tuple[tuple[str, str], ...]) -> None:
    pairs = [(key, value) for key, value in chosen if "glob" not in value and "shuffle" not in value]
    overrides = [f"{key}={value}" if value else key for key, value in pairs]
    [expected] = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(overrides), None)
    assert expand(overrides, True, ConfigSource(conf)) == expected


def test_globs_stand_for_the_options_of_a_group(conf: Path) -> None:
    assert expand(["model=glob(*)"], True, ConfigSource(conf)) == [["model=transformer"], ["model=vae"]]
    with pytest.raises(ConfigError, match=r"model=glob\(x\*\): stands for no value"):
        expand(["model=glob(x*)"], True, ConfigSource(conf))


def test_overrides_of_hydra_go_to_every_job(conf: Path) -> None:
    assert expand(["seed=1,2", "hydra.job.chdir=true"], True, ConfigSource(conf)) == [
        ["hydra.job.chdir=true", "seed=1"],
        ["hydra.job.chdir=true", "seed=2"],
    ]


def test_values_of_the_sweeper_take_part(conf: Path) -> None:
    jobs = expand(["search=seeds", "trainer.lr=1,2"], True, ConfigSource(conf))
    assert jobs == [[f"seed={seed}", "search=seeds", f"trainer.lr={lr}"] for seed, lr in product("123", "12")]


def test_a_value_typed_wins_over_one_of_the_sweeper(conf: Path) -> None:
    assert expand(["search=seeds", "seed=7"], True, ConfigSource(conf)) == [["seed=7", "search=seeds"]]


def test_of_a_large_sweep_every_value_is_looked_at_once(conf: Path) -> None:
    jobs = expand(["seed=range(0,50)", "trainer.lr=1,2,3", "tags=[a]"], True, ConfigSource(conf), most=100)
    assert len(jobs) == 50
    assert {job[0] for job in jobs} == {f"seed={seed}" for seed in range(50)}
    assert {job[1] for job in jobs} == {"trainer.lr=1", "trainer.lr=2", "trainer.lr=3"}
    assert len(expand(["seed=range(0,50)", "trainer.lr=1,2"], True, ConfigSource(conf), most=100)) == 100


def test_a_range_that_cannot_be_listed_needs_another_sweeper(conf: Path) -> None:
    with pytest.raises(ConfigError, match="the basic sweeper runs every value"):
        expand(["trainer.lr=interval(0,1)"], True, ConfigSource(conf))
    other = "hydra.sweeper._target_=somebody.elses.Sweeper"
    assert expand(["trainer.lr=interval(0,1)", "seed=1,2", other], True, ConfigSource(conf)) == [
        [other, "seed=1"],
        [other, "seed=2"],
    ]


@pytest.mark.slow
def test_the_order_of_jobs_is_that_of_a_real_sweep(conf: Path, tmp_path: Path) -> None:
    """A ten-line Hydra app runs the sweep; its jobs are compared with ours."""
    app = tmp_path / "app.py"
    app.write_text(
        "import hydra\nfrom hydra.core.hydra_config import HydraConfig\n"
        f"@hydra.main(version_base='1.3', config_path={str(conf)!r}, config_name='train')\n"
        "def main(cfg):\n    print('JOB', *HydraConfig.get().overrides.task, sep='|')\n"
        "main()\n"
    )
    overrides = ["seed=1,2", "model=transformer,vae", "~experiment", "name=x"]
    command = [sys.executable, str(app), "-m", *overrides, f"hydra.sweep.dir={tmp_path / 'sweep'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    ran = [line.split("|")[1:] for line in done.stdout.splitlines() if line.startswith("JOB")]
    assert ran == expand(overrides, True, ConfigSource(conf))
