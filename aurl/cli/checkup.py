"""What `aurl doctor` looks at; each function gives findings and changes nothing on this machine."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from ctypes.util import find_library
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurl.errors import AurlError
from aurl.show.wording import printable

if TYPE_CHECKING:
    from packaging.requirements import Requirement

OK, WARN, PROBLEM = "ok", "warn", "problem"
_SCARCE_GB, _NONE_GB = 5.0, 0.5  # a base model's checkpoint is a third of a GB, and several are kept
_NOT_FOR_USERS = frozenset({"dev"})


@dataclass(frozen=True, slots=True)
class CheckupLine:
    """One line of the report.

    Attributes:
        name: what was looked at.
        status: ok, warn (training works, something lacks) or problem (training will not work).
        detail: what was found.
        advice: what to do; empty where nothing needs to be done.
    """

    name: str
    status: str
    detail: str
    advice: str = ""


def examine(outputs: Path) -> list[CheckupLine]:
    """All findings, for runs that are to lie in this folder."""
    from aurl.machine.env import default_cache

    return [
        *packages(),
        *devices(),
        gpus(),
        conf(),
        audio(),
        folder("outputs", outputs, "choose another with paths.outputs=DIR"),
        folder("cache", default_cache(), "choose another with XDG_CACHE_HOME=DIR", needed=False),
        git(Path.cwd()),
    ]


def packages() -> Iterator[CheckupLine]:
    """Python and the packages that aurl's own metadata asks for, then the extras."""
    yield CheckupLine("python", OK, f"{platform.python_version()} ({platform.platform()})")
    requirements = _requirements()
    if not requirements:
        yield CheckupLine("packages", WARN, "aurl is not installed, so its needs are unknown", "run `pip install -e .`")
        return
    for requirement, extra in requirements:
        if extra is None:
            yield _package(requirement)
    for extra in sorted({extra for _, extra in requirements if extra} - _NOT_FOR_USERS):
        yield _extra(extra, [requirement for requirement, of in requirements if of == extra])


def devices() -> Iterator[CheckupLine]:
    """What torch computes on."""
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: one of its shared libraries is missing
        yield CheckupLine("devices", PROBLEM, f"torch cannot be imported: {error}", "reinstall torch")
        return
    threads = f"CPU with {torch.get_num_threads()} threads of {os.cpu_count()} cores"
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        yield CheckupLine("devices", OK, f"CUDA {torch.version.cuda}: {', '.join(names)}; {threads}")
    elif torch.version.cuda and _has_gpu():
        advice = "update the driver, or install a torch built for an older CUDA"
        yield CheckupLine(
            "devices", PROBLEM, f"there is a GPU, but torch for CUDA {torch.version.cuda} finds none", advice
        )
    elif _has_gpu():
        advice = "install a torch built for CUDA (https://pytorch.org)"
        yield CheckupLine("devices", WARN, f"there is a GPU, but this torch is built without CUDA; {threads}", advice)
    else:
        yield CheckupLine("devices", OK, f"{threads}; no GPU")


def gpus() -> CheckupLine:
    """What the driver says through NVML, the source of `system/gpu_*`."""
    from aurl.machine.gpu import Gpus
    from aurl.machine.source import SourceError

    found = Gpus()
    try:
        lines = [f"{gpu['name']} {gpu['memory_gb'] or 0:.0f} GB, driver {gpu['driver']}" for gpu in found.describe()]
    except SourceError as error:
        return CheckupLine("nvml", OK, f"no GPU readings ({error})")
    finally:
        found.close()
    return CheckupLine("nvml", OK, "; ".join(lines))


def conf() -> CheckupLine:
    """Where aurl's own yaml files lie."""
    from aurl.machine.conf import conf_dir

    try:
        return CheckupLine("conf", OK, str(conf_dir()))
    except AurlError as error:
        return CheckupLine("conf", PROBLEM, str(error), "reinstall aurl")


