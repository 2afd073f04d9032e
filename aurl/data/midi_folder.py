"""A folder of MIDI files as a corpus."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from aurl.data.midi_cache import MidiCache, ReadFile, Reading, content_key
from aurl.data.midi_grid import ChosenGrid, choose_grid, loss_warnings
from aurl.data.midi_pool import ReadOutcome, read_in_processes, read_outcome
from aurl.data.source import Source
from aurl.data.split import Splits, split_pieces
from aurl.errors import ConfigError, DataError
from aurl.machine.env import default_cache
from aurl.machine.process import cores
from aurl.music.corpus import Corpus, Rejected
from aurl.music.grid import MILLISECONDS, RESOLUTIONS, Lost, Pedal, Resolution
from aurl.music.midi import MidiError, read_bytes, suffixes
from aurl.music.notes import Notes

if TYPE_CHECKING:
    from rich.progress import Progress

AUTO: Final = "auto"


class MidiFolder(Source):
    """All MIDI files below a folder (.mid, .midi, .kar, .rmi, .smf), read in parallel and split by their content.

    Notation (.musicxml, .xml, .mxl, .abc, .krn, .kern) is read as well where music21 is installed.

    Links are followed. Whole silent bars before the first note are dropped. A file that cannot be used is left out
    and named in `Corpus.rejected`.

    Args:
        root: the folder.
        validation, test: fractions of the pieces, >= 0 and below 1 in sum.
        workers: processes that read files; 0 for one on each CPU core.
        cache: folder that keeps what was read; None for `aurl` in the user's cache folder, False to keep nothing.
        progress: show a progress bar on standard error when that is a terminal.
        resolution: ticks to the quarter note: 12, 24, 48, 60 or 120; "ms" places notes by the clock; "auto" chooses
            what the folder needs.
        pedal: "extend" lets the sustain pedal hold notes, "ignore" does not.
        tracks: keep instruments and drums; otherwise drums are left out and all tracks are one.

    Raises:
        ConfigError: a value outside its range.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        validation: float = 0.1,
        test: float = 0.1,
        workers: int = 0,
        cache: str | Path | bool | None = None,
        progress: bool = True,
        resolution: Resolution | Literal["auto"] = 12,
        pedal: Pedal = "extend",
        tracks: bool = False,
    ) -> None:
        if not (validation >= 0 and test >= 0 and validation + test < 1):
            raise ConfigError(f"data.validation={validation}, data.test={test}: need at least 0 each, below 1 in sum.")
        if workers < 0:
            raise ConfigError(f"data.workers={workers}: needs at least 1, or 0 for all CPU cores.")
        if resolution not in (allowed := (*RESOLUTIONS, MILLISECONDS, AUTO)):
            raise ConfigError(f"data.resolution={resolution}: allowed are {', '.join(map(str, allowed))}.")
        if pedal not in ("extend", "ignore"):
            raise ConfigError(f"data.pedal={pedal}: allowed are extend and ignore.")
        self.resolution, self.pedal, self.tracks = resolution, pedal, tracks
        self.root = root
        self.validation = validation
        self.test = test
        self.workers = workers
        self.cache = cache
        self.progress = progress

    def load(self) -> Corpus:
        """Read the folder.

        Raises:
            DataError: no folder, an unreadable one, or no usable MIDI file in it.
        """
        root = _existing_folder(self.root)
        rejected: list[Rejected] = []
        paths = self._chosen(root, list(_midi_files(root, rejected)))
        if not paths:
            raise DataError(f"data.root={root}: holds {self._wanted}.{_reasons(rejected)} Give another folder.")
        fit = choose_grid(paths) if self.resolution == AUTO else ChosenGrid(self.resolution, "")
        reading = Reading(fit.resolution, self.pedal, self.tracks)
        found, hits, warnings = self._read(root, paths, reading, rejected)
        if not found:
            raise DataError(
                f"data.root={root}: none of {len(paths)} MIDI files can be used.{_reasons(rejected)} Give other files."
            )
        pieces = [piece for path in paths if path in found for piece in _pieces(found[path], _shown(path, root))]
        lost = sum((file.lost for file in found.values()), Lost())
        splits = self._split(root, pieces)
        told = [fit.why] if fit.why else []
        return Corpus(
            root.resolve().name,
            splits.train,
            splits.validation,
            splits.test,
            rejected=tuple(rejected),
            cache_hits=hits,
            warnings=(*told, *loss_warnings(lost, sum(map(len, pieces)) + lost.left_out), *warnings, *splits.warnings),
            lost=asdict(lost),
        )

    _wanted = "no .mid or .midi file"

    def _chosen(self, root: Path, paths: list[Path]) -> list[Path]:
        """The files to read; a corpus with copies and variants leaves some out."""
        return paths

    def _split(self, root: Path, pieces: Sequence[Notes]) -> Splits:
        """Which piece belongs where; a piece's name is its path below the root."""
        return split_pieces(pieces, self.validation, self.test)

    def _read(
        self, root: Path, paths: list[Path], reading: Reading, rejected: list[Rejected]
    ) -> tuple[dict[Path, ReadFile], int, list[str]]:
        """The files that could be read, how many came from the cache, and warnings."""
        cache = self._open_cache(root, reading)
        known = cache.load() if cache else {}
        found: dict[Path, ReadFile] = {}
        kept: dict[bytes, ReadFile] = {}
        with _progress_bar(self.progress) as bar:
            task = bar.add_task("Reading MIDI", total=len(paths))
            for path, key in _keys(paths) if known else ():
                if key in known:
                    found[path] = kept[key] = known[key]
                    bar.advance(task)
            hits = len(found)
            for outcome in self._outcomes([path for path in paths if path not in found], reading):
                bar.advance(task)
                if outcome.file is None:
                    rejected.append(Rejected(_shown(outcome.path, root), outcome.reason))
                else:
                    found[outcome.path] = kept[outcome.key] = outcome.file
        rejected.sort(key=lambda file: file.path)
        warnings = _save(cache, kept) if cache and kept and kept.keys() != known.keys() else []
        return found, hits, warnings

    def _outcomes(self, paths: list[Path], reading: Reading) -> Iterable[ReadOutcome]:
        read = partial(read_outcome, reading=reading)
        return read_in_processes(paths, self.workers or cores(), read) if paths else ()

    def _open_cache(self, root: Path, reading: Reading) -> MidiCache | None:
        if self.cache is False:
            return None
        folder = default_cache() if self.cache is None or self.cache is True else Path(self.cache).expanduser()
        return MidiCache(folder, root, reading)


