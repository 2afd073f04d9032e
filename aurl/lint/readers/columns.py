"""The columns of a log: what each was taken for, and which kind of record carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aurl.anomaly.statistics.roles import Guess, Role, guess, words
from aurl.errors import ConfigError, did_you_mean
from aurl.record import Kind
from aurl.show.wording import shortened

AXES = frozenset({Role.STEP, Role.EPOCH, Role.CLOCK})
HELD_OUT = frozenset({"val", "valid", "validation", "eval", "evaluation", "test", "dev"})
_KINDS = {"system": Kind.SYSTEM, "quality": Kind.QUALITY, "data": Kind.DATA}
_KINDS |= dict.fromkeys(HELD_OUT, Kind.EVAL)


@dataclass(frozen=True, slots=True)
class LogColumn:
    """One column of a log.

    Attributes:
        name: as the log has it.
        role: what it measures.
        scalar: the name of its values in records, `val/loss/total`.
        kind: the record that carries it; None for one that says when (step, epoch, clock), or is left out.
        why: the reason for the guess.
        count: how many rows have it.
        choice: where it was taken for the loss before others, how many they are and why.
    """

    name: str
    role: Role
    scalar: str
    kind: Kind | None
    why: str
    count: int
    choice: str = ""

    @property
    def sentence(self) -> str:
        """The guess in words: `column 'loss' -> loss/total (training loss): 'loss' in its name`."""
        said = _SAID.get(self.role, self.role.value.replace("_", " "))
        target = f"{self.scalar} ({said})" if self.kind is not None else said
        return f"column '{self.name}' -> {target}: {self.why}" + (f"; {self.choice}" if self.choice else "")


_GIVEN = "given by you"  # as `guess` says it
_SAID = {
    Role.LOSS: "training loss",
    Role.LOSS_PART: "part of the training loss",
    Role.VAL_LOSS: "validation loss",
    Role.VAL_PART: "part of the validation loss",
    Role.VAL_ACCURACY: "validation accuracy",
    Role.LR: "learning rate",
    Role.GRAD_NORM: "gradient norm",
    Role.OTHER: "no role",
}


def columns_of(
    counts: Mapping[str, int], roles: Mapping[str, str], samples: Sequence[Mapping[str, float]] = ()
) -> list[LogColumn]:
    """What the columns are, guessed from their names, the user's own roles first.

    Args:
        counts: rows by column.
        roles: column by role, `{"loss": "my_objective"}`.
        samples: rows from all over the log, which tell the whole loss from its parts.

    Raises:
        ConfigError: a column that the log does not have.
    """
    names = list(counts)
    given = {}
    for role, name in roles.items():
        if name not in counts:
            hint, told = did_you_mean(name, names), shortened(names, 30)
            raise ConfigError(f"{role}={name}: this log has no such column.{hint} Its columns: {told}")
        given[name] = role
    guesses = guess(names, given, samples)
    total = next((one.name for one in guesses.values() if one.role is Role.LOSS), None)
    return [_column(name, counts[name], one, total) for name, one in guesses.items()]


def _column(name: str, count: int, guessed: Guess, total: str | None) -> LogColumn:
    role, scalar, why, choice = guessed
    if role in AXES or (role is Role.OTHER and why == _GIVEN):
        return LogColumn(name, role, scalar, None, why, count)
    if role is Role.LOSS_PART and total is not None and _is_epoch_mean(name):
        return LogColumn(name, role, total, Kind.EPOCH, f"{why}, and 'epoch': its mean over an epoch", count)
    return LogColumn(name, role, scalar, _KINDS.get(next(iter(words(scalar)), ""), Kind.STEP), why, count, choice)


def _is_epoch_mean(name: str) -> bool:
    told = words(name)
    return "epoch" in told and "loss" in told
