"""Where things lie in a run's directory. Other people's scripts rely on these names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The layout of one run under `outputs/`; knows names, opens nothing.

    Attributes:
        path: the run's own directory.
    """

    path: Path

    @property
    def run_json(self) -> Path:
        return self.path / "run.json"

    @property
    def config_json(self) -> Path:
        return self.path / "config.json"

    @property
    def hydra(self) -> Path:
        return self.path / ".hydra"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def train_log(self) -> Path:
        return self.logs / "train.log"

    @property
    def events(self) -> Path:
        return self.path / "events"

    @property
    def records(self) -> Path:
        return self.events / "records.jsonl"

    @property
    def scalars_parquet(self) -> Path:
        return self.events / "scalars.parquet"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def id(self) -> str:
        """The run's id: the name of its directory."""
        return self.path.name

    def create(self) -> None:
        """Make the directory and its folders where they are missing.

        Raises:
            OSError: the disk is full or the place may not be written.
        """
        for folder in (self.logs, self.events, self.samples, self.checkpoints):
            folder.mkdir(parents=True, exist_ok=True)