def _existing_folder(root: str | Path) -> Path:
    if not str(root):
        raise DataError("data.root is empty: give a folder that holds .mid or .midi files.")
    path = Path(root).expanduser()
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(
            f"data.root={path}: there is no such folder. Give one that holds .mid or .midi files."
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if not stat.S_ISDIR(mode):
        raise DataError(f"data.root={path}: is a file. Give the folder that holds it.")
    return path


def _unreadable(root: Path, error: OSError) -> DataError:
    return DataError(f"data.root={root}: cannot be read ({error.strerror}). Give a folder that you may read.")


def _midi_files(root: Path, rejected: list[Rejected]) -> Iterator[Path]:
    """Paths of MIDI files in sorted order; a folder that links lead to twice is walked once.

    Raises:
        DataError: the root itself cannot be listed.
    """
    visited: set[tuple[int, int]] = set()
    endings = suffixes()

    def unlistable(error: OSError) -> None:
        if Path(error.filename) == root:
            raise _unreadable(root, error)
        rejected.append(Rejected(_shown(Path(error.filename), root), f"cannot be read: {error.strerror}"))

    for folder, subfolders, files in os.walk(root, onerror=unlistable, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in visited:
            subfolders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        subfolders.sort()
        yield from (Path(folder, name) for name in sorted(files) if Path(name).suffix.lower() in endings)


def _keys(paths: list[Path]) -> Iterator[tuple[Path, bytes]]:
    def key(path: Path) -> bytes:
        try:
            return content_key(read_bytes(path))
        except MidiError:
            return b""  # not in any cache; the worker that reads it again tells the reason

    with ThreadPoolExecutor(cores()) as threads:
        yield from zip(paths, threads.map(key, paths), strict=True)


def _save(cache: MidiCache, files: dict[bytes, ReadFile]) -> list[str]:
    try:
        cache.save(files)
    except OSError as error:
        return [f"The cache {cache.path} could not be written ({error.strerror or error}); files are read each time."]
    return []


def _pieces(file: ReadFile, name: str) -> Iterator[Notes]:
    """The pieces of a file without the silent bars before their first notes; several are numbered."""
    for number, notes in enumerate(file.pieces, 1):
        first = notes.bar_of(int(notes.onset[0]))
        yield replace(notes.window(first, notes.bars), name=name if len(file.pieces) == 1 else f"{name} #{number}")


def _shown(path: Path, root: Path) -> str:
    """The path below the root, as text that can be written anywhere."""
    return os.fsencode(path.relative_to(root)).decode("utf-8", "replace")


def _reasons(rejected: list[Rejected], most: int = 5) -> str:
    lines = "".join(f" {file.path}: {file.reason};" for file in rejected[:most])
    more = f" and {len(rejected) - most} more." if len(rejected) > most else ""
    return lines.rstrip(";") + (more or ("." if lines else ""))


@contextmanager
def _progress_bar(wanted: bool) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not (wanted and console.is_terminal)) as bar:
        yield bar
