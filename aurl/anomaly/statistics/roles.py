"""What a metric is, guessed from its name: `train/learning_rate` is a learning rate, `eval_loss` a validation loss.

Detectors ask for roles, never for names, so they work on the records of any loop; lint asks for the columns of a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from aurl.anomaly.statistics.main_loss import Choice, choose
from aurl.anomaly.statistics.role_names import OWN, PATTERNS, PREFIXES, Role
from aurl.errors import ConfigError, did_you_mean

__all__ = ["ADDENDS", "Guess", "Role", "Roles", "guess", "is_held_out", "plainest", "role_of", "words"]


ADDENDS = (Role.LOSS_PART, Role.KL, Role.GENERATOR_LOSS, Role.DISCRIMINATOR_LOSS)
"""What may be an addend of the whole loss."""


class Guess(NamedTuple):
    """What a column was taken for.

    Attributes:
        role: what it measures.
        name: the scalar name that aurl itself would use, `val/loss/total`; columns that share a role keep apart.
        why: the reason, a phrase for people.
        choice: where it was taken for the loss before others, how many they are and why.
    """

    role: Role
    name: str
    why: str
    choice: str = ""


_HELD_OUT = frozenset({"val", "valid", "validation", "eval", "evaluation", "test", "dev", "heldout", "holdout"})
_TRAINING = frozenset({"train", "training", "tr", "trn"})
_SPLIT_ALONE = {
    **dict.fromkeys(("train", "training"), (Role.LOSS, "loss/total")),
    **dict.fromkeys(("val", "valid", "validation", "dev"), (Role.VAL_LOSS, "val/loss/total")),
}  # a column that is called by its split alone
_NO_LOSS = frozenset({
    "num", "number", "count", "counter", "weight", "weights", "coef", "coeff", "lambda", "std", "var", "variance",
    "best", "patience", "lowest", "time",
})  # fmt: skip  # words of what stands beside a loss
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[0-9])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_COMPILED = tuple((role, name, re.compile(pattern)) for role, name, pattern in PATTERNS)
_PLAYERS = frozenset({
    Role.GENERATOR_LOSS, Role.DISCRIMINATOR_LOSS, Role.POLICY_LOSS, Role.VALUE_LOSS, Role.ENTROPY, Role.APPROX_KL,
    Role.KL,
})  # fmt: skip
_NAMES_KEPT = 1 << 18  # guesses; a log of 100,000 names asks for each several times
_UNIQUE = (Role.LOSS, Role.VAL_LOSS)  # a second one is a part of the first
_PART = {Role.LOSS: Role.LOSS_PART, Role.VAL_LOSS: Role.VAL_PART}


def role_of(name: str) -> Role:
    """The role of a scalar name: aurl's own names first, then by the words in it."""
    return _guess(name).role


def guess(
    columns: Sequence[str],
    overrides: Mapping[str, Role | str] | None = None,
    samples: Sequence[Mapping[str, float]] = (),
) -> dict[str, Guess]:
    """What each column of a log is, and why; the order of the columns is kept.

    Only one column is the training loss and one the validation loss (see `main_loss`); further ones are parts.

    Args:
        overrides: roles that a user gave, by column name.
        samples: rows from all over the log, which help to tell the whole loss from its parts.

    Raises:
        ConfigError: an override names a column or a role that does not exist.
    """
    given = _checked(columns, overrides or {})
    guesses = {column: _told(column, given[column]) if column in given else _guess(column) for column in columns}
    for role in _UNIQUE:
        _keep_one(guesses, role, given, samples)
    _keep_names_apart(guesses)
    return guesses


class Roles:
    """Roles by name, with patterns of the user's own before those of aurl.

    Args:
        patterns: shell patterns by role, `{"loss": ["my/objective", "*_nll"], "lr": "opt*/rate"}`.

    Raises:
        ConfigError: an unknown role.
    """

    def __init__(self, patterns: Mapping[str, str | Sequence[str]] | None = None) -> None:
        self._own: list[tuple[str, Role]] = []
        for role, given in (patterns or {}).items():
            for pattern in [given] if isinstance(given, str) else given:
                self._own.append((pattern, _role(role, f"anomaly.roles.{role}")))

    def __call__(self, name: str) -> Role:
        for pattern, role in self._own:
            if fnmatchcase(name, pattern):
                return role
        return role_of(name)


def words(name: str) -> list[str]:
    """The words of a metric name in lower case: `trainLoss/step_1` gives train, loss, step, 1."""
    return _NOT_WORD.sub(" ", _CAMEL.sub(" ", name).lower()).split()


def is_held_out(name: str) -> bool:
    """Whether a name says that it was measured on held-out data: `eval_loss`, `val/f1`, `testAccuracy`."""
    return not _HELD_OUT.isdisjoint(words(name))


@lru_cache(maxsize=16_384)
def is_reconstruction(name: str) -> bool:
    """Whether a part of the loss is what a model makes of its own input: `loss/recon`, `rec_loss`."""
    return role_of(name) is Role.LOSS_PART and any(word == "rec" or word.startswith("recon") for word in words(name))


