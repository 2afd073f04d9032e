"""Lightning: its trainer and its CSV log, on digits and text."""

from __future__ import annotations

import csv
import logging
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import Callback, LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.other_logs_sources.base import Row, Rows, Run, Split, table, text, windows
from benchmarks.other_logs_sources.labels import diverges, never_learns, not_finite, overfits, small, spikes, stops

Losses = Callable[[nn.Module, Sequence[Tensor]], dict[str, Tensor]]
Optimizers = Callable[[Any], Any]


class Module(lightning.LightningModule):
    """A network with a function for its losses, each logged in training and validation under its name."""

    def __init__(self, net: nn.Module, losses: Losses, optimizers: Optimizers, epochs: bool, norms: bool) -> None:
        super().__init__()
        self.net, self.losses, self.optimizers_of = net, losses, optimizers
        self.epochs, self.norms = epochs, norms

    def training_step(self, batch: Sequence[Tensor], index: int) -> Tensor:
        told = self.losses(self.net, batch)
        named = {f"train_{name}": value for name, value in told.items()}
        self.log_dict(named, on_step=not self.epochs, on_epoch=self.epochs)
        return told["loss"]

    def validation_step(self, batch: Sequence[Tensor], index: int) -> None:
        self.log_dict({f"val_{name}": value for name, value in self.losses(self.net, batch).items()})

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        if self.norms:
            norms = [value.grad.norm() for value in self.net.parameters() if value.grad is not None]
            self.log("grad_norm", torch.stack(norms).norm())

    def configure_optimizers(self) -> Any:
        return self.optimizers_of(self.net.parameters())


class At(Callback):
    """Something that happens to the trainer before a step."""

    def __init__(self, step: int, change: Callable[[Any, Sequence[Tensor]], None]) -> None:
        self.step, self.change = step, change

    def on_train_batch_start(self, trainer: Any, module: Any, batch: Sequence[Tensor], index: int) -> None:
        if trainer.global_step == self.step:
            self.change(trainer, batch)


def train(
    net: nn.Module, losses: Losses, data: Sequence[Tensor], optimizers: Optimizers, epochs: int, *, size: int = 64,
    every: int = 1, by_epoch: bool = False, norms: bool = False, rates: bool = False, clip: float | None = None,
    at: At | None = None,
) -> Rows:  # fmt: skip
    """Fit with Lightning's trainer; the rows of its metrics.csv, those of one step joined."""
    warnings.filterwarnings("ignore", module="lightning")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    half = len(data) // 2
    loaders = [
        DataLoader(TensorDataset(*data[:half]), size, shuffle=True, drop_last=True),
        DataLoader(TensorDataset(*data[half:]), 512),
    ]
    module = Module(net, losses, optimizers, by_epoch, norms)
    callbacks = [*([at] if at is not None else []), *([LearningRateMonitor("step")] if rates else [])]
    with tempfile.TemporaryDirectory() as folder:
        logger = CSVLogger(folder)
        trainer = lightning.Trainer(
            max_epochs=epochs, accelerator="cpu", logger=logger, callbacks=callbacks, log_every_n_steps=every,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            num_sanity_val_steps=0, gradient_clip_val=clip,
        )  # fmt: skip
        trainer.fit(module, loaders[0], loaders[1])
        return _joined(Path(logger.log_dir) / "metrics.csv")


def _joined(path: Path) -> Rows:
    steps: dict[int, Row] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            row = steps.setdefault(int(line["step"]), {"step": float(line["step"])})
            row.update({name: float(cell) for name, cell in line.items() if cell and name not in ("step", "epoch")})
    return [steps[step] for step in sorted(steps)]


def classify(net: nn.Module, batch: Sequence[Tensor]) -> dict[str, Tensor]:
    x, y = batch
    told = net(x)
    return {"loss": F.cross_entropy(told, y), "acc": (told.argmax(1) == y).float().mean()}


def rebuild(net: nn.Module, batch: Sequence[Tensor]) -> dict[str, Tensor]:
    return {"loss": F.mse_loss(net(batch[0]), batch[0])}


def variational(beta: float) -> Losses:
    """The loss of a variational autoencoder whose encoder gives means and logarithms of variances."""

    def losses(net: nn.Module, batch: Sequence[Tensor]) -> dict[str, Tensor]:
        encoder, decoder = net.children()
        mean, spread = encoder(batch[0]).chunk(2, dim=1)
        code = mean + torch.randn_like(mean) * (spread / 2).exp()
        recon = F.binary_cross_entropy_with_logits(decoder(code), batch[0], reduction="none").sum(1).mean()
        kl = 0.5 * (mean**2 + spread.exp() - spread - 1).sum(1).mean()
        return {"loss": recon + beta * kl, "recon_loss": recon, "kl": kl}

    return losses


def spell(net: nn.Module, batch: Sequence[Tensor]) -> dict[str, Tensor]:
    piece = batch[0]
    embed, recurrent, head = net.children()
    told = head(recurrent(embed(piece[:, :-1]))[0])
    return {"loss": F.cross_entropy(told.flatten(0, 1), piece[:, 1:].flatten())}


