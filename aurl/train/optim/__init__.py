"""What changes the weights: one file for each optimiser, the learning rate over time, groups of parameters."""

from __future__ import annotations

from aurl.train.optim.adamw import AdamW
from aurl.train.optim.base import Optimisation, Scheduled

__all__ = ["AdamW", "Optimisation", "Scheduled"]
