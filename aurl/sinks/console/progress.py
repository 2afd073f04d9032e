"""Where training stands, worded for the console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aurl.record import Record
from aurl.show.headlines import shown
from aurl.show.wording import eta_spread, finite, losses, memory, number, whole


@dataclass(frozen=True, slots=True)
class RunProgress:
    """One look at a running epoch.

    Attributes:
        title: `Epoch 5/100`, or `Step 225` where the record knows no epoch.
        batch: `25/50`, or an empty string.
        share: how much of the epoch is done, 0 to 1, None where unknown.
        eta: the remaining time of the run with its spread, `2h 15min (2h-2h 40min)`, or an empty string.
        details: losses, learning rate, throughput, share of the time spent waiting for data, memory.
    """

    title: str
    batch: str
    share: float | None
    eta: str
    details: tuple[str, ...]

    def __str__(self) -> str:
        parts = [self.title, f"batch {self.batch}" if self.batch else "", *self.details]
        parts.append(f"ETA {self.eta}" if self.eta else "")
        return ", ".join(part for part in parts if part)


def progress(step: Record, system: Mapping[str, float]) -> RunProgress:
    """What to show of the latest STEP record and the scalars of the latest SYSTEM record."""
    fields = step.fields
    epoch, epochs, batch, batches = (whole(fields.get(name)) for name in ("epoch", "epochs", "batch", "batches"))
    known = batch is not None and batches is not None and batches > 0
    details = (
        losses(step).replace(": ", " "),
        f"lr {number(step.scalars['lr'])}" if "lr" in step.scalars else "",
        *shown(step.scalars, ("throughput/tokens",)),
        _waiting(step.scalars),
        memory(system).replace(": ", " "),
    )
    return RunProgress(
        title=f"Step {step.step}" if epoch is None else f"Epoch {epoch}{'' if epochs is None else f'/{epochs}'}",
        batch=f"{batch}/{batches}" if known else "",
        share=min(1.0, (batch or 0) / (batches or 1)) if known else None,
        eta=eta_spread(fields),
        details=tuple(part for part in details if part),
    )


def _waiting(scalars: Mapping[str, float]) -> str:
    share = finite(scalars.get("time/data_share"))
    if share is None:
        data, step = finite(scalars.get("time/data")), finite(scalars.get("time/step"))
        if data is None or not step:
            return ""
        share = data / step
    return f"waiting for data {min(1.0, max(0.0, share)):.0%}"