def digits(few: int | None = None) -> Sequence[Tensor]:
    data: Split = table("digits")
    return (data.few(few) if few else data).tensors()


def pieces(count: int) -> Sequence[Tensor]:
    """Pieces of text, with a dummy target so that halves are alike."""
    train_ids, held, _ = text()
    random = torch.Generator().manual_seed(10)
    return windows(train_ids, count, 49, random), windows(held, 128, 49, random)


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(512, 10),
    )  # fmt: skip


def deep_sigmoid() -> nn.Module:
    layers = [part for _ in range(12) for part in (nn.Linear(64, 64), nn.Sigmoid())]
    return nn.Sequential(*layers, nn.Linear(64, 10))


def plain() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def autoencoder(code: int = 8) -> nn.Module:
    return nn.Sequential(
        nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, code), nn.Linear(code, 48), nn.ReLU(), nn.Linear(48, 64)
    )


def halves() -> nn.Module:
    return nn.Sequential(
        nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16)),
        nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64)),
    )


def speller(kind: type[nn.Module] = nn.LSTM) -> nn.Module:
    letters = text()[2]
    return nn.Sequential(nn.Embedding(letters, 32), kind(32, 96, batch_first=True), nn.Linear(96, letters))


def adam(lr: float) -> Optimizers:
    return lambda parameters: torch.optim.Adam(parameters, lr=lr)


def sgd(lr: float, drop_every: int = 10**9) -> Optimizers:
    """Momentum, and a tenth of the learning rate every so many epochs."""

    def build(parameters: Any) -> Any:
        made = torch.optim.SGD(parameters, lr=lr, momentum=0.9)
        return [made], [torch.optim.lr_scheduler.StepLR(made, drop_every, 0.1)]

    return build


def rate_to(value: float) -> Callable[[Any, Sequence[Tensor]], None]:
    def change(trainer: Any, batch: Sequence[Tensor]) -> None:
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = value

    return change


def standardised(trainer: Any, batch: Sequence[Tensor]) -> None:
    """One blank image in the batch, standardised by its own deviation of 0."""
    blank = torch.zeros(64)
    batch[0][0] = (blank - blank.mean()) / blank.std()


RUNS = [
    Run(
        "h_pl_digits_cnn",
        lambda: train(cnn(), classify, digits(), sgd(0.02, 40), 90, size=128, rates=True),
        "CNN, momentum, learning rate dropped twice",
    ),
    Run(
        "h_pl_digits_epoch",
        lambda: train(cnn(), classify, digits(), adam(2e-4), 50, by_epoch=True),
        "CNN, Adam, an epoch a row",
    ),
    Run(
        "h_pl_digits_auto",
        lambda: train(autoencoder(), rebuild, digits(), adam(1e-3), 80, every=5, norms=True),
        "autoencoder, every fifth step",
    ),
    Run(
        "h_pl_digits_vae",
        lambda: train(halves(), variational(1.0), digits(), adam(1e-3), 60, every=2),
        "variational autoencoder",
    ),
    Run(
        "h_pl_text_lstm",
        lambda: train(speller(), spell, pieces(4000), adam(2e-3), 16, size=32, every=2, norms=True, clip=1.0),
        "LSTM on text, clipped",
    ),
    Run(
        "a_pl_digits_overfit",
        lambda: train(plain(), classify, digits(120), adam(3e-3), 120, size=30, by_epoch=True),
        "120 training images, no regularisation",
        (overfits(),),
    ),
    Run(
        "a_pl_digits_sigmoid",
        lambda: train(deep_sigmoid(), classify, digits(), sgd(0.01), 40, norms=True),
        "twelve sigmoid layers",
        (never_learns("gradient_vanishing|underfitting|loss_plateau|learning_rate_issue"),),
    ),
    Run(
        "a_pl_digits_rate0",
        lambda: train(autoencoder(), rebuild, digits(), adam(2e-4), 80, every=2, rates=True, at=At(400, rate_to(0.0))),
        "learning rate 0 from step 400 on",
        (stops(400),),
    ),
    Run(
        "a_pl_digits_nanbatch",
        lambda: train(cnn(), classify, digits(), adam(5e-4), 30, at=At(350, standardised)),
        "a blank image standardised by its deviation of 0",
        (not_finite(),),
    ),
    Run(
        "a_pl_digits_collapse",
        lambda: train(halves(), variational(20.0), digits(), adam(1e-3), 60, every=2),
        "KL term times 20",
        (small("train_kl", 0.05, "posterior_collapse|loss_plateau|underfitting"),),
    ),
    Run(
        "a_pl_text_explode",
        lambda: train(speller(nn.RNN), spell, pieces(3000), sgd(1.5), 8, size=32, norms=True),
        "plain recurrent net, momentum, learning rate 1.5, no clipping",
        (diverges("gradient_explosion|training_divergence|loss_spike|loss_oscillation|learning_rate_issue"),),
    ),
    Run(
        "a_pl_digits_jump",
        lambda: train(cnn(), classify, digits(), sgd(0.01), 50, rates=True, at=At(500, rate_to(5.0))),
        "learning rate times 500 from step 500 on",
        (spikes(500, "training_divergence|loss_spike|learning_rate_issue", lasting=True),),
    ),
]
