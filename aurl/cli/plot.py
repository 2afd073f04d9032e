"""`aurl plot RUN... [SCALAR...] -o FILE`: the curves of runs as a figure for a paper."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from aurl.errors import DONE, ConfigError, RunError, did_you_mean
from aurl.runs.listing import RunSummary, find_runs, is_run, read_run, resolve_run

if TYPE_CHECKING:
    from aurl.figures.curves import Curves

FORMATS = (".pdf", ".png", ".svg")
DEFAULTS = ("loss/total", "val/loss/total", "loss/recon", "loss/kl", "grad/norm", "quality/mean/overall")
_MOST_RUNS = 50
_MOST_CHARTS = 30
_DESCRIPTION = """Draw curves of runs. Runs that differ only in their seed become one line, their mean, with a band from
the lowest to the highest. Whatever is no run is taken for the name of a scalar."""
_EXAMPLES = """examples:
  aurl plot latest -o loss.pdf
  aurl plot outputs/quick loss/total val/loss/total -o models.pdf --smooth 0.9
  aurl plot RUN1 RUN2 grad/norm --log --x relative -o gradients.svg"""


def run(args: list[str]) -> int:
    """Draw and save the figure; prints where it is.

    Raises:
        ConfigError: matplotlib is missing; a file that is no PDF, PNG or SVG, or lies in no folder.
        RunError: no such run, or no such scalar in any of them.
    """
    options = _parser().parse_intermixed_args(args)
    if find_spec("matplotlib") is None:
        raise ConfigError("aurl plot draws with matplotlib: pip install 'aurl[figures]'")
    target = _target(options.output)
    runs, names = _sort_out(options.arguments or ["latest"], options.outputs)
    from aurl.figures.curves import read_curves
    from aurl.figures.draw import Style, draw, save

    curves = [read_curves(each) for each in runs]
    names = _names(names, curves)
    style = Style(options.x, options.smooth, options.log, not options.no_bands, not options.no_marks, options.width)
    figure = draw(curves, names, style)
    try:
        save(figure, target)
    except OSError as error:
        raise ConfigError(f"-o {target}: cannot be written ({error.strerror}); choose another place") from error
    if options.json:
        print(json.dumps({"file": str(target), "runs": [str(each.path) for each in runs], "scalars": names}))
    else:
        print(f"{target}: {', '.join(names)} of {len(runs)} run{'s' if len(runs) > 1 else ''}")
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "aurl plot",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="*", metavar="RUN or SCALAR", help="run directories, folders of runs, ids")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="ends in .pdf, .png or .svg")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), help="where ids and latest are looked up")
    parser.add_argument("--x", choices=("step", "epoch", "time", "relative"), default="step", help="default: step")
    parser.add_argument("--smooth", type=_weight, default=0.0, metavar="W", help="weight of the average, 0 to below 1")
    parser.add_argument("--log", action="store_true", help="logarithmic values")
    parser.add_argument("--no-bands", action="store_true", help="a line for each run, also of the same configuration")
    parser.add_argument("--no-marks", action="store_true", help="leave out the triangles of alerts")
    parser.add_argument("--width", type=_inches, default=6.9, metavar="INCHES", help="of the figure; 6.9 by default")
    parser.add_argument("--json", action="store_true", help="tell the result as one JSON document")
    return parser


def _weight(text: str) -> float:
    value = _float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a weight from 0 to below 1, such as 0.9")
    return value


def _inches(text: str) -> float:
    value = _float(text)
    if not 2 <= value <= 40:
        raise argparse.ArgumentTypeError(f"{text!r} is not a width from 2 to 40 inches")
    return value


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _target(path: Path) -> Path:
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"-o {path}: figures are {', '.join(FORMATS)}; give a name that ends so")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"-o {path}: there is no folder {path.absolute().parent}; make it first")
    return path


def _sort_out(arguments: Sequence[str], outputs: Path) -> tuple[list[RunSummary], list[str]]:
    """The runs and the scalar names among the arguments."""
    found: dict[Path, RunSummary] = {}
    names: list[str] = []
    for argument in arguments:
        runs = _runs(argument, outputs)
        found |= {each.path.resolve(): each for each in runs}
        if not runs:
            names.append(argument)
    if not found:
        if _looks_like_path(names[0]):
            raise RunError(f"{names[0]}: no such run or folder of runs")
        latest = resolve_run("latest", outputs)
        found[latest.resolve()] = read_run(latest)
    if len(found) > _MOST_RUNS:
        raise RunError(f"{len(found)} runs: more than {_MOST_RUNS} lines cannot be told apart; name fewer")
    return list(found.values()), names


def _looks_like_path(argument: str) -> bool:
    """Whether this was rather meant for a run than for a scalar."""
    return argument.startswith((".", "/", "~", "outputs"))


def _runs(argument: str, outputs: Path) -> list[RunSummary]:
    path = Path(argument).expanduser()
    if path.is_dir() and not is_run(path):
        runs = [each for each in find_runs(path) if each.status != "unreadable"]
        if not runs:
            raise RunError(f"{argument}: there is no run under this folder")
        return runs
    try:
        return [read_run(resolve_run(argument, outputs))]
    except RunError:
        if argument == "latest" or "have this id" in argument:
            raise
        return []


def _names(wanted: Sequence[str], curves: Sequence[Curves]) -> list[str]:
    """The scalars to draw: those wanted, or the usual ones that the runs have.

    Raises:
        RunError: none of the runs has it.
    """
    known = sorted({name for each in curves for name in each.names})
    for name in wanted:
        if name not in known:
            raise RunError(f"{name}: no such run, and no such scalar in the runs.{_near(name, known)}")
    chosen = list(dict.fromkeys(wanted)) or [name for name in DEFAULTS if name in known] or known[:6]
    if not chosen:
        raise RunError(f"{curves[0].run.path}: this run has no scalars yet")
    if len(chosen) > _MOST_CHARTS:
        raise RunError(f"{len(chosen)} scalars: {_MOST_CHARTS} charts are the most in one figure; name fewer")
    return chosen


def _near(name: str, known: Iterable[str]) -> str:
    listed = list(known)
    return f"{did_you_mean(name, listed)} Scalars: {', '.join(listed[:30])}{', ...' if len(listed) > 30 else ''}"
