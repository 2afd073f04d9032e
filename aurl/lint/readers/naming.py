"""What the numbers of a printed line are called, by the words around them.

Learnt once for each kind of line: `iter 10: loss 4.1, time 262ms` calls its numbers iter, loss and time; a name may
stand before its number (`loss: 4.1`, `loss 4.1`, `'loss': 4.1`) or behind it (`64 images`, `3.1 tok/s`); a sentence
names it too (`Score at iteration 100 is 0.7`). Words of a split (`[valid]`, `Test set:`) hold for what follows them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from aurl.anomaly.statistics.roles import Role, role_of, words
from aurl.lint.readers.columns import AXES, HELD_OUT
from aurl.lint.readers.numerals import TIMES, is_progress, is_range, is_time, scale_of, unit_of

POSITION = "batch_idx"
"""The name of a position that the line itself does not name, such as that of a progress bar."""

_POSITIONS = frozenset({Role.STEP, Role.EPOCH})
_LEVEL = re.compile(r"\b(?:INFO|DEBUG|WARNING|WARN|ERROR|NOTICE|CRITICAL)\b[\]:|\s-]*")
_SOURCE = re.compile(r"[\w/\-]+\.(?:py|cc|cpp|cu|c|h|lua|java|go|rs|jl|ipynb|sh)")
_AXIS_WORDS = frozenset({
    "step", "steps", "iter", "iters", "iteration", "iterations", "it", "epoch", "epochs", "ep", "batch", "batches",
    "update", "updates", "minibatch", "minibatches", "batch_id", "batch_idx", "global_step", "timestep", "timesteps",
    "up",
})  # fmt: skip
_AXIS_QUALIFIERS = frozenset({"global", "total", "num", "n", "optimizer", "time"})
_AXIS_OF_SPLIT = re.compile(r"(epoch|step|iter)\((\w+)\)", re.IGNORECASE)
_ALIASES = {
    "ep": "epoch", "epochs": "epoch", "up": "updates", "l.r": "lr", "batch": POSITION, "batches": POSITION,
    "batch_id": POSITION, "minibatch": POSITION, "minibatches": POSITION, "grad": "grad norm", "norm": "grad norm",
    "i": POSITION, "s": "step", "trl": "train loss", "tel": "test loss",  # the last three: llm.c
}  # fmt: skip
_STOP = frozenset({
    "over", "of", "in", "at", "is", "was", "to", "from", "for", "with", "and", "by", "on", "than", "took", "or",
    "after", "the", "a", "an", "current", "currently", "has", "be", "are", "out", "now",
})  # fmt: skip
_DATES = frozenset({
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mon", "Tue", "Wed", "Thu",
    "Fri", "Sat", "Sun",
})  # fmt: skip
_AVERAGES = frozenset({"avg", "average", "mean", "median", "ema", "smooth", "smoothed", "running", "global_avg"})
_WRAPPED = re.compile(r"\b(?:array|Array|tensor|(?:np\.)?float(?:16|32|64))\($")  # `'loss': array(0.5, ...)`
_SCORES = {"score": "score loss"}  # deeplearning4j calls its loss so
_TRAIN = frozenset({"train", "training"})
_SAYING = re.compile(r"\s(?:is|was|reached)$")
_BEHIND = re.compile(r"\s*([A-Za-z][\w./\-]*(?: [A-Za-z][\w./\-]*){0,2})\s*(?=[,|;)\]\t!]|\.\s|\.?$|  )")
_BEHIND_AXIS = re.compile(r"\s*(epoch|step|iter|iteration|batch|update)(?:e?s)?\b", re.IGNORECASE)
_NOT_ALONE = re.compile(r"[\s\[\](){}|,;:=\"'<>]+")
_LONGEST = 6  # words of a name
_OPENING, _CLOSING, _DASHES = "([{<\"'`~$", "\"'`* ", "-\u2013\u2014\u2022"
_TO_THE_NEXT = " :=#[({"  # stands between a name and its number
_SEPARATORS = " \t:=|>\u2192"


@dataclass(frozen=True, slots=True)
class Slot:
    """One number of a kind of line that has a name.

    Attributes:
        at: which of the line's numbers it is, from 0.
        name: its column.
        scale: what it is multiplied with, for its unit.
        is_share: it is `9861/10000`, and the share is meant, not how far something has come.
        is_position: it says when.
    """

    at: int
    name: str
    scale: float = 1.0
    is_share: bool = False
    is_position: bool = False


class _Phrase(NamedTuple):
    """The words before a number.

    Attributes:
        key: the name that they give it; empty where they give none.
        head: what stands before the key.
        lead: words of the key's own phrase that were cut off: `Score at` of `Score at iteration 100 is 0.7`.
        is_explicit: whether a sign stands between them and the number.
    """

    key: str
    head: str
    lead: str
    is_explicit: bool


class _Number(NamedTuple):
    """A number, its unit, the words behind that, and whether it is the last of its line."""

    token: str
    unit: str
    behind: str
    is_last: bool


def slots_of(texts: Sequence[str], tokens: Sequence[str]) -> tuple[list[Slot], bool]:
    """The numbers of a line that have a name, and whether the line is about held-out data.

    Args:
        texts: what stands before, between and behind the numbers: one more than these.
        tokens: the numbers of one such line.
    """
    slots: list[Slot] = []
    on_held_out = any_held_out = aside = False
    lead = ""
    first, gap = _message(texts)
    for at, name in _leading(texts, tokens) if not first else ():
        slots.append(Slot(at, name, is_position=True))
        first, gap = at + 1, texts[at + 1]
    for at in range(first, len(tokens)):
        token, behind = tokens[at], texts[at + 1]
        phrase = _phrase(gap)
        on_held_out = _split(f"{phrase.head} {phrase.lead}", on_held_out)
        unit = unit_of(behind)
        aside = ("(*" in gap or aside) and ")" not in gap  # `loss = 0.5 (* 1 = 0.5 loss)`
        gap = behind[len(unit) :]
        if is_time(token) or aside:
            lead = ""
            continue
        key = phrase.key
        if _is_split(key) and (token.isdigit() or is_progress(token)):  # `Train: 0 [10/500]`, `Test: [10/20]`
            on_held_out = _split(key, on_held_out)
            counted = at + 1 < len(tokens) and is_progress(tokens[at + 1])
            key = POSITION if is_progress(token) else "epoch" if counted else "step"
        elif not key and phrase.is_explicit and lead:
            key = _SCORES.get(lead.lower(), lead)
        elif not key or key.lower() in _AVERAGES:
            key, gap = _otherwise(phrase, _Number(token, unit, gap, at + 1 == len(tokens)), slots)
        any_held_out |= on_held_out
        lead = _plain(phrase.lead)[0] if role_of(key) in _POSITIONS else ""
        if key and not is_range(token):
            _add(_slot(at, key, token, unit, on_held_out), slots)
    return slots, any_held_out


def _leading(texts: Sequence[str], tokens: Sequence[str]) -> list[tuple[int, str]]:
    """What a line's first numbers are where nothing names them: `[100] loss`, `[2, 100] loss`, `100: 4.2, ...`."""
    if texts[0] not in {"", "[", "(", "#"} or not tokens or not tokens[0].isdigit():
        return []
    if texts[1].startswith((":", "]", ")")):
        return [(0, POSITION)]
    if (
        len(tokens) > 1
        and tokens[1].isdigit()
        and texts[1] in {",", "|", "]["}
        and texts[2].startswith(("]", ")", ":"))
    ):
        return [(0, "epoch"), (1, POSITION)]
    return []


