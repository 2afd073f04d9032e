"""What curves are called beside charts: all that differs, as it was typed, and no two alike."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import aurl.dashboard.app

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module and what it imports, as node takes them."""
    folder = tmp_path_factory.mktemp("js")
    for name in ("labels.js", "format.js"):
        shutil.copy(Path(aurl.dashboard.app.STATIC) / "js" / name, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder / "labels.js"


def labels(script: Path, groups: list[list[dict[str, Any]]]) -> list[str]:
    keys = sorted({key for rows in groups for row in rows for key in row["config"]})
    program = f"import {{ labels }} from {json.dumps(script.as_uri())};"
    program += f"console.log(JSON.stringify(labels({json.dumps(groups)}, {json.dumps(keys)})));"
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program], capture_output=True, text=True, check=True, timeout=30
    )
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def row(name: str = "run", seed: int | None = None, **config: Any) -> dict[str, Any]:
    typed = {key.replace("__", "."): value for key, value in config.items()}
    return {"key": name, "id": name, "name": name, "path": name, "seed": seed, "config": typed}


def test_values_stand_as_they_were_typed(script: Path) -> None:
    """Three hundredths read "003" where the last letters of a run's id were its name."""
    groups = [[row(optim__lr=0.003, optim__fused=True)], [row(optim__lr=3e-5, optim__fused=None)]]
    assert labels(script, groups) == ["fused=true, lr=0.003", "fused=null, lr=3e-5"]


def test_groups_of_unequal_size_keep_their_names(script: Path) -> None:
    groups = [[row(model="vae", lr=0.1), row(model="vae", lr=0.1)], [row(model="gan", lr=0.1)]]
    assert labels(script, groups) == ["model=vae", "model=gan"]


def test_all_that_differs_is_told_even_where_less_would_tell_apart(script: Path) -> None:
    groups = [[row(optim__lr=0.1, model__size=8)], [row(optim__lr=0.2, model__size=16)]]
    assert labels(script, groups) == ["size=8, lr=0.1", "size=16, lr=0.2"]


def test_what_a_choice_brings_with_it_is_told_once(script: Path) -> None:
    groups = [
        [row(model___target_="aurl.models.vae.Vae", model__latent=8, model__beta=1.0)],
        [row(model___target_="aurl.models.gan.Gan")],
    ]
    assert labels(script, groups) == ["model=Vae", "model=Gan"]


def test_one_odd_run_does_not_lengthen_the_others(script: Path) -> None:
    groups = [[row(lr=lr, debug__steps=None, debug__rate=0.1)] for lr in (0.1, 0.2, 0.3, 0.4)]
    groups.append([row(lr=0.5, debug__steps=5, debug__rate=0.7)])
    told = labels(script, groups)
    assert told[:4] == ["lr=0.1", "lr=0.2", "lr=0.3", "lr=0.4"]
    assert told[4] == "rate=0.7, steps=5, lr=0.5"


def test_keys_that_end_alike_are_told_apart(script: Path) -> None:
    groups = [[row(encoder__size=1, decoder__size=2)], [row(encoder__size=2, decoder__size=1)]]
    assert labels(script, groups) == ["decoder.size=2, encoder.size=1", "decoder.size=1, encoder.size=2"]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([[row("a", 1, lr=1)], [row("b", 2, lr=1)]], ["seed=1", "seed=2"]),
        ([[row("a")], [row("b")]], ["a", "b"]),
        ([[row("a", 1, lr=1)], [row("a", 2, lr=1)], [row("a", 1, lr=2)]],
         ["lr=1, seed=1", "lr=1, seed=2", "lr=2, seed=1"]),
        ([[row("a")]], ["a"]),
    ],
)  # fmt: skip
def test_runs_of_one_setting(script: Path, groups: list[list[dict[str, Any]]], expected: list[str]) -> None:
    assert labels(script, groups) == expected
