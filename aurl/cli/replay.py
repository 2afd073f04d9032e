"""`aurl replay RUN... logging=[...]`: writes sinks of finished runs again, from their event logs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import yaml

from aurl.errors import CRASH, DONE, AurlError, ConfigError, did_you_mean
from aurl.machine.conf import construct, load_option
from aurl.runs.listing import find_runs, resolve_run
from aurl.sinks.base import Sink
from aurl.sinks.replay import Replayed, replay

_DESCRIPTION = """Write sinks of finished runs again, from their event logs: TensorBoard pages that a kill cut short,
a tracker that was not there when the run trained. What a sink has under the run's events/ is replaced once the new
files are whole; doing it twice gives the same."""
_EXAMPLES = """examples:
  aurl replay outputs/quick/2026-11-23_10-00-00_ab12 logging=tensorboard
  aurl replay outputs/ logging=[tensorboard,wandb]
  aurl replay latest logging=wandb logging.wandb.mode=online"""


def run(args: list[str]) -> int:
    """Replay each run into each sink; a sink that fails is told, and the others are written all the same.

    Raises:
        AurlError: no such run or sink.
    """
    parser = argparse.ArgumentParser(
        "aurl replay",
        usage="aurl replay RUN... logging=SINK|[SINK,...] [logging.SINK.key=value ...] [--json]",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("arguments", nargs="*", metavar="RUN or logging=...")
    parser.add_argument("--root", type=Path, default=Path("outputs"), help="where run ids are looked up")
    parser.add_argument("--json", action="store_true", help="one JSON line for each run and sink")
    options = parser.parse_intermixed_args(args)
    specs = [argument for argument in options.arguments if not argument.startswith("logging")]
    nodes = _nodes([argument for argument in options.arguments if argument.startswith("logging")])
    if not specs:
        raise ConfigError("aurl replay: which run? Give a run directory, a folder of runs, a run id or `latest`")
    for name, node in nodes.items():
        _build(name, node)  # a wrong key or a package that is missing is told before any run is read
    runs = [found for spec in specs for found in _runs(spec, options.root)]
    results = [_replay(found, name, node, as_json=options.json) for found in runs for name, node in nodes.items()]
    return max(results)


def _runs(spec: str, root: Path) -> list[Path]:
    folder = Path(spec)
    if folder.is_dir() and not (folder / "run.json").is_file():
        readable = [run.path for run in find_runs(folder) if run.status != "unreadable"]
        if readable:
            return readable
    return [resolve_run(spec, root)]


def _nodes(arguments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The sinks' nodes by name, changed as the arguments say.

    Raises:
        ConfigError: no sink was chosen, there is no such one, or it has no such key.
    """
    pairs = [(key, yaml.safe_load(value)) for key, _, value in (argument.partition("=") for argument in arguments)]
    chosen = [
        name for key, value in pairs if key == "logging" for name in (value if isinstance(value, list) else [value])
    ]
    if not chosen:
        raise ConfigError("aurl replay: which sink? Give logging=tensorboard or logging=[tensorboard,wandb]")
    nodes = {
        name: dict(node) for choice in chosen for name, node in load_option("logging", str(choice)).items() if node
    }
    for key, value in pairs:
        if key != "logging":
            _change(nodes, key, value)
    return nodes


def _change(nodes: Mapping[str, dict[str, Any]], key: str, value: object) -> None:
    name, _, setting = key.removeprefix("logging.").partition(".")
    if name not in nodes:
        raise ConfigError(f"{key}: no such sink chosen.{did_you_mean(name, nodes)} Chosen: {', '.join(nodes)}")
    known = [option for option in nodes[name] if option != "_target_"]
    if setting not in known:
        raise ConfigError(f"{key}: no such key.{did_you_mean(setting, known)} Keys of {name}: {', '.join(known)}")
    nodes[name][setting] = value


def _build(name: str, node: Mapping[str, Any]) -> Sink:
    sink = construct(node, Sink)
    if not isinstance(sink, Sink):
        raise ConfigError(f"logging.{name}: {type(sink).__name__} is no sink")
    return sink


def _replay(run: Path, name: str, node: Mapping[str, Any], *, as_json: bool) -> int:
    """The exit code of one sink of one run."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    quiet = as_json or not console.is_terminal
    try:
        with Progress(console=console, transient=True, disable=quiet) as bar:
            task = bar.add_task(f"{run.name} {name}", total=_records(run))
            done = replay(run, _build(name, node), lambda shown: bar.update(task, completed=shown))
    except AurlError as error:
        print(f"aurl: error: {error}", file=sys.stderr)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  one failing sink must not keep the others from being written
        print(f"aurl: error: {run}: {name}: {type(error).__name__}: {error}; nothing was replaced", file=sys.stderr)
        return CRASH
    _tell(run, name, done, as_json=as_json)
    return DONE


def _records(run: Path) -> int | None:
    """Lines of the event log, for the progress bar."""
    from aurl.runs.eventlog import segments

    try:
        return sum(_lines(path) for path in segments(run / "events")) or None
    except OSError:
        return None


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _tell(run: Path, name: str, done: Replayed, *, as_json: bool) -> None:
    if as_json:
        replaced = [str(path) for path in done.replaced]
        line = {"run": str(run), "sink": name, "records": done.records, "replaced": replaced}
        sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
        return
    where = ", ".join(str(path) for path in done.replaced) or "elsewhere, as the sink is set"
    print(f"{run}: {name}: {done.records} records -> {where}")
