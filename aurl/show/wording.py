"""How durations, numbers and foreign text are worded for people, in the text log and on the console."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from aurl.record import Kind, Record

LOSS_ORDER = ("total", "recon", "kl", "adv", "disc")
_NOT_A_LABEL = re.compile(r"[^\w./-]")


def duration(seconds: float) -> str:
    """A finite number of seconds as people say it: `45s`, `12min`, `2h 15min`, `2h`, `3d 4h`; below zero is `0s`."""
    if seconds < 59.5:
        return f"{max(0, round(seconds))}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes}min"
    if minutes < 24 * 60:
        return _pair(*divmod(minutes, 60), "h", "min")
    return _pair(*divmod(round(seconds / 3600), 24), "d", "h")


def number(value: float) -> str:
    """Four significant digits: `0.45`, `1.2e-05`, `nan`, `inf`; what is not a number is `nan`."""
    try:
        return format(value, ".4g")
    except OverflowError:  # an integer beyond the range of floats
        return "inf" if value > 0 else "-inf"
    except (TypeError, ValueError):
        return "nan"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def shortened(names: Sequence[str], most: int, separator: str = ", ") -> str:
    """The first names, at most so many, and how many more there are: `a, b and 3 more`."""
    shown = separator.join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def printable(text: str) -> str:
    """The text on one line, with everything that could move a cursor or forge a line escaped as `\\n`, `\\x1b`, ...

    Line breaks, control characters, text-direction marks, lone surrogates and spaces other than the plain one are
    escaped; letters and signs of any language stay.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


def local_time(seconds: float) -> datetime | None:
    """The local time of a moment; None where no calendar reaches, as in a damaged file."""
    try:
        return datetime.fromtimestamp(seconds)
    except (OSError, OverflowError, ValueError):
        return None


def finite(value: object) -> float | None:
    """The value when it is a finite real number, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def whole(value: object) -> int | None:
    """The value when it is a whole number of things, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def losses(record: Record) -> str:
    """`total: 0.57, recon: 0.45, kl: 0.12`: the record's losses in a fixed order, or an empty string."""
    prefix = "val/loss/" if record.kind is Kind.EVAL else "loss/"
    names, template = _loss_template(tuple(record.scalars), prefix)
    values = [record.scalars[name] for name in names]
    try:
        return template % tuple(values)
    except (TypeError, ValueError, OverflowError):  # something other than a float, see `number`
        return template.replace("%.4g", "%s") % tuple(number(value) for value in values)


def eta(fields: Mapping[str, Any]) -> str:
    """The remaining time of a STEP record's fields, `2h 15min`, or an empty string where it is unknown."""
    seconds = finite(fields.get("eta"))
    return "" if seconds is None else duration(seconds)


def eta_spread(fields: Mapping[str, Any]) -> str:
    """The remaining time and how sure it is: `2h 15min (2h-2h 40min)`."""
    middle = eta(fields)
    low, high = finite(fields.get("eta_low")), finite(fields.get("eta_high"))
    if not middle or low is None or high is None or duration(low) == duration(high):
        return middle
    return f"{middle} ({duration(low)}-{duration(high)})"


def memory(scalars: Mapping[str, float]) -> str:
    """Memory of a SYSTEM record, `GPU 3.20GB/4.00GB, RAM: 8.50GB`, each part only where it was measured."""
    used, total, ram = (_gigabytes(scalars, name) for name in ("gpu_used_gb", "gpu_total_gb", "ram_gb"))
    if not ram:
        return ""
    return f"GPU {used}/{total}, RAM: {ram}" if used and total else f"RAM: {ram}"


def _gigabytes(scalars: Mapping[str, float], name: str) -> str:
    value = finite(scalars.get(f"system/{name}"))
    return "" if value is None or value < 0 else f"{value:.2f}GB"


def _pair(large: int, small: int, large_unit: str, small_unit: str) -> str:
    return f"{large}{large_unit} {small}{small_unit}" if small else f"{large}{large_unit}"


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape", "surrogatepass").decode("ascii")


@lru_cache(maxsize=256)
def _loss_template(names: tuple[str, ...], prefix: str) -> tuple[list[str], str]:
    """The names of the losses among these, in order, and what their values are filled into."""
    ours = [name for name in names if name.startswith(prefix)]
    labelled = [(_NOT_A_LABEL.sub("_", name.removeprefix(prefix)) or "_", name) for name in ours]
    rank = {label: place for place, label in enumerate(LOSS_ORDER)}
    labelled.sort(key=lambda pair: rank.get(pair[0], len(rank)))
    return [name for _, name in labelled], ", ".join(f"{label}: %.4g" for label, _ in labelled)
