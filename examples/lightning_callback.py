"""A Lightning Trainer, watched by aurl: one callback.

python examples/lightning_callback.py
aurl runs outputs
"""

from __future__ import annotations

import sys

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from aurl.integrations.lightning import AurlCallback


class Regression(pl.LightningModule):
    def __init__(self, lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        x, y = batch
        return torch.nn.functional.mse_loss(self.model(x), y)

    def validation_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
        x, y = batch
        self.log("val_loss", torch.nn.functional.mse_loss(self.model(x), y))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=self.hparams["lr"])


path = sys.argv[1] if len(sys.argv) > 1 else "outputs/lightning"
pl.seed_everything(1)
x = torch.randn(512, 8)
data = TensorDataset(x, x.sum(1, keepdim=True))
trainer = pl.Trainer(
    max_epochs=5,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    callbacks=[AurlCallback(path, logging=["console", "tensorboard"])],
)
trainer.fit(Regression(), DataLoader(data, batch_size=32), DataLoader(data, batch_size=128))
