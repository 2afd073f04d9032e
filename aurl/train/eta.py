"""How long a run will still take, and how sure that is.

Remaining time = remaining steps x time of a step now + remaining pauses x time of a pause.

The time of a step is a winsorised mean: the largest and the smallest 5 % of the recent step times are moved to their
neighbours, so one stall counts for nothing, while every tenth step being slow counts in full (a median would ignore
it). "Recent" is the later half of all steps at first and the last `window` steps in the end, so a slow start is
forgotten after as many steps again, and a change of rate (a curriculum, longer sequences) after one window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any, NamedTuple

from aurl.errors import ConfigError
from aurl.record import Json

_MIN_TIMES = 3
_CHUNKS = 8  # of the window, whose means show how far the rate wanders
_PAUSES_KEPT = 16


class Estimate(NamedTuple):
    """Remaining seconds, with a range in which the truth mostly lies; `low <= seconds <= high`."""

    seconds: float
    low: float
    high: float


class Eta:
    """The remaining time of a run, told each step by the training loop; constant memory and some microseconds a step.

    Args:
        total_steps: optimiser steps of the whole run.
        window: steps looked back on.

    Raises:
        ConfigError: a negative `total_steps`, or a `window` below 8.
    """

    def __init__(self, total_steps: int, window: int = 64) -> None:
        if total_steps < 0 or window < _CHUNKS:
            raise ConfigError(f"eta: total_steps={total_steps} must be 0 or more, window={window} at least {_CHUNKS}")
        self.total_steps = total_steps
        self._step = 0
        self._now: float | None = None  # when the last step ended; None before the first and after a resume
        self._first_step = 0  # where timing began
        self._timed = 0  # steps timed in all
        self._times: deque[float] = deque(maxlen=window)
        self._rate = Estimate(0.0, 0.0, 0.0)  # seconds a step
        self._rate_age = 0
        self._paused_seconds = 0.0  # since the last step
        self._paused_at: tuple[float, str] | None = None
        self._pauses: dict[str, _Pauses] = {}

    def update(self, step: int, now: float) -> None:
        """Say that this many steps are finished at this time.

        Args:
            step: optimiser steps finished, over the whole run. A step back (a rollback) starts timing afresh.
            now: seconds of any clock that does not jump.
        """
        if self._now is None:
            self._first_step = step if not self._timed else self._first_step
        elif step > self._step:
            self._add(max(0.0, now - self._now - self._paused_seconds) / (step - self._step))
        self._step, self._now, self._paused_seconds = step, now, 0.0

    def overhead(self, seconds: float, kind: str = "pause") -> None:
        """Say that of the time since the last step this much was no training but validation, sampling, a checkpoint.

        Pauses of one kind are expected to come back at the interval at which they came so far. What is shorter than a
        step, or comes before the first, is not worth telling apart and is left in the step's time.
        """
        if self._now is None or not seconds > self._rate.seconds:
            return
        self._paused_seconds += seconds
        self._pauses.setdefault(kind, _Pauses(self._first_step)).add(self._step, seconds)

    def pause(self, now: float, kind: str = "pause") -> None:
        """Begin a pause; `resume` ends it and counts it as `overhead`."""
        self._paused_at = (now, kind)

    def resume(self, now: float) -> None:
        """End the pause; without one nothing happens."""
        if self._paused_at is not None:
            (began, kind), self._paused_at = self._paused_at, None
            self.overhead(now - began, kind)

    def estimate(self) -> Estimate | None:
        """Seconds from the last finished step to the end; None until three steps have been timed."""
        steps = self.total_steps - self._step
        if steps <= 0:
            return Estimate(0.0, 0.0, 0.0)
        if self._timed < _MIN_TIMES:
            return None
        rate = self._current_rate()
        training = Estimate(*(steps * seconds for seconds in rate))
        pauses = [kind.remaining(self._step, self.total_steps, training.seconds) for kind in self._pauses.values()]
        return Estimate(*(sum(parts) for parts in zip(training, *pauses, strict=True)))

    def state_dict(self) -> dict[str, Json]:
        """What a resumed run needs to have an estimate at once, as JSON values."""
        return {
            "step": self._step,
            "first_step": self._first_step,
            "timed": self._timed,
            "times": list(self._times),
            "pauses": {kind: [list(pause) for pause in pauses.done] for kind, pauses in self._pauses.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave; the time between the two is not counted."""
        self._step, self._first_step, self._timed = state["step"], state["first_step"], state["timed"]
        self._times = deque(state["times"], maxlen=self._times.maxlen)
        self._pauses = {}
        for kind, done in state["pauses"].items():
            self._pauses[kind] = _Pauses(self._first_step)
            for step, seconds in done:
                self._pauses[kind].add(int(step), float(seconds))
        self._now, self._paused_at, self._paused_seconds, self._rate_age = None, None, 0.0, 0
        if self._times:
            self._refresh_rate()

    def _add(self, seconds: float) -> None:
        self._times.append(seconds)
        self._timed += 1
        self._rate_age += 1
        if self._timed <= 2 * _MIN_TIMES:
            self._refresh_rate()

    def _current_rate(self) -> Estimate:
        # Once the window is full one more step changes little, and sorting it takes more than all else here.
        if self._rate_age * _CHUNKS >= len(self._times):
            self._refresh_rate()
        return self._rate

    def _refresh_rate(self) -> None:
        recent = max(_MIN_TIMES, (self._timed + 1) // 2)
        self._rate = _step_seconds(list(self._times)[-recent:])
        self._rate_age = 0


class _Pauses:
    """Pauses of one kind: how long they take, and at which interval of steps they come."""

    def __init__(self, first_step: int) -> None:
        self.done: deque[tuple[int, float]] = deque(maxlen=_PAUSES_KEPT)  # (step, seconds)
        self._first_step = first_step
        self._interval = 0.0
        self._seconds = Estimate(0.0, 0.0, 0.0)

    def add(self, step: int, seconds: float) -> None:
        if self.done and self.done[-1][0] == step:  # validation and a checkpoint after one step are one pause
            seconds += self.done.pop()[1]
        self.done.append((step, seconds))
        steps = [self._first_step, step] if len(self.done) == 1 else [done for done, _ in self.done]
        self._interval = fmean(_winsorised(sorted(later - earlier for earlier, later in pairwise(steps))))
        durations = _winsorised(sorted(seconds for _, seconds in self.done))
        self._seconds = Estimate(fmean(durations), durations[0], durations[-1])

    def remaining(self, step: int, total: int, training: float) -> Estimate:
        """Seconds of all that are still to come, where training itself takes `training` seconds more.

        A pause that came only once may have been an accident: it at most doubles the estimate, and the low end is
        without it. A kind that has stayed away for well over its interval is not expected again.
        """
        last = self.done[-1][0]
        patience = 1.2 if len(self.done) == 1 else 2.0
        if self._interval <= 0 or step - last > patience * self._interval:
            return Estimate(0.0, 0.0, 0.0)
        count = int((total - last) / self._interval + 1e-9)
        expected = Estimate(*(count * seconds for seconds in self._seconds))
        if len(self.done) > 1:
            return expected
        capped = min(expected.seconds, training)
        return Estimate(capped, 0.0, capped)


def _step_seconds(times: Sequence[float]) -> Estimate:
    ordered = _winsorised(sorted(times))
    low, high = ordered[0], ordered[-1]
    size = max(1, len(times) // _CHUNKS)
    clipped = [min(max(seconds, low), high) for seconds in times]
    means = sorted(fmean(clipped[start : start + size]) for start in range(0, len(clipped) - size + 1, size))
    middle = fmean(ordered)
    return Estimate(middle, min(middle, means[len(means) // 10]), max(middle, means[-1 - len(means) // 10]))


def _winsorised(ordered: Sequence[float]) -> list[float]:
    """The sorted values with the largest 5 %, at least one, moved to the next below; the smallest likewise.

    The smallest are left alone below 20 values: a stall is common, a step that took too little time is not.
    """
    top, bottom = max(1, len(ordered) // 20), len(ordered) // 20
    if len(ordered) <= top:
        return list(ordered)
    middle = ordered[bottom : len(ordered) - top]
    return [middle[0]] * bottom + list(middle) + [middle[-1]] * top
