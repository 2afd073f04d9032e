"""How long a run trains, and on what: the node `trainer` of a config."""

from __future__ import annotations

from typing import Literal

from aurl.train.clipping import Clipping
from aurl.train.early_stopping import EarlyStopping
from aurl.train.engine import Engine, Precision
from aurl.train.plan import Plan


class Trainer:
    """The plan of a training, the engine that runs it, and when further training no longer helps.

    Args:
        epochs, steps, eval_every, eval_batches: see `aurl.train.plan.Plan`.
        accelerator, precision, accumulate, clip_norm, clip, compile, probe_every: see `aurl.train.engine.Engine`.
        early_stopping: null never stops.

    Raises:
        ConfigError: a number out of range, or a device or precision that cannot be had.
    """

    def __init__(
        self,
        *,
        epochs: int | None = None,
        steps: int | None = None,
        eval_every: int | None = None,
        eval_batches: int | None = None,
        accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto",
        precision: Precision = "fp32",
        accumulate: int = 1,
        clip_norm: float = 1.0,
        clip: str | Clipping = "fixed",
        compile: bool = False,
        probe_every: int = 50,
        early_stopping: EarlyStopping | None = None,
    ) -> None:
        self.plan = Plan(epochs=epochs, steps=steps, eval_every=eval_every, eval_batches=eval_batches)
        self.engine = Engine(
            accelerator=accelerator,
            precision=precision,
            accumulate=accumulate,
            clip_norm=clip_norm,
            clip=clip,
            compile=compile,
            probe_every=probe_every,
        )
        self.early_stopping = early_stopping
