"""`aurl quality PATH...`: how like real music MIDI files are."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aurl.errors import DONE, USAGE, ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from aurl.quality.files import FileScore
    from aurl.quality.reference.profile import Profile
    from aurl.quality.reference.selection import MetricSelection

_DESCRIPTION = """Scores MIDI files, or all those in folders, against a reference profile: 1 is like real music of that
kind, and every score names the profile. A file that cannot be read gets its reason. Exit code 0 if any file was scored,
2 if none was."""
_SHOWN_FILES = 40
_SHOWN_ERRORS = 10


def run(args: list[str]) -> int:
    """Print a table, or with `--json` one line of JSON for each file.

    Raises:
        AurlError: the reference cannot be used, or the picture cannot be written there.
    """
    options = _parser().parse_args(args)
    picture = _picture_target(options.picture)
    folders, refused = _files(options.paths)
    paths = list(dict.fromkeys(path for files in folders.values() for path in files))

    from rich.console import Console

    from aurl.quality.files import FileScorer, score_files
    from aurl.quality.reference.sources import open_profile

    messages = Console(stderr=True, highlight=False)
    profile, warnings = open_profile(options.reference, _selection(options.metric))
    for warning in warnings + refused:
        messages.print(f"warning: {warning}", markup=False)
    scorer = FileScorer(profile, options.bars, options.published)
    results = []
    for result in _with_progress(score_files(paths, scorer, workers=options.workers), len(paths), messages):
        results.append(result)
        if options.json:
            print(json.dumps(result.to_json()))
    if not options.json:
        _show(results, profile)
    if options.published:
        _tell_sets(folders, results, profile, options.json)
    if picture is not None:
        _draw(results, profile, picture)
    if not results:
        messages.print("no MIDI files (.mid, .midi) there", markup=False)
    return DONE if any(result.scored for result in results) else USAGE


def _selection(given: Sequence[str]) -> MetricSelection:
    """The default metrics, and those of the user's own."""
    from aurl.machine.conf import load_option, own_nodes
    from aurl.quality.reference.selection import MetricSelection

    nodes = dict(load_option("quality", "default")["metrics"])
    for text in given:
        nodes |= own_nodes(text)
    return MetricSelection.build(nodes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("aurl quality", description=_DESCRIPTION)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a MIDI file, or a folder of them")
    parser.add_argument(
        "--reference",
        default="mixed",
        metavar="PROFILE_OR_DIR",
        help="chorales, mixed, a file of `aurl profile`, or a folder of MIDI files; default: %(default)s",
    )
    parser.add_argument("--bars", type=_positive, help="only the first so many bars of each file count")
    parser.add_argument("--json", action="store_true", help="one JSON document a line for each file, in their order")
    parser.add_argument("--picture", type=Path, metavar="FILE.svg", help="draw the scores beside those of real music")
    parser.add_argument(
        "--published", action="store_true", help="also the metrics of MusPy and MusDr, and of folders as sets"
    )
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="FILE.yaml or package.module.Class",
        help="one of your own beside the ten; its package has to be named in AURL_TRUST, and --reference has to be a "
        "folder, since profiles fitted before do not know it",
    )
    parser.add_argument("--workers", type=_positive, default=0, help="processes; as many as cores by default")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: needs 1 or more")
    return number


def _picture_target(path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() != ".svg":
        raise ConfigError(f"--picture {path}: pictures are SVG; give a name that ends in .svg")
    if path is not None and not path.absolute().parent.is_dir():
        raise ConfigError(f"--picture {path}: there is no folder {path.absolute().parent}; make it first")
    return path


def _files(paths: Sequence[Path]) -> tuple[dict[Path, list[Path]], list[str]]:
    """By what was named: the file itself, or a folder's MIDI files; and the folders that cannot be listed."""
    from aurl.quality.reference.sources import midi_files

    found: dict[Path, list[Path]] = {}
    refused: list[str] = []
    for path in paths:
        found[path], reasons = midi_files(path) if path.is_dir() else ([path], [])
        refused += reasons
    return found, refused


def _with_progress(results: Iterator[FileScore], total: int, console: Console) -> Iterator[FileScore]:
    from rich.progress import track

    quiet = not console.is_terminal or total == 1
    return iter(track(results, "Scoring", total, console=console, disable=quiet, transient=True))


def _show(results: Sequence[FileScore], profile: Profile) -> None:
    from rich.console import Console

    from aurl.quality.report import file_table, metric_table

    console = Console(highlight=False)
    scored = [result for result in results if result.scored is not None]
    if scored:
        if len(scored) > 1:
            console.print(file_table(scored[:_SHOWN_FILES]))
        if len(scored) > _SHOWN_FILES:
            console.print(
                f"{len(scored) - _SHOWN_FILES} more files are in the means; --json lists them.\n", markup=False
            )
        console.print(metric_table(scored, profile))
    failed = [result for result in results if result.scored is None]
    for result in failed[:_SHOWN_ERRORS]:
        sys.stderr.write(f"{result.error}\n")
    if len(failed) > _SHOWN_ERRORS:
        sys.stderr.write(f"{len(failed) - _SHOWN_ERRORS} more files could not be read; --json tells why.\n")


def _tell_sets(
    folders: Mapping[Path, Sequence[Path]], results: Sequence[FileScore], profile: Profile, as_json: bool
) -> None:
    from rich.console import Console

    from aurl.quality.report import set_table
    from aurl.quality.sets import score_set

    known = {result.path: result.scored for result in results}
    for path, files in folders.items():
        scored = [one for file in files if (one := known[file]) is not None]
        if not path.is_dir() or not scored:
            continue
        score = score_set(scored, profile)
        if as_json:
            print(json.dumps({"path": str(path)} | score.to_json()))
        else:
            Console(highlight=False).print(set_table(path, score))


def _draw(results: Sequence[FileScore], profile: Profile, target: Path) -> None:
    from aurl.machine.files import replace_file
    from aurl.quality.picture import draw_scores
    from aurl.quality.reference.profile import usual_bars
    from aurl.quality.report import profile_names

    scored = [result.scored for result in results if result.scored is not None]
    if not scored:
        return
    bars = usual_bars(scored)
    svg = draw_scores([one.metrics for one in scored], profile.at(bars).band, profile_names(scored))
    try:
        replace_file(target, svg.encode())
    except OSError as error:
        raise ConfigError(f"--picture {target}: cannot be written ({error.strerror}); choose another place") from None
