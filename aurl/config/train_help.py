"""The text of `aurl train --help`, without Hydra: what may be typed, read from the folders of `conf/`."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

from aurl.machine.conf import conf_dir

_USAGE = """usage: aurl train [group=option ...] [key=value ...] [-m]

Train a model, or with -m one for each value that is given: aurl train -m optim.lr=0.001,0.003 seed=1,2,3

  aurl train experiment=quick                    a small run to see that all works
  aurl train data=midi_folder data.root=DIR      on your own MIDI files
  aurl train model=vae optim.lr=0.003 trainer.steps=20000
  aurl train resume=latest                       go on with the newest run (or a run's id or folder)
  aurl check model=vae                           is that right? Says so without training

A key is any value of the configuration: --cfg job prints all of them with their values. +key=value adds one.
"""
_FLAGS = """flags:
  -m, --multirun        a sweep over values with commas between them
  --cfg job             print the configuration that these overrides make, and train nothing
  --config-dir DIR      a folder of options of your own beside those of aurl
  --hydra-help          the flags of Hydra, which reads all this

docs/configuration.md describes every key."""


def help_text() -> str:
    """The whole text, as wide as the window."""
    width = min(120, shutil.get_terminal_size().columns)
    lines = [_line(name, options, width) for name, options in _groups(conf_dir()).items()]
    return "\n".join([_USAGE, "groups and their options:", *lines, "", _FLAGS])


def _groups(conf: Path) -> dict[str, list[str]]:
    """The options of each group; those of a group within a group under both names."""
    found: dict[str, list[str]] = {}
    for file in sorted(conf.glob("*/**/*.yaml")):
        group = file.parent.relative_to(conf).as_posix()
        if group != "hydra":
            found.setdefault(group, []).append(file.stem)
    return found


def _line(name: str, options: list[str], width: int) -> str:
    head = f"  {name:17} "
    return textwrap.fill(", ".join(options), max(40, width), initial_indent=head, subsequent_indent=" " * len(head))
