from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from aurl import __version__
from aurl.cli import COMMANDS, main
from aurl.errors import ConfigError, DataError


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[list[str]], int]], None]:
    """Puts a function in the place of `aurl doctor`."""

    def put(function: Callable[[list[str]], int]) -> None:
        module = ModuleType("aurl.cli.doctor")
        module.run = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "aurl.cli.doctor", module)

    return put


def fail(error: BaseException) -> Callable[[list[str]], int]:
    def run(args: list[str]) -> int:
        raise error

    return run


def aurl(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aurl", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_help_lists_every_command_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, summary in COMMANDS.items():
        assert sum(line.split()[:1] == [name] and line.endswith(summary) for line in lines) == 1


def test_nothing_typed_shows_the_help_and_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: aurl COMMAND" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"aurl {__version__}\n"


def test_an_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trian"]) == 2
    assert (
        capsys.readouterr().err
        == "aurl: error: trian: no such command. Did you mean 'train'? `aurl --help` lists them.\n"
    )


def test_the_arguments_go_to_the_command_and_its_code_comes_back(command: Callable[..., None]) -> None:
    seen: list[list[str]] = []

    def run(args: list[str]) -> int:
        seen.append(args)
        return 75

    command(run)
    assert main(["doctor", "a", "--b"]) == 75
    assert seen == [["a", "--b"]]


@pytest.mark.parametrize(("error", "code"), [(ConfigError("x=1: no"), 2), (DataError("no folder"), 2)])
def test_errors_are_one_line_without_a_traceback(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    command(fail(error))
    assert main(["doctor"]) == code
    captured = capsys.readouterr()
    assert captured.err == f"aurl: error: {error}\n"
    assert captured.out == ""


def test_a_traceback_on_demand(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AURL_DEBUG", "1")
    command(fail(ConfigError("x=1: no")))
    assert main(["doctor"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_bug_is_not_hidden(command: Callable[..., None]) -> None:
    command(fail(ZeroDivisionError("bug")))
    with pytest.raises(ZeroDivisionError):
        main(["doctor"])


def test_an_interrupt(command: Callable[..., None]) -> None:
    command(fail(KeyboardInterrupt()))
    assert main(["doctor"]) == 130


def test_the_process_exits_with_the_code() -> None:
    done = aurl("chekc")
    assert done.returncode == 2
    assert "Did you mean 'check'?" in done.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    code = (
        "import sys; from types import ModuleType; m = ModuleType('aurl.cli.doctor')\n"
        "m.run = lambda args: [print('x' * 1000) for _ in range(10_000)] and 0\n"
        "sys.modules['aurl.cli.doctor'] = m\n"
        "from aurl.cli import main; sys.exit(main(['doctor']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait() == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from aurl.cli import main; main(['--help'])\n"
        "heavy = {'torch', 'hydra', 'omegaconf', 'wandb', 'numpy', 'rich', 'polars', 'psutil'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
