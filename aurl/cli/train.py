"""`aurl train [overrides]`: one run, or a sweep with `-m`."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurl.cli.streams import show, tell
from aurl.errors import DONE, PREEMPTED, AurlError, RunError
from aurl.machine.conf import conf_dir
from aurl.machine.garbage import collector_held
from aurl.sweeps.again import last_time, unfinished
from aurl.sweeps.jobs import NEVER, Ended, SweepJobs, sweep_jobs

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from aurl.config.session import ConfigSource
    from aurl.run import Outcome

ASKS = frozenset({"--help", "--hydra-help", "--version", "--cfg", "--info", "--shell-completion"})  # trains nothing


def run(args: list[str]) -> int:
    """Check the whole configuration, then train; returns the exit code, the worst one of a sweep's jobs.

    Raises:
        AurlError: the command cannot begin: bad configuration, nothing to resume.
    """
    if args in (["--help"], ["-h"]):
        from aurl.config.train_help import help_text

        print(help_text())  # at once: Hydra, which would tell the same at more length, takes a second to load
        return DONE
    from aurl.config.flags import is_multirun, source_of, split_argv
    from aurl.config.places import missing_places
    from aurl.config.preflight import preflight
    from aurl.config.resolvers import register
    from aurl.config.resume import with_saved
    from aurl.config.sweep_place import sweep_place

    register()
    flags, overrides = split_argv(args)
    flags, overrides = with_saved(flags, overrides)
    multirun = is_multirun(flags)
    if not ASKS.intersection(flags):
        with collector_held():
            from aurl.run import trial

            checked = preflight(overrides, multirun, source_of(flags), inspect=missing_places, construct=trial.faults)
        if multirun:
            overrides += sweep_place(overrides, checked)
        else:
            _tell_overruled(overrides, checked[0], source_of(flags))
        for outputs in {config["paths"]["outputs"] for config in checked}:
            _make_folder(Path(outputs).expanduser())
    with sweep_jobs() if multirun else nullcontext() as jobs:
        outcomes: list[Outcome] = []
        code = _launch(flags, overrides, _job(outcomes, os.getpid(), ["train.py", *args], jobs))
        ended = jobs.all() if jobs is not None else []
    if text := unfinished(ended):
        tell(f"aurl: {text}")
    codes = [*(one.exit_code for one in ended), *(one.exit_code for one in outcomes)]
    return PREEMPTED if PREEMPTED in codes else code or _worst(codes)


def _tell_overruled(overrides: Sequence[str], config: Mapping[str, Any], source: ConfigSource | None) -> None:
    from aurl.config.overruled import overruled

    for sentence in overruled(overrides, config, source):
        tell(f"aurl: note: {sentence}")


def _make_folder(outputs: Path) -> None:
    try:
        outputs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"paths.outputs={outputs}: cannot be made ({error.strerror}); choose another folder") from error


def _launch(flags: Sequence[str], overrides: Sequence[str], job: Callable[[DictConfig], float]) -> int:
    if not flags and not any(override.lstrip("+~").startswith("hydra.searchpath") for override in overrides):
        from aurl.config.session import run_one

        run_one(overrides, job)
        return 0
    import hydra

    before, sys.argv = sys.argv, ["train.py", *flags, *overrides]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="train")(job)()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    finally:
        sys.argv = before
    return 0


def _job(
    outcomes: list[Outcome], parent: int, argv: list[str], jobs: SweepJobs | None
) -> Callable[[DictConfig], float]:
    def job(config: DictConfig) -> float:
        folder, sweep = places_of_job()
        if jobs is not None and jobs.stopped:  # the machine is being taken away: begin no further job
            with suppress(OSError):
                jobs.add(Ended(NEVER, PREEMPTED, str(folder), str(sweep)))
            return math.nan
        outcome = train_one(config, argv)
        if os.getpid() == parent:
            outcomes.append(outcome)
        try:
            if jobs is not None:
                jobs.add(Ended(outcome.status, outcome.exit_code, str(outcome.folder), str(sweep)))
        except OSError:
            if os.getpid() != parent and outcome.status == "failed":
                raise AurlError(outcome.message) from None  # on another machine: how its launcher hears of it
        return outcome.value

    return job


def train_one(config: DictConfig, argv: list[str]) -> Outcome:
    """One job of Hydra: lock the run, save its configuration, show it, train.

    Nothing is written before the lock is held: a second `resume=` of a live run must not change that one's files.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from aurl.config.build import to_plain
    from aurl.config.files import save_hydra_files
    from aurl.config.show import tree
    from aurl.run import Outcome, execute
    from aurl.runs.lock import begin
    from aurl.runs.rundir import RunDirectory
    from aurl.sweeps.end import mask_sweep_file

    hydra_config = HydraConfig.get()
    folder, sweep = places_of_job()
    lock = None
    try:
        if hydra_config.mode == RunMode.MULTIRUN and config.get("resume"):
            found = last_time(folder, sweep, str(config.checkpoint.metric), retry_failed=bool(config.retry_failed))
            if isinstance(found, Outcome):
                return _told(found)
            config.resume = None if found is None else str(found)
        lock = begin(RunDirectory(folder.absolute()), resume=bool(config.get("resume")))
        save_hydra_files(folder, config, list(hydra_config.overrides.task), hydra_config)
        if hydra_config.mode == RunMode.MULTIRUN:
            mask_sweep_file()
        if config.get("show_config"):
            show(tree(config))
        outcome = execute(to_plain(config), folder, argv)
    except AurlError as error:
        outcome = Outcome("failed", error.exit_code, math.nan, str(error), folder)
    finally:
        if lock is not None:
            lock.release()
    return _told(outcome)


def places_of_job() -> tuple[Path, Path]:
    """Where Hydra's present job has its run, and where its sweep lies."""
    from hydra.core.hydra_config import HydraConfig

    hydra_config = HydraConfig.get()
    return Path(hydra_config.runtime.output_dir), Path(hydra_config.sweep.dir).absolute()


def _told(outcome: Outcome) -> Outcome:
    if outcome.status != "done":
        tell(f"aurl: {outcome.status}: {outcome.message}")
    return outcome


def _worst(codes: Collection[int]) -> int:
    return next((code for code in (75, 1, 2, 3) if code in codes), 0)
