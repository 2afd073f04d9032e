"""The kinds of line in a file: lines that differ in their numbers only are of one kind, and named once.

A kind is met by taking a line apart (`TOKEN`); from then on a pattern made of its fixed words reads its lines in one
go. Which kind comes next is guessed from what came last time, for loops print the same few lines again and again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from aurl.lint.readers.naming import Slot, slots_of
from aurl.lint.readers.numerals import TOKEN, is_progress, progress, value
from aurl.lint.readers.tables import Header, cell_of, header_of, is_rule, row_of, section_of

_MOST = 20_000  # kinds kept; of ever new ones those that came once are forgotten
_NAMED_AT_ONCE = 4_000  # kinds; in a file of ever new ones, those that come again
_MOST_NEW = 1 << 18
_WORTH_A_PATTERN = 8  # lines of a kind; to make its pattern takes as long as to take twenty lines apart
_MOST_NUMBERS = 200  # of a line
_NUMBER = r"([-+]?(?:\d[\d.eE+-]*|\.\d+|nan|NaN|inf))"
_PROGRESS = r"(\d+ ?/ *\d+)"
_UNNAMED = r"[-+\d.:,/TeEZnaNif]+"
_UNNAMED_DATE = r"[\d:./,-]+[ T/]+[\d:.,]+Z?"


class Template:
    """One kind of line.

    Attributes:
        number: different for each.
        texts: what stands between its numbers.
        slots: its numbers that have a name.
        is_held_out: whether it tells of held-out data.
        header: the names, where it is the head of a table.
        cell: the name in a row `| name | 1.5 |` of a box; `section` that of a group of such rows.
        is_rule: whether it only separates.
        count: lines of this kind.
        finished: those that were not drawn over.
    """

    __slots__ = (
        "_pattern", "_rows", "_under", "cell", "count", "finished", "header", "is_held_out", "is_rule",
        "likely", "number", "section", "slots", "texts",
    )  # fmt: skip

    def __init__(self, number: int, texts: tuple[str, ...], slots: Sequence[Slot] = ()) -> None:
        self.number, self.texts, self.slots = number, texts, tuple(slots)
        self.header: Header | None = None
        self.cell = self.section = ""
        self.is_rule = self.is_held_out = False
        self.count = self.finished = 0
        self.likely: Template | None = None
        self._pattern: re.Pattern[str] | None = None
        self._under: Header | None = None
        self._rows: dict[Header, Template | None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(slot.name for slot in self.slots)

    @property
    def example(self) -> str:
        """A line of this kind, with a sign for each number."""
        return " ".join(" # ".join(self.texts).split())

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be kept of its lines."""
        return not (self.slots or self.section or self.is_rule)

    def match(self, line: str, header: Header | None) -> Sequence[str] | None:
        """The named numbers of a line of this kind; None for another line, and until the kind is common.

        Args:
            header: the names of the table that the line may be a row of.
        """
        if self._pattern is None or self._under is not header:
            return None
        found = self._pattern.fullmatch(line)
        return None if found is None else found.groups()

    def make_pattern(self, tokens: Sequence[str], header: Header | None) -> None:
        """Make the pattern that reads lines of this kind in one go.

        Args:
            tokens: the numbers of one such line.
            header: the names of the table that this kind is no row of.
        """
        named = {slot.at for slot in self.slots}
        pieces = [rf"\s*{re.escape(self.texts[0])}\s*" if self.texts[0] else r"\s*"]
        for at, (token, behind) in enumerate(zip(tokens, self.texts[1:], strict=True)):
            if at in named:
                pieces.append(_PROGRESS if is_progress(token) else _NUMBER)
            else:
                pieces.append(_UNNAMED_DATE if " " in token else _UNNAMED)
            is_last = at + 1 == len(tokens)
            pieces.append(rf"\s*{re.escape(behind)}\s*" if behind else r"\s*" if is_last else r"\s+")
        self._pattern = re.compile("".join(pieces))
        self._under = header

    def values(self, tokens: Sequence[str]) -> list[float] | None:
        """The values of the named numbers; None where one is none."""
        found: list[float] = []
        for slot, token in zip(self.slots, tokens, strict=True):
            if slot.is_share:
                done, of = progress(token)
                number: float | None = done / of if of else None
            else:
                number = value(token)
            if number is None:
                return None
            found.append(number * slot.scale)
        return found

    def row_under(self, header: Header, number: int, line: str) -> Template | None:
        """This kind of line as a row of the table with this head; None where it is none."""
        if header not in self._rows:
            slots = row_of(header, line, len(self.texts) - 1)
            self._rows[header] = Template(number, self.texts, slots) if slots else None
        return self._rows[header]


