"""What the default experiment reaches: loss curve, valid tokens, musical quality, and their spread over seeds.

for seed in 1 2 3; do python train.py seed=$seed paths.outputs=/tmp/default; done
python -m benchmarks.default_run /tmp/default
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from aurl.runs.listing import find_runs
from aurl.runs.table import scalar_table

COLUMNS = {
    "val/loss/recon": "val recon",
    "val/accuracy": "accuracy",
    "quality/mean/overall": "quality",
    "quality/mean/valid_tokens": "valid tokens",
    "quality/mean/copied_fraction": "copied",
}


def main(root: Path) -> None:
    runs = [run for run in find_runs(root) if run.status == "done"]
    curves = [curve(run.path) for run in runs]
    print("| step | " + " | ".join(COLUMNS.values()) + " |")
    print("|---" * (1 + len(COLUMNS)) + "|")
    together = (
        pl.concat(curves)
        .group_by("step")
        .agg(
            [pl.col(name).mean().alias(f"{name} mean") for name in COLUMNS]
            + [pl.col(name).min().alias(f"{name} min") for name in COLUMNS]
            + [pl.col(name).max().alias(f"{name} max") for name in COLUMNS]
        )
    )
    for row in together.sort("step").iter_rows(named=True):
        cells = [f"{row[f'{n} mean']:.3f} ({row[f'{n} min']:.3f} to {row[f'{n} max']:.3f})" for n in COLUMNS]
        print(f"| {row['step']} | " + " | ".join(cells) + " |")
    print(f"\nmean (lowest to highest) of {len(runs)} seeds")
    for run, table in zip(runs, curves, strict=True):
        rho = table.select(pl.corr("quality/mean/overall", -pl.col("val/loss/total"), method="spearman")).item()
        minutes = (run.duration(0.0) or 0.0) / 60
        print(f"{run.id}: {minutes:.1f} min; Spearman of quality with minus validation loss {rho:.2f}")


def curve(run: Path) -> pl.DataFrame:
    """A row per evaluation: step, the columns, and the validation loss."""
    names = [*COLUMNS, "val/loss/total"]
    table = scalar_table(run).filter(pl.col("kind").is_in(["eval", "quality"]))
    means = table.filter((pl.col("kind") == "eval") | pl.col("quality/mean/overall").is_not_null())
    return means.group_by("step").agg([pl.col(name).drop_nulls().first() for name in names]).sort("step")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "outputs"))
