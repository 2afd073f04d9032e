"""Runs that a person has thrown away: moved to `<root>/.trash/`, where no list looks, until they are restored."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from aurl.errors import RunError, did_you_mean
from aurl.machine.portable import RENAMES_OPEN_FILES
from aurl.runs.listing import RunSummary, is_run, read_run
from aurl.runs.lock import acquire
from aurl.runs.rundir import RunDirectory

FOLDER = ".trash"
_SLIP = ".trashed.json"  # beside each run: where it lay, and when it was thrown away


@dataclass(frozen=True, slots=True)
class TrashedRun:
    """A run in the trash.

    Attributes:
        path: where it lies now.
        home: where it lay, relative to the root.
        trashed: when it was thrown away, seconds since the epoch.
    """

    path: Path
    home: Path
    trashed: float

    @property
    def summary(self) -> RunSummary:
        return read_run(self.path)


def throw_away(run: Path, root: Path) -> TrashedRun:
    """Move a finished run into the trash of this root.

    Raises:
        RunError: it is still running, is not a run inside this root, is a link, or cannot be moved.
    """
    home = _home(run, root)
    if read_run(run).status == "running":
        raise RunError(f"{run}: is still running; stop it first, then throw it away")
    lock = acquire(RunDirectory(run.resolve()).events)  # nobody begins to write to it meanwhile
    try:
        if not RENAMES_OPEN_FILES:
            lock.release()  # the folder could not be moved while its lock is open
        return _move(run, home, root.resolve() / FOLDER)
    finally:
        lock.release()


def _move(run: Path, home: Path, trash: Path) -> TrashedRun:
    thrown = TrashedRun(_free(trash / home), home, time.time())
    try:
        thrown.path.parent.mkdir(parents=True, exist_ok=True)
        _slip_of(thrown.path).write_bytes(orjson.dumps({"home": str(home), "trashed": thrown.trashed}))
        run.rename(thrown.path)
    except OSError as error:
        _tidy(thrown.path, trash)
        raise RunError(f"{run}: cannot be moved to {trash} ({error.strerror}); remove it by hand") from error
    return thrown


def restore(thrown: TrashedRun, root: Path) -> Path:
    """Put a run back where it lay; returns its folder.

    Raises:
        RunError: something else lies there now, or it cannot be moved.
    """
    target = root.resolve() / thrown.home
    if os.path.lexists(target):
        raise RunError(f"{target}: is there already; move it away, then restore {thrown.path}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        thrown.path.rename(target)
    except OSError as error:
        raise RunError(f"{thrown.path}: cannot be moved to {target} ({error.strerror})") from error
    _tidy(thrown.path, root.resolve() / FOLDER)
    return target


def trashed(root: Path) -> list[TrashedRun]:
    """The runs in the trash of this root, thrown away last first."""
    return sorted(_look_in(root.resolve() / FOLDER), key=lambda thrown: -thrown.trashed)


def find_trashed(spec: str, root: Path) -> TrashedRun:
    """The run in the trash that a person means: its id, its folder's name, or the path where it lay.

    Raises:
        RunError: there is no such run in the trash, or several; the message names what is there.
    """
    there = trashed(root)
    homes = [
        thrown for thrown in there if spec.rstrip("/") in (str(thrown.home), str(root / thrown.home), str(thrown.path))
    ]
    found = homes or [thrown for thrown in there if spec in (thrown.home.name, thrown.summary.id)]
    if len(found) > 1:
        paths = ", ".join(str(thrown.path) for thrown in found)
        raise RunError(f"{spec}: {len(found)} such runs are in the trash, give the path: {paths}")
    if not found:
        known = [str(thrown.home) for thrown in there]
        raise RunError(f"{spec}: no such run in {root / FOLDER}.{did_you_mean(spec, known)} There: {_few(known)}")
    return found[0]


def _home(run: Path, root: Path) -> Path:
    """Where the run lies, relative to the root."""
    if not is_run(run):
        raise RunError(f"{run}: not a run; give a run directory, a run id, or latest")
    if run.is_symlink():
        raise RunError(f"{run}: is a link to {run.resolve()}; throw away what it leads to, or remove the link by hand")
    real, real_root = run.resolve(), root.resolve()
    if real == real_root or not real.is_relative_to(real_root):
        raise RunError(f"{run}: does not lie inside {root}; name the folder of runs that holds it with --root")
    home = real.relative_to(real_root)
    if FOLDER in home.parts:
        raise RunError(f"{run}: lies in the trash already; `aurl runs restore` brings it back")
    return home


def _slip_of(place: Path) -> Path:
    return place.with_name(f"{place.name}{_SLIP}")


def _free(place: Path) -> Path:
    """This place, or one beside it: a run of the same path may have been thrown away before."""
    number, found = 1, place
    while os.path.lexists(found) or os.path.lexists(_slip_of(found)):
        number += 1
        found = place.with_name(f"{place.name}~{number}")
    return found


def _look_in(trash: Path) -> Iterator[TrashedRun]:
    for folder, below, files in os.walk(trash):
        slips = [name for name in files if name.endswith(_SLIP)]
        runs = {name.removesuffix(_SLIP) for name in slips}
        below[:] = [name for name in below if name not in runs]  # what lies in a run is its own
        for name in slips:
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                told = orjson.loads(Path(folder, name).read_bytes())
                home, place = Path(told["home"]), Path(folder, name.removesuffix(_SLIP))
                if is_run(place) and not home.is_absolute() and ".." not in home.parts:
                    yield TrashedRun(place, home, float(told["trashed"]))


def _tidy(place: Path, trash: Path) -> None:
    """Remove the slip of what lies here no more, and folders of the trash that are empty now."""
    with contextlib.suppress(OSError):
        _slip_of(place).unlink(missing_ok=True)
        while place.parent.is_relative_to(trash):
            place = place.parent
            place.rmdir()


def _few(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "nothing"
