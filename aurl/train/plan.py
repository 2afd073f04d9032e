"""How long a run trains and how often it looks at itself."""

from __future__ import annotations

import math
from collections.abc import Callable

from aurl.errors import ConfigError

_COUNTED = 64


class Plan:
    """Length and rhythm of a run, in optimiser steps.

    Args:
        epochs: passes over the training set; null where `steps` alone says how long.
        steps: optimiser steps at most; null for no limit but `epochs`.
        eval_every: optimiser steps between evaluations; null evaluates at the end of every epoch.
        eval_batches: validation batches at most; null for all.

    Raises:
        ConfigError: a number out of range, or neither `epochs` nor `steps`.
    """

    def __init__(
        self,
        *,
        epochs: int | None = None,
        steps: int | None = None,
        eval_every: int | None = None,
        eval_batches: int | None = None,
    ) -> None:
        if epochs is None and steps is None:
            raise ConfigError("trainer.epochs=null, trainer.steps=null: one of them must say how long to train")
        for key, value in (
            ("epochs", epochs),
            ("steps", steps),
            ("eval_every", eval_every),
            ("eval_batches", eval_batches),
        ):
            if value is not None and value < 1:
                raise ConfigError(f"trainer.{key}={value}: needs at least 1, or null")
        self.epochs, self.steps, self.eval_every, self.eval_batches = epochs, steps, eval_every, eval_batches

    def totals(self, steps_of: Callable[[int], int]) -> tuple[int, int]:
        """Optimiser steps and (begun) epochs of the whole run.

        Where only `steps` says how long it is, epochs after the first 64 are counted as long as these are on average.

        Args:
            steps_of: how many steps an epoch, counted from 0, has.
        """
        steps = epoch = 0
        most = self.steps if self.steps is not None else math.inf
        while steps < most and (self.epochs is None or epoch < self.epochs):
            if self.epochs is None and epoch >= _COUNTED:
                return int(most), math.ceil(most / steps * epoch)
            steps += steps_of(epoch)
            epoch += 1
        return int(min(steps, most)), epoch

    def evaluates(self, step: int, epoch_ends: bool) -> bool:
        """Whether to evaluate after this step."""
        return epoch_ends if self.eval_every is None else step % self.eval_every == 0
