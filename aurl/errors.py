"""Errors that end a command, each with its exit code.

Every message names the file, key or value at fault, what was allowed, and the next step to take.
Exit codes: 1 crash, 2 bad usage, config or input, 3 stopped by the anomaly policy, 75 preempted and saved
(75 is EX_TEMPFAIL of sysexits.h, which schedulers read as "try again").
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

DONE, CRASH, USAGE, STOPPED, PREEMPTED = 0, 1, 2, 3, 75


class AurlError(Exception):
    """Base of the errors that aurl raises on purpose; the command line prints them without a traceback."""

    exit_code = CRASH


class ConfigError(AurlError):
    """A config key, value or combination that cannot be used."""

    exit_code = USAGE


class DataError(AurlError):
    """A folder, file or corpus that cannot be used as training data."""

    exit_code = USAGE


class CheckpointError(AurlError):
    """A checkpoint that is missing, truncated, or of another model."""

    exit_code = USAGE


class RunError(AurlError):
    """A run directory that is missing, locked, unreadable or unwritable."""

    exit_code = USAGE


class EventLogError(AurlError):
    """The event log could not be written for so long that going on would lose records."""


class RecordError(AurlError, ValueError):
    """A line or object that is not a record."""


def require(key: str, value: object, fine: bool, allowed: str) -> None:
    """Refuse a setting that makes no sense: `optim.lr=-1: allowed is a number above 0`.

    Raises:
        ConfigError: `fine` is not true.
    """
    if not fine:
        raise ConfigError(f"{key}={value}: allowed is {allowed}")


def at_least(place: str, least: float, **values: float) -> None:
    """Refuse the first of the values under `place` that is below `least`, or no number.

    Raises:
        ConfigError: there is one.
    """
    for key, value in values.items():
        if not value >= least:
            raise ConfigError(f"{place}.{key}={value}: needs at least {least:g}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` for the closest known word, or an empty string."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""
