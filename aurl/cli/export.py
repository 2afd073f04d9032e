"""`aurl export RUN`: weights as safetensors and scalars as Parquet or CSV, for other tools."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from aurl.runs.listing import resolve_run


def run(args: list[str]) -> int:
    """Write `model.safetensors` with its `config.json`, and the table of scalars.

    Raises:
        AurlError: no such run or checkpoint, or the target cannot be written.
    """
    parser = argparse.ArgumentParser("aurl export", description="Write a run's weights and scalars for other tools.")
    parser.add_argument("run", help="a run directory, a run id, or latest")
    parser.add_argument("-o", "--output", type=Path, help="folder to write to; the run directory by default")
    parser.add_argument("--checkpoint", default="best", help="best, latest or step_00001234; best by default")
    parser.add_argument("--root", type=Path, default=Path("outputs"), help="where run ids are looked up")
    parser.add_argument("--csv", action="store_true", help="also write scalars.csv")
    parser.add_argument("--json", action="store_true", help="print what was written as one JSON document")
    options = parser.parse_args(args)
    folder = resolve_run(options.run, options.root)
    target: Path = options.output or folder
    written = export(folder, target, options.checkpoint, csv=options.csv)
    if options.json:
        print(json.dumps({name: str(path) for name, path in written.items()}))
    else:
        for name, path in written.items():
            print(f"{name}: {path}")
    return 0


def export(folder: Path, target: Path, checkpoint: str, *, csv: bool = False) -> dict[str, Path]:
    """Write a run's weights, configuration and scalars to `target`; returns the files by name.

    Raises:
        AurlError: no such checkpoint, or no event log.
    """
    from aurl.runs.table import scalar_table
    from aurl.train.checkpoint import export_model
    from aurl.train.checkpointer import resolve

    chosen = checkpoint if checkpoint != "best" or (folder / "checkpoints" / "best").exists() else "latest"
    target.mkdir(parents=True, exist_ok=True)
    written = {"weights": target / "model.safetensors", "scalars": target / "scalars.parquet"}
    export_model(resolve(folder, chosen), written["weights"])
    table = scalar_table(folder)
    table.write_parquet(written["scalars"])
    if csv:
        written["csv"] = target / "scalars.csv"
        table.write_csv(written["csv"])
    if (folder / "config.json").is_file() and target.resolve() != folder.resolve():
        written["config"] = target / "config.json"
        shutil.copyfile(folder / "config.json", written["config"])
    return written
