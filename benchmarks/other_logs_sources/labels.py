"""Labels checked on the curve itself: an event is only written down when the numbers show it.

Each finder returns the window of one event, or raises `NotSeenError` with the reason; the curve is then ambiguous.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

FOREVER = 1_000_000_000
LOSSES = ("loss", "train_loss")
HELD_OUT = ("val_loss", "eval_loss", "valid_loss")


class NotSeenError(Exception):
    """The curve does not show what its label says."""


class Event(NamedTuple):
    """One labelled anomaly, with steps as in the curve."""

    types: str
    onset: float
    end: float
    why: str


class Series(NamedTuple):
    """A column without its empty cells."""

    steps: list[float]
    values: list[float]

    def since(self, step: float) -> list[float]:
        return [value for at, value in zip(self.steps, self.values, strict=True) if at >= step]

    def before(self, step: float) -> list[float]:
        return [value for at, value in zip(self.steps, self.values, strict=True) if at < step]


Curve = Sequence[Mapping[str, float]]
Finder = Callable[[Curve], Event]


def column(curve: Curve, *names: str) -> Series:
    """The first of these columns that the curve has."""
    name = next((name for name in names if any(name in row for row in curve)), names[0])
    rows = [row for row in curve if name in row]
    return Series([row["step"] for row in rows], [row[name] for row in rows])


def smooth(values: Sequence[float], reach: int = 2) -> list[float]:
    """Running median; what is not finite counts as infinitely large."""
    known = [value if math.isfinite(value) else math.inf for value in values]
    return [median(known[max(0, i - reach) : i + reach + 1]) for i in range(len(known))]


def healthy(curve: Curve) -> str:
    """Why a curve is no clean example, or nothing."""
    if any(not math.isfinite(value) for row in curve for value in row.values()):
        return "values that are not finite"
    loss, held = column(curve, *LOSSES).values, smooth(column(curve, *HELD_OUT).values, 1)
    tenth = max(3, len(loss) // 10)
    blocks = [median(loss[at : at + tenth]) for at in range(0, len(loss) - tenth + 1, max(1, tenth // 2))]
    if blocks[-1] > 0.95 * blocks[0]:
        return f"hardly learns: {blocks[0]:.4g} to {blocks[-1]:.4g}"
    if blocks[-1] > 1.15 * min(blocks):
        return f"rises at the end: {min(blocks):.4g} to {blocks[-1]:.4g}"
    if held and median(held[-3:]) > 1.08 * min(held):
        return f"held-out loss rises: {min(held):.4g} to {median(held[-3:]):.4g}"
    return _spike(loss)


def _spike(loss: Sequence[float]) -> str:
    """A row half as high again as all but one of the fifty rows on either side of it."""
    for i in range(5, len(loss)):
        near = sorted([*loss[max(0, i - 50) : i], *loss[i + 1 : i + 51]])
        usual = near[-2]
        if loss[i] > 1.5 * usual and loss[i] - usual > 0.02 * loss[0]:
            return f"row {i} is {loss[i] / usual:.2f} times its neighbours"
    return ""


def diverges(types: str = "training_divergence|loss_spike|gradient_explosion", factor: float = 1.5) -> Finder:
    """The loss leaves its best for good: the last tenth is above `factor` times the smoothed minimum."""

    def find(curve: Curve) -> Event:
        loss = column(curve, *LOSSES)
        level = smooth(loss.values)
        best = [min(level[: i + 1]) for i in range(len(level))]
        end = median(level[-max(3, len(level) // 10) :])
        if end <= factor * min(best):
            raise NotSeenError(f"ends at {end:.4g}, best {min(best):.4g}")
        above = max((i for i in range(len(level)) if level[i] <= 1.1 * best[-1]), default=0)
        onset = next(i for i in range(above, len(level)) if level[i] > min(factor, 1.25) * best[i])
        return Event(types, loss.steps[max(above, onset - 5)], FOREVER, f"best {min(best):.4g}, ends at {end:.4g}")

    return find


def spikes(
    at: float, types: str = "loss_spike|training_divergence", factor: float = 1.5, lasting: bool = False
) -> Finder:
    """A jump at a known step, over once the smoothed loss is back within a fifth of where it was, or never."""

    def find(curve: Curve) -> Event:
        loss = column(curve, *LOSSES)
        usual, after = median(loss.before(at)[-50:]), loss.since(at)
        steps = loss.steps[len(loss.steps) - len(after) :]
        peak = max(after[:12])
        if peak <= factor * usual:
            raise NotSeenError(f"peak {peak:.4g} against {usual:.4g}")
        level = smooth(after)
        calm = (i for i in range(after.index(peak) + 1, len(level)) if level[i] <= 1.2 * usual)
        back = next(calm, len(steps) - 1)
        end = FOREVER if lasting else steps[min(back + 5, len(steps) - 1)]
        return Event(types, steps[0], end, f"{usual:.4g} to {peak:.4g}")

    return find


def overfits(types: str = "overfitting", rise: float = 0.15) -> Finder:
    """The held-out loss rises from its best by `rise` at least while the train loss goes on falling."""

    def find(curve: Curve) -> Event:
        held, loss = column(curve, *HELD_OUT), column(curve, *LOSSES)
        level = smooth(held.values, 1)
        onset = held.steps[level.index(min(level))]
        end = median(level[-3:])
        window = max(3, len(loss.values) // 20)
        then, now = median(loss.since(onset)[:window]), median(loss.values[-window:])
        if end <= (1 + rise) * min(level) or now > 0.98 * then:
            raise NotSeenError(f"held-out {min(level):.4g} to {end:.4g}, train {then:.4g} to {now:.4g}")
        return Event(types, onset, FOREVER, f"held-out {min(level):.4g} to {end:.4g}, train {then:.4g} to {now:.4g}")

    return find


def never_learns(types: str = "underfitting|loss_plateau|learning_rate_issue", gain: float = 0.03) -> Finder:
    """From the first to the last tenth the loss falls by less than `gain`."""

    def find(curve: Curve) -> Event:
        loss = column(curve, *LOSSES)
        tenth = max(3, len(loss.values) // 10)
        first, last = median(loss.values[:tenth]), median(loss.values[-tenth:])
        if not abs(first - last) < gain * abs(first):
            raise NotSeenError(f"{first:.4g} to {last:.4g}")
        return Event(types, loss.steps[0], FOREVER, f"{first:.4g} to {last:.4g} in the whole run")

    return find


def stops(at: float, types: str = "loss_plateau|learning_rate_issue|underfitting", gain: float = 0.01) -> Finder:
    """Learning, and then from a known step on no more: the loss falls by less than `gain` in all that is left."""

    def find(curve: Curve) -> Event:
        loss = column(curve, *LOSSES)
        old, new = loss.before(at), loss.since(at)
        third = max(3, min(len(old), len(new)) // 3)
        was, then = median(old[-2 * third : -third]), median(old[-third:])
        first, last = median(new[:third]), median(new[-third:])
        if abs(first - last) > gain * first or was - then < 2 * gain * was:
            raise NotSeenError(f"before {was:.4g} to {then:.4g}, after {first:.4g} to {last:.4g}")
        return Event(types, at, FOREVER, f"still falling {was:.4g} to {then:.4g}, then {first:.4g} to {last:.4g}")

    return find


def not_finite(types: str = "nan_values") -> Finder:
    """The first row with a NaN or an infinity in any column."""

    def find(curve: Curve) -> Event:
        for row in curve:
            bad = [name for name, value in row.items() if not math.isfinite(value)]
            if bad:
                return Event(types, row["step"], FOREVER, f"{', '.join(bad)} not finite")
        raise NotSeenError("all values are finite")

    return find


def swings(at: float, types: str = "loss_oscillation|loss_spike|training_divergence|learning_rate_issue") -> Finder:
    """From a step on the loss swings over a quarter above and below its own median, ten times at least."""

    def find(curve: Curve) -> Event:
        values = column(curve, *LOSSES).since(at)
        centre, side, turns = smooth(values, 25), 0, 0
        for value, middle in zip(values, centre, strict=True):
            now = 1 if value > 1.25 * middle else -1 if value < 0.75 * middle else side
            turns, side = turns + (now != side), now
        if turns < 10:
            raise NotSeenError(f"{turns} swings")
        return Event(types, at, FOREVER, f"{turns} swings of a quarter")

    return find


def small(name: str, bound: float, types: str) -> Finder:
    """A column stays under a bound from some row to the end, for half the run at least."""

    def find(curve: Curve) -> Event:
        series = column(curve, name)
        above = max((i for i, value in enumerate(series.values) if not value < bound), default=-1)
        if above + 1 > len(series.values) // 2:
            raise NotSeenError(f"{name} is {max(series.values[len(series.values) // 2 :]):.4g} late in the run")
        return Event(types, series.steps[above + 1], FOREVER, f"{name} under {bound:g}")

    return find