def column_of(name: str) -> str:
    """The column for a name that stands alone, such as in the head of a table: positions go by one name each."""
    plain, _ = _plain(name)
    return plain if role_of(plain) in _POSITIONS else name


def _message(texts: Sequence[str]) -> tuple[int, str]:
    """The first number behind the level of a log line (`INFO -`), and the words before it."""
    for at, text in enumerate(texts):
        found = _LEVEL.search(text)
        if found:
            return at, text[found.end() :]
    return 0, texts[0]


def _phrase(gap: str) -> _Phrase:
    text = _WRAPPED.sub("", gap.rstrip()).rstrip(_OPENING).rstrip()
    bare = text.rstrip(_SEPARATORS)
    said = _SAYING.search(f" {bare}")
    if said:
        bare = bare[: max(0, len(bare) - len(said[0]))]
    is_explicit = said is not None or bare != text
    bare = bare.rstrip(_CLOSING)
    begin = _begin(bare)
    key, lead = _plain(bare[begin:])
    return _Phrase(key, bare[:begin], lead, is_explicit)


def _begin(text: str) -> int:
    """Where the last name in a text begins: behind the last sign that cannot be part of one."""
    closed: list[int] = []
    for at in range(len(text), 0, -1):
        sign, before = text[at - 1], text[at - 2] if at > 1 else " "
        if sign == ")":
            closed.append(at)
        elif sign == "(":
            if not closed:
                return at
            closed.pop()
        elif not closed:
            if sign in ',;|[]{}<>"=:\t\\!?*' or (sign in "'`" and not text[: at - 1].rstrip()[-1:].isalnum()):
                return at
            if sign == " " and (before == " " or (before in _DASHES and (at < 3 or text[at - 3] == " "))):
                return at
    return closed[0] if closed else 0


