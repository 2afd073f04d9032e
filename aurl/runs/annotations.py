"""A person's own words about a run: `annotations.json` beside it. No training ever writes this file.

    {"name": "the good one", "notes": "...", "tags": ["paper"], "untagged": ["draft"], "star": true, "archived": false}

A name changes what is shown, never the folder; `untagged` are tags of the training that a person has taken away.
"""

from __future__ import annotations

import os
import stat
import threading
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from aurl.errors import ConfigError, RunError
from aurl.machine.files import replace_file
from aurl.machine.portable import open_fd

FILE = "annotations.json"
MOST_NAME, MOST_NOTES, MOST_TAG, MOST_TAGS = 200, 100_000, 60, 50
_MOST_BYTES = 2**20
_FLAGS = ("star", "archived")
_writing = threading.Lock()  # of this process; between processes the later writer wins, file by file


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a person has said about a run.

    Attributes:
        name: shown in place of the run's own, or empty.
        notes: text of several lines, or empty.
        tags: beside those of the training.
        untagged: tags of the training that do not count.
        star: marked as one to come back to.
        archived: left out of lists unless asked for.
    """

    name: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    untagged: tuple[str, ...] = ()
    star: bool = False
    archived: bool = False

    @property
    def version(self) -> str:
        """Changes with every word, so that a writer can tell whether somebody else has written meanwhile."""
        return blake2b(orjson.dumps(asdict(self)), digest_size=8).hexdigest()

    def tags_of(self, given: Iterable[str]) -> list[str]:
        """The tags that count, of those given by the training and these."""
        kept = [tag for tag in given if tag not in self.untagged]
        return list(dict.fromkeys([*kept, *self.tags]))


NONE = Annotations()


def read_annotations(folder: Path) -> Annotations:
    """The annotations of the run in this folder; what is missing, too long or of another kind counts as not said."""
    try:
        fd = open_fd(folder / FILE, os.O_RDONLY, follow=False)
    except OSError:
        return NONE
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            return NONE
        document = orjson.loads(os.read(fd, _MOST_BYTES))
    except (OSError, orjson.JSONDecodeError):
        return NONE
    finally:
        os.close(fd)
    return _understood(document) if isinstance(document, dict) else NONE


def annotate(
    folder: Path,
    *,
    name: str | None = None,
    notes: str | None = None,
    add_tags: Sequence[str] = (),
    remove_tags: Sequence[str] = (),
    star: bool | None = None,
    archived: bool | None = None,
    given_tags: Sequence[str] = (),
    seen: str | None = None,
) -> Annotations:
    """Change what is said about a run, and nothing else of it; None leaves a part as it is.

    Args:
        folder: of the run.
        name: at most 200 letters on one line; empty brings the run's own name back.
        notes: at most 100,000 letters; empty takes them away.
        add_tags, remove_tags: each at most 60 letters on one line; 50 tags in all.
        given_tags: those that the training gave, which can be taken away too.
        seen: the version that the writer has read; a name or notes that somebody else has changed since are not
            overwritten.

    Raises:
        ConfigError: a text that is too long, or signs that cannot be shown.
        RunError: somebody else has written meanwhile, or the file cannot be written.
    """
    with _writing:
        before = read_annotations(folder)
        if seen not in (None, before.version) and (name, notes) != (None, None):
            raise RunError(f"{folder}: its annotations were changed meanwhile; read them again, then write")
        after = replace(
            before,
            name=before.name if name is None else _line("name", name, MOST_NAME),
            notes=before.notes if notes is None else _text("note", notes, MOST_NOTES),
            star=before.star if star is None else star,
            archived=before.archived if archived is None else archived,
        )
        after = _tagged(after, add_tags, remove_tags, given_tags)
        if after != before:
            _write(folder, after)
    return after


def _tagged(before: Annotations, add: Sequence[str], remove: Sequence[str], given: Sequence[str]) -> Annotations:
    added = [_line("tag", tag, MOST_TAG) for tag in add]
    if any(not tag for tag in added):
        raise ConfigError("tag '': a tag needs at least one letter")
    tags = dict.fromkeys([*before.tags, *(tag for tag in added if tag not in given)])
    untagged = dict.fromkeys([*before.untagged, *(tag for tag in remove if tag in given)])
    kept = tuple(tag for tag in tags if tag not in remove)
    if len(kept) > MOST_TAGS:
        raise ConfigError(
            f"{len(kept)} tags: a run can have {MOST_TAGS}; take some away with `aurl runs tag RUN -r TAG`"
        )
    return replace(before, tags=kept, untagged=tuple(tag for tag in untagged if tag not in added))


def _write(folder: Path, annotations: Annotations) -> None:
    document = {name: value for name, value in asdict(annotations).items() if value}
    try:
        replace_file(folder / FILE, orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise RunError(
            f"{folder / FILE}: cannot be written ({error.strerror}); check the folder's permissions"
        ) from error


def _understood(document: Mapping[str, Any]) -> Annotations:
    def told(key: str, most: int) -> str:
        value = document.get(key)
        return value if isinstance(value, str) and len(value) <= most else ""

    def listed(key: str) -> tuple[str, ...]:
        value = document.get(key)
        found = value if isinstance(value, list) else []
        return tuple(tag for tag in found if isinstance(tag, str) and 0 < len(tag) <= MOST_TAG)[:MOST_TAGS]

    flags = {flag: document.get(flag) is True for flag in _FLAGS}
    return Annotations(
        name=told("name", MOST_NAME), notes=told("notes", MOST_NOTES), tags=listed("tags"),
        untagged=listed("untagged"), **flags,
    )  # fmt: skip


def _line(what: str, text: str, most: int) -> str:
    """Text on one line, without signs that could not be seen or would turn the text around."""
    told = _text(what, text, most)
    odd = next((sign for sign in told if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")), None)
    if odd is not None:
        raise ConfigError(f"{what} {told[:40]!r}: holds {odd!r}, which cannot be shown on one line; leave it out")
    return told


def _text(what: str, text: str, most: int) -> str:
    told = text.strip()
    if len(told) > most:
        raise ConfigError(f"{what} of {len(told):,} letters: at most {most:,} are kept; shorten it")
    try:
        told.encode("utf-8")
    except UnicodeEncodeError:
        raise ConfigError(f"{what}: holds half of a surrogate pair, which is no letter; leave it out") from None
    if "\0" in told:
        raise ConfigError(f"{what}: holds a zero byte; leave it out")
    return told
