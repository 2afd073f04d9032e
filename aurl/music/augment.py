"""Random changes to a window of music that keep it music: transposed, stretched, faster or slower, louder or softer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aurl.errors import ConfigError
from aurl.music.notes import IntArray, Notes


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done to a window.

    Attributes:
        types: of `transpose`, `stretch`, `tempo`, `velocity` those that changed it.
        transposition: semitones, 0 where it stayed in its key.
    """

    types: tuple[str, ...] = ()
    transposition: int = 0


class Augment:
    """Draws and applies changes, each with its own probability.

    The probabilities grow from 0 to their full value between the epochs `start_epoch` and `start_epoch + ramp_epochs`,
    epochs counted from 0.

    Args:
        transpose_probability: of a transposition by `transpose_low`..`transpose_high` semitones, drawn evenly from the
            shifts that keep every pitch within `pitch_low`..`pitch_high`. The shift 0 may be drawn; it changes nothing.
        pitch_low: lowest pitch to transpose to, such as the lowest of the corpus less 2.
        pitch_high: highest pitch to transpose to.
        stretch_probability: of onsets and durations multiplied by one of `stretch_factors`, drawn evenly from those
            that put every onset and duration on a tick; the bar stays as it is. Pieces that change metre or tempo stay.
        tempo_probability: of the tempo multiplied by a factor from `tempo_range`, even on a logarithmic scale.
        velocity_probability: of the velocities multiplied by a factor from `velocity_range`, kept within 1..127.

    Raises:
        ConfigError: a probability outside 0..1, a range that is empty or not positive, a negative epoch.
    """

    def __init__(
        self,
        *,
        transpose_probability: float = 0.9,
        transpose_low: int = -5,
        transpose_high: int = 6,
        pitch_low: int = 0,
        pitch_high: int = 127,
        stretch_probability: float = 0.0,
        stretch_factors: Sequence[float] = (0.5, 2.0),
        tempo_probability: float = 0.0,
        tempo_range: tuple[float, float] = (0.9, 1.1),
        velocity_probability: float = 0.0,
        velocity_range: tuple[float, float] = (0.8, 1.2),
        start_epoch: int = 0,
        ramp_epochs: int = 0,
    ) -> None:
        self._probabilities = {
            "transpose": _probability("transpose_probability", transpose_probability),
            "stretch": _probability("stretch_probability", stretch_probability),
            "tempo": _probability("tempo_probability", tempo_probability),
            "velocity": _probability("velocity_probability", velocity_probability),
        }
        self._shift = _ordered("transpose", transpose_low, transpose_high, least=-127, most=127)
        self._pitch = _ordered("pitch", pitch_low, pitch_high, least=0, most=127)
        self._factors = _factors("stretch_factors", stretch_factors)
        self._tempo = _factor_range("tempo_range", tempo_range)
        self._velocity = _factor_range("velocity_range", velocity_range)
        self._start = _epochs("start_epoch", start_epoch)
        self._ramp = _epochs("ramp_epochs", ramp_epochs)

    def strength(self, epoch: int) -> float:
        """The share of the full probabilities that holds in this epoch, 0..1."""
        if epoch < self._start:
            return 0.0
        return min(1.0, (epoch - self._start) / self._ramp) if self._ramp else 1.0

    def bars_needed(self, bars: int) -> int:
        """How many bars to cut from a piece so that `bars` are left after the strongest shortening."""
        shortest = min(self._factors) if self._probabilities["stretch"] else 1.0
        return math.ceil(bars / min(shortest, 1.0))

    def __call__(self, notes: Notes, rng: np.random.Generator, *, epoch: int = 0) -> tuple[Notes, Applied]:
        """The changed notes and what was done; fixed by the arguments and the state of `rng`."""
        strength = self.strength(epoch)
        chosen = [rng.random() < strength * chance for chance in self._probabilities.values()]
        done: list[str] = []
        shift = self._draw_shift(notes, rng) if chosen[0] else 0
        if shift:
            notes = replace(notes, pitch=notes.pitch + np.int32(shift) * ~notes.drums)
            done.append("transpose")
        for name, wanted, change in zip(
            ("stretch", "tempo", "velocity"),
            chosen[1:],
            (self._stretched, self._at_other_tempo, self._louder_or_softer),
            strict=True,
        ):
            changed = change(notes, rng) if wanted else notes
            if changed is not notes:
                done.append(name)
                notes = changed
        return notes, Applied(tuple(done), shift)

    def _draw_shift(self, notes: Notes, rng: np.random.Generator) -> int:
        pitches = notes.pitch[~notes.drums]
        if not len(pitches):
            return 0
        low = max(self._shift[0], self._pitch[0] - int(pitches.min()))
        high = min(self._shift[1], self._pitch[1] - int(pitches.max()))
        return int(rng.integers(low, high + 1)) if low <= high else 0

    def _stretched(self, notes: Notes, rng: np.random.Generator) -> Notes:
        exact = [factor for factor in self._factors if factor != 1.0 and _on_grid(notes, factor)]
        if not exact or not len(notes) or len(notes.metres) > 1 or notes.tempos:
            return notes
        factor = exact[rng.integers(len(exact))]
        return replace(notes, onset=_times(notes.onset, factor), duration=_times(notes.duration, factor))

    def _at_other_tempo(self, notes: Notes, rng: np.random.Generator) -> Notes:
        factor = _draw_factor(self._tempo, rng)
        tempos = tuple(tempo._replace(qpm=tempo.qpm * factor) for tempo in notes.tempos)
        return replace(notes, tempo=notes.tempo * factor, tempos=tempos)

    def _louder_or_softer(self, notes: Notes, rng: np.random.Generator) -> Notes:
        velocity = np.clip(_times(notes.velocity, _draw_factor(self._velocity, rng)), 1, 127)
        if np.array_equal(velocity, notes.velocity):
            return notes
        return replace(notes, velocity=velocity)