def audio() -> CheckupLine:
    """What renders the previews of samples."""
    from aurl.music.audio import backend_name

    name = backend_name()
    if name != "sine":
        return CheckupLine("audio", OK, name)
    library = find_library("fluidsynth")
    advice = (
        f"libfluidsynth is here ({library}): `pip install pyfluidsynth`"
        if library
        else "for instruments, `pip install --no-deps tinysoundfont`"
    )
    return CheckupLine("audio", OK, "sine waves (pretty_midi), enough to listen to notes", advice)


def folder(name: str, path: Path, choice: str, *, needed: bool = True) -> CheckupLine:
    """Whether the folder, or the nearest one above it that exists, can be written, and how much room there is.

    Args:
        choice: how another folder is chosen.
        needed: whether training cannot do without.
    """
    from aurl.machine.host import existing
    from aurl.machine.source import GB

    bad = PROBLEM if needed else WARN
    place = existing(path.absolute())
    if not place.is_dir():
        return CheckupLine(name, bad, f"{path}: {place} is a file", choice)
    try:
        free = shutil.disk_usage(place).free / GB
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        return CheckupLine(name, bad, f"{path}: cannot be written ({error.strerror})", choice)
    detail = f"{path}: writable, {free:.1f} GB free"
    if free >= _SCARCE_GB:
        return CheckupLine(name, OK, detail)
    return CheckupLine(name, bad if free < _NONE_GB else WARN, detail, f"free some space, or {choice}")


def git(start: Path) -> CheckupLine:
    """Whether runs can say which code made them."""
    from aurl.machine import git as repository

    if shutil.which("git") is None:
        return CheckupLine("git", WARN, "not found", "install git, and run.json will name the commit of each run")
    state: dict[str, Any] = repository.state(start)
    if state["sha"] is None:
        return CheckupLine("git", OK, f"{start} is in no repository with a commit; runs will name none")
    changed = ", with uncommitted changes (kept as a diff beside each run)" if state["dirty"] else ""
    return CheckupLine("git", OK, f"{state['sha'][:12]} on {printable(state['branch'] or 'a detached head')}{changed}")


def _requirements() -> list[tuple[Requirement, str | None]]:
    """What aurl needs, each with the extra that brings it; None for those always needed."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires("aurl") or []
    except metadata.PackageNotFoundError:
        return []
    parsed = [Requirement(line) for line in lines]
    extras = metadata.metadata("aurl").get_all("Provides-Extra") or []
    return [(requirement, _extra_of(requirement, extras)) for requirement in parsed if _applies(requirement, extras)]


def _extra_of(requirement: Requirement, extras: list[str]) -> str | None:
    if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
        return None
    return next((extra for extra in extras if requirement.marker.evaluate({"extra": extra})), None)


def _applies(requirement: Requirement, extras: list[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ["", *extras])


def _package(requirement: Requirement) -> CheckupLine:
    version = _installed(requirement)
    if version is None:
        return CheckupLine(requirement.name, PROBLEM, "not installed", f"pip install '{_wanted(requirement)}'")
    if not requirement.specifier.contains(version, prereleases=True):
        detail = f"{version}, but aurl needs {requirement.specifier}"
        return CheckupLine(requirement.name, PROBLEM, detail, f"pip install '{_wanted(requirement)}'")
    return CheckupLine(requirement.name, OK, version)


def _extra(extra: str, requirements: list[Requirement]) -> CheckupLine:
    name = f"extra {extra}"
    versions = {requirement: _installed(requirement) for requirement in requirements}
    unfit = [
        _wanted(requirement)
        for requirement, version in versions.items()
        if version is None or not requirement.specifier.contains(version, prereleases=True)
    ]
    if not unfit:
        return CheckupLine(
            name, OK, ", ".join(f"{requirement.name} {version}" for requirement, version in versions.items())
        )
    advice = f"pip install 'aurl[{extra}]' where you want it"
    if any(versions.values()):
        return CheckupLine(name, WARN, f"in part: lacks {', '.join(unfit)}", advice)
    return CheckupLine(name, OK, "not installed (optional)", advice)


def _installed(requirement: Requirement) -> str | None:
    try:
        return metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return None


def _wanted(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"


def _has_gpu() -> bool:
    return Path("/dev/nvidia0").exists() or Path("/dev/dxg").exists()  # the second under WSL
