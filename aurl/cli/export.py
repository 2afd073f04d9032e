"""`aurl export RUN`: weights as safetensors and scalars as Parquet or CSV, for other tools."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from aurl.errors import ConfigError
from aurl.runs.listing import read_run, resolve_run

if TYPE_CHECKING:
    import polars as pl

_TABLES = (".csv", ".parquet")


def run(args: list[str]) -> int:
    """Write what a run has: its weights with their `config.json`, and the table of its scalars.

    Raises:
        AurlError: no such run or checkpoint, or the target cannot be written.
    """
    options = _parser().parse_args(args)
    folder = resolve_run(options.run, options.root)
    target: Path = options.output or folder
    try:
        if target.suffix.lower() in _TABLES and not target.is_dir():
            written = {target.suffix[1:].lower(): write_table(folder, target)}
        else:
            written = export(folder, target, options.checkpoint, csv=options.csv)
    except OSError as error:
        raise ConfigError(
            f"-o {target}: cannot be written ({error.strerror or error}); choose another place"
        ) from error
    if options.json:
        print(json.dumps({name: str(path) for name, path in written.items()}))
        return 0
    for name, path in written.items():
        print(f"{name}: {path}")
    if "weights" not in written and target.suffix.lower() not in _TABLES:
        print("no weights: this run has saved no checkpoint")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("aurl export", description="Write a run's weights and scalars for other tools.")
    parser.add_argument("run", help="a run directory, a run id, or latest")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR",
        help="folder to write to, the run directory by default; FILE.csv or FILE.parquet writes the scalars alone",
    )  # fmt: skip
    parser.add_argument("--checkpoint", help="best, latest or step_00001234; the best by default, if there is any")
    parser.add_argument("--root", type=Path, default=Path("outputs"), help="where run ids are looked up")
    parser.add_argument("--csv", action="store_true", help="also write scalars.csv")
    parser.add_argument("--json", action="store_true", help="print what was written as one JSON document")
    return parser


def export(folder: Path, target: Path, checkpoint: str | None = None, *, csv: bool = False) -> dict[str, Path]:
    """Write a run's weights, configuration and scalars to `target`; returns the files by name.

    Args:
        checkpoint: which; None takes the best, and leaves the weights out where nothing was saved.

    Raises:
        AurlError: no such checkpoint, or no event log.
        OSError: the target cannot be written.
    """
    target.mkdir(parents=True, exist_ok=True)
    written: dict[str, Path] = {}
    if checkpoint is not None or _has_checkpoint(folder):
        written["weights"] = _export_weights(folder, target / "model.safetensors", checkpoint or "best")
    written["scalars"] = write_table(folder, target / "scalars.parquet")
    if csv:
        written["csv"] = write_table(folder, target / "scalars.csv")
    if (folder / "config.json").is_file() and target.resolve() != folder.resolve():
        written["config"] = target / "config.json"
        shutil.copyfile(folder / "config.json", written["config"])
    return written


def write_table(folder: Path, target: Path) -> Path:
    """Write the table of a run's scalars as CSV or Parquet, by the ending of the target; complete or not at all.

    Raises:
        RunError: the run has no event log.
        OSError: the target cannot be written.
    """
    table = _table(folder)
    partial = target.with_name(f".{target.name}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if target.suffix.lower() == ".csv":
            table.write_csv(partial)
        else:
            table.write_parquet(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _table(folder: Path) -> pl.DataFrame:
    from aurl.runs.table import scalar_table, stored_table

    stored = stored_table(folder, read_run(folder).step)
    return scalar_table(folder) if stored is None else stored


def _has_checkpoint(folder: Path) -> bool:
    return any((folder / "checkpoints").glob("step_*")) or (folder / "checkpoints" / "latest").exists()


def _export_weights(folder: Path, target: Path, checkpoint: str) -> Path:
    from aurl.train.checkpoint import export_model
    from aurl.train.checkpointer import resolve

    chosen = checkpoint if checkpoint != "best" or (folder / "checkpoints" / "best").exists() else "latest"
    export_model(resolve(folder, chosen), target)
    return target
