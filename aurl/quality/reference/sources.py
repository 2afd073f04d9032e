"""Where a profile comes from: aurl itself, a file, a folder of MIDI files, or the training set."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from aurl.errors import ConfigError, DataError, did_you_mean
from aurl.music.corpus import digest, load_chorales
from aurl.music.midi import SUFFIXES, MidiError, read_midi
from aurl.music.notes import Notes
from aurl.quality.reference.copying import DEFAULT_N, CopyIndex
from aurl.quality.reference.profile import LENGTHS, Profile, TooFewWindowsError
from aurl.quality.reference.selection import MetricSelection

SHIPPED = ("chorales", "mixed")
HELD_OUT_OF = 10
"""One piece in ten of a corpus is held out for the band of real scores."""
FEWEST_TO_HOLD_OUT = 40
_FOLDER = Path(__file__).with_name("profiles")
_VERSION = 2
"""Goes up when equal pieces give another profile, so that cached ones are not used."""


def shipped(name: str, metrics: MetricSelection | None = None) -> Profile:
    """A profile that comes with aurl: `chorales` (Bach) or `mixed` (chorales, classical movements, fiddle tunes).

    Only training splits are in it. PROFILES.md beside the files tells what they hold.

    Raises:
        ConfigError: no such profile.
    """
    if name not in SHIPPED:
        raise ConfigError(f"{name}: no such profile.{did_you_mean(name, SHIPPED)} Profiles: {', '.join(SHIPPED)}")
    profile = Profile.load(_FOLDER / f"{name}.npz", metrics)
    if name == "chorales":
        profile.index = CopyIndex.of(load_chorales().train)
    return profile


def open_profile(reference: str, metrics: MetricSelection | None = None) -> tuple[Profile, list[str]]:
    """The profile that a name of `SHIPPED`, a profile file or a folder of MIDI files stands for, and warnings.

    Raises:
        ConfigError: none of the three.
        DataError: a file that is no profile, or a folder without usable files.
    """
    path = Path(reference)
    if path.is_dir():
        pieces, failures = read_folder(path)
        warnings = [f"{len(failures)} files of {path} were left out, such as {failures[0]}"] if failures else []
        profile, warning = fit_corpus(pieces, name=path.resolve().name, metrics=metrics)
        return profile, warnings + ([warning] if warning else [])
    if path.is_file():
        return Profile.load(path, metrics), []
    if reference in SHIPPED:
        return shipped(reference, metrics), []
    raise ConfigError(
        f"reference={reference}: no such file or folder, and no profile of aurl's own ({', '.join(SHIPPED)})."
        f"{did_you_mean(reference, SHIPPED)}"
    )


def read_folder(folder: Path) -> tuple[list[Notes], list[str]]:
    """All MIDI files under a folder that can be read, by path, and why the others cannot.

    Raises:
        DataError: none can be read.
    """
    paths, failures = midi_files(folder)
    pieces = []
    for path in paths:
        try:
            pieces.append(read_midi(path))
        except MidiError as error:
            failures.append(str(error))
    if not pieces:
        detail = f" {failures[0]}" if failures else f" It needs files that end in {', '.join(sorted(SUFFIXES))}."
        raise DataError(f"{folder}: no MIDI file there can be read.{detail}")
    return pieces, failures


def midi_files(folder: Path) -> tuple[list[Path], list[str]]:
    """The MIDI files under a folder, sorted, and which folders there could not be listed, with the reason."""
    refused: list[str] = []

    def refuse(error: OSError) -> None:
        refused.append(f"{error.filename}: cannot be listed: {error.strerror}. Allow it, or name its files.")

    found = [Path(place, name) for place, _, names in os.walk(folder, onerror=refuse) for name in names]
    return sorted(path for path in found if path.suffix.lower() in SUFFIXES), refused


def fit_corpus(
    pieces: Sequence[Notes],
    n_bars: int | Sequence[int] = LENGTHS,
    *,
    name: str,
    metrics: MetricSelection | None = None,
    n_gram: int | None = DEFAULT_N,
) -> tuple[Profile, str]:
    """A corpus' own profile and an empty string, or the mixed one and a warning where the corpus is too small.

    A tenth of 40 pieces or more, chosen by their notes, is held out for the band. The index of n-grams is of all.
    """
    kept, held_out = hold_out(pieces)
    return fit_or_mixed(kept, n_bars, name=name, held_out=held_out, metrics=metrics, index=_index(pieces, n_gram))


def fit_or_mixed(
    pieces: Sequence[Notes],
    n_bars: int | Sequence[int],
    *,
    name: str,
    held_out: Sequence[Notes] = (),
    metrics: MetricSelection | None = None,
    index: CopyIndex | None = None,
    seed: int = 1,
) -> tuple[Profile, str]:
    """The pieces' own profile and an empty string, or the mixed one and a warning where they are too few."""
    try:
        return Profile.fit(pieces, n_bars, metrics, name=name, held_out=held_out, index=index, seed=seed), ""
    except TooFewWindowsError as error:
        mixed = shipped("mixed", metrics)
        mixed.index = index
        return mixed, f"{error} The mixed profile is used: scores say how like its music samples are."


def hold_out(pieces: Iterable[Notes]) -> tuple[list[Notes], list[Notes]]:
    """The pieces without every tenth, and every tenth in the order of their digests; all and none under 40."""
    ordered = sorted(pieces, key=digest)
    if len(ordered) < FEWEST_TO_HOLD_OUT:
        return ordered, []
    return [p for i, p in enumerate(ordered) if i % HELD_OUT_OF], ordered[::HELD_OUT_OF]


def training_profile(
    train: Sequence[Notes],
    validation: Sequence[Notes],
    n_bars: int | Sequence[int],
    *,
    name: str,
    cache: Path,
    metrics: MetricSelection | None = None,
    n_gram: int | None = DEFAULT_N,
    seed: int = 1,
) -> tuple[Profile, str]:
    """The training set's own profile, read from `cache` where the same was fitted before; or mixed and a warning.

    Raises:
        OSError: the cache cannot be written.
    """
    selection = metrics or MetricSelection.preset()
    path = cache / f"profile-{_key(train, validation, [name, n_bars, n_gram, seed, selection.measures])}.npz"
    if path.is_file():
        with contextlib.suppress(DataError):  # a damaged one is written again
            return Profile.load(path, selection), ""
    index = _index(train, n_gram)
    profile, warning = fit_or_mixed(
        train, n_bars, name=name, held_out=validation, metrics=selection, index=index, seed=seed
    )
    if not warning:
        profile.save(path)
    return profile, warning


def _index(pieces: Sequence[Notes], n_gram: int | None) -> CopyIndex | None:
    return CopyIndex.of(pieces, n_gram) if n_gram is not None else None


def _key(train: Sequence[Notes], validation: Sequence[Notes], settings: object) -> str:
    state = hashlib.blake2b(f"{_VERSION} {len(train)} {settings}".encode(), digest_size=8)
    for piece in (*train, *validation):
        state.update(digest(piece))
    return state.hexdigest()
