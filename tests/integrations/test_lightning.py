from __future__ import annotations

import math
import warnings
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


class Logs(Module):
    """Logs in every hook that a module has, under names that training and validation share."""

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        loss = self.layer(batch[0]).square().mean()
        self.log("both", loss, on_step=True, on_epoch=True)
        self.log("acc", self.current_epoch + 0.5, on_step=False, on_epoch=True)
        if batch_idx == 1:
            self.log("seldom", float(self.global_step))
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.log("late", float(self.global_step))

    def on_train_epoch_end(self) -> None:
        self.log("at_end", self.current_epoch + 0.25)

    def validation_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
        self.log("acc", self.current_epoch + 100.0)

    def on_validation_epoch_end(self) -> None:
        self.log("val_at_end", self.current_epoch + 200.0)

    def test_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
        self.log("test_loss", 300.0)


def loader() -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.randn(16, 4)), batch_size=4)


def plain_trainer(folder: Path, callback: AurlCallback, **options: Any) -> Any:
    return pl.Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, default_root_dir=folder, callbacks=[callback], **options,
    )  # fmt: skip


def told(folder: Path, kind: Kind, name: str) -> list[tuple[int, float, Any]]:
    return [(r.step, r.scalars[name], r.fields["epoch"]) for r in of_kind(folder, kind) if name in r.scalars]


def test_each_value_is_in_the_record_of_the_hook_that_logged_it(tmp_path: Path) -> None:
    trainer = plain_trainer(tmp_path, AurlCallback(tmp_path / "run", logging=[]), max_epochs=3)
    trainer.fit(Logs(), loader(), loader())
    epochs = range(3)
    assert told(tmp_path, Kind.EPOCH, "acc") == [(4 * n + 4, n + 0.5, n + 1) for n in epochs]
    assert told(tmp_path, Kind.EVAL, "acc") == [(4 * n + 4, n + 100.0, n + 1) for n in epochs]
    assert told(tmp_path, Kind.EPOCH, "at_end") == [(4 * n + 4, n + 0.25, n + 1) for n in epochs]
    assert told(tmp_path, Kind.EVAL, "val_at_end") == [(4 * n + 4, n + 200.0, n + 1) for n in epochs]
    assert told(tmp_path, Kind.STEP, "late") == [(n + 1, n + 1.0, n // 4 + 1) for n in range(12)]
    assert told(tmp_path, Kind.STEP, "seldom") == [(4 * n + 2, 4 * n + 1.0, n + 1) for n in epochs]
    steps, ends = of_kind(tmp_path, Kind.STEP), of_kind(tmp_path, Kind.EPOCH)
    assert [record.scalars["both_step"] for record in steps] == [record.scalars["loss/total"] for record in steps]
    assert {name for record in steps for name in record.scalars if name.startswith(("both", "acc"))} == {"both_step"}
    assert all(record.scalars.keys() == {"both_epoch", "acc", "at_end"} for record in ends)


def test_validations_amid_an_epoch_take_nothing_from_the_steps(tmp_path: Path) -> None:
    trainer = plain_trainer(
        tmp_path, AurlCallback(tmp_path / "run", logging=[]), max_epochs=1, val_check_interval=2, num_sanity_val_steps=2
    )
    trainer.fit(Logs(), loader(), loader())
    assert told(tmp_path, Kind.STEP, "late") == [(n + 1, n + 1.0, 1) for n in range(4)]
    assert [record.step for record in of_kind(tmp_path, Kind.EVAL)] == [2, 4]
    assert [record.scalars.keys() for record in of_kind(tmp_path, Kind.EVAL)] == [{"acc", "val_at_end"}] * 2


def test_validate_and_test_after_the_fit_are_in_its_run(tmp_path: Path) -> None:
    trainer = plain_trainer(tmp_path, AurlCallback(tmp_path / "run", logging=[]), max_epochs=2)
    module = Logs()
    trainer.fit(module, loader(), loader())
    trainer.validate(module, loader(), verbose=False)
    trainer.test(module, loader(), verbose=False)
    evals = of_kind(tmp_path, Kind.EVAL)
    assert [record.step for record in evals] == [4, 8, 8, 8]
    assert evals[-1].scalars == {"test/loss/total": 300.0}
    assert evals[-1].fields["epoch"] == 2
    run = read_run(tmp_path / "run")
    assert run.status == "done"
    assert [record.step for record in of_kind(tmp_path, Kind.STEP)] == list(range(1, 9))


def test_a_second_fit_of_the_same_trainer_goes_on_and_a_new_one_has_a_run_of_its_own(tmp_path: Path) -> None:
    callback, module = AurlCallback(tmp_path / "run", logging=[]), Logs()
    trainer = plain_trainer(tmp_path, callback, max_epochs=1)
    trainer.fit(module, loader(), loader())
    trainer.fit_loop.max_epochs = 2
    trainer.fit(module, loader(), loader())
    assert [record.step for record in of_kind(tmp_path, Kind.STEP)] == list(range(1, 9))
    assert told(tmp_path, Kind.EPOCH, "acc") == [(4, 0.5, 1), (8, 1.5, 2)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        plain_trainer(tmp_path, callback, max_epochs=1).fit(Logs(), loader(), loader())
    assert any("run_2" in str(warning.message) for warning in caught)
    assert [record.step for record in of_kind(tmp_path, Kind.STEP)] == list(range(1, 9))
    assert [r.step for r in read_records(tmp_path / "run_2") if r.kind is Kind.STEP] == [1, 2, 3, 4]


def test_a_checkpoint_of_a_step_finds_that_step_in_the_log(tmp_path: Path) -> None:
    written: list[int] = []

    class Looks(pl.callbacks.ModelCheckpoint):  # type: ignore[misc, name-defined]
        def on_save_checkpoint(self, trainer: Any, module: Any, checkpoint: Any) -> None:
            written.append(of_kind(tmp_path, Kind.STEP)[-1].step)

    callback = AurlCallback(tmp_path / "run", logging=[])
    keeper = Looks(tmp_path, every_n_train_steps=2, save_top_k=-1)
    pl.Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False, max_epochs=1,
        default_root_dir=tmp_path, callbacks=[keeper, callback],
    ).fit(Logs(), loader(), loader())  # fmt: skip
    assert written[:2] == [2, 4]
    assert told(tmp_path, Kind.EPOCH, "at_end") == [(4, 0.25, 1)]
