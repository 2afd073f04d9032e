"""transformers: its trainer and the history it keeps, on a small GPT-2 and a small vision transformer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, TrainerCallback, ViTConfig, ViTForImageClassification

from benchmarks.other_logs_sources.base import Rows, Run, table, text, windows
from benchmarks.other_logs_sources.labels import never_learns, not_finite, overfits, spikes, stops, swings

Items = list[dict[str, Tensor]]
Change = Callable[[Any, Any], None]


class At(TrainerCallback):
    """Something that happens to the model and the optimizer before a step."""

    def __init__(self, step: int, change: Change) -> None:
        self.step, self.change = step, change

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            self.change(kwargs["model"], kwargs["optimizer"])


def train(
    model: nn.Module, data: tuple[Items, Items], steps: int, *, every: int = 5, eval_steps: int = 100,
    at: At | None = None, **options: Any,
) -> Rows:  # fmt: skip
    """Train with the trainer; its history, what was logged at one step in one row."""
    transformers.set_seed(11)
    with tempfile.TemporaryDirectory() as folder:
        settings: dict[str, Any] = {
            "output_dir": folder, "max_steps": steps, "logging_steps": every, "eval_strategy": "steps",
            "eval_steps": eval_steps, "save_strategy": "no", "report_to": "none", "disable_tqdm": True,
            "use_cpu": True, "per_device_train_batch_size": 16, "per_device_eval_batch_size": 64,
        }  # fmt: skip
        arguments = transformers.TrainingArguments(**settings | options)
        trainer = transformers.Trainer(model, arguments, train_dataset=data[0], eval_dataset=data[1])
        trainer.remove_callback(transformers.PrinterCallback)
        if at is not None:
            trainer.add_callback(at)
        trainer.train()
    rows: dict[float, dict[str, float]] = {}
    kept = ("loss", "grad_norm", "learning_rate", "eval_loss")
    for entry in trainer.state.log_history:
        row = rows.setdefault(entry["step"], {"step": float(entry["step"])})
        row.update({name: float(entry[name]) for name in kept if name in entry})
    return [row for row in rows.values() if len(row) > 1]


def gpt2(**options: Any) -> nn.Module:
    torch.manual_seed(12)
    sizes = {"n_layer": 2, "n_head": 2, "n_embd": 64, "n_positions": 64}
    model: nn.Module = GPT2LMHeadModel(
        GPT2Config(vocab_size=text()[2], bos_token_id=0, eos_token_id=0, **sizes | options)
    )
    return model


def vit() -> nn.Module:
    torch.manual_seed(13)
    sizes: dict[str, Any] = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "num_labels": 10}
    sizes |= {"intermediate_size": 96, "image_size": 8, "patch_size": 2, "num_channels": 1}
    model: nn.Module = ViTForImageClassification(ViTConfig(**sizes))
    return model


def spelling(count: int = 4000) -> tuple[Items, Items]:
    """Pieces of text as the trainer wants them."""
    train_ids, held, _ = text()
    random = torch.Generator().manual_seed(14)
    parts = windows(train_ids, count, 64, random), windows(held, 128, 64, random)
    left, right = ([{"input_ids": piece, "labels": piece} for piece in part] for part in parts)
    return left, right


def images(count: int | None = None, blank: bool = False) -> tuple[Items, Items]:
    """Digits standardised one by one; a blank one among them becomes NaN by its deviation of 0."""
    x, y, val_x, val_y = table("digits").tensors()
    if blank:
        x = x.clone()
        x[100] = 0
    sets = ((x[:count], y[:count]), (val_x, val_y))
    left, right = (
        [
            {"pixel_values": ((image - image.mean()) / image.std()).view(1, 8, 8), "labels": label}
            for image, label in zip(*pair, strict=True)
        ]
        for pair in sets
    )
    return left, right


def frozen(model: Any, optimizer: Any) -> None:
    """All weights but those of the embeddings of positions are frozen."""
    for name, value in model.named_parameters():
        value.requires_grad_("wpe" in name)
        value.grad = None


def faster(factor: float) -> Change:
    """The learning rate is multiplied, in what the schedule starts from too, so that it stays so."""

    def change(model: Any, optimizer: Any) -> None:
        inner = getattr(optimizer, "optimizer", optimizer)
        for group in inner.param_groups:
            group["lr"] *= factor

    return change


RUNS = [
    Run("h_hf_gpt2_linear", lambda: train(gpt2(), spelling(), 1000, learning_rate=3e-3), "GPT-2, linear decay"),
    Run(
        "h_hf_gpt2_cosine",
        lambda: train(
            gpt2(), spelling(), 700, every=1, learning_rate=3e-3, lr_scheduler_type="cosine", warmup_steps=70
        ),
        "GPT-2, warm-up and cosine, every step",
    ),
    Run(
        "h_hf_gpt2_adafactor",
        lambda: train(
            gpt2(), spelling(), 600, every=2, optim="adafactor", learning_rate=5e-3, lr_scheduler_type="constant"
        ),
        "GPT-2, Adafactor",
    ),
    Run(
        "h_hf_vit_adam",
        lambda: train(vit(), images(), 800, every=2, learning_rate=5e-4, weight_decay=0.05, label_smoothing_factor=0.1),
        "vision transformer",
    ),
    Run(
        "h_hf_vit_sgd",
        lambda: train(vit(), images(), 1200, every=10, optim="sgd", learning_rate=0.05, lr_scheduler_type="constant"),
        "vision transformer, plain SGD",
    ),
    Run(
        "a_hf_gpt2_overfit",
        lambda: train(gpt2(), spelling(60), 500, eval_steps=25, learning_rate=3e-3),
        "60 pieces of text",
        (overfits(),),
    ),
    Run(
        "a_hf_gpt2_tiny",
        lambda: train(gpt2(), spelling(), 500, learning_rate=1e-8),
        "learning rate 1e-8",
        (never_learns(),),
    ),
    Run(
        "a_hf_gpt2_rate",
        lambda: train(
            gpt2(), spelling(), 600, every=2, learning_rate=0.5, max_grad_norm=0, lr_scheduler_type="constant"
        ),
        "AdamW with a learning rate of 0.5, no clipping",
        (swings(2, "training_divergence|loss_oscillation|gradient_explosion|loss_spike|underfitting|loss_plateau"),),
    ),
    Run(
        "a_hf_gpt2_frozen",
        lambda: train(gpt2(), spelling(), 900, every=2, learning_rate=5e-4, at=At(300, frozen)),
        "all but the positions frozen at step 300",
        (stops(300, gain=0.02),),
    ),
    Run(
        "a_hf_vit_blank",
        lambda: train(vit(), images(blank=True), 600, every=2, learning_rate=5e-4),
        "a blank image standardised by its deviation of 0",
        (not_finite(),),
    ),
    Run(
        "a_hf_vit_glitch",
        lambda: train(
            vit(),
            images(),
            800,
            every=2,
            optim="adamw_torch",
            learning_rate=1e-3,
            lr_scheduler_type="constant",
            at=At(400, faster(100)),
        ),
        "learning rate times 100 at step 400",
        (spikes(400, "loss_spike|training_divergence|learning_rate_issue|gradient_explosion"),),
    ),
]
