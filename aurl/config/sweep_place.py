"""One folder for all jobs of a sweep, also where what names it is swept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aurl.config.grammar import quoted
from aurl.config.resolvers import home
from aurl.config.resume import value_of
from aurl.runs.stamp import stamp

LONGEST_NAME = 60


def sweep_place(overrides: Sequence[str], configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The override that says where a sweep goes, `outputs/<names>/sweeps/<stamp>`; none where the user says so.

    Hydra would give each value of a swept `name`, or of an experiment that sets one, a folder of its own, which
    nothing could compare in the end.

    Args:
        configs: the resolved config of each job.
    """
    if value_of(overrides, "hydra.sweep.dir") is not None:
        return []
    names = list(dict.fromkeys(str(config["name"]) for config in configs))
    outputs = str(configs[0]["paths"]["outputs"])
    if len(names) == 1 and all(str(config["paths"]["outputs"]) == outputs for config in configs):
        return []
    joined = "+".join(names)
    if len(joined.encode()) > LONGEST_NAME:
        joined = f"{names[0]}+{len(names) - 1}"
    return [f"hydra.sweep.dir={quoted(f'{home(outputs)}/{joined}/sweeps/{stamp()}')}"]