def _plain(phrase: str) -> tuple[str, str]:
    """The name in a phrase, and the words before it that were cut off; the name is empty where there is none."""
    told = phrase.strip(" -\u2013\u2014#\u2022.&+/*%").split()
    while told and told[0].lower() in _STOP:
        told.pop(0)
    lead: list[str] = []
    if told and told[-1].lower() in _STOP:
        lead, told = told, []
    if told and (split := _AXIS_OF_SPLIT.fullmatch(told[-1])):
        told[-1:] = [split[2], split[1]]
    if told and told[-1].lower().rstrip(".") in _AXIS_WORDS:
        kept = len(told) - 1
        while kept and told[kept - 1].lower() in _AXIS_QUALIFIERS:
            kept -= 1
        lead, told = told[:kept], [word.lower() for word in told[kept:]]
    while lead and lead[-1].lower() in _STOP:
        lead.pop()
    if len(told) > 1 and told[-1].lower() == "value":
        told.pop()
    name = " ".join(told[-_LONGEST:])
    if told and told[-1] in _DATES:
        name = ""
    if not any(map(str.isalpha, name)) or len(told) > 2 * _LONGEST or _SOURCE.fullmatch(told[-1]):
        name = ""
    return _ALIASES.get(name.lower().rstrip("."), name), " ".join(lead)


def _otherwise(phrase: _Phrase, number: _Number, slots: list[Slot]) -> tuple[str, str]:
    """The name of a number that no words of its own stand before, and the text that is left behind it."""
    token, unit, behind, is_last = number
    if phrase.key:  # `loss: 0.5 (avg: 0.6)`
        return (f"{slots[-1].name} {phrase.key}" if slots and not slots[-1].is_position else ""), behind
    if "/" in unit:
        return f"samples{unit}" if unit[0] == "/" else unit, behind
    found = _BEHIND_AXIS.match(behind)
    if found and (is_last or behind[found.end() :].strip(_TO_THE_NEXT)):
        axis = found[1].lower()
        return _ALIASES.get(axis, axis), behind[found.end() :]
    if is_progress(token):
        return POSITION, behind
    if found := _BEHIND.match(behind):
        return _plain(found[1])[0], behind[found.end() :]
    return ("time" if unit in TIMES else ""), behind


def _split(text: str, on_held_out: bool) -> bool:
    """Whether what follows these words is about held-out data; words of a path or of a name in parts do not count."""
    for word in _NOT_ALONE.split(text):
        if word.lower() in HELD_OUT:
            on_held_out = True
        elif word.lower() in _TRAIN:
            on_held_out = False
    return on_held_out


def _is_split(key: str) -> bool:
    return key.lower() in HELD_OUT or key.lower() in _TRAIN


def _slot(at: int, key: str, token: str, unit: str, on_held_out: bool) -> Slot:
    role = role_of(key)
    is_position = role in _POSITIONS
    if on_held_out and role not in AXES and not HELD_OUT.intersection(words(key)):
        key = f"val/{key}"
    return Slot(at, key, scale_of(unit), is_progress(token) and not is_position, is_position)


def _add(slot: Slot, slots: list[Slot]) -> None:
    """Add a number whose name the line may have already.

    It is that of the split named last (`val loss 1, acc 2`), of a position in an epoch (`[3/10][5/500]`), or a further
    one.
    """
    taken = {one.name for one in slots}
    if slot.name not in taken:
        slots.append(slot)
        return
    if slot.name == POSITION == slots[-1].name and slots[-1].at == slot.at - 1 and "epoch" not in taken:
        slots[-1] = replace(slots[-1], name="epoch")
        slots.append(slot)
        return
    told = HELD_OUT.intersection(words(slot.name))
    split = next((word for word in words(slots[-1].name) if word in HELD_OUT and not told), None)
    name = f"{split}/{slot.name}" if split else slot.name
    copies = 1
    while name in taken:
        copies += 1
        name = f"{slot.name}_{copies}"
    slots.append(replace(slot, name=name))
