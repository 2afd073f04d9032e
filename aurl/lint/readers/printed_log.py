"""What a program printed: any text in which numbers stand beside their names, line after line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path

from aurl.anomaly.statistics.roles import Role, role_of
from aurl.formats.skipping import OnSkip
from aurl.lint.readers.kept_rows import KeptRows
from aurl.lint.readers.lines import lines_of
from aurl.lint.readers.naming import POSITION
from aurl.lint.readers.source import LogSource, NothingToJudgeError, Row
from aurl.lint.readers.templates import Template, TemplateReader

_FEWEST = 2  # lines of a kind that was printed by a loop
_ENOUGH_FINISHED = 8  # finished states of redrawn lines; with fewer, those drawn over count too
_RARE = 4  # times fewer lines than the fullest kind: a summary at the end of an epoch
_KINDS_TOLD = 8
_NAMES_TOLD = 20
_RANK = re.compile(r"\[?(?:rank|default)(\d+)\]?\s*:")
_SUMMED_UP = frozenset({Role.LOSS, Role.LOSS_PART, Role.ACCURACY})


class PrintedLog(LogSource):
    """A text file in which a loop reports, read by the kinds of its lines, whatever the trainer.

    A line that tells only where the loop is (`Epoch 3/10`, a progress bar) holds for those below it. Of the states of
    a line that was redrawn the last counts, and of the batches of an evaluation the last. Values in a box of names and
    values belong together.

    Raises:
        NothingToJudgeError: no kind of line with named numbers comes twice.
    """

    format = "text"

    def __init__(self, path: Path, encoding: str) -> None:
        self._reader = TemplateReader()
        self._kept = KeptRows()
        self._skips: list[tuple[int, str]] = []
        for number, is_redrawn, line in lines_of(path, encoding, self._skip):
            reading = self._reader.read(line)
            if reading is None:
                continue
            template, values = reading
            template.finished += not is_redrawn
            self._kept.append(template.number, -number if is_redrawn else number, values)
        self._plans = _plans(self._reader.templates.values())
        if not any(plan.metrics for plan in self._plans.values()):
            raise NothingToJudgeError(path, _seen(self._reader.templates.values()))
        kinds = len(self._plans)
        super().__init__(path, f"names beside numbers, {kinds} kind{'s' * (kinds != 1)} of line")

    def rows(self, on_skip: OnSkip) -> Iterator[Row]:
        for line, reason in self._skips:
            on_skip(line, reason)
        return _Assembly(self._plans).rows(self._kept)

    def _skip(self, line: int, reason: str) -> None:
        if len(self._skips) < _KINDS_TOLD:
            self._skips.append((line, reason))


class _Plan:
    """What is done with the lines of one kind.

    Attributes:
        names: of its numbers; an empty one for a number that is left out.
        metrics: those that do not say when.
        positions: those that do.
        outdated: positions that other lines gave, which no longer hold, since this one counts by itself.
        batches: its positions in an evaluation, which say nothing of training.
        with_redrawn: whether states that were drawn over count.
    """

    __slots__ = (
        "batches", "cell", "is_rule", "metrics", "names", "outdated", "positions", "section", "with_redrawn"
    )  # fmt: skip

    def __init__(self, template: Template, names: tuple[str, ...], steps: Set[str], *, with_redrawn: bool) -> None:
        self.positions = frozenset(slot.name for slot in template.slots if slot.is_position and slot.name in names)
        self.names = names
        self.metrics = tuple(name for name in names if name and name not in self.positions)
        self.cell, self.section, self.is_rule = bool(template.cell), template.section, template.is_rule
        self.with_redrawn = with_redrawn
        own = self.positions & steps
        self.batches = own if template.is_held_out and POSITION in own else frozenset()
        self.outdated = steps - own if own else frozenset()


class _Assembly:
    """Puts the rows of a log together, once."""

    def __init__(self, plans: Mapping[int, _Plan]) -> None:
        self._plans = plans
        self._where: dict[str, float] = {}
        self._box: dict[str, float] = {}
        self._box_line = 0
        self._section = ""
        self._told: dict[str, tuple[float, _Plan]] = {}  # what was said at this place, and by which kind of line
        self._rank: float | None = None  # of the process whose lines are taken
        self._waiting: tuple[_Plan, Row] | None = None  # the last batch of an evaluation so far

    def rows(self, kept: Iterable[tuple[int, int, list[float]]]) -> Iterator[Row]:
        for kind, place, values in kept:
            plan = self._plans.get(kind)
            if plan is None or (place < 0 and not plan.with_redrawn):
                continue
            line = abs(place)
            if self._waiting is not None and self._waiting[0] is not plan:
                yield self._waiting[1]
                self._waiting = None
            if plan.cell or plan.is_rule or plan.section:
                yield from self._take_of_box(plan, line, values)
                continue
            yield from self._close_box()
            row = dict(zip(plan.names, values, strict=True))
            row.pop("", None)
            if self._rank is None:
                self._rank = row.get("rank")
            if row.get("rank", self._rank) == self._rank:
                yield from self._take(plan, line, row)
        yield from self._close_box()
        if self._waiting is not None:
            yield self._waiting[1]

    def _take(self, plan: _Plan, line: int, values: dict[str, float]) -> Iterator[Row]:
        if plan.batches:
            for name in plan.batches:
                del values[name]
            if plan.metrics:
                self._waiting = plan, Row(line, self._where | values)
            return
        for name in plan.outdated:
            self._where.pop(name, None)
        for name in plan.positions:
            if self._where.get(name) != values[name]:
                self._where[name] = values[name]
                self._told.clear()
        if plan.metrics and not self._is_echo(plan, values):
            yield Row(line, self._where | values)

    def _is_echo(self, plan: _Plan, values: Mapping[str, float]) -> bool:
        """Whether a line only says again what another said at this place: `new best validation loss: 0.4`."""
        told, seen = self._told, True
        for name in plan.metrics:
            value, by = told.get(name, (None, plan))
            seen = seen and by is not plan and value == values[name]
            told[name] = values[name], plan
        return seen and bool(self._where)

    def _take_of_box(self, plan: _Plan, line: int, values: list[float]) -> Iterator[Row]:
        if plan.is_rule:
            yield from self._close_box()
        elif plan.section:
            self._section = plan.section
        else:
            name = f"{self._section}{plan.names[0]}"
            if name in self._box:
                yield from self._close_box()
            self._box[name] = values[0]
            self._box_line = line

    def _close_box(self) -> Iterator[Row]:
        if self._box:
            box, self._box = self._box, {}
            yield Row(self._box_line, box)
        self._section = ""


def _plans(templates: Iterable[Template]) -> dict[int, _Plan]:
    """What is done with each kind of line that a loop printed: those that came again, and lines with their names."""
    templates = list(templates)
    repeated = {name for template in templates if template.count >= _FEWEST for name in template.names}
    told = [
        template
        for template in templates
        if not template.is_idle and 2 * sum(name in repeated for name in template.names) >= len(template.names)
    ]
    with_redrawn = sum(template.finished for template in told if _has_metrics(template)) < _ENOUGH_FINISHED
    told = _of_one_rank(told)
    renamed = _summaries(told)
    steps = {slot.name for template in told for slot in template.slots if role_of(slot.name) is Role.STEP}
    return {
        template.number: _Plan(
            template,
            tuple(renamed.get((template.number, name), name if name in repeated else "") for name in template.names),
            steps,
            with_redrawn=with_redrawn or not _has_metrics(template),
        )
        for template in told
    }


def _of_one_rank(templates: Sequence[Template]) -> list[Template]:
    """Without the lines that other processes of the same run printed as well."""
    ranks = {template.number: found[1] for template in templates if (found := _RANK.search(template.texts[0]))}
    first = min(ranks.values(), key=int, default="")
    return [template for template in templates if ranks.get(template.number, first) == first]


def _has_metrics(template: Template) -> bool:
    return any(not slot.is_position for slot in template.slots)


def _counts_steps(template: Template) -> bool:
    return any(slot.is_position and role_of(slot.name) is Role.STEP for slot in template.slots)


def _summaries(templates: Iterable[Template]) -> dict[tuple[int, str], str]:
    """New names for what lines at the end of an epoch say under the name that each step's lines use."""
    templates = [template for template in templates if not template.cell]
    fullest: dict[str, Template] = {}
    for template in templates:
        for name in template.names:
            if name not in fullest or template.count > fullest[name].count:
                fullest[name] = template
    return {
        (template.number, slot.name): f"{slot.name} epoch"
        for template in templates
        for slot in template.slots
        if role_of(slot.name) in _SUMMED_UP
        and _RARE * template.count <= fullest[slot.name].count
        and _counts_steps(fullest[slot.name])
        and not _counts_steps(template)
    }


def _seen(templates: Iterable[Template]) -> tuple[str, ...]:
    """What stands in a log that tells nothing: its names, or its commonest kinds of line."""
    common = sorted(templates, key=lambda template: -template.count)
    names = dict.fromkeys(name for template in common for name in template.names)
    return tuple(names)[:_NAMES_TOLD] or tuple(template.example[:80] for template in common[:_KINDS_TOLD])
