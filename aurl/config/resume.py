"""`resume=RUN`: the run's own overrides first, then what is typed now, in the run's own directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from aurl.errors import ConfigError, RunError
from aurl.machine.secrets import MASK
from aurl.runs.listing import resolve_run

DEFAULT_OUTPUTS = "outputs"


def with_saved_overrides(overrides: Sequence[str], multirun: bool = False) -> list[str]:
    """The overrides of a command, completed with those of the run that it resumes, if it resumes one.

    `resume=` takes a run directory, a run id, a checkpoint directory, or `latest`. Overrides typed now win. A secret
    that was typed at the start was masked in the run's files, so it must be typed again or come from the environment.

    Raises:
        ConfigError: resume together with a sweep.
        RunError: there is no such run, or it was not made by `train`.
    """
    spec = value_of(overrides, "resume")
    if spec in {None, "", "null"}:
        return list(overrides)
    assert spec is not None
    if multirun:
        raise ConfigError(
            f"resume={spec}: goes on with one run; leave out -m, or resume the jobs of a sweep one by one"
        )
    run, checkpoint = locate(spec, Path(value_of(overrides, "paths.outputs") or DEFAULT_OUTPUTS))
    typed = [text for text in overrides if _key(text) not in {"resume", "hydra.run.dir"}]
    saved = [text for text in _saved(run) if _key(text) not in {"resume", *map(_key, typed)} and MASK not in text]
    return [*saved, *typed, f"resume={_quoted(checkpoint or run)}", f"hydra.run.dir={_quoted(run)}"]


def locate(spec: str, outputs: Path) -> tuple[Path, Path | None]:
    """The run directory that `resume=spec` means, and the checkpoint where one was named.

    Raises:
        RunError: there is no such run or checkpoint.
    """
    path = Path(spec).expanduser()
    if path.parent.name == "checkpoints":
        if not path.is_dir():
            there = sorted(place.name for place in path.parent.glob("step_*"))
            raise RunError(f"resume={spec}: no such checkpoint; there are: {', '.join(there) or 'none'}")
        return path.parent.parent.absolute(), path.resolve()
    return resolve_run(spec, outputs).absolute(), None


def value_of(overrides: Sequence[str], key: str) -> str | None:
    """The value that the last override of this key gives, unquoted; None without one."""
    values = [text.partition("=")[2] for text in overrides if _key(text) == key]
    return values[-1].strip("'\"") if values else None


def _saved(run: Path) -> list[str]:
    path = run / ".hydra" / "overrides.yaml"
    try:
        return [str(text) for text in yaml.safe_load(path.read_text(encoding="utf-8")) or ()]
    except (OSError, yaml.YAMLError) as error:
        raise RunError(f"{path}: cannot be read ({error}); only runs made by `aurl train` can be resumed") from error


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
