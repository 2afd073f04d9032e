"""Files that appear whole or not at all, so that a reader beside the run never sees half a picture."""

from __future__ import annotations

import os
from pathlib import Path

from aurl.machine.portable import rename_over


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` beside `path` under a hidden name, then rename it; the folder is made where it is missing.

    There is no fsync: a sample lost in a power cut can be generated again.

    Raises:
        OSError: the disk is full or the place may not be written; no partial file stays behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        partial.write_bytes(data)
        rename_over(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
