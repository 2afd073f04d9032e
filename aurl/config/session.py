"""One place where Hydra's loader is set up: outside a job, on aurl's config folder and those added to it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.types import RunMode
from omegaconf import DictConfig

from aurl.errors import ConfigError
from aurl.machine.conf import conf_dir

CONFIG_NAME = "train"


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """Where a config is read from.

    Attributes:
        config_dir: the folder of the primary config; aurl's own where None.
        extra_dirs: folders searched after it, as `--config-dir` adds them.
        config_name: the primary config, without `.yaml`.
    """

    config_dir: Path | None = None
    extra_dirs: tuple[Path, ...] = ()
    config_name: str = CONFIG_NAME

    def folders(self) -> list[Path]:
        """All config folders, absolute, the primary one first.

        Raises:
            ConfigError: one of them does not exist, or the primary config is not in the first.
        """
        folders = [(self.config_dir or conf_dir()).resolve(), *(folder.resolve() for folder in self.extra_dirs)]
        for folder in folders:
            if not folder.is_dir():
                raise ConfigError(f"{folder}: no such config folder.")
        if not any((folder / f"{self.config_name}.yaml").is_file() for folder in folders):
            names = ", ".join(sorted(path.stem for path in folders[0].glob("*.yaml"))) or "none"
            raise ConfigError(
                f"{folders[0]}: no {self.config_name}.yaml in this config folder. Configs there: {names}."
            )
        return folders


class Session:
    """An open loader: composes configs, and knows the groups and their options."""

    def __init__(self, source: ConfigSource) -> None:
        self.source = source
        self.folders = source.folders()

    def compose(self, overrides: Sequence[str], multirun: bool = False) -> DictConfig:
        """The composed config with its `hydra` node; errors are Hydra's own.

        Args:
            multirun: compose what is common to the jobs of a sweep, as Hydra does before it asks the sweeper.
        """
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # a search path that is missing, a defaults list without _self_
            return hydra.compose_config(
                config_name=self.source.config_name,
                overrides=list(overrides),
                run_mode=RunMode.MULTIRUN if multirun else RunMode.RUN,
                from_shell=False,
                with_log_configuration=False,
            )

    def options(self, group: str) -> list[str]:
        """The names of the yaml files in a group."""
        return self._repository().get_group_options(group, ObjectType.CONFIG) if self.is_group(group) else []

    def groups(self, parent: str = "") -> Collection[str]:
        """All groups with their full names, `anomaly/detectors` for one."""
        found: list[str] = []
        for name in self._repository().get_group_options(parent, ObjectType.GROUP):
            group = f"{parent}/{name}" if parent else name
            found += [group, *self.groups(group)]
        return found

    def is_group(self, name: str) -> bool:
        return bool(name) and bool(self._repository().group_exists(name))

    def loader(self) -> ConfigLoader:
        return GlobalHydra.instance().config_loader()

    def _repository(self) -> Any:
        return cast(Any, self.loader()).repository


@contextmanager
def session(source: ConfigSource | None = None) -> Iterator[Session]:
    """Hydra's loader for a while; whatever Hydra was doing before is put back.

    Raises:
        ConfigError: a folder or the primary config is missing.
    """
    opened = Session(source or ConfigSource())
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(opened.folders[0]), job_name=CONFIG_NAME, version_base="1.3"):
            _add(opened.folders[1:])
            yield opened
    finally:
        GlobalHydra.instance().hydra = before


def run_one(overrides: Sequence[str], job: Callable[[DictConfig], Any]) -> None:
    """Compose aurl's own config with these overrides and call the job with it, as `hydra.main` does for one run.

    `hydra.main` composes twice, the first time only to learn whether a config file asks for a sweep: a third of a
    second of CPU for a question that aurl's own files answer.
    """
    with session() as opened:
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        hydra.run(config_name=opened.source.config_name, task_function=job, overrides=list(overrides))


def _add(folders: Sequence[Path]) -> None:
    loader = GlobalHydra.instance().config_loader()
    path = loader.get_search_path()
    for folder in folders:
        path.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
    cast(Any, loader).repository.initialize_sources(path)