def _times(values: IntArray, factor: float) -> IntArray:
    scaled: IntArray = np.rint(values * factor).astype(np.int32)
    return scaled


def _on_grid(notes: Notes, factor: float) -> bool:
    return all(
        np.allclose(column * factor, np.rint(column * factor), rtol=0.0, atol=1e-6)
        for column in (notes.onset, notes.duration)
    )


def _draw_factor(limits: tuple[float, float], rng: np.random.Generator) -> float:
    return math.exp(rng.uniform(math.log(limits[0]), math.log(limits[1])))


def _probability(name: str, value: float) -> float:
    if not isinstance(value, (int, float)) or not 0.0 <= value <= 1.0:
        raise ConfigError(f"augment.{name}={value}: needs a number from 0 to 1")
    return value


def _ordered(name: str, low: int, high: int, *, least: int, most: int) -> tuple[int, int]:
    if not (isinstance(low, int) and isinstance(high, int) and least <= low <= high <= most):
        raise ConfigError(
            f"augment.{name}_low={low}, {name}_high={high}: needs whole numbers, {least} <= low <= high <= {most}"
        )
    return low, high


def _factors(name: str, values: Sequence[float]) -> tuple[float, ...]:
    numbers = list(values) if isinstance(values, Sequence) and not isinstance(values, str) else []
    if not numbers or not all(isinstance(number, (int, float)) and 1 / 16 <= number <= 16 for number in numbers):
        raise ConfigError(f"augment.{name}={values}: needs a list of one or more factors from 1/16 to 16")
    return tuple(float(number) for number in numbers)


def _factor_range(name: str, values: Sequence[float]) -> tuple[float, float]:
    factors = _factors(name, values)
    if len(factors) != 2 or factors[0] > factors[1]:
        raise ConfigError(f"augment.{name}={values}: needs two factors, the lower first, such as [0.9, 1.1]")
    return factors[0], factors[1]


def _epochs(name: str, value: int) -> int:
    if not isinstance(value, int) or value < 0:
        raise ConfigError(f"augment.{name}={value}: needs a whole number of epochs, 0 or more")
    return value
