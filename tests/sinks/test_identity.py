from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aurl.runs.rundir import RunDirectory
from aurl.sinks.identity import identity


def directory(path: Path, about: dict[str, Any], config: dict[str, Any] | None = None) -> RunDirectory:
    run = RunDirectory(path)
    run.create()
    run.run_json.write_text(json.dumps(about))
    if config is not None:
        run.config_json.write_text(json.dumps(config))
    return run


def test_a_single_run_has_its_name_and_no_group(tmp_path: Path) -> None:
    about = {"name": "chorales", "tags": ["a"], "argv": ["train.py", "seed=1"], "git": {"sha": "abc"}, "torch": "2.13"}
    found = identity(directory(tmp_path / "2026_ab12", about, {"optim.lr": 0.1, "optim.eps": 1e-8, "seed": 1}))
    assert (found.name, found.project, found.group) == ("chorales 2026_ab12", "chorales", None)
    assert found.config == {"optim": {"lr": 0.1, "eps": 1e-8}, "seed": 1, "env": {"torch": "2.13"}}
    assert (found.tags, found.notes, found.commit) == (["a"], "train.py seed=1", "abc")


def test_jobs_of_a_sweep_share_a_group_and_nothing_else(tmp_path: Path) -> None:
    sweep = tmp_path / "chorales" / "sweeps" / "2026-01-01"
    one, two = (identity(directory(sweep / f"{job}_seed={job}", {"name": "chorales"})) for job in (0, 1))
    assert one.group == two.group == "chorales 2026-01-01"
    assert one.id != two.id


def test_the_id_is_the_same_each_time_and_another_on_another_machine(tmp_path: Path) -> None:
    run = directory(tmp_path / "mine", {"host": "a", "started": 1.0})
    assert identity(run).id == identity(run).id
    elsewhere = directory(tmp_path / "elsewhere" / "mine", {"host": "b", "started": 1.0})
    assert identity(run).id != identity(elsewhere).id
    assert identity(run).id.startswith("mine-")


def test_a_folder_without_anything_has_a_name_too(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "a b/c#d")
    run.create()
    found = identity(run)
    assert (found.name, found.project, found.config) == ("c#d", "c-d", {})
    assert found.id.startswith("c-d-")


def test_a_configuration_given_to_the_monitor_counts_and_its_secrets_do_not(tmp_path: Path) -> None:
    found = identity(directory(tmp_path / "mine", {"config": {"lr": 0.1, "api_key": "s3cret"}}))
    assert found.config == {"lr": 0.1, "api_key": "***"}


def test_a_key_that_is_a_value_and_a_node_keeps_both(tmp_path: Path) -> None:
    found = identity(directory(tmp_path / "mine", {}, {"a": 1, "a.b": 2}))
    assert found.config == {"a": 1, "a.b": 2}
