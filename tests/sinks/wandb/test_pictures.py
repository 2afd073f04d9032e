from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.show.png import encode_png
from aurl.sinks.wandb.pictures import pictures


def note(run: RunDirectory, kind: str, image: str | None = None, **arrays: object) -> Record:
    path = run.path / "artifacts" / f"000004_{kind}.npz"
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **arrays)  # type: ignore[arg-type]
    artifact = {"type": kind, "path": f"artifacts/{path.name}", "image": image}
    return Record(Kind.NOTE, 4, {}, {"message": "made", "artifact": artifact}, 1.0)


def test_histograms_keep_their_counts_and_edges(run: RunDirectory) -> None:
    record = note(
        run,
        "histograms",
        names=np.array(["weights/a", "gradients/b", "weights/empty"]),
        offsets=np.array([0, 3, 4, 4]),
        limits=np.array([1.0, 2.0, 3.0, 5.0]),
        counts=np.array([4.0, 5.0, 6.0, 7.0]),
    )
    found = pictures(run, record)
    assert set(found) == {"histograms/weights/a", "histograms/gradients/b"}
    assert list(found["histograms/weights/a"].histogram) == [4.0, 5.0, 6.0]
    assert list(found["histograms/weights/a"].bins) == [0.0, 1.0, 2.0, 3.0]


def test_embeddings_become_a_table(run: RunDirectory) -> None:
    labels = np.array([["one", "C"], ["two", "G"]])
    columns = np.array(["piece", "key"])
    found = pictures(run, note(run, "embedding", vectors=np.eye(2, 3), columns=columns, labels=labels))
    table = found["pictures/embedding"]
    assert table.columns == ["piece", "key", "z0", "z1", "z2"]
    assert table.data[1] == ["two", "G", 0.0, 1.0, 0.0]


def test_what_has_a_picture_is_shown_as_one(run: RunDirectory) -> None:
    record = note(run, "landscape", image="artifacts/000004_landscape.png", x=np.zeros(2))
    png = encode_png(np.zeros((4, 4), np.uint8), np.zeros((2, 3), np.uint8))
    (run.path / "artifacts" / "000004_landscape.png").write_bytes(png)
    assert set(pictures(run, record)) == {"pictures/landscape"}


@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_a_file_that_is_gone_or_torn_gives_nothing(run: RunDirectory, damage: str) -> None:
    record = note(run, "histograms", names=np.array(["a"]))
    path = next((run.path / "artifacts").iterdir())
    path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:50])
    assert pictures(run, record) == {}


def test_other_records_give_nothing(run: RunDirectory) -> None:
    assert pictures(run, Record(Kind.NOTE, 1, {}, {"message": "x"})) == {}
    assert pictures(run, Record(Kind.NOTE, 1, {}, {"artifact": {"type": "new", "path": str(Path("a"))}})) == {}
