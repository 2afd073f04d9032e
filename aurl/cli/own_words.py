"""`aurl runs tag|note|rename|star|archive|rm|restore RUN ...`: a person's own words about runs, and the trash."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aurl.errors import DONE, ConfigError
from aurl.runs.annotations import annotate
from aurl.runs.listing import RunSummary, read_run, resolve_run
from aurl.runs.trash import find_trashed, restore, throw_away, trashed

_Answer = list[dict[str, Any]]


def run(verb: str, args: list[str]) -> int:
    """Do it to each run named; prints a line for each, or with `--json` one array.

    Raises:
        AurlError: no such run, one that is still running, or a text that cannot be kept; runs before it are done.
    """
    parser = argparse.ArgumentParser(f"aurl runs {verb}", description=f"{_ABOUT[verb]} Kept in annotations.json.")
    if verb in ("rm", "restore"):
        parser.description = _ABOUT[verb]
    _ARGUMENTS[verb](parser)
    parser.add_argument("--root", type=Path, default=Path("outputs"), help="the folder of runs; outputs by default")
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    options = parser.parse_intermixed_args(args)
    answer = _DEEDS[verb](options)
    said = [each.pop("said") for each in answer]
    print(json.dumps(answer) if options.json else "\n".join(said))
    return DONE


def _runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run directory, a run id, or latest")


def _one_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run directory, a run id, or latest")


def _tag_arguments(parser: argparse.ArgumentParser) -> None:
    _one_run(parser)
    parser.add_argument("tags", nargs="*", metavar="TAG", help="words to find the run by; none lists its tags")
    parser.add_argument("-r", "--remove", action="append", default=[], metavar="TAG", help="take this tag away")


def _note_arguments(parser: argparse.ArgumentParser) -> None:
    _one_run(parser)
    parser.add_argument("text", nargs="?", help="the note, in place of the one before; without it the note is printed")
    parser.add_argument("-a", "--append", action="store_true", help="add it below the note that is there")


def _rename_arguments(parser: argparse.ArgumentParser) -> None:
    _one_run(parser)
    parser.add_argument("name", help="what is shown; the folder stays. An empty one brings the run's own name back")


def _flag_arguments(parser: argparse.ArgumentParser) -> None:
    _runs(parser)
    parser.add_argument("--undo", action="store_true", help="take it back")


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="*", metavar="RUN", help="an id or a path as it was; none lists the trash")


def _tag(options: argparse.Namespace) -> _Answer:
    found = _read(options.run, options)
    own = found.own
    if options.tags or options.remove:
        own = annotate(found.path, add_tags=options.tags, remove_tags=options.remove, given_tags=found.given_tags)
    tags = own.tags_of(found.given_tags)
    return [_told(found, f"tags: {', '.join(tags) or 'none'}", tags=tags)]


def _note(options: argparse.Namespace) -> _Answer:
    found = _read(options.run, options)
    notes = found.own.notes
    if options.text is not None:
        text = f"{notes}\n{options.text}" if options.append and notes else options.text
        notes = annotate(found.path, notes=text).notes
    return [_told(found, notes or "no note", notes=notes)]


def _rename(options: argparse.Namespace) -> _Answer:
    found = _read(options.run, options)
    name = annotate(found.path, name=options.name).name or found.given_name
    return [_told(found, f"is called {name}", name=name)]


def _star(options: argparse.Namespace) -> _Answer:
    said = "no star any more" if options.undo else "has a star"
    return [_told(found, said, star=annotate(found.path, star=not options.undo).star) for found in _each(options)]


def _archive(options: argparse.Namespace) -> _Answer:
    said = "is listed again" if options.undo else "is archived: `aurl runs --archived` lists it"
    return [
        _told(found, said, archived=annotate(found.path, archived=not options.undo).archived)
        for found in _each(options)
    ]


def _each(options: argparse.Namespace) -> Iterator[RunSummary]:
    return (_read(spec, options) for spec in options.runs)


def _rm(options: argparse.Namespace) -> _Answer:
    answer = []
    for found in _each(options):
        root = _root_of(found.path, options.root)
        thrown = throw_away(found.path, root)
        back = f"aurl runs restore {thrown.home}" + (f" --root {root}" if root != Path("outputs") else "")
        answer.append(_told(found, f"is in the trash; `{back}` brings it back", trash=str(thrown.path)))
    return answer


def _restore(options: argparse.Namespace) -> _Answer:
    if not options.runs:
        there = trashed(options.root)
        lines = [{"run": str(one.home), "trash": str(one.path), "said": f"{one.home}"} for one in there]
        return lines if lines or options.json else [{"said": f"nothing in {options.root / '.trash'}"}]
    answer = []
    for spec in options.runs:
        thrown = find_trashed(spec, options.root)
        home = restore(thrown, options.root)
        answer.append({"run": str(home), "said": f"{home} is back"})
    return answer


def _root_of(run: Path, root: Path) -> Path:
    """The folder whose trash takes the run: the root where it lies inside, else the folder that holds it."""
    return root if run.resolve().is_relative_to(root.resolve()) and run.resolve() != root.resolve() else run.parent


def _read(spec: str, options: argparse.Namespace) -> RunSummary:
    found = read_run(resolve_run(spec, options.root))
    if not found.path.is_dir():
        raise ConfigError(f"{found.path}: not a folder")
    return found


def _told(found: RunSummary, said: str, **facts: Any) -> dict[str, Any]:
    return {"run": str(found.path), **facts, "said": f"{found.id}: {said}"}


_ABOUT: Mapping[str, str] = {
    "tag": "Give a run tags, or take tags away.",
    "note": "Write a note about a run.",
    "rename": "Change the name that is shown of a run, never its folder.",
    "star": "Mark runs to come back to.",
    "archive": "Leave runs out of lists.",
    "rm": "Move finished runs to the trash, ROOT/.trash; a running one is refused.",
    "restore": "Bring runs back from the trash.",
}
VERBS = tuple(_ABOUT)
_ARGUMENTS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "tag": _tag_arguments, "note": _note_arguments, "rename": _rename_arguments, "star": _flag_arguments,
    "archive": _flag_arguments, "rm": _runs, "restore": _restore_arguments,
}  # fmt: skip
_DEEDS: Mapping[str, Callable[[argparse.Namespace], _Answer]] = {
    "tag": _tag, "note": _note, "rename": _rename, "star": _star, "archive": _archive, "rm": _rm, "restore": _restore,
}  # fmt: skip