class LineValues(NamedTuple):
    """What a line says."""

    template: Template
    values: Sequence[float]


class TemplateReader:
    """Reads lines one after the other, and learns the kinds.

    Attributes:
        templates: the kinds by number; rows of tables are kinds of their own.
    """

    def __init__(self) -> None:
        self.templates: dict[int, Template] = {}
        self._by_texts: dict[tuple[str, ...], Template] = {}
        self._header: Header | None = None
        self._last = Template(-1, ())
        self._met = 0
        self._once = Template(-1, ())
        self._came_once: set[int] = set()

    def read(self, line: str) -> LineValues | None:
        """What a line says; None where that is nothing of use."""
        template = self._last.likely
        tokens = None if template is None else template.match(line, self._header)
        if template is None or tokens is None:
            template, tokens = self._take_apart(line)
        self._last = template
        template.count += 1
        if template.header is not None:
            self._header = template.header
        if template.is_idle:
            return None
        numbers = template.values(tokens)
        return None if numbers is None else LineValues(template, numbers)

    def _take_apart(self, line: str) -> tuple[Template, Sequence[str]]:
        parts = TOKEN.split(line)
        texts, tokens = tuple(map(str.strip, parts[::2])), parts[1::2]
        template = self._by_texts.get(texts)
        if template is None and self._met > _NAMED_AT_ONCE and self._is_new(texts):
            self._last.likely = None
            return self._once, ()
        if template is None:
            template = self._meet(texts)
            self._name(template, tokens, line)
        row = None
        if self._header is not None and len(tokens) > 1:
            row = template.row_under(self._header, self._met, line)
            if row is not None and row.number == self._met:
                self._register(row)
        if row is None and template.count == _WORTH_A_PATTERN and template.slots:
            template.make_pattern(tokens, self._header)
        self._last.likely = template
        template = row or template
        return template, [tokens[slot.at] for slot in template.slots]

    def _meet(self, texts: tuple[str, ...]) -> Template:
        template = Template(self._met, texts)
        self._by_texts[texts] = template
        self._register(template)
        if len(self._by_texts) > _MOST:
            self._forget_rare()
        return template

    def _is_new(self, texts: tuple[str, ...]) -> bool:
        """Whether a kind comes for the first time; of ever new ones only so much is kept."""
        kind = hash(texts)
        if kind in self._came_once:
            return False
        if len(self._came_once) >= _MOST_NEW:
            self._came_once.clear()
        self._came_once.add(kind)
        return True

    def _name(self, template: Template, tokens: Sequence[str], line: str) -> None:
        texts = template.texts
        if 0 < len(tokens) <= _MOST_NUMBERS:
            slots, template.is_held_out = slots_of(texts, tokens)
            template.slots = tuple(slots)
        if cell := cell_of(texts):
            template.cell, template.slots = cell, (Slot(0, cell),)
        elif not tokens and (section := section_of(line.strip())):
            template.section = section
        elif not tokens and is_rule(line.strip()):
            template.is_rule = True
        else:
            template.header = header_of(line)
            if template.header is not None:
                template.slots = ()

    def _register(self, template: Template) -> None:
        self.templates[template.number] = template
        self._met += 1

    def _forget_rare(self) -> None:
        common = {texts: template for texts, template in self._by_texts.items() if template.count > 1}
        self._by_texts = common if len(common) <= _MOST // 2 else {}
        self.templates = {number: one for number, one in self.templates.items() if one.count > 1}
