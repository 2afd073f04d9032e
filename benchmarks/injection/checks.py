"""Did the fault show? Plain comparisons of a run before and after its onset, which know nothing of detectors.

Each check takes the trace (one of them its clean twin too) and answers yes or no; a run that says no is drawn again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from aurl.anomaly.statistics.roles import Role
from aurl.record import Kind
from benchmarks.injection.trace import Floats, Trace

Check = Callable[[Trace], bool]


def jumps(role: Role, factor: float, within: int, usual: int = 50) -> Check:
    """A value above `factor` times the median of the last `usual` ones, at most `within` steps after the onset."""

    def check(trace: Trace) -> bool:
        before, after = trace.around(role)
        return bool(np.nanmax(after[:within]) > factor * np.median(before[-usual:]))

    return check


def falls(role: Role, factor: float, usual: int = 50, by: int = 100) -> Check:
    """The median of values 50 to `by` steps after the onset is below `factor` times that of the last before it."""

    def check(trace: Trace) -> bool:
        at, values = trace.values(role)
        onset = trace.truth.onset
        before = values[(at < onset) & (at >= onset - usual)]
        after = values[(at >= onset + by // 2) & (at < onset + by)]
        return bool(np.median(after) < factor * np.median(before))

    return check


def settles_above(role: Role, factor: float) -> Check:
    """The median of steps 50 to 150 after the onset is above `factor` times that of the 50 before it."""

    def check(trace: Trace) -> bool:
        before, after = trace.around(role)
        return not np.isfinite(after[50:150]).all() or bool(np.median(after[50:150]) > factor * np.median(before[-50:]))

    return check


def always_below(role: Role, limit: float) -> Check:
    """The median of steps 20 to 200 of the run is below a limit."""

    def check(trace: Trace) -> bool:
        at, values = trace.values(role)
        return bool(np.median(values[(at >= 20) & (at <= 200)]) < limit)

    return check


def stays_above(role: Role, limit: float, hold: int) -> Check:
    """So many values in a row, after the onset, lie above a limit, and before it no such stretch."""

    def check(trace: Trace) -> bool:
        before, after = trace.around(role)
        return _longest(after > limit) >= hold > _longest(before > limit)

    return check


def swings(trace: Trace) -> bool:
    """Medians of five losses cross a band around their level five times within 120 steps, as they did not before.

    The band is 25 % to each side, or twice the deviation of such medians before the onset, in logarithms.
    """
    before, after = (np.log(np.maximum(values, 1e-30)) for values in trace.around(Role.LOSS))
    calm = _smooth(before)[-120:]
    band = max(math.log(1.25), 2.0 * float(np.std(np.diff(calm, 5)) / math.sqrt(2.0)))
    smooth = _smooth(after)
    return any(_crossings(smooth[at : at + 120], band) >= 5 for at in range(0, max(1, len(smooth) - 119), 20))


def _smooth(values: Floats) -> Floats:
    return np.array([np.median(values[at : at + 5]) for at in range(len(values) - 4)])


def _crossings(values: Floats, band: float) -> int:
    level = float(np.median(values))
    sides = [value > level for value in values if abs(value - level) > band]
    return sum(a != b for a, b in pairwise(sides))


def is_broken(trace: Trace) -> bool:
    """A scalar of the onset's step, or of one of the two after it, is not finite."""
    onset = trace.truth.onset
    return any(
        not math.isfinite(value)
        for record in trace.records
        if onset <= record.step <= onset + 2
        for value in record.scalars.values()
    )


def learns_nothing(trace: Trace) -> bool:
    """Steps 170 to 230 lie less than 1.5 % below steps 20 to 50."""
    _, values = trace.values(Role.LOSS)
    return bool(np.median(values[170:230]) > 0.985 * np.median(values[20:50]))


def rate_differs(trace: Trace) -> bool:
    """The logged learning rate leaves its course by a factor of five, or is next to nothing from the start."""
    before, after = trace.around(Role.LR)
    if not len(before):
        return bool(after.max() < 1e-8)
    return bool(after[1] > 5 * before[-1] or after[1] < before[-1] / 5)


def nothing_moves(trace: Trace) -> bool:
    """Updates are exactly 0."""
    _, after = trace.around(Role.UPDATE_RATIO)
    return len(after) > 1 and bool((after[1:] == 0).all())


def memory_grows(trace: Trace) -> bool:
    """The lowest memory of the last 50 samples is 10 % above the highest before the onset."""
    at, used = trace.values(Role.MEMORY, Kind.SYSTEM)
    return bool(used[-50:].min() > 1.1 * used[(at < trace.truth.onset) & (at > 20)].max())


