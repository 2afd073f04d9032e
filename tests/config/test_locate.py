from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from aurl.config.locate import locate
from aurl.errors import ConfigError
from aurl.runs.rundir import RunDirectory


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the user's, trusted."""
    folder = tmp_path / "userpackage"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("AURL_TRUST", "other, userpackage")
    for name in [name for name in sys.modules if name.startswith("userpackage")]:
        monkeypatch.delitem(sys.modules, name)
    return folder


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("aurl.runs.rundir.RunDirectory", RunDirectory),
        ("torch.optim.AdamW", torch.optim.AdamW),
        ("torch.relu", torch.relu),
    ],
)
def test_classes_and_functions(target: str, found: object) -> None:
    assert locate(target) is found


def test_a_name_inside_a_class() -> None:
    assert locate("aurl.record.Severity.mro")() == list(__import__("aurl.record").record.Severity.__mro__)


def test_a_package_that_is_trusted(package: Path) -> None:
    (package / "sinks.py").write_text("class Mine: pass\n")
    assert locate("userpackage.sinks.Mine").__name__ == "Mine"


def test_a_package_with_a_trusted_prefix_in_its_name_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURL_TRUST", "")
    with pytest.raises(ConfigError, match="torchvision.*not trusted.*AURL_TRUST=torchvision"):
        locate("torchvision.models.resnet18")


@pytest.mark.parametrize("target", ["torch.os.system", "aurl.errors.get_close_matches", "torch.sys.exit"])
def test_what_a_trusted_module_only_borrows_is_not_trusted(target: str) -> None:
    with pytest.raises(ConfigError, match="made in"):
        locate(target)


@pytest.mark.parametrize("target", ["torch.hub.load", "torch.load", "torch.utils.cpp_extension.load"])
def test_what_runs_foreign_code_has_to_be_named(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="not trusted"):
        locate(target)
    if target == "torch.load":
        monkeypatch.setenv("AURL_TRUST", "torch.load,torch.serialization")
        assert locate(target) is torch.load


@pytest.mark.parametrize("target", [None, 3, "", "vae", "aurl..x", "aurl.x-y.Z", ".aurl.x"])
def test_what_is_no_name(target: object) -> None:
    with pytest.raises(ConfigError, match="not the full name"):
        locate(target)


def test_three_ways_not_to_be_there(package: Path) -> None:
    (package / "needs.py").write_text("import package_that_is_missing\n")
    (package / "needs_wandb.py").write_text("raise ModuleNotFoundError('no', name='wandb')\n")
    (package / "there.py").write_text("class Sink: pass\n")
    with pytest.raises(ConfigError, match=r"no module 'userpackage\.ther'\. Did you mean 'userpackage\.there'\?"):
        locate("userpackage.ther.Sink")
    with pytest.raises(ConfigError, match=r"'userpackage\.there' has no 'Sinc'\. Did you mean 'Sink'\?"):
        locate("userpackage.there.Sinc")
    with pytest.raises(ConfigError, match=r"'package_that_is_missing', which is not installed; run pip install pack"):
        locate("userpackage.needs.Sink")
    with pytest.raises(ConfigError, match=r"run pip install 'aurl\[wandb\]'"):
        locate("userpackage.needs_wandb.Sink")


@pytest.mark.parametrize(
    "source", ["def broken(:\n", "1 / 0 if False else undefined\n", "import os; os.stat('/nowhere')\n"]
)
def test_a_module_that_fails_to_import_says_how(package: Path, source: str) -> None:
    (package / "broken.py").write_text(source)
    with pytest.raises(ConfigError, match=r"importing userpackage\.broken failed: (SyntaxError|NameError|FileNot)"):
        locate("userpackage.broken.Sink")


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURL_TRUST", "not_installed_anywhere")
    with pytest.raises(ConfigError, match="no package 'not_installed_anywhere' is installed"):
        locate("not_installed_anywhere.Sink")
