"""`resume=RUN`: the run's own overrides first, then what is typed now, in the run's own directory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from aurl.config.flags import is_multirun, source_of
from aurl.config.grammar import quoted
from aurl.config.session import CONFIG_NAME
from aurl.errors import ConfigError, RunError
from aurl.machine.conf import conf_dir
from aurl.machine.secrets import MASK, mask_override
from aurl.machine.untrusted import yaml_document
from aurl.runs.listing import is_run, resolve_run

DEFAULT_OUTPUTS = "outputs"
# Hydra's own overrides that belong to one start, and not to what is trained.
_OF_ONE_START = ("hydra.run.", "hydra.sweep", "hydra.mode", "hydra.launcher", "hydra/launcher", "hydra/sweeper")
_OF_ONE_SWEEP = ("hydra.run.", "hydra.sweep.dir", "hydra.mode")
SWEEP_FILE = "multirun.yaml"  # of Hydra's, in the folder of each sweep


def with_saved(flags: Sequence[str], overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """The flags and overrides of a command, completed with those of the run that it resumes, if it resumes one.

    `resume=` takes a run directory, a run id, a checkpoint directory, `latest`, or the folder of a sweep. What is typed
    now wins; what nobody typed is as it was when the run began, whatever the defaults of aurl are by now. A secret that
    was typed at the start was masked in the run's files, so it must be typed again or come from the environment.

    Args:
        flags, overrides: as `aurl.config.flags.split_argv` gives them.

    Raises:
        ConfigError: `-m` with one run, or a sweep with settings that it did not begin with.
        RunError: there is no such run, or it was not made by `train`.
    """
    spec = value_of(overrides, "resume")
    if spec in {None, "", "null"}:
        return list(flags), list(overrides)
    assert spec is not None
    outputs = _outputs(flags, overrides)
    if (sweep := sweep_of(spec, outputs)) is not None:
        return _with_saved_sweep(sweep, flags, overrides)
    if is_multirun(flags):
        raise ConfigError(
            f"resume={spec}: goes on with one run; leave out -m, or resume the jobs of a sweep one by one"
        )
    from aurl.config.began import as_it_began

    run, checkpoint = locate(spec, outputs)
    typed = [text for text in overrides if _key(text) not in {"resume", "hydra.run.dir"}]
    begun = _begun(run / ".hydra" / "hydra.yaml", run / ".hydra" / "overrides.yaml")
    saved = [text for text in begun.overrides if _key(text) != "resume" and MASK not in text]
    names = set(map(_key, typed))
    began = as_it_began(run, saved, source_of([*flags, *_missing(begun.flags, flags)]))
    saved = [text for text in saved if _key(text) not in names]
    saved += [text for text in began if not _within(_key(text), names)]
    where = [f"resume={quoted(checkpoint or run)}", f"hydra.run.dir={quoted(run)}"]
    return [*flags, *_missing(begun.flags, flags)], [*saved, *typed, *where]


def sweep_of(spec: str, outputs: Path) -> Path | None:
    """The folder of the sweep that `resume=spec` means; None where it means something else."""
    for folder in (Path(spec).expanduser(), outputs / spec):
        if (folder / SWEEP_FILE).is_file() and not is_run(folder):
            return folder.absolute()
    return None


def _with_saved_sweep(sweep: Path, flags: Sequence[str], overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """The sweep's own command once more, in its own folder: each job finds its run there by its overrides."""
    begun = _begun(sweep / SWEEP_FILE, None)
    masked = {_key(text) for text in begun.overrides if MASK in text}
    typed = [text for text in overrides if _key(text) not in {"resume", "hydra.sweep.dir"}]
    for text in typed:
        if _key(text) not in {"retry_failed", *masked}:
            raise ConfigError(
                f"{mask_override(text)}: a sweep goes on with the settings that it began with; leave this out, or "
                f"begin another sweep. Beside resume={sweep} goes retry_failed=true, to repeat what failed"
            )
    if missing := sorted(masked - {_key(text) for text in typed}):
        raise ConfigError(f"{', '.join(missing)}: was a secret and is saved nowhere; type it again beside resume=")
    saved = [text for text in begun.overrides if _key(text) not in {"resume", "retry_failed", *map(_key, typed)}]
    where = [f"resume={quoted(sweep)}", f"hydra.sweep.dir={quoted(sweep)}"]
    added = [] if is_multirun(flags) else ["--multirun"]
    return [*flags, *added, *_missing(begun.flags, flags)], [*saved, *typed, *where]


def _missing(begun: Mapping[str, str], flags: Sequence[str]) -> list[str]:
    known = dict(pairwise(flags))
    return [part for flag, value in begun.items() if flag not in known for part in (flag, value)]


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


class _Begun(NamedTuple):
    """How the run was started: flags that say where configs are read, with their values, and overrides."""

    flags: dict[str, str]
    overrides: list[str]


def _begun(file: Path, tasks: Path | None) -> _Begun:
    """How it was started, as Hydra's own node in `file` tells it.

    Args:
        tasks: the file of the overrides; None where it is a sweep, whose are in `file` too.
    """
    try:
        typed = [] if tasks is None else yaml_document(tasks)
    except (OSError, ValueError) as error:
        raise RunError(f"{tasks}: cannot be read ({error}); only runs made by `aurl train` can be resumed") from error
    try:
        hydra = yaml_document(file).get("hydra") or {}
        if tasks is None:
            typed = hydra["overrides"]["task"]
        name, own = hydra["job"]["config_name"], [str(text) for text in hydra["overrides"]["hydra"] or ()]
        sources = {str(source["provider"]): str(source["path"]) for source in hydra["runtime"]["config_sources"]}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        if tasks is None:
            raise RunError(f"{file}: tells of no sweep ({error}); only sweeps of `aurl train -m` go on") from error
        return _Begun({}, [str(text) for text in typed or ()])  # of an older aurl, or by hand
    flags = {"--config-name": str(name)} if name not in {None, CONFIG_NAME} else {}
    main, extra = sources.get("main", ""), sources.get("command-line", "")
    if main and Path(main).resolve() != conf_dir().resolve() and name not in {None, CONFIG_NAME} and not extra:
        flags["--config-path"] = main
    if extra:
        flags["--config-dir"] = extra
    own = [text for text in own if not _key(text).startswith(_OF_ONE_START if tasks else _OF_ONE_SWEEP)]
    return _Begun(flags, [*own, *(str(text) for text in typed or ())])


def _outputs(flags: Sequence[str], overrides: Sequence[str]) -> Path:
    """Where the config says that runs go; the usual place where it says nothing that can be understood yet."""
    from aurl.config.build import to_plain
    from aurl.config.compose import compose_in
    from aurl.config.session import session

    rest = [text for text in overrides if _key(text) != "resume"]
    try:
        with session(source_of(flags)) as opened:
            outputs = to_plain(compose_in(opened, rest))["paths"]["outputs"]
    except (ConfigError, KeyError, TypeError):
        outputs = value_of(overrides, "paths.outputs") or DEFAULT_OUTPUTS
    return Path(str(outputs)).expanduser()


def _within(key: str, names: Collection[str]) -> bool:
    """Whether one of these names, `optim` or `optim.schedule`, is that of the key or of what holds it."""
    parts = key.replace("/", ".").split(".")
    return any(
        ".".join(parts[:depth]) in {name.replace("/", ".") for name in names} for depth in range(1, len(parts) + 1)
    )


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]
