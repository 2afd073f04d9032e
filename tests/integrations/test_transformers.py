from __future__ import annotations

from pathlib import Path
from typing import Any

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
