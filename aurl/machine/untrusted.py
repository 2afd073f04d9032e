"""Files that may be anybody's: a pipe, a device, a gigabyte in one line, a document that unfolds into the sky.

Only regular files are opened, never more than a limit is read, and what is nested or repeated too much is refused:
`OSError` says that a file cannot be read, `ValueError` that its content is no such document.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from aurl.machine.portable import open_fd

MOST_BYTES = 64 * 2**20  # of a document; that of a run with 100,000 scalars takes 12 MB
MOST_YAML_BYTES = 2**19  # PyYAML takes some five seconds for it
LONGEST_LINE = 16 * 2**20  # a record of 100,000 scalars takes 5 MB
DEEPEST = 64
_MOST_NODES = 100_000


def open_regular(path: Path, *, follow: bool = True) -> BinaryIO:
    """The file opened for reading, where it is a regular one.

    Args:
        follow: links too.

    Raises:
        OSError: it is missing, may not be read, or is a pipe, a device, a socket or a folder.
    """
    fd = open_fd(path, os.O_RDONLY, follow=follow)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(fd, "rb")


def read_regular(path: Path, most: int = MOST_BYTES) -> bytes:
    """All bytes of a regular file.

    Raises:
        OSError: as `open_regular`, or it holds more than `most` bytes.
    """
    with open_regular(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most / 2**20:.3g} MiB", str(path))
    return data


def json_document(path: Path, most: int = MOST_BYTES) -> Any:
    """The content of a JSON file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not valid JSON, or is nested too deeply.
    """
    return parse_json(read_regular(path, most))


def json_mapping(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """The object in a JSON file; empty where the file cannot be read or holds none."""
    try:
        content = json_document(path, most)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def parse_json(data: bytes | str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is not valid JSON, or is nested too deeply.
    """
    value = orjson.loads(data)
    brackets = data.count("{") + data.count("[") if isinstance(data, str) else data.count(b"{") + data.count(b"[")
    if brackets > DEEPEST and is_deep(value):
        raise ValueError(f"nested more than {DEEPEST} levels deep")
    return value


def is_deep(value: Any) -> bool:
    """Whether mappings and lists lie in one another more than `DEEPEST` times."""
    level = [value]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, Mapping):
                inner += [below for below in item.values() if isinstance(below, (Mapping, list))]
            elif isinstance(item, list):
                inner += [below for below in item if isinstance(below, (Mapping, list))]
        if not inner:
            return False
        level = inner
    return True


def yaml_document(path: Path) -> Any:
    """The content of a YAML file, of the types that `yaml.safe_load` knows.

    Raises:
        OSError: the file cannot be read, or is larger than a config file ever is.
        ValueError: it is not valid YAML, is nested too deeply, or unfolds to too much by its aliases.
    """
    return parse_yaml(read_regular(path, MOST_YAML_BYTES).decode("utf-8", "replace"))


def parse_yaml(text: str) -> Any:
    """The value of a YAML text, as `yaml_document` reads it.

    Raises:
        ValueError: as `yaml_document`.
    """
    import yaml

    from aurl.machine.bounded_yaml import BoundedLoader

    try:
        loader = BoundedLoader(text, most_nodes=_MOST_NODES, deepest=DEEPEST)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except (RecursionError, OverflowError, AttributeError, TypeError) as error:  # dates, merges and tags that are none
        raise ValueError(f"not valid YAML: {error}") from error


def lines_of(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Number and content of each line of a regular file, newline included; None for more than `LONGEST_LINE` bytes.

    Raises:
        OSError: the file cannot be read.
    """
    number = 0
    with open_regular(path) as file:
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) <= LONGEST_LINE:
                yield number, line
                continue
            while line and not line.endswith(b"\n"):
                line = file.readline(2**20)
            yield number, None


def whole_number(value: object, most: int = 2**53) -> int:
    """The number of a document as a whole one from 0 to `most`; 0 for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:  # noqa: PLR0124  NaN
        return 0
    return int(min(max(value, 0), most))
