"""Labelled curves of small real trainings in libraries other than aurl, for `real_logs.py`.

    python -m benchmarks.other_logs -o DIR [--only TEXT]
    python benchmarks/real_logs.py --dir DIR

Trains some seventy models on one CPU thread in scikit-learn, transformers, Lightning, LightGBM and plain loops of
PyTorch, on data that comes with Python and scikit-learn, and writes a CSV file a training, `index.csv` and
`events.csv`. LightGBM is not among aurl's packages (`pip install lightgbm`); without it its curves are left out.

About half are healthy. The others are set up as people get them wrong: a learning rate too large or nil, a bad batch, a
logarithm of 0, too little data. A label is written only when a check finds it on the curve itself; no detector has a
say in that, nor in how the trainings are set up. A curve whose check fails is marked ambiguous, which leaves it out.
Seeds are fixed; with other versions of the libraries the curves differ a little.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import math
import random
import time
from collections.abc import Collection, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.other_logs_sources.base import Rows, Run
from benchmarks.other_logs_sources.labels import Event, NotSeenError, healthy

SOURCES = {  # module: the package it needs, which is what a curve's source is called
    "with_sklearn": "sklearn",
    "with_torch": "torch",
    "with_torch_text": "torch",
    "with_lightning": "lightning",
    "with_transformers": "transformers",
    "with_lightgbm": "lightgbm",
}


def main() -> None:
    arguments = _arguments()
    arguments.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    index: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for module, package in SOURCES.items():
        if importlib.util.find_spec(package) is None:
            print(f"{package} is not installed: its curves are left out (pip install {package})")
            continue
        runs: Iterable[Run] = import_module(f"benchmarks.other_logs_sources.{module}").RUNS
        for run in (run for run in runs if arguments.only in run.name):
            start = time.process_time()
            line, found = train(run, package, arguments.output)
            index.append(line)
            events.extend(found)
            print(f"{run.name}: {line['labels']} ({line['why']}), {time.process_time() - start:.1f} s", flush=True)
    trained = {line["file"] for line in index}
    for name, lines in (("index.csv", index), ("events.csv", events)):
        write(arguments.output / name, lines + _others(arguments.output / name, trained))


def train(run: Run, package: str, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One curve written to its file; its line of the index and the events on it."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    rows = run.train()
    file = f"{run.name}.csv"
    write(folder / file, rows)
    labels, events, why = label(run, rows)
    columns = [name for name in _columns(rows) if name != "step"]
    line = {"file": file, "repo": package, "rows": len(rows), "columns": " ".join(columns), "labels": labels}
    line |= {"onset_step": events[0].onset if events else "", "why": why, "note": run.about}
    return line, [{"file": file} | event._asdict() for event in events]


def label(run: Run, rows: Rows) -> tuple[str, list[Event], str]:
    """The label of a run if the curve bears it out, the events, and the reason."""
    if not run.events:
        why = healthy(rows)
        return ("ambiguous" if why else "healthy"), [], why
    try:
        events = [find(rows) for find in run.events]
    except NotSeenError as error:
        return "ambiguous", [], str(error)
    return "|".join(event.types.split("|")[0] for event in events), events, "; ".join(event.why for event in events)


def write(path: Path, rows: Rows | list[dict[str, Any]]) -> None:
    """A CSV file in which what was not logged is empty and NaN is NaN."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _columns(rows), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _others(path: Path, trained: Collection[str]) -> list[dict[str, Any]]:
    """The lines of curves that stand from an earlier call with `--only`."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [line for line in csv.DictReader(file) if line["file"] not in trained]


def _columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _cell(value: Any) -> Any:
    """Seven digits of a number; a whole one in full, so that steps stay exact."""
    if not isinstance(value, float) or math.isnan(value):
        return "NaN" if isinstance(value, float) else value
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e10 else f"{value:.7g}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the curves")
    parser.add_argument(
        "--only", default="", help="only the trainings with this in their name; the lines of others stay"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