@lru_cache(maxsize=_NAMES_KEPT)
def _guess(name: str) -> Guess:
    if name in OWN:
        return Guess(OWN[name], name, "aurl's own name")
    for prefix, role in PREFIXES:
        if name.startswith(prefix):
            known = _named_part(name) if prefix == "loss/" else None
            return known or Guess(role, name, f"aurl's own group {prefix}")
    told = words(name)
    held_out = [word for word in told if word in _HELD_OUT]
    rest = " ".join(word for word in told if word not in _HELD_OUT and word not in _TRAINING)
    if not rest and len(told) == 1 and told[0] in _SPLIT_ALONE:
        return Guess(*_SPLIT_ALONE[told[0]], f"it is called '{told[0]}' and nothing else")
    text = rest or " ".join(told)
    for role, canonical, pattern in _COMPILED:
        found = pattern.search(text) or (pattern.search(" ".join(told)) if role in {Role.STEP, Role.CLOCK} else None)
        if found and role is Role.LOSS and (word := next((word for word in told if word in _NO_LOSS), None)):
            return Guess(Role.OTHER, name, f"'{word}' in its name: beside a loss, not one")
        if found:
            return _on_held_out(role, name if role is Role.OTHER else canonical, found[0], held_out)
    return Guess(Role.OTHER, name, "no known words in its name")


def _named_part(name: str) -> Guess | None:
    """What a scalar of the group `loss/` is, where the words after it say: a split, or a player of a game."""
    told = words(name)[1:]
    if told and told[0] in _SPLIT_ALONE and len(told) == 1:
        return Guess(*_SPLIT_ALONE[told[0]], f"'{told[0]}' in the group loss/")
    text = f"loss {' '.join(told)}"
    for role, canonical, pattern in _COMPILED:
        if role in _PLAYERS and (found := pattern.search(text) or pattern.search(" ".join(told) + " loss")):
            return Guess(role, canonical, f"'{found[0].strip()}' in its name")
    return None


def _on_held_out(role: Role, canonical: str, found: str, held_out: Iterable[str]) -> Guess:
    why = f"'{found.strip()}' in its name"
    first = next(iter(held_out), None)
    if first is None:
        return Guess(role, canonical, why)
    why = f"'{first}' and {why}"
    if role is Role.LOSS:
        return Guess(Role.VAL_LOSS, "val/loss/total", why)
    if role is Role.ACCURACY:
        return Guess(Role.VAL_ACCURACY, "val/accuracy", why)
    if role in {Role.QUALITY, Role.COPIED, Role.DIVERSITY, Role.REWARD, Role.EPISODE_LENGTH}:
        return Guess(role, canonical, why)
    kept = Role.VAL_PART if canonical.startswith("loss/") else Role.OTHER
    return Guess(kept, f"val/{canonical}", why)


def plainest(names: Sequence[str], sample: Mapping[str, float] | None = None, parts: Sequence[str] = ()) -> str:
    """Of several training losses the one that training lowers.

    Args:
        names: one or more, in the order of the record.
        sample: the record's values, where they stand side by side.
        parts: the record's other losses, which may be addends.
    """
    if len(names) == 1:
        return names[0]
    return choose(names, {name: words(name) for name in names}, [sample] if sample else (), parts).name


def _keep_one(
    guesses: dict[str, Guess], role: Role, given: Mapping[str, Role], samples: Sequence[Mapping[str, float]]
) -> None:
    """Of several columns with this role, the one that was given or, by the evidence, is the whole stays."""
    rivals = [column for column, guess in guesses.items() if guess.role is role]
    if len(rivals) < 2:
        return
    said = [column for column in rivals if given.get(column) is role]
    if said:
        choice = Choice(said[0], "given by you")
    else:
        parts = [column for column, guess in guesses.items() if guess.role in ADDENDS] if role is Role.LOSS else []
        choice = choose(rivals, {column: words(column) for column in rivals}, samples, parts)
        others = f"{len(rivals) - 1} other{'s' * (len(rivals) > 2)}"
        chosen = f"taken before {others}: {choice.why}; {role.value}=COLUMN names another one"
        guesses[choice.name] = guesses[choice.name]._replace(choice=chosen)
    for column in rivals:
        if column in choice.misfits:
            guesses[column] = Guess(Role.OTHER, column, f"{guesses[column].why}, but its values only count up")
        elif column != choice.name:
            why = f"{guesses[column].why}; {choice.name} is the whole: {choice.why}"
            guesses[column] = Guess(_PART[role], guesses[column].name, why)


def _keep_names_apart(guesses: dict[str, Guess]) -> None:
    taken: set[str] = set()
    for column, guess in sorted(guesses.items(), key=lambda item: item[1].role not in _UNIQUE):
        name = guess.name
        if name in taken and guess.role not in {Role.STEP, Role.EPOCH, Role.CLOCK}:
            group = name.rsplit("/", 1)[0] if "/" in name else name
            name = f"{group}/{'_'.join(words(column)) or column}"
            while name in taken:
                name += "_"
            guesses[column] = guess._replace(name=name)
        taken.add(name)


def _checked(columns: Sequence[str], overrides: Mapping[str, Role | str]) -> dict[str, Role]:
    for column in overrides:
        if column not in columns:
            hint = did_you_mean(column, columns)
            raise ConfigError(f"column {column!r}: not in this log.{hint} Columns: {', '.join(columns)}")
    return {column: _role(str(role), f"column {column!r}") for column, role in overrides.items()}


def _role(role: str, where: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        known = [one.value for one in Role]
        hint = did_you_mean(role, known)
        raise ConfigError(f"{where}: no role {role!r}.{hint} Roles: {', '.join(known)}") from None


def _told(column: str, role: Role) -> Guess:
    held_out = {Role.VAL_LOSS: "val/loss/total", Role.VAL_PART: f"val/loss/{column}", Role.VAL_ACCURACY: "val/accuracy"}
    names = {known: name for known, name, _ in PATTERNS} | held_out | {Role.OTHER: column}
    names[Role.LOSS_PART] = f"loss/{column}"
    return Guess(role, names[role], "given by you")
