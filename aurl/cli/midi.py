"""`aurl midi FILES`: what aurl hears in music files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from aurl.errors import DONE, USAGE, AurlError, ConfigError

_DESCRIPTION = """Tells what aurl hears in MIDI files, or in all those of folders: notes, metre, tempo, tracks, and what
the grid loses. A file of type 2 holds several pieces, each told by itself. Times are quarter notes. A file that cannot
be read gets its reason. Exit code 0 if any file was read, 2 if none was."""


def run(args: list[str]) -> int:
    """Print a paragraph for each piece, or with `--json` one line of JSON.

    Raises:
        ConfigError: a resolution that there is not, or a path that is not there.
    """
    options = _parser().parse_args(args)
    resolution = _resolution(options.resolution)
    read = 0
    for path in _files(options.files):
        for row in _rows(path, resolution, options.pedal):
            read += "error" not in row
            if options.json:
                print(json.dumps(row))
            elif "error" in row:
                sys.stderr.write(f"{row['error']}\n")
            else:
                print(_paragraph(row))
    return DONE if read else USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("aurl midi", description=_DESCRIPTION)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a music file, or a folder of them")
    parser.add_argument(
        "--resolution",
        default="auto",
        help="ticks to the quarter note of the grid whose losses are counted, or ms; by default the coarsest that fits",
    )
    parser.add_argument(
        "--pedal", choices=("extend", "ignore"), default="extend", help="whether the sustain pedal holds notes"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document a line for each piece")
    return parser


def _resolution(text: str) -> Any:
    from aurl.music.grid import MILLISECONDS, RESOLUTIONS

    if text == "auto":
        return None
    if text == MILLISECONDS:
        return MILLISECONDS
    if text.isdecimal() and int(text) in RESOLUTIONS:
        return int(text)
    raise ConfigError(f"--resolution {text}: allowed are auto, ms and {', '.join(map(str, RESOLUTIONS))}")


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    from aurl.music.midi import suffixes

    for path in paths:
        if not path.is_dir():
            yield path
            continue
        endings = suffixes()
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in endings)
        if not found:
            raise ConfigError(f"{path}: holds no {', '.join(sorted(endings))} file; give another folder, or a file")
        yield from found


def _rows(path: Path, resolution: Any, pedal: Any) -> list[dict[str, Any]]:
    from aurl.music.hearing import describe_score
    from aurl.music.midi import read_scores

    try:
        scores = read_scores(path)
    except AurlError as error:
        return [{"path": str(path), "error": str(error)}]
    rows = [{"path": str(path), **describe_score(score, resolution=resolution, pedal=pedal)} for score in scores]
    return rows if len(rows) == 1 else [row | {"piece": number} for number, row in enumerate(rows, 1)]


def _paragraph(row: dict[str, Any]) -> str:
    piece = f" (piece {row['piece']})" if "piece" in row else ""
    grid = "no beats: ticks of 10 ms" if row["resolution"] == "ms" else f"{row['resolution']} ticks to the quarter note"
    lines = [
        f"{row['path']}{piece}",
        f"  {row['notes']} notes, {row['end']:g} quarter notes, {row['seconds']:.1f} s",
        f"  metre {_metres(row)}",
        f"  tempo {_tempos(row)}",
        f"  grid  {grid}; {_lost(row)}",
    ]
    for track in row["tracks"]:
        kind = "drums" if track["drum"] else f"program {track['program']}"
        lines.append(f"  track {track['name'] or '-'}: {kind}, {track['notes']} notes")
    repaired = {name.replace("_", " "): count for name, count in row["repaired"].items() if count}
    if repaired:
        lines.append("  repaired: " + ", ".join(f"{count} notes {name}" for name, count in repaired.items()))
    return "\n".join(lines)


def _metres(row: dict[str, Any]) -> str:
    upbeat = f", upbeat of {row['first_bar']:g}" if row["first_bar"] else ""
    changes = ", ".join(f"{n}/{d} at {at:g}" for at, n, d in row["metres"][1:6])
    more = ", ..." if len(row["metres"]) > 6 else ""
    first = row["metres"][0]
    told = f"; begins in {first[1]}/{first[2]}, {changes}{more}" if changes else ""
    return f"{row['metre'][0]}/{row['metre'][1]}{upbeat}{told}"


def _tempos(row: dict[str, Any]) -> str:
    speeds = [qpm for _, qpm in row["tempos"]]
    changes = f", {len(speeds) - 1} changes, {min(speeds):g} to {max(speeds):g}" if len(speeds) > 1 else ""
    return f"{row['tempo']:g}{changes}"


def _lost(row: dict[str, Any]) -> str:
    lost = {name: count for name, count in row["lost"].items() if count}
    return "nothing lost" if not lost else ", ".join(f"{count} {name}" for name, count in lost.items())
