from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from aurl.config.resume import value_of, with_saved
from aurl.errors import ConfigError, RunError


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "out" / "a" / "2026-01-01_00-00-00_ab12,x=1"
    (run / ".hydra").mkdir(parents=True)
    (run / "checkpoints" / "step_00000004").mkdir(parents=True)
    saved = ["model=vae", "optim.lr=0.1", "resume='old'", "+logging.x.api_key=***"]
    (run / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(saved))
    (run / "run.json").write_text('{"id": "x", "status": "failed", "started": 1, "name": "a"}')
    return run


def with_saved_overrides(overrides: list[str], multirun: bool = False) -> list[str]:
    return with_saved(["--multirun"] if multirun else [], overrides)[1]


def test_without_resume_nothing_changes() -> None:
    assert with_saved_overrides(["a=1"]) == ["a=1"]
    assert with_saved_overrides(["resume=null"]) == ["resume=null"]


def test_saved_overrides_come_first_and_typed_ones_win(run: Path) -> None:
    assert with_saved_overrides([f"resume={run}", "optim.lr=0.2", "trainer.epochs=9"]) == [
        "model=vae",
        "optim.lr=0.2",
        "trainer.epochs=9",
        f"resume='{run}'",
        f"hydra.run.dir='{run}'",
    ]


def test_a_checkpoint_resumes_its_run(run: Path) -> None:
    checkpoint = run / "checkpoints" / "step_00000004"
    completed = with_saved_overrides([f"resume='{checkpoint}'"])
    assert completed[-2:] == [f"resume='{checkpoint}'", f"hydra.run.dir='{run}'"]


def test_latest_is_looked_up_under_the_outputs_given(run: Path, tmp_path: Path) -> None:
    completed = with_saved_overrides(["resume=latest", f"paths.outputs={tmp_path / 'out'}"])
    assert completed[-1] == f"hydra.run.dir='{run}'"


def test_what_cannot_be_resumed_is_said(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="leave out -m"):
        with_saved_overrides([f"resume={run}"], multirun=True)
    with pytest.raises(RunError, match="no such checkpoint; there are: step_00000004"):
        with_saved_overrides([f"resume={run}/checkpoints/step_00000009"])
    (run / ".hydra" / "overrides.yaml").unlink()
    with pytest.raises(RunError, match="only runs made by `aurl train`"):
        with_saved_overrides([f"resume={run}"])


def test_the_last_value_of_a_key_counts_without_its_quotes() -> None:
    assert value_of(["a=1", "a='2 3'"], "a") == "2 3"
    assert value_of(["+a=1"], "a") == "1"
    assert value_of(["b=1"], "a") is None


def started(
    run: Path, *, name: str = "train", own: tuple[str, ...] = (), sources: dict[str, str] | None = None
) -> None:
    """What Hydra says of the start of a run."""
    told = [{"provider": provider, "path": path, "schema": "file"} for provider, path in (sources or {}).items()]
    hydra = {"job": {"config_name": name}, "overrides": {"hydra": list(own)}, "runtime": {"config_sources": told}}
    (run / ".hydra" / "hydra.yaml").write_text(yaml.safe_dump({"hydra": hydra}))


def test_the_config_name_its_folder_and_the_search_path_are_those_of_the_start(run: Path) -> None:
    own = ("hydra.searchpath=[file:///mine]", "hydra.run.dir=x", "hydra.mode=RUN", "hydra/launcher=basic")
    started(run, name="mine", own=own, sources={"hydra": "hydra.conf", "main": "/aurl/conf", "command-line": "/mine"})
    flags, overrides = with_saved([], [f"resume={run}"])
    assert flags == ["--config-name", "mine", "--config-dir", "/mine"]
    assert overrides[0] == "hydra.searchpath=[file:///mine]"
    assert not any(text.startswith(("hydra.mode", "hydra/launcher", "hydra.run.dir=x")) for text in overrides)
    typed = ["--config-name", "other", "--config-dir", "/elsewhere"]
    assert with_saved(typed, [f"resume={run}"])[0] == typed


def test_a_start_without_flags_needs_none(run: Path) -> None:
    started(run, sources={"main": "/aurl/conf"})
    assert with_saved([], [f"resume={run}"])[0] == []


def test_latest_is_looked_up_where_the_config_says(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_OUTPUTS", str(tmp_path / "out"))
    completed = with_saved_overrides(["resume=latest", "paths.outputs=${oc.env:MY_OUTPUTS}"])
    assert completed[-1] == f"hydra.run.dir='{run}'"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert with_saved_overrides(["resume=latest", "paths.outputs='~/out'"])[-1] == f"hydra.run.dir='{run}'"
