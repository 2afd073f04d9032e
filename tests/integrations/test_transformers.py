from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aurl.record import Kind, Record
from aurl.runs.eventlog import read_records
from aurl.runs.listing import read_run

transformers = pytest.importorskip("transformers")
from aurl.integrations.transformers import AurlCallback  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def train(folder: Path, *, lr: float = 1e-2, aurl: dict[str, Any] | None = None, **options: Any) -> Any:
    torch.manual_seed(1)
    data = [{"input_ids": torch.arange(n, n + 8), "labels": torch.arange(n, n + 8)} for n in range(8)]
    config = transformers.GPT2Config(vocab_size=16, n_positions=8, n_embd=16, n_layer=1, n_head=2)
    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "checkpoints"), learning_rate=lr, per_device_train_batch_size=4, logging_steps=1,
        report_to=[], use_cpu=True, disable_tqdm=True, **options,
    )  # fmt: skip
    callback = AurlCallback(folder / "run", logging=[], **(aurl or {}))
    model = transformers.GPT2LMHeadModel(config)
    trainer = transformers.Trainer(model, arguments, train_dataset=data, eval_dataset=data, callbacks=[callback])
    trainer.train()
    return trainer


def of_kind(folder: Path, kind: Kind) -> list[Record]:
    return [record for record in read_records(folder / "run") if record.kind is kind]


def test_what_the_trainer_logs_becomes_records(tmp_path: Path) -> None:
    trainer = train(tmp_path, max_steps=6, eval_strategy="steps", eval_steps=3, save_steps=3)
    steps = of_kind(tmp_path, Kind.STEP)
    logged = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert [record.step for record in steps] == [1, 2, 3, 4, 5, 6]
    assert [record.scalars["loss/total"] for record in steps] == logged
    assert steps[0].scalars.keys() == {"loss/total", "grad/norm", "lr", "time/step"}
    evals = of_kind(tmp_path, Kind.EVAL)
    assert [(record.step, set(record.scalars)) for record in evals] == [
        (3, {"val/loss/total"}),
        (6, {"val/loss/total"}),
    ]
    assert [record.step for record in of_kind(tmp_path, Kind.CHECKPOINT)] == [3, 6]
    run = read_run(tmp_path / "run")
    assert run.status == "done"
    assert run.document["config"]["learning_rate"] == 1e-2


def test_a_critical_alert_stops_the_trainer(tmp_path: Path) -> None:
    trainer = train(tmp_path, max_steps=300, lr=1e8, save_strategy="no", aurl={"anomaly": {"policy": "stop"}})
    assert trainer.state.global_step < 300
    assert read_run(tmp_path / "run").status == "stopped"


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        y = self.layer(x).squeeze(-1)
        return {"loss": (y - labels).square().mean(), "logits": y}


class Mine(transformers.Trainer):  # type: ignore[misc, name-defined]
    """Logs values of its own, and is interrupted once where it is told to."""

    interrupt_at = -1

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
        outputs = model(**inputs)
        step = self.state.global_step
        if model.training and step == self.interrupt_at:
            self.interrupt_at = -1
            raise KeyboardInterrupt
        if model.training and step == 3:
            self.log({"reward": 1.5, "kl": torch.tensor(0.25), "alone": np.array([0.5]), "train_acc": np.float32(0.75)})
        if model.training and step == 4:
            self.log({"words": "many", "pair": [1.0, 2.0]})
        return (outputs["loss"], outputs) if return_outputs else outputs["loss"]


def mine(folder: Path, logging_steps: int = 1) -> Any:
    data = [{"x": torch.randn(4), "labels": torch.tensor(1.0)} for _ in range(16)]
    arguments = transformers.TrainingArguments(
        str(folder / "hf"), num_train_epochs=2, per_device_train_batch_size=4, logging_steps=logging_steps,
        save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True, eval_strategy="epoch",
    )  # fmt: skip
    callback = AurlCallback(folder / "run", logging=[])
    return Mine(Net(), arguments, train_dataset=data, eval_dataset=data[:8], callbacks=[callback])


def test_what_a_subclass_logs_is_in_the_record_of_its_step(tmp_path: Path) -> None:
    mine(tmp_path).train()
    steps = of_kind(tmp_path, Kind.STEP)
    assert [record.step for record in steps] == list(range(1, 9))
    extra = {"reward": 1.5, "kl": 0.25, "alone": 0.5, "train_acc": 0.75}
    assert {name: steps[3].scalars.get(name) for name in extra} == extra
    assert [r.step for r in steps if "reward" in r.scalars] == [4]
    assert [record.fields["epoch"] for record in steps] == [1, 1, 1, 1, 2, 2, 2, 2]
    assert [(r.step, r.fields["epoch"]) for r in of_kind(tmp_path, Kind.EVAL)] == [(4, 1), (8, 2)]
    notes = [str(record.fields["message"]) for record in of_kind(tmp_path, Kind.NOTE)]
    assert [note.split(":")[0] for note in notes] == ["words", "pair"]


def test_a_value_logged_between_two_logging_steps_is_not_lost(tmp_path: Path) -> None:
    mine(tmp_path, logging_steps=3).train()
    assert [r.step for r in of_kind(tmp_path, Kind.STEP) if "reward" in r.scalars] == [4]
    assert [r.step for r in of_kind(tmp_path, Kind.STEP) if "loss/total" in r.scalars] == [3, 6]


def test_evaluation_and_prediction_after_the_training_are_in_its_run(tmp_path: Path) -> None:
    trainer = mine(tmp_path)
    trainer.train()
    config = read_run(tmp_path / "run").document["config"]
    loss = trainer.evaluate()["eval_loss"]
    trainer.predict(trainer.eval_dataset, metric_key_prefix="test")
    trainer.evaluate(trainer.train_dataset, metric_key_prefix="train")
    evals = of_kind(tmp_path, Kind.EVAL)[2:]
    assert [set(record.scalars) for record in evals] == [
        {"val/loss/total"},
        {"test/loss/total"},
        {"train/loss/total"},
    ]
    assert evals[0].scalars["val/loss/total"] == loss
    assert {(record.step, record.fields["epoch"]) for record in evals} == {(8, 2)}
    run = read_run(tmp_path / "run")
    assert (run.status, run.document["config"]) == ("done", config)


def test_a_training_after_an_interrupted_one_has_a_run_of_its_own(tmp_path: Path) -> None:
    trainer = mine(tmp_path)
    trainer.interrupt_at = 3
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    trainer.train()
    assert read_run(tmp_path / "run").status == "stopped"
    assert read_run(tmp_path / "run_2").status == "done"
    assert [r.step for r in read_records(tmp_path / "run_2") if r.kind is Kind.STEP] == list(range(1, 9))
