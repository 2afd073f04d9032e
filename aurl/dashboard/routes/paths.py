"""Files of a run that may be read by name: regular ones of known kinds, inside the run after all links are followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aurl.machine.portable import open_fd

INLINE = {
    ".png": "image/png",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
}
DOWNLOADS = {
    ".mid": "audio/midi",
    ".midi": "audio/midi",
    ".json": "application/json",
    ".diff": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".yaml": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".svg": "application/octet-stream",
    ".html": "text/html; charset=utf-8",
}
_SERVED: Mapping[str, str] = INLINE | DOWNLOADS
REPORT = "report.html"
MOST_BYTES = 2 * 2**30


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that may be sent; whoever has it closes `fd`."""

    fd: int
    size: int
    mtime_ns: int
    media_type: str
    inline: bool


def open_inside(root: Path, folder: Path, relative: str, types: Mapping[str, str] = _SERVED) -> OpenFile | None:
    """Open a file of `folder` for sending; None where there is none that may be sent, for whatever reason.

    Args:
        root: the directory served, which the file must lie in after links are followed, as must it in `folder`.
        relative: as the request gave it, decoded once and not again.
        types: the kinds of files that may be sent, by ending.
    """
    suffix = PurePosixPath(relative).suffix.lower()
    media_type = types.get(suffix)
    parts = relative.split("/")
    if media_type is None or any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        return None
    try:
        real_folder = os.path.realpath(folder, strict=True)
        real = os.path.realpath("/".join([real_folder, *parts]), strict=True)
        if not _inside(real, real_folder) or not _inside(real, os.path.realpath(root)):
            return None
        if PurePosixPath(real).suffix.lower() != suffix:
            return None
        fd = open_fd(real, os.O_RDONLY, follow=False)
    except (OSError, ValueError):
        return None
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
        os.close(fd)
        return None
    inline = types is not _SERVED or suffix in INLINE or relative == REPORT
    return OpenFile(fd, status.st_size, status.st_mtime_ns, media_type, inline)


def read_inside(root: Path, folder: Path, relative: str, most: int) -> bytes | None:
    """The bytes of such a file; None where there is none, or it is larger than `most`."""
    found = open_inside(root, folder, relative)
    if found is None:
        return None
    with os.fdopen(found.fd, "rb") as file:
        return None if found.size > most else file.read(most + 1)


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
