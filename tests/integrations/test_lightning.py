from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.listing import read_run

pl = pytest.importorskip("lightning.pytorch")
from aurl.integrations.lightning import AurlCallback  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Module(pl.LightningModule):  # type: ignore[misc, name-defined]
    def __init__(self, break_at: int = -1, raise_at: int = -1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)
        self.losses: list[float] = []

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        if self.global_step == self.hparams["raise_at"]:
            raise RuntimeError("the data are gone")
        loss = (self.layer(batch[0]) - batch[0].sum(1, keepdim=True)).square().mean()
        if self.global_step == self.hparams["break_at"]:
            loss = loss * math.nan
        self.losses.append(float(loss))
        self.log("train/double", 2 * loss)
        return loss

    def validation_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
        self.log("val_loss", self.layer(batch[0]).square().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.05)


def fit(module: Module, folder: Path, *, epochs: int = 2, ckpt: str | None = None, **options: Any) -> Any:
    pl.seed_everything(1, verbose=False)
    data = DataLoader(TensorDataset(torch.randn(40, 4)), batch_size=4)
    callback = AurlCallback(folder / "run", logging=[], **options.pop("aurl", {}))
    trainer = pl.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=folder, callbacks=[callback], **{"enable_checkpointing": False, **options},
    )  # fmt: skip
    trainer.fit(module, data, data, ckpt_path=ckpt)
    return trainer


def of_kind(folder: Path, kind: Kind) -> list[Record]:
    return [record for record in read_records(folder / "run") if record.kind is kind]


def test_every_step_and_validation_is_a_record(tmp_path: Path) -> None:
    module = Module()
    fit(module, tmp_path)
    steps = of_kind(tmp_path, Kind.STEP)
    assert [record.step for record in steps] == list(range(1, 21))
    assert [record.scalars["loss/total"] for record in steps] == module.losses
    assert [record.scalars["train/double"] for record in steps] == [2 * loss for loss in module.losses]
    assert all(record.scalars["grad/norm"] > 0 and record.scalars["lr"] == 0.05 for record in steps)
    assert all("val_loss" not in record.scalars for record in steps)  # Lightning shows it all through the next epoch
    evals = of_kind(tmp_path, Kind.EVAL)
    assert [record.step for record in evals] == [10, 20]
    assert all(record.scalars.keys() == {"val/loss/total"} for record in evals)
    [start] = of_kind(tmp_path, Kind.START)
    assert (start.fields["steps"], start.fields["epochs"], start.fields["parameters"]) == (20, 2, 5)
    assert read_run(tmp_path / "run").status == "done"


def test_accumulated_batches_make_one_step(tmp_path: Path) -> None:
    fit(Module(), tmp_path, epochs=1, accumulate_grad_batches=5)
    assert [record.step for record in of_kind(tmp_path, Kind.STEP)] == [1, 2]


def test_a_critical_alert_stops_the_trainer(tmp_path: Path) -> None:
    module = Module(break_at=12)
    fit(module, tmp_path, epochs=20, aurl={"anomaly": {"policy": "stop"}})
    assert len(module.losses) < 30
    assert "nan_values" in {record.fields["type"] for record in of_kind(tmp_path, Kind.ALERT)}
    assert read_run(tmp_path / "run").status == "stopped"


def test_an_error_ends_the_run_as_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the data are gone"):
        fit(Module(raise_at=3), tmp_path)
    run = read_run(tmp_path / "run")
    assert (run.status, run.document["message"]) == ("failed", "RuntimeError: the data are gone")


def test_a_resumed_trainer_goes_on_with_its_run(tmp_path: Path) -> None:
    trainer = fit(Module(), tmp_path, epochs=1)
    trainer.save_checkpoint(tmp_path / "one.ckpt")
    fit(Module(), tmp_path, epochs=2, ckpt=str(tmp_path / "one.ckpt"))
    first, second = of_kind(tmp_path, Kind.START)
    assert (first.fields["resumed_from"], second.fields["resumed_from"]) == (None, 10)
    assert [record.step for record in of_kind(tmp_path, Kind.STEP)] == list(range(1, 21))
    assert len(read_run(tmp_path / "run").document["resumes"]) == 1
