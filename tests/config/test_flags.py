from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hydra._internal.utils import get_args_parser

from aurl.config.flags import INFO, SWITCHES, WITH_VALUE, is_multirun, source_of, split_argv
from aurl.errors import ConfigError


@pytest.mark.parametrize(
    ("argv", "flags", "overrides"),
    [
        ([], [], []),
        (["a=1", "-m", "b=1,2"], ["--multirun"], ["a=1", "b=1,2"]),
        (["-m", "a=1", "--cfg", "job", "b=2"], ["--multirun", "--cfg", "job"], ["a=1", "b=2"]),
        (["--cfg=job"], ["--cfg", "job"], []),
        (["-c", "job", "-p", "model"], ["--cfg", "job", "--package", "model"], []),
        (["--info"], ["--info", "all"], []),
        (["-i", "defaults", "a=1"], ["--info", "defaults"], ["a=1"]),
        (["-i", "a=1"], ["--info", "all"], ["a=1"]),
        (["a=-1", "~b", "+c=2"], [], ["a=-1", "~b", "+c=2"]),
        (["-cn", "train", "-h"], ["--config-name", "train", "--help"], []),
    ],
)
def test_flags_may_stand_anywhere(argv: list[str], flags: list[str], overrides: list[str], conf: Path) -> None:
    place = ["--config-path", str(conf)]
    assert split_argv([*place, *argv]) == ([*place, *flags], overrides)


def test_the_flags_are_those_of_hydra() -> None:
    actions = {action.option_strings[0]: action for action in get_args_parser()._actions if action.option_strings}
    assert {name for name, action in actions.items() if action.nargs == 0} == set(SWITCHES)
    assert {name for name, action in actions.items() if action.nargs is None} == set(WITH_VALUE)
    assert {name for name, action in actions.items() if action.nargs == "?"} == {INFO}
    for name, short in (SWITCHES | WITH_VALUE).items():
        assert (short or name) in actions[name].option_strings


def test_hydra_takes_what_comes_out(conf: Path) -> None:
    flags, overrides = split_argv(["--config-path", str(conf), "a=1", "-m", "b=1,2"])
    parsed = get_args_parser().parse_args([*flags, *overrides])
    assert parsed.multirun
    assert parsed.overrides == ["a=1", "b=1,2"]


def test_hydra_alone_refuses_a_flag_in_the_middle() -> None:
    """The reason for this module; when this fails, Hydra has learned it."""
    code = "from hydra._internal.utils import get_args_parser; get_args_parser().parse_args(['a=1', '-m', 'b=1,2'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unrecognized arguments: b=1,2" in done.stderr


def test_options_that_read_as_numbers_come_out_quoted(conf: Path) -> None:
    assert split_argv(["--config-path", str(conf), "debug=nan"])[1] == ["debug='nan'"]


def test_the_source_of_configs(conf: Path, tmp_path: Path) -> None:
    flags, _ = split_argv(["-cp", str(conf), "-cd", str(tmp_path), "--config-name", "train.yaml", "-m"])
    source = source_of(flags)
    assert (source.config_dir, source.extra_dirs, source.config_name) == (conf, (tmp_path,), "train")
    assert is_multirun(flags)
    assert not is_multirun([])


@pytest.mark.parametrize("argv", [["--nope"], ["-x"], ["--multirun=1"], ["-mx"]])
def test_unknown_flags_are_refused(argv: list[str]) -> None:
    with pytest.raises(ConfigError, match="no such flag"):
        split_argv(argv)
