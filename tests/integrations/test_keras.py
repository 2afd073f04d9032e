from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.listing import read_run

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
from aurl.integrations.keras import AurlCallback  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
X, Y = np.random.default_rng(1).random((32, 4)), np.ones((32, 1))


def model(lr: float = 0.01) -> Any:
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    net.compile(optimizer=keras.optimizers.SGD(lr), loss="mse", metrics=["mae"])
    return net


def of_kind(folder: Path, kind: Kind) -> list[Record]:
    return [record for record in read_records(folder) if record.kind is kind]


def fit(net: Any, folder: Path, *, epochs: int = 2, aurl: dict[str, Any] | None = None, **options: Any) -> AurlCallback:
    callback = AurlCallback(folder, logging=[], **(aurl or {}))
    net.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=[callback], **options)
    return callback


def test_batches_epochs_and_validations_are_records(tmp_path: Path) -> None:
    net = model()
    callback = fit(net, tmp_path / "run", validation_data=(X[:8], Y[:8]))
    steps = of_kind(tmp_path / "run", Kind.STEP)
    assert [record.step for record in steps] == list(range(1, 9))
    assert steps[0].scalars.keys() == {"loss/total", "mae", "time/step"}
    assert [record.fields["epoch"] for record in steps] == [1] * 4 + [2] * 4
    assert [(r.step, set(r.scalars)) for r in of_kind(tmp_path / "run", Kind.EVAL)] == [
        (4, {"val/loss/total", "val/mae"}),
        (8, {"val/loss/total", "val/mae"}),
    ]
    assert [(r.step, r.fields["epoch"]) for r in of_kind(tmp_path / "run", Kind.EPOCH)] == [(4, 1), (8, 2)]
    run = read_run(tmp_path / "run")
    assert (run.status, round(run.document["config"]["learning_rate"], 6)) == ("done", 0.01)
    net.evaluate(X, Y, verbose=0, callbacks=[callback])
    assert [record.step for record in of_kind(tmp_path / "run", Kind.EVAL)] == [4, 8, 8]


def test_a_second_fit_goes_on_and_another_model_has_a_run_of_its_own(tmp_path: Path) -> None:
    net = model()
    fit(net, tmp_path / "run")
    fit(net, tmp_path / "run", epochs=1)
    assert [record.step for record in of_kind(tmp_path / "run", Kind.STEP)] == list(range(1, 13))
    fit(model(), tmp_path / "run", epochs=1)
    assert [record.step for record in of_kind(tmp_path / "run_2", Kind.STEP)] == [1, 2, 3, 4]


def test_a_critical_alert_stops_the_fit(tmp_path: Path) -> None:
    fit(model(lr=1e30), tmp_path / "run", epochs=50, aurl={"anomaly": {"policy": "stop"}})
    assert read_run(tmp_path / "run").status == "stopped"
    assert of_kind(tmp_path / "run", Kind.STEP)[-1].step < 100
