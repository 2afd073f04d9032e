"""Numbers in what people print: `1e-3`, `nan`, `1,234.5`, `3/10`, `98.6%`, `262ms`, `1.2k`, and what only looks so."""

from __future__ import annotations

import math
import re

_WHEN = (
    r"\d{1,4}(?:[-/:]\d{1,4}){2}(?:[T ]\d\d:\d\d(?::\d\d)?)?(?:[.,]\d+)?Z?"  # a date, a time of day, or both
    r"|\d\d/\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?"  # without the year
    r"|\d{1,3}:\d\d(?![\d.])"  # minutes and seconds
)
_OF = r"\d+(?:,\d{3})* ?/ *\d+(?:,\d{3})*(?![\d.])"  # 3/10
_RANGE = r"\d+-\d+(?![\d.])"
_NUMBER = (
    r"[-+]?(?:(?<!,)[1-9]\d{0,2}(?:,\d{3})+(?!,?\d)(?:\.\d+)?|0,\d+(?![\d,])|1\.#(?:QNAN|IND|INF)"
    r"|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![dD]\b)|(?:nan|NaN|NAN|inf|Inf|INF|[Ii]nfinity)(?!\w)"
    r"(?! (?:iterations?|values?|gradients?|found|detected|count)\b))"
)
TOKEN = re.compile(rf"(?<![A-Za-z0-9_.@#$])((?=[-+.\dniNI])(?:{_WHEN}|{_OF}|{_RANGE}|{_NUMBER}))")
"""Whatever changes from line to line: numbers, and dates and times, so that what stands between them stays the same."""

_PART = re.compile(rf"({_OF})|({_WHEN})|({_RANGE})")
_UNIT = re.compile(
    r"(?:%"
    r"|[A-Za-z\u00b5]+/(?:s|sec|second|it|iter|step|batch|epoch|ep|min|sample)\b"
    r"|(?:ms|us|\u00b5s|s|sec|secs|seconds?|mins?|minutes?|h|hrs?|hours?|[kKMGTB]|[KMGT]i?B|[kmgt]b)(?![\w/:=])"
    r"|/(?:s|sec|second)\b|(?:st|nd|rd|th)\b)"
)
_SCALES = {
    "ms": 1e-3, "us": 1e-6, "\u00b5s": 1e-6, "s": 1.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "hour": 3600.0, "hours": 3600.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9,
    "B": 1e9, "T": 1e12, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40,
}  # fmt: skip
TIMES = frozenset({"ms", "us", "\u00b5s", "s", "sec", "secs", "second", "seconds", "min", "mins", "minute", "minutes"})


def unit_of(text: str) -> str:
    """The unit that the text after a number begins with; empty where there is none."""
    found = _UNIT.match(text)
    return found[0] if found else ""


def scale_of(unit: str) -> float:
    """What a number of this unit is multiplied with, so that `950ms` and `1.2s`, `999` and `1.2k` compare."""
    return _SCALES.get(unit, 1.0)


def is_time(token: str) -> bool:
    """Whether this is a date, a time of day or a duration, not a number."""
    found = _PART.fullmatch(token)
    return found is not None and found[2] is not None


def is_range(token: str) -> bool:
    """Whether this is a stretch of numbers, `1-100`."""
    found = _PART.fullmatch(token)
    return found is not None and found[3] is not None


def is_progress(token: str) -> bool:
    """Whether this is so many of so many, `3/10`."""
    found = _PART.fullmatch(token)
    return found is not None and found[1] is not None


def progress(token: str) -> tuple[float, float]:
    """How many, and of how many: `3/10`. NaN for both where it is not of that form."""
    done, _, of = token.partition("/")
    try:
        return float(done.replace(",", "")), float(of.replace(",", ""))
    except ValueError:
        return math.nan, math.nan


def value(token: str) -> float | None:
    """The number that a token stands for: the first of `3/10`; None for a date, a time or a stretch."""
    try:
        return float(token)
    except ValueError:
        pass
    if is_progress(token):
        return progress(token)[0]
    if "#" in token:
        return math.copysign(math.inf, -1.0 if token[0] == "-" else 1.0) if token.endswith("INF") else math.nan
    try:
        return float(token.replace(",", "." if token.lstrip("+-").startswith("0,") else ""))
    except ValueError:
        return None
