"""`aurl profile DIR -o FILE`: what the music in a folder measures, as a reference for `aurl quality`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aurl.errors import DONE, ConfigError

if TYPE_CHECKING:
    from aurl.quality.reference.profile import Profile

_DESCRIPTION = """Fits a reference profile on the MIDI files under a folder, at those window lengths of which it has 20
windows or more. A tenth of 40 pieces or more is held out, to say how real music scores."""


def run(args: list[str]) -> int:
    """Write the profile and say what is in it.

    Raises:
        AurlError: no usable files, too few windows, or a place that cannot be written.
    """
    parser = argparse.ArgumentParser("aurl profile", description=_DESCRIPTION)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of MIDI files")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the profile, an .npz file")
    parser.add_argument("--bars", type=int, nargs="+", help="window lengths; 4, 8, 16, 32 and 64 by default")
    parser.add_argument("--name", help="what reports call it; the folder's name by default")
    parser.add_argument("--no-index", action="store_true", help="leave out the n-grams that find copied passages")
    parser.add_argument("--json", action="store_true", help="say what was written as one JSON document")
    options = parser.parse_args(args)
    from aurl.quality.reference.copying import DEFAULT_N, CopyIndex
    from aurl.quality.reference.profile import LENGTHS, Profile
    from aurl.quality.reference.sources import hold_out, read_folder

    bars = options.bars or LENGTHS
    if min(bars) < 1:
        raise ConfigError(f"--bars {min(bars)}: needs 1 or more")
    if not options.folder.is_dir():
        raise ConfigError(f"{options.folder}: not a folder; give one that holds MIDI files")

    pieces, failures = read_folder(options.folder)
    kept, held_out = hold_out(pieces)
    index = None if options.no_index else CopyIndex.of(pieces, DEFAULT_N)
    name = options.name or options.folder.resolve().name
    profile = Profile.fit(kept, bars, name=name, held_out=held_out, index=index)
    try:
        profile.save(options.output)
    except OSError as error:
        raise ConfigError(f"{options.output}: cannot be written ({error.strerror}); choose another place") from None
    _report(profile, options.output, len(pieces), failures, as_json=options.json)
    return DONE


def _report(profile: Profile, path: Path, pieces: int, failures: list[str], *, as_json: bool) -> None:
    lengths = {n: len(reference.real) for n, reference in profile.references.items()}
    if as_json:
        document = {"path": str(path), "name": profile.name, "pieces": pieces, "windows": lengths, "rejected": failures}
        print(json.dumps(document))
        return
    print(f"{path}: profile {profile.name!r} of {pieces} pieces")
    for n_bars, count in lengths.items():
        low, middle, high = profile.references[n_bars].band["overall_quality"]
        print(f"  {n_bars:>3} bars: {count} windows; real music scores {middle:.2f} ({low:.2f}-{high:.2f})")
    for failure in failures:
        sys.stderr.write(f"left out: {failure}\n")