def waits(trace: Trace) -> bool:
    """Two steps at least wait for their data longer than any did before, and five times as long as usual."""
    before, after = trace.around(Role.DATA_TIME)
    return int((after > max(5 * np.median(before), before[20:].max())).sum()) >= 2


def overfits(trace: Trace, until: float = math.inf) -> bool:
    """The last three validation losses to a step are 10 % above the lowest one, while the training loss fell on."""
    at, validation = trace.values(Role.VAL_LOSS, Kind.EVAL)
    steps, train = trace.values(Role.LOSS)
    validation, at = validation[at <= until], at[at <= until]
    train, steps = train[steps <= until], steps[steps <= until]
    if not len(validation) or not len(train):
        return False
    best = at[validation.argmin()]
    then, now = train[(steps > best - 30) & (steps <= best + 30)], train[-60:]
    return bool(np.median(validation[-3:]) > 1.1 * validation.min() and np.median(now) < np.median(then))


def code_unused(trace: Trace) -> bool:
    """Fewer than a tenth of the latent dimensions are active, 50 to 150 steps after the onset."""
    _, after = trace.around(Role.ACTIVE_UNITS)
    return bool(np.median(after[50:150]) < 0.1)


def modes_lost(trace: Trace) -> bool:
    """More than three quarters of the clusters were covered before, and for 60 steps fewer than half afterwards."""
    before, after = trace.around(Role.DIVERSITY)
    return bool(np.median(before[-50:]) > 0.7) and _longest(after < 0.45) >= 60


def samples_alike(trace: Trace) -> bool:
    """The last rounds of samples hold one piece each, those before the onset several."""
    rounds: dict[int, set[str]] = {}
    for record in trace.records:
        if record.kind is Kind.QUALITY:
            rounds.setdefault(record.step, set()).add(str(record.fields["notes"]))
    varied = [len(pieces) > 1 for step, pieces in rounds.items() if step < trace.truth.onset]
    return sum(varied[-5:]) >= 4 and all(len(pieces) == 1 for pieces in list(rounds.values())[-3:])


def quality_falls(trace: Trace) -> bool:
    """The last five rounds of samples score 15 % lower than the five before the onset."""
    at, values = by_round(trace, Role.QUALITY)
    before, after = values[at < trace.truth.onset], values[at >= trace.truth.onset]
    return bool(after[-5:].mean() < 0.85 * before[-5:].mean())


def copies(trace: Trace) -> bool:
    """More than half of the last five rounds of samples is copied."""
    _, values = by_round(trace, Role.COPIED)
    return bool(values[-5:].mean() > 0.5)


def by_round(trace: Trace, role: Role) -> tuple[Floats, Floats]:
    """Steps of the rounds of samples, and the mean of a role in each."""
    at, values = trace.values(role, Kind.QUALITY)
    steps = np.unique(at)
    return steps, np.array([values[at == step].mean() for step in steps])


def gpu_idles(trace: Trace) -> bool:
    """The median of the simulated utilisation is below 15 % after the onset."""
    at, percent = trace.values(Role.GPU_PERCENT, Kind.SYSTEM)
    return bool(np.median(percent[at >= trace.truth.onset]) < 15.0)


def worse_than(trace: Trace, twin: Trace) -> bool:
    """From 50 steps after the onset on the loss falls by less than 3 %, its clean twin's by more than twice as much."""
    onset = trace.truth.onset
    own, clean = (_fall(one.values(Role.LOSS)[1][onset + 50 :]) for one in (trace, twin))
    return own < 0.03 and clean > max(0.06, 2 * own)


def _fall(values: Floats) -> float:
    return 1.0 - float(np.median(values[-50:]) / np.median(values[:50]))


def is_healthy(trace: Trace) -> bool:
    """All scalars are finite, the loss fell by a fifth, and the validation loss ends within 10 % of its best."""
    if trace.broken_at is not None:
        return False
    _, train = trace.values(Role.LOSS)
    if len(train) and np.median(train[-len(train) // 10 :]) > 0.8 * train[0]:
        return False
    _, validation = trace.values(Role.VAL_LOSS, Kind.EVAL)
    return not len(validation) or bool(np.median(validation[-3:]) < 1.1 * validation.min())


def gan_is_healthy(trace: Trace) -> bool:
    """All scalars are finite, most clusters are covered in the end, and the discriminator is not always right."""
    _, modes = trace.values(Role.DIVERSITY)
    _, accuracy = trace.values(Role.DISCRIMINATOR_ACCURACY)
    covered = not len(modes) or float(np.median(modes[-100:])) >= 0.75
    return trace.broken_at is None and covered and _longest(accuracy > 0.97) < 40


def _longest(holds: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    """The longest stretch of true values."""
    longest = run = 0
    for one in holds:
        run = run + 1 if one else 0
        longest = max(longest, run)
    return longest
