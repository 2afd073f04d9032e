"""Small real trainings for the tests: synthetic music, a model of one layer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings

from aurl.config.preflight import preflight
from aurl.config.resolvers import register
from aurl.run import Outcome, execute

# A busy machine makes no test fail. What lands is judged by the same examples each time; elsewhere new ones are looked
# for at every run, and one that fails belongs into the test as an `@example`.
settings.register_profile(
    "aurl",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("aurl")

TINY = (
    "data=synthetic",
    "data.source.pieces=12",
    "data.source.bars=4",
    "data.bars=2",
    "data.batch_size=4",
    "data.seq_len=96",
    "model/size=tiny",
    "model.d_model=32",
    "model.n_layers=1",
    "sample.audio=false",
    "sample.image=false",
    "sample.count=1",
    "sample.scored=2",
    "sample.length=48",
    "logging=[]",
    "pictures=[]",
    "probe_seconds=0",
    "report=false",
    "trainer.eval_every=null",
    "name=tiny",
)
"""A training of five steps an epoch, some hundredths of a second each."""


class Trainer:
    """Trains tiny models in this process, as `aurl train` would, without Hydra's own output directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def config(self, *overrides: str) -> dict[str, Any]:
        register()
        [config] = preflight([*TINY, f"paths.outputs='{self.folder}'", *overrides])
        return config

    def __call__(self, name: str, *overrides: str) -> Outcome:
        return execute(self.config(*overrides), self.folder / name, ["train.py", *overrides])


@pytest.fixture
def train(tmp_path: Path) -> Trainer:
    torch.set_num_threads(1)
    return Trainer(tmp_path)
