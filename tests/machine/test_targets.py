from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from aurl.errors import ConfigError
from aurl.machine.targets import locate
from aurl.sinks.base import Sink


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
    ("target", "base"),
    [
        ("aurl.sinks.memory.MemorySink", Sink),
        ("torch.optim.AdamW", torch.optim.Optimizer),
        ("torch.optim.lr_scheduler.OneCycleLR", torch.optim.lr_scheduler.LRScheduler),
        ("torch.nn.Linear", torch.nn.Module),
    ],
)
def test_a_class_of_the_kind_that_is_expected(target: str, base: type) -> None:
    found = locate(target, base)
    assert isinstance(found, type)
    assert issubclass(found, base)


@pytest.mark.parametrize(
    "target",
    [
        "torch.utils.collect_env.run",
        "torch.hub.load",
        "torch.load",
        "torch.jit.load",
        "torch.os.system",
        "torch.optim.AdamW",
        "aurl.machine.git.subprocess.run",
        "aurl.cli.main",
        "aurl.errors.ConfigError",
        "aurl.errors.get_close_matches",
        "aurl.models.vae.VAE",
    ],
)
@pytest.mark.parametrize("trusted", ["", "other"])
def test_no_other_class_or_function_of_aurl_or_torch(
    target: str, trusted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AURL_TRUST", trusted)
    with pytest.raises(ConfigError, match=r"aurl\.sinks\.base\.Sink"):
        locate(target, Sink)
    with pytest.raises(ConfigError, match="no class may be named here"):
        locate(target)


def test_a_class_of_torch_only_where_its_kind_is_expected() -> None:
    with pytest.raises(ConfigError, match=r"not trusted: here stands .*Sink or a class below it, from aurl\.\*\.$"):
        locate("torch.nn.Linear", Sink)
    with pytest.raises(ConfigError, match=r"aurl\.\* or torch\.nn\.\*"):
        locate("torch.jit.ScriptModule", torch.nn.Module)
    with pytest.raises(ConfigError, match="not a class of the kind"):
        locate("torch.nn.functional.relu", torch.nn.Module)


def test_nothing_is_imported_of_a_package_that_is_not_trusted(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "sinks.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.setenv("AURL_TRUST", "other")
    with pytest.raises(ConfigError, match="AURL_TRUST=userpackage"):
        locate("userpackage.sinks.Mine", Sink)
    assert "userpackage" not in sys.modules


def test_a_trusted_package_has_to_give_the_expected_kind_too(package: Path) -> None:
    (package / "sinks.py").write_text(
        "from aurl.sinks.base import Sink\nfrom aurl.sinks.memory import MemorySink\n"
        "class Mine(MemorySink): pass\nclass Other: pass\n"
        "def make() -> Sink: return Mine()\ndef unknown(): return Mine()\n"
    )
    assert locate("userpackage.sinks.Mine", Sink).__name__ == "Mine"
    assert locate("userpackage.sinks.make", Sink).__name__ == "make"
    with pytest.raises(ConfigError, match="is a class, but none of the kind"):
        locate("userpackage.sinks.Other", Sink)
    with pytest.raises(ConfigError, match="annotate what it returns with"):
        locate("userpackage.sinks.unknown", Sink)


@pytest.mark.parametrize("target", [None, 3, "", "vae", "aurl..x", "aurl.x-y.Z", ".aurl.x"])
def test_what_is_no_name(target: object) -> None:
    with pytest.raises(ConfigError, match="not the full name"):
        locate(target, Sink)


def test_three_ways_not_to_be_there(package: Path) -> None:
    (package / "needs.py").write_text("import package_that_is_missing\n")
    (package / "needs_wandb.py").write_text("raise ModuleNotFoundError('no', name='wandb')\n")
    (package / "there.py").write_text("class Sink: pass\n")
    with pytest.raises(ConfigError, match=r"no module 'userpackage\.ther'\. Did you mean 'userpackage\.there'\?"):
        locate("userpackage.ther.Sink", Sink)
    with pytest.raises(ConfigError, match=r"'userpackage\.there' has no 'Sinc'\. Did you mean 'Sink'\?"):
        locate("userpackage.there.Sinc", Sink)
    with pytest.raises(ConfigError, match=r"'package_that_is_missing', which is not installed; run pip install pack"):
        locate("userpackage.needs.Sink", Sink)
    with pytest.raises(ConfigError, match=r"run pip install 'aurl\[wandb\]'"):
        locate("userpackage.needs_wandb.Sink", Sink)


@pytest.mark.parametrize(
    "source", ["def broken(:\n", "1 / 0 if False else undefined\n", "import os; os.stat('/nowhere')\n"]
)
def test_a_module_that_fails_to_import_says_how(package: Path, source: str) -> None:
    (package / "broken.py").write_text(source)
    with pytest.raises(ConfigError, match=r"importing userpackage\.broken failed: (SyntaxError|NameError|FileNot)"):
        locate("userpackage.broken.Sink", Sink)


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURL_TRUST", "not_installed_anywhere")
    with pytest.raises(ConfigError, match="no package 'not_installed_anywhere' is installed"):
        locate("not_installed_anywhere.Sink", Sink)
