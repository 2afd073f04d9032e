"""The readable report: log by log, what was read, what it was taken for, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from aurl.anomaly.statistics.roles import Role
from aurl.lint.findings import Finding
from aurl.lint.log import Log
from aurl.record import Severity
from aurl.show.wording import counted

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = {
    Severity.INFO: "cyan",
    Severity.WARNING: "yellow",
    Severity.CRITICAL: "bold red",
    Severity.FATAL: "bold white on red",
}
_COLUMNS_TOLD = 8
_OF_A_TYPE = 4


def report(log: Log, findings: Sequence[Finding], *, explain: bool = False) -> Iterator[Text]:
    """The lines of one log's part.

    Args:
        explain: tell of every column what it was taken for, and why.
    """
    yield _line((str(log.path), "bold"), f"  {log.format}, {_rows(log)}")
    for sentence in log.explanation if explain else [_guesses(log), *_choices(log)]:
        yield _line(("  " + sentence, "dim"))
    for note in log.notes:
        yield _line(("  note: ", "cyan"), note)
    if not findings and not log.is_judgeable:
        yield _line(("  nothing to judge", "yellow"), f": {nothing_said(log.seen)}")
    elif not findings:
        yield _line(("  healthy", "green"), f": {_rows(log)}, {counted(_scalars(log), 'scalar')}, nothing to report")
    shown = _not_too_many(findings)
    for _, episode in groupby(sorted(shown, key=_place), key=lambda finding: finding.episode):
        yield from _episode(list(episode))
    for type_, count in Counter(finding.type for finding in findings if finding not in shown).items():
        yield _line(f"  and {count} more {type_}: --json lists them all")
    yield _line("")


def nothing_said(seen: Sequence[str]) -> str:
    """Why a log cannot be judged, what it holds instead, and what to do."""
    held = f"it holds {', '.join(seen)}" if seen else "it holds no numbers with names"
    return f"no loss was found; {held}; name one with loss=COLUMN"


def summary(checked: Sequence[Sequence[Finding]], unreadable: int, unjudged: int = 0) -> Text:
    """The last line: how many logs there were, and how they fared.

    Args:
        checked: the findings of each log that was judged.
        unreadable: logs that could not be read.
        unjudged: logs in which there was nothing to judge.
    """
    worst = [max((finding.severity.rank for finding in findings), default=-1) for findings in checked]
    counts = [
        (sum(rank >= Severity.CRITICAL.rank for rank in worst), "with critical findings"),
        (worst.count(Severity.WARNING.rank), "with warnings"),
        (sum(rank <= Severity.INFO.rank for rank in worst), "healthy"),
        (unjudged, "with nothing to judge"),
        (unreadable, "unreadable"),
    ]
    told = ", ".join(f"{count} {what}" for count, what in counts if count)
    logs = len(checked) + unreadable + unjudged
    return _line((f"{logs} log{'s' * (logs != 1)}: {told}", "bold"))


def _episode(episode: Sequence[Finding]) -> Iterator[Text]:
    """What belongs together, the first one flush, what followed from it below."""
    for at, finding in enumerate(episode):
        indent = "  " if at == 0 else "    "
        yield _line(
            indent,
            (finding.severity.value, _STYLES[finding.severity]),
            (f" {finding.type}", "bold"),
            f"  {finding.worst.fields['metric']}, {_where(finding)}",
        )
        yield _line(f"{indent}  {finding.worst.fields['message']}")
        if finding.severity is Severity.INFO:
            continue  # worth knowing, not worth acting on
        if finding.worst.fields["cause"]:
            yield _line(f"{indent}  cause: {finding.worst.fields['cause']}")
        for suggestion in finding.as_json()["suggestions"]:
            yield _line(f"{indent}  - {suggestion}")


def _where(finding: Finding) -> str:
    seen = f"step {finding.onset_step}"
    if finding.step != finding.onset_step:
        seen += f", seen at {finding.step}"
    return seen + (f", over by {finding.ended}" if finding.ended is not None else ", until the end")


def _not_too_many(findings: Sequence[Finding]) -> list[Finding]:
    """Of each type the worst few; a run that never comes to rest would fill pages."""
    shown: list[Finding] = []
    for type_ in dict.fromkeys(finding.type for finding in findings):
        of_type = [finding for finding in findings if finding.type == type_]
        shown += sorted(of_type, key=lambda finding: -finding.severity.rank)[:_OF_A_TYPE]
    return shown


def _place(finding: Finding) -> tuple[int, int]:
    return finding.episode, finding.onset_step


def _guesses(log: Log) -> str:
    """The columns that were recognised, in one line."""
    known = [column for column in log.columns if column.kind is not None and column.role is not Role.OTHER]
    told = [f"{column.name} -> {column.scalar}" for column in known[:_COLUMNS_TOLD]]
    rest = _scalars(log) - len(told)
    more = f"and {rest} more" if rest else ""
    columns = ", ".join([*told, more] if more else told) or "none"
    return f"steps: {log.counting}; columns: {columns} (--explain tells why)"


def _choices(log: Log) -> list[str]:
    """Which loss was taken where there are several, a line each for training and validation."""
    return [f"{column.role.value}: {column.name}, {column.choice}" for column in log.columns if column.choice]


def _rows(log: Log) -> str:
    return f"{log.rows:,} row{'s' * (log.rows != 1)}"


def _scalars(log: Log) -> int:
    return sum(column.kind is not None for column in log.columns)


def _line(*parts: str | tuple[str, str]) -> Text:
    from rich.text import Text

    return Text.assemble(*((plain(part), "") if isinstance(part, str) else (plain(part[0]), part[1]) for part in parts))


def plain(text: str) -> str:
    """The text without control characters: a log's names must not steer the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
