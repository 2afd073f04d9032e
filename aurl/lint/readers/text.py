"""The beginning of a file: is it text, in which encoding, and if not, what is it?"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from aurl.errors import DataError

HEAD_BYTES = 1 << 16
LONGEST_LINE = 1 << 23  # characters: 100,000 metrics take 3 million
EXPECTED = (
    "expected is an aurl run directory, CSV, JSON lines, a JSON document (such as trainer_state.json), "
    "a tfevents file or folder, the folder of a W&B run, or what a loop printed (train.log, nohup.out)"
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KNOWN_BINARIES = (
    (b"\x1f\x8b", "gzip-compressed; unpack it first (gunzip)"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed; unpack it first (unzstd)"),
    (b"BZh", "bzip2-compressed; unpack it first (bunzip2)"),
    (b"PK\x03\x04", "a zip archive (also .xlsx, .pt, .npz); unpack it, or export it as CSV"),
    (b"PAR1", "Parquet; write it as CSV first: polars.read_parquet(FILE).write_csv(OUT)"),
    (b"SQLite format 3", "an SQLite database; export its metrics as CSV"),
    (b"\x89HDF", "HDF5; export its metrics as CSV"),
)


def head(path: Path) -> bytes:
    """The first 64 KiB of a file.

    Raises:
        DataError: it is missing, not a file, unreadable or empty.
    """
    try:
        if not path.is_file():
            state = "not a file or folder" if path.exists() else "no such file or folder"
            raise DataError(f"{path}: {state}; {EXPECTED}")
        with path.open("rb") as file:
            begin = file.read(HEAD_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error
    if not begin:
        raise DataError(f"{path}: the file is empty (0 bytes); {EXPECTED}")
    return begin


def encoding_of(path: Path, begin: bytes) -> str:
    """The encoding of a text file, by its byte order mark, else UTF-8, else Windows-1252.

    Raises:
        DataError: it is not text; the message says what it is where that is known.
    """
    for mark, encoding in _BOMS:
        if begin.startswith(mark):
            return encoding
    for magic, what in _KNOWN_BINARIES:
        if begin.startswith(magic):
            raise DataError(f"{path}: this is {what}. {EXPECTED[0].upper()}{EXPECTED[1:]}")
    if b"\0" in begin:
        raise DataError(f"{path}: a binary file of unknown kind; {EXPECTED}")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(begin)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def decoded(begin: bytes, encoding: str) -> str:
    """The head as text; a character cut at its end is left out, an undecodable byte becomes a replacement sign."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(begin)


def bounded_lines(file: TextIO) -> Iterator[tuple[str, bool]]:
    """Each line of a file, and whether it was cut since it is longer than any that a trainer writes.

    Reading by lines takes as much memory as the longest one has; here that is bounded.
    """
    while line := file.readline(LONGEST_LINE):
        is_cut = len(line) >= LONGEST_LINE and line[-1] != "\n"
        rest = line
        while is_cut and rest and rest[-1] != "\n":
            rest = file.readline(LONGEST_LINE)
        yield line, is_cut


def unreadable(path: Path, error: OSError) -> DataError:
    """The error to raise where the operating system refuses a file."""
    return DataError(f"{path}: cannot be read ({error.strerror or error}); {EXPECTED}")
